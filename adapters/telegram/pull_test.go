package telegram

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"parley/adapters/adaptertest"
	"parley/adapters/telegram/telegramtest"
	"parley/interaction"
	"parley/lib/social"
)

func newHouse(s *telegramtest.Server) *adaptertest.House {
	return &adaptertest.House{Parser: social.Parser{}, Ring: s.Ring}
}

// Whatever the API and the house do wrong, and whenever the process dies: each message arrives once, in order.
func TestNothingLostNothingDoubled(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := telegramtest.NewServer(token, "support_bot")
		defer s.Close()
		draw := adaptertest.Drawing(r)
		s.Misbehave(draw.Faults(60, 10, func(kind int, _ string) *adaptertest.Fault {
			return []*adaptertest.Fault{
				nil, nil,
				{Drop: true},
				{Cut: true},
				{Status: http.StatusBadGateway, Body: "<html>bad gateway</html>"},
				{Before: true, Status: http.StatusTooManyRequests},
				{Before: true, Status: http.StatusInternalServerError, Body: "{}"},
				{Body: "not JSON"},
				{Body: `{"ok":true}`},
				{Before: true, Drop: true},
			}[kind]
		}))
		h := newHouse(s)
		h.Fail = draw.Failures(20)
		lease := adaptertest.Held(nil)
		o := options(s, h)
		o.Entries = adaptertest.OnlyEntryPoint("support")
		var want []string
		var last int64
		for n := range draw(15, "messages") + 1 {
			text := fmt.Sprint("message ", n)
			want = append(want, text)
			last = s.Put("message", telegramtest.Text(9, int64(n+1), text))
		}
		for range draw(4, "deaths") {
			bot, err := New(o)
			require.NoError(t, err)
			dying, cancel := context.WithTimeout(t.Context(), time.Duration(draw(10, "ms"))*time.Millisecond)
			_ = bot.Pull(dying, lease)
			cancel()
		}
		bot, err := New(o)
		require.NoError(t, err)
		p := &adaptertest.Pulled{Puller: bot, Lease: lease}
		require.NoError(t, p.Start(t.Context()))
		s.Await(func() bool { return s.Confirmed(last) })
		require.NoError(t, p.Stop(t.Context()))
		require.Equal(t, want, h.Texts())
	})
}

// run has a bot take all updates of a stand-in.
func run(t *testing.T, s *telegramtest.Server, h *adaptertest.House, change func(*Options)) {
	t.Helper()
	o := options(s, h)
	o.Entries = adaptertest.OnlyEntryPoint("support")
	if change != nil {
		change(&o)
	}
	bot, err := New(o)
	require.NoError(t, err)
	p := &adaptertest.Pulled{Puller: bot, Lease: adaptertest.Held(nil)}
	last := s.Put("poll", map[string]any{})
	require.NoError(t, p.Start(t.Context()))
	s.Await(func() bool { return s.Confirmed(last) })
	require.NoError(t, p.Stop(t.Context()))
}

func TestUpdatesAsMessages(t *testing.T) {
	s := telegramtest.NewServer(token, "support_bot")
	defer s.Close()
	h := newHouse(s)
	s.Put("message", telegramtest.Text(9, 1, "/start"))
	s.Put("message", telegramtest.Text(9, 2, "Where is it?\x00"))
	edited := telegramtest.Text(9, 2, "Where is my parcel?")
	edited["edit_date"] = 1_770_000_100
	s.Put("edited_message", edited)
	answer := telegramtest.Text(9, 3, "thanks")
	answer["reply_to_message"] = telegramtest.Text(9, 5001, "It comes today.")
	s.Put("message", answer)
	own := telegramtest.Text(9, 4, "I am a bot")
	own["from"] = map[string]any{"id": 77, "is_bot": true}
	s.Put("message", own)
	group := telegramtest.Text(-100, 5, "in a group")
	group["chat"] = map[string]any{"id": -100, "type": "supergroup", "title": "Friends"}
	s.Put("message", group)
	nobody := telegramtest.Text(9, 6, "who am I?")
	delete(nobody, "from")
	s.Put("message", nobody)
	s.Put("message", map[string]any{"message_id": "seven"})
	joined := telegramtest.Text(9, 8, "")
	joined["new_chat_members"] = []any{}
	s.Put("message", joined)
	s.Put("deleted_business_messages", map[string]any{"business_connection_id": "c", "chat": map[string]any{"id": 9}, "message_ids": []int{2, 3}})
	run(t, s, h, nil)
	require.Len(t, h.All(), 7)

	first := h.All()[0]
	require.Equal(t, "Where is it?\uFFFD", first.Message.Text)
	require.Equal(t, "Anna Berg", first.Name)
	require.Equal(t, []interaction.Attribute{{Kind: "telegram", Value: "9"}}, first.Identities, "names are what he says of himself")
	require.Equal(t, "@anna_b", first.Message.From.Address)
	require.Equal(t, "9", first.Message.ReplyTo.Address)
	require.Equal(t, interaction.VisiblePrivate, first.Message.Visibility)

	second := h.All()[1]
	require.Equal(t, interaction.AmendmentEdit, second.Amendment.Kind)
	require.Equal(t, []string{first.Message.MessageID}, second.Amendment.Of)
	require.NotEqual(t, first.Message.MessageID, second.Message.MessageID)
	require.Equal(t, first.Message.MessageID, second.Message.InReplyTo)

	require.Equal(t, []string{"social:telegram:77:private:9/5001"}, h.All()[2].Follows, "the name that the sender gives to what it sends")
	require.Empty(t, h.All()[3].Identities)
	require.Equal(t, "9", h.All()[3].Message.ReplyTo.Address, "he can be answered although nobody says who he is")
	require.Contains(t, h.All()[4].Message.Problems, interaction.ProblemKeptRaw)
	for n, id := range []string{"9/2", "9/3"} {
		require.Equal(t, interaction.AmendmentWithdrawal, h.All()[5+n].Amendment.Kind)
		require.Contains(t, h.All()[5+n].Amendment.Of, "social:telegram:77:private:"+id)
	}
}

func TestGroupsAreOpen(t *testing.T) {
	s := telegramtest.NewServer(token, "support_bot")
	defer s.Close()
	h := newHouse(s)
	group := telegramtest.Text(-100, 5, "in a group")
	group["chat"] = map[string]any{"id": -100, "type": "supergroup", "title": "Friends"}
	s.Put("message", group)
	run(t, s, h, func(o *Options) { o.Settings.Groups = true })
	require.Len(t, h.All(), 1)
	require.True(t, h.All()[0].Message.Visibility.Open())
	require.Equal(t, "-100", h.All()[0].Message.ReplyTo.Address)
}

func TestMediaIsFetchedAsFarAsItGoes(t *testing.T) {
	s := telegramtest.NewServer(token, "support_bot")
	defer s.Close()
	s.Add("small", []byte("%PDF-1.7 a document"))
	s.Add("huge", make([]byte, 2<<20))
	m := telegramtest.Text(9, 1, "")
	delete(m, "text")
	m["caption"], m["document"] = "the bill", map[string]any{"file_id": "small", "file_name": "../../etc/bill.pdf", "mime_type": "text/html"}
	s.Put("message", m)
	for n, id := range []string{"huge", "gone"} {
		m := telegramtest.Text(9, int64(2+n), "")
		delete(m, "text")
		m["photo"] = []any{map[string]any{"file_id": "thumb", "file_size": 1}, map[string]any{"file_id": id, "file_size": 100}}
		s.Put("message", m)
	}
	h := newHouse(s)
	run(t, s, h, nil)
	require.Len(t, h.All(), 3)
	require.Equal(t, "the bill", h.All()[0].Message.Text)
	require.Len(t, h.All()[0].Message.Attachments, 1)
	file := h.All()[0].Message.Attachments[0]
	require.Equal(t, "bill.pdf", file.Name)
	require.Equal(t, "application/pdf", file.Type, "by its bytes")
	for _, p := range h.All()[1:] {
		require.Empty(t, p.Message.Attachments)
		require.Contains(t, p.Message.Problems, social.ProblemMedia)
	}
}

func TestAnOldNumberIsNotAskedForAgain(t *testing.T) {
	s := telegramtest.NewServer(token, "support_bot")
	defer s.Close()
	h := newHouse(s)
	lease := adaptertest.Held(nil)
	require.NoError(t, lease.Move(t.Context(), position{Next: 9_000_000, At: time.Now().Add(-8 * 24 * time.Hour)}))
	last := s.Put("message", telegramtest.Text(9, 1, "numbered anew"))
	o := options(s, h)
	o.Entries = adaptertest.OnlyEntryPoint("support")
	bot, err := New(o)
	require.NoError(t, err)
	p := &adaptertest.Pulled{Puller: bot, Lease: lease}
	require.NoError(t, p.Start(t.Context()))
	s.Await(func() bool { return s.Confirmed(last) })
	require.NoError(t, p.Stop(t.Context()))
	require.Equal(t, []string{"numbered anew"}, h.Texts())
}

func TestALostLeaseEndsIt(t *testing.T) {
	s := telegramtest.NewServer(token, "support_bot")
	defer s.Close()
	place := &adaptertest.Place{}
	lease := place.Take(interaction.Link{})
	place.Take(interaction.Link{})
	s.Put("message", telegramtest.Text(9, 1, "x"))
	o := options(s, newHouse(s))
	o.Entries = adaptertest.OnlyEntryPoint("support")
	bot, err := New(o)
	require.NoError(t, err)
	require.Equal(t, interaction.KindConflict, interaction.KindOf(bot.Pull(t.Context(), lease)))
	require.Equal(t, 1, s.Pending(), "it is not confirmed: who has the lease now takes it")
}

// The token is part of every URL: no error that a person or a log meets may hold it.
func TestTheTokenIsNotTold(t *testing.T) {
	s := telegramtest.NewServer(token, "support_bot")
	s.Close()
	told := make(chan string, 1)
	o := options(s, newHouse(s))
	bot, err := New(o)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, bot.Pull(ctx, adaptertest.Held(func(_ interaction.LinkState, detail string) {
		select {
		case told <- detail:
		default:
		}
		cancel()
	})))
	require.NotContains(t, <-told, "AAEthis")
	o2 := bot.Send(t.Context(), interaction.Outbound{To: []interaction.Address{{Address: "9"}}, Text: "x"}, func(context.Context) error { return nil })
	require.Equal(t, interaction.SendQueued, o2.State, "nobody listens: it never left")
	require.NotContains(t, o2.Text, "AAEthis")
}

func TestWebhook(t *testing.T) {
	s := telegramtest.NewServer(token, "support_bot")
	defer s.Close()
	h := newHouse(s)
	o := options(s, h)
	o.Entries, o.Settings.Webhook = adaptertest.OnlyEntryPoint("support"), "https://desk.example.test/in/support/"
	bot, err := New(o)
	require.NoError(t, err)
	up := make(chan struct{}, 1)
	p := &adaptertest.Pulled{Puller: bot, Lease: adaptertest.Held(func(state interaction.LinkState, _ string) {
		if state == interaction.LinkUp {
			select {
			case up <- struct{}{}:
			default:
			}
		}
	})}
	require.NoError(t, p.Start(t.Context()))
	<-up
	require.NoError(t, p.Stop(t.Context()))
	secret, _ := s.Webhook()["secret_token"].(string)
	require.Regexp(t, `^[A-Za-z0-9_-]{1,256}$`, secret, "what the API takes")
	require.NotContains(t, secret, token)

	call := func(secret, body string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("X-Telegram-Bot-Api-Secret-Token", secret)
		w := httptest.NewRecorder()
		bot.Handler("support").ServeHTTP(w, r)
		return w.Code
	}
	const good = `{"update_id":5,"message":{"message_id":1,"date":1,"chat":{"id":9,"type":"private"},"from":{"id":9,"first_name":"A"},"text":"called in"}}`
	require.Equal(t, http.StatusUnauthorized, call("", good))
	require.Equal(t, http.StatusUnauthorized, call(secret+"x", good))
	for name, body := range map[string]string{"empty": "", "an array": "[]", "no JSON": "{", "no update": "{}", "depth": strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)} {
		require.Equal(t, http.StatusBadRequest, call(secret, body), name)
	}
	require.Equal(t, http.StatusBadRequest, call(secret, `{"update_id":1,"x":"`+strings.Repeat("a", maxCall)+`"}`))
	require.Equal(t, http.StatusOK, call(secret, good))
	require.Equal(t, http.StatusOK, call(secret, good), "the same again")
	require.Equal(t, []string{"called in"}, h.Texts())
	h.Fail = func() (error, error) { return interaction.Unavailable("store_away", nil), nil }
	require.Equal(t, http.StatusServiceUnavailable, call(secret, strings.Replace(good, "called in", "later", 1)))
}
