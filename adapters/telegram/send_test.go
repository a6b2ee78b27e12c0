package telegram

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/adapters/telegram/telegramtest"
	"parley/interaction"
)

func TestOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		fault *adaptertest.Fault
		want  interaction.Outcome // of which State, Code, Permanent and Wait count
	}{
		"sent":                       {nil, interaction.Outcome{State: interaction.SendSent, Code: "200"}},
		"the answer is lost":         {&adaptertest.Fault{Drop: true}, interaction.Outcome{State: interaction.SendUnknown, Code: "answer_lost"}},
		"the answer is cut":          {&adaptertest.Fault{Cut: true}, interaction.Outcome{State: interaction.SendUnknown, Code: "answer_lost"}},
		"200 and no JSON":            {&adaptertest.Fault{Body: "ok"}, interaction.Outcome{State: interaction.SendUnknown, Code: "answer_lost"}},
		"200 with an error (H-25)":   {&adaptertest.Fault{Before: true, Body: `{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}`}, interaction.Outcome{State: interaction.SendNotSent, Code: "400"}},
		"blocked":                    {&adaptertest.Fault{Before: true, Status: http.StatusForbidden}, interaction.Outcome{State: interaction.SendNotSent, Code: "403", Permanent: true}},
		"token revoked (H-22)":       {&adaptertest.Fault{Before: true, Status: http.StatusUnauthorized}, interaction.Outcome{State: interaction.SendNotSent, Code: "reconnect"}},
		"429 with a wait (H-23)":     {telegramtest.TooMany(7), interaction.Outcome{State: interaction.SendQueued, Code: "429", Wait: 7 * time.Second}},
		"429 without one (H-23)":     {&adaptertest.Fault{Before: true, Status: http.StatusTooManyRequests}, interaction.Outcome{State: interaction.SendQueued, Code: "429"}},
		"a server's error":           {&adaptertest.Fault{Status: http.StatusInternalServerError}, interaction.Outcome{State: interaction.SendUnknown, Code: "500"}},
		"a gateway's page of errors": {&adaptertest.Fault{Status: http.StatusBadGateway, Body: "<html>"}, interaction.Outcome{State: interaction.SendUnknown, Code: "502"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := telegramtest.NewServer(token, "support_bot")
			defer s.Close()
			s.Misbehave(func(string) *adaptertest.Fault { return c.fault })
			bot, err := New(options(s, newHouse(s)))
			require.NoError(t, err)
			got := bot.Send(t.Context(), reply("9", "Hello"), adaptertest.Agree)
			require.Equal(t, c.want, interaction.Outcome{State: got.State, Code: got.Code, Permanent: got.Permanent, Wait: got.Wait})
		})
	}
}

func reply(to, text string) interaction.Outbound {
	return interaction.Outbound{To: []interaction.Address{{Address: to}}, Text: text, InReplyTo: "social:telegram:77:private:9/3", Visibility: interaction.VisiblePrivate}
}

// What waits is not overtaken: until the API wants to hear of us again nothing is sent, and nothing is begun.
func TestOrderIsKeptWhileTheAPIRests(t *testing.T) {
	s := telegramtest.NewServer(token, "support_bot")
	defer s.Close()
	s.Misbehave(func(string) *adaptertest.Fault { return telegramtest.TooMany(30) })
	now := time.Now()
	o := options(s, newHouse(s))
	o.Clock = func() time.Time { return now }
	bot, err := New(o)
	require.NoError(t, err)
	require.Equal(t, interaction.SendQueued, bot.Send(t.Context(), reply("9", "first"), adaptertest.Agree).State)
	s.Misbehave(nil)
	second := bot.Send(t.Context(), reply("9", "second"), func(context.Context) error { t.Error("it was begun"); return nil })
	require.Equal(t, interaction.SendQueued, second.State)
	require.Equal(t, 30*time.Second, second.Wait)
	now = now.Add(31 * time.Second)
	require.Equal(t, interaction.SendSent, bot.Send(t.Context(), reply("9", "first"), adaptertest.Agree).State)
	require.Len(t, s.Sent(), 1)
}

func TestWhatIsSent(t *testing.T) {
	s := telegramtest.NewServer(token, "support_bot")
	defer s.Close()
	bot, err := New(options(s, newHouse(s)))
	require.NoError(t, err)
	require.Equal(t, "social:telegram:77:private:9/5001", bot.Send(t.Context(), reply("9", "Hello\n"), adaptertest.Agree).ID)
	bot.Send(t.Context(), reply("9 conn", "Hello"), adaptertest.Agree)
	group := reply("-100", "Hello all")
	group.Visibility, group.InReplyTo = interaction.VisiblePublic, "social:telegram:77:open:-100/3#version-8"
	require.Equal(t, "social:telegram:77:open:-100/5003", bot.Send(t.Context(), group, adaptertest.Agree).ID)
	sent := s.Sent()
	require.EqualValues(t, 9, sent[0]["chat_id"])
	require.Equal(t, "Hello", sent[0]["text"])
	require.NotContains(t, sent[0], "reply_parameters")
	require.Equal(t, "conn", sent[1]["business_connection_id"])
	require.EqualValues(t, 3, sent[2]["reply_parameters"].(map[string]any)["message_id"])

	for name, out := range map[string]interaction.Outbound{
		"no chat": reply("anna", "x"), "nothing": reply("9", " \n"), "too long as Telegram counts": reply("9", strings.Repeat("😀", 2049)),
	} {
		got := bot.Send(t.Context(), out, func(context.Context) error { t.Error("it was begun"); return nil })
		require.Equal(t, interaction.SendNotSent, got.State, name)
	}
	require.Len(t, s.Sent(), 3)
}

func TestSettings(t *testing.T) {
	link := func(settings map[string]any) interaction.Link {
		return interaction.Link{Name: "bot", Kind: Kind, EntryPoint: "bot", Secret: "env:PARLEY_LINK_BOT", Settings: settings}
	}
	require.NoError(t, CheckSettings(link(nil)))
	require.ErrorContains(t, CheckSettings(interaction.Link{}), "secret")
	for field, settings := range map[string]map[string]any{
		"api": {"api": "nowhere"}, "webhook_url": {"webhook_url": "http://plain.example.test/"}, "deleted": {"deleted": "burn"}, "max_characters": {"max_characters": 5000}, "unknown": {"unknown": 1},
	} {
		require.ErrorContains(t, CheckSettings(link(settings)), field)
	}
	_, err := New(Options{Token: "no token"})
	require.ErrorContains(t, err, "token")
}
