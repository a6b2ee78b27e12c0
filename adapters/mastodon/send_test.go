package mastodon

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/adapters/mastodon/mastodontest"
	"parley/interaction"
)

func reply(s *mastodontest.Server, v interaction.Visibility, text string) interaction.Outbound {
	return interaction.Outbound{
		Key: "i/send-2", To: []interaction.Address{{Address: "@anna@else.example"}}, Text: text, Visibility: v,
		InReplyTo: "social:mastodon:" + strings.TrimPrefix(s.URL, "http://") + "/1:open:1002#version-2026",
	}
}

func TestOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		faults []*adaptertest.Fault // of one post after the other
		want   interaction.Outcome  // of which State, Code and Wait count
		posted int
	}{
		"sent":                     {nil, interaction.Outcome{State: interaction.SendSent, Code: "200"}, 1},
		"an answer is lost":        {[]*adaptertest.Fault{{Drop: true}}, interaction.Outcome{State: interaction.SendSent, Code: "200"}, 1},
		"answers are cut and lost": {[]*adaptertest.Fault{{Cut: true}, {Drop: true}, {Status: 502, Body: "<html>"}}, interaction.Outcome{State: interaction.SendSent, Code: "200"}, 1},
		"all answers are lost":     {[]*adaptertest.Fault{{Drop: true}, {Drop: true}, {Drop: true}, {Drop: true}}, interaction.Outcome{State: interaction.SendUnknown, Code: "answer_lost"}, 1},
		"token revoked (H-22)":     {[]*adaptertest.Fault{{Before: true, Status: http.StatusUnauthorized}}, interaction.Outcome{State: interaction.SendNotSent, Code: "reconnect"}, 0},
		"429 with a wait (H-23)": {
			[]*adaptertest.Fault{{Before: true, Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": "7"}}},
			interaction.Outcome{State: interaction.SendQueued, Code: "429", Wait: 7 * time.Second},
			0,
		},
		"429 without one (H-23)": {[]*adaptertest.Fault{{Before: true, Status: http.StatusTooManyRequests}}, interaction.Outcome{State: interaction.SendQueued, Code: "429"}, 0},
		"200 with an error (H-25)": {
			[]*adaptertest.Fault{{Before: true, Body: `{"error":"Validation failed"}`}}, interaction.Outcome{State: interaction.SendNotSent, Code: "422"}, 0,
		},
		"its post is gone": {[]*adaptertest.Fault{{Before: true, Status: http.StatusNotFound, Body: `{"error":"Record not found"}`}}, interaction.Outcome{State: interaction.SendNotSent, Code: "gone"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := mastodontest.NewServer(token, "support")
			defer s.Close()
			s.Misbehave(func(string) *adaptertest.Fault {
				if len(c.faults) == 0 {
					return nil
				}
				f := c.faults[0]
				c.faults = c.faults[1:]
				return f
			})
			account, err := New(options(s, newHouse(s)))
			require.NoError(t, err)
			out := reply(s, interaction.VisiblePublic, "Hello")
			out.InReplyTo = ""
			got := account.Send(t.Context(), out, adaptertest.Agree)
			require.Equal(t, c.want, interaction.Outcome{State: got.State, Code: got.Code, Wait: got.Wait})
			require.Len(t, s.Posted(), c.posted, "however often it was asked for")
		})
	}
}

// An answer is as open as what it answers, and never more.
func TestVisibilityOfAnswers(t *testing.T) {
	s := mastodontest.NewServer(token, "support")
	defer s.Close()
	account, err := New(options(s, newHouse(s)))
	require.NoError(t, err)
	id := s.Mention("anna@else.example", "public", "x", nil)
	for v, want := range map[interaction.Visibility]string{
		interaction.VisiblePublic: "public", interaction.VisibleUnlisted: "unlisted", interaction.VisiblePrivate: "direct", "": "direct", "made up": "direct",
	} {
		out := reply(s, v, "Hello")
		out.Key = string(v)
		out.InReplyTo = strings.Replace(out.InReplyTo, "1002", id, 1)
		require.Equal(t, interaction.SendSent, account.Send(t.Context(), out, adaptertest.Agree).State)
		posted := s.Posted()
		last := posted[len(posted)-1]
		require.Equal(t, want, last["visibility"])
		require.Equal(t, "@anna@else.example Hello", last["status"])
		require.Equal(t, id, last["in_reply_to_id"])
	}
}

func TestWhatCannotBePosted(t *testing.T) {
	s := mastodontest.NewServer(token, "support")
	defer s.Close()
	account, err := New(options(s, newHouse(s)))
	require.NoError(t, err)
	whole := reply(s, interaction.VisiblePublic, strings.Repeat("ä", 500-len("@anna ")))
	whole.InReplyTo = ""
	require.Equal(t, interaction.SendSent, account.Send(t.Context(), whole, adaptertest.Agree).State, "the host of a mention does not count")
	mentioned := reply(s, interaction.VisiblePublic, "Dear @Anna@else.example, hello")
	mentioned.Key, mentioned.InReplyTo = "2", ""
	account.Send(t.Context(), mentioned, adaptertest.Agree)
	require.Equal(t, mentioned.Text, s.Posted()[1]["status"], "one mention is enough")
	for name, change := range map[string]func(*interaction.Outbound){
		"too long": func(o *interaction.Outbound) { o.Text = strings.Repeat("ä", 495) }, "nothing": func(o *interaction.Outbound) { o.Text = "\n" },
		"nobody": func(o *interaction.Outbound) { o.To[0].Address = "anna" },
	} {
		out := reply(s, interaction.VisiblePublic, "x")
		change(&out)
		got := account.Send(t.Context(), out, func(context.Context) error { t.Error("it was begun"); return nil })
		require.Equal(t, interaction.SendNotSent, got.State, name)
	}
}

func TestSettings(t *testing.T) {
	link := func(settings map[string]any) interaction.Link {
		if settings["server"] == nil {
			settings["server"] = "https://social.example"
		}
		return interaction.Link{Name: "m", Kind: Kind, EntryPoint: "m", Secret: "env:PARLEY_LINK_M", Settings: settings}
	}
	require.NoError(t, CheckSettings(link(map[string]any{})))
	for field, settings := range map[string]map[string]any{
		"server": {"server": "social.example"}, "streaming": {"streaming": "wss://x"}, "begin": {"begin": "later"}, "deleted": {"deleted": "burn"}, "poll_seconds": {"poll_seconds": -1}, "max_characters": {"max_characters": -1},
	} {
		require.ErrorContains(t, CheckSettings(link(settings)), field)
	}
}
