package meta

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/adapters/meta/metatest"
	"parley/interaction"
	"parley/lib/social"
)

const secret = `{"app_secret": "app", "token": "tok", "verify_token": "ver"}`

// known knows one account.
type known string

func (k known) EntryPoint(_ context.Context, _ interaction.Channel, address string) (string, error) {
	if address != string(k) {
		return "", interaction.Unknown("entry_point")
	}
	return "social", nil
}

func open(t *testing.T, kind string, g *metatest.Graph, inbox interaction.Inbox, change func(*Options)) *Adapter {
	t.Helper()
	o := Options{
		Kind: kind, Secret: secret, Inbox: inbox, Entries: known("77"), Receipts: &adaptertest.Receipts{},
		Client: adaptertest.Loopback(),
	}
	if g != nil {
		o.Settings.API = g.URL
	}
	if change != nil {
		change(&o)
	}
	a, err := New(o)
	require.NoError(t, err)
	return a
}

// post calls the handler with a signed body.
func post(a *Adapter, body []byte) int { return postAs(a, metatest.Sign("app", body), body) }

func postAs(a *Adapter, signature string, body []byte) int {
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	r.Header.Set("X-Hub-Signature-256", signature)
	w := httptest.NewRecorder()
	a.Handler("social").ServeHTTP(w, r)
	return w.Code
}

func TestReceive(t *testing.T) {
	for _, kind := range []string{WhatsApp, Messenger} {
		t.Run(kind, func(t *testing.T) {
			adaptertest.Receive(t, func(t *testing.T, inbox interaction.Inbox, entries interaction.EntryPoints) adaptertest.Way {
				a, called := open(t, kind, nil, inbox, func(o *Options) { o.Entries = entries }), &adaptertest.Called{}
				return adaptertest.Way{Adapter: called, Deliver: func(address, content string) adaptertest.Answer {
					if called.Stopped() {
						return adaptertest.Gone
					}
					body := metatest.WhatsApp(address, metatest.Text("wamid."+content, content))
					if kind == Messenger {
						body = metatest.Page(address, said(address, "m."+content, map[string]any{"text": content}))
					}
					return adaptertest.OfStatus(post(a, body))
				}}
			})
		})
	}
}

func TestSend(t *testing.T) {
	for _, kind := range []string{WhatsApp, Messenger} {
		t.Run(kind, func(t *testing.T) {
			adaptertest.Send(t, func(t *testing.T) adaptertest.Outlet {
				g := metatest.NewGraph("tok")
				t.Cleanup(g.Close)
				return adaptertest.Outlet{Sender: adaptertest.Addressed{Sender: open(t, kind, g, &adaptertest.Inbox{}, nil), Customer: "491701234567"}, Left: func() int { return len(g.Sent()) }}
			})
		})
	}
}

// said is a message to a page.
func said(page, id string, message map[string]any) map[string]any {
	message["mid"] = id
	return map[string]any{"sender": named{"5"}, "recipient": named{page}, "timestamp": 1_770_000_000_000, "message": message}
}

// parsed gives what was accepted, as messages.
func parsed(t *testing.T, inbox *adaptertest.Inbox, n int) []interaction.Parsed {
	t.Helper()
	var list []interaction.Parsed
	for _, in := range inbox.All(t, n) {
		list = append(list, social.Parser{}.Parse(in.Content, in.Facts))
	}
	return list
}

// Only what the app's secret has signed is heard, byte for byte (H-01).
func TestSignature(t *testing.T) {
	inbox := &adaptertest.Inbox{}
	a := open(t, WhatsApp, nil, inbox, nil)
	body := metatest.WhatsApp("77", metatest.Text("wamid.1", "ä"))
	good := metatest.Sign("app", body)
	for name, signature := range map[string]string{
		"missing": "", "of another app": metatest.Sign("other", body), "of another body": metatest.Sign("app", append([]byte(" "), body...)), "empty": "sha256=",
		"cut": good[:len(good)-2], "longer": good + "00", "no hex": "sha256=zz", "another algorithm": strings.Replace(good, "sha256=", "sha1=", 1), "two": good + ", " + good,
	} {
		require.Equal(t, http.StatusUnauthorized, postAs(a, signature, body), name)
	}
	require.Equal(t, http.StatusUnauthorized, postAs(a, good, bytes.ReplaceAll(body, []byte("ä"), []byte(`\u00e4`))), "the same JSON in other bytes")
	inbox.All(t, 0)
	require.Equal(t, http.StatusOK, postAs(a, good, body))
	require.Equal(t, http.StatusOK, postAs(a, strings.Replace(good, good[7:], strings.ToUpper(good[7:]), 1), body))
	all := inbox.All(t, 2)
	require.Equal(t, all[0].Identity, all[1].Identity, "played again it is a repeat")
}

// The handshake (H-20).
func TestHandshake(t *testing.T) {
	a := open(t, WhatsApp, nil, &adaptertest.Inbox{}, nil)
	ask := func(q url.Values) (int, string) {
		w := httptest.NewRecorder()
		a.Handler("social").ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/?"+q.Encode(), http.NoBody))
		return w.Code, w.Body.String()
	}
	good := func(name, value string) url.Values {
		q := url.Values{"hub.mode": {"subscribe"}, "hub.verify_token": {"ver"}, "hub.challenge": {"1158201444"}}
		if name != "" {
			q.Set(name, value)
		}
		return q
	}
	status, challenge := ask(good("", ""))
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "1158201444", challenge)
	for name, q := range map[string]url.Values{
		"wrong token": good("hub.verify_token", "very"), "no token": good("hub.verify_token", ""), "no challenge": good("hub.challenge", ""), "another mode": good("hub.mode", "unsubscribe"),
		"nothing": {}, "a challenge without end": good("hub.challenge", strings.Repeat("1", 2000)),
	} {
		status, _ := ask(q)
		require.Equal(t, http.StatusForbidden, status, name)
	}
}

func TestBodiesThatAreNone(t *testing.T) {
	a := open(t, WhatsApp, nil, &adaptertest.Inbox{}, nil)
	for name, body := range map[string]string{
		"empty": "", "no JSON": "{", "an array": "[]", "no object": "{}", "entries of another kind": `{"object":"whatsapp_business_account","entry":7}`,
		"depth": `{"object":"whatsapp_business_account","entry":` + strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001) + "}",
	} {
		require.Equal(t, http.StatusBadRequest, post(a, []byte(body)), name)
	}
	require.Equal(t, http.StatusRequestEntityTooLarge, post(a, make([]byte, maxCall+1)))
	require.Equal(t, http.StatusOK, post(a, []byte(`{"object":"user","entry":[]}`)), "a subscription that is nothing for us")
}

// One broken event among a thousand: the others are messages, it is kept for a person (H-11).
func TestAThousandEvents(t *testing.T) {
	inbox := &adaptertest.Inbox{}
	a := open(t, WhatsApp, nil, inbox, nil)
	var events []any
	for n := range 1000 {
		if n == 500 {
			events = append(events, []int{1, 2})
			continue
		}
		events = append(events, metatest.Text(fmt.Sprint("wamid.", n), fmt.Sprint("message ", n)))
	}
	require.Equal(t, http.StatusOK, post(a, metatest.WhatsApp("77", events...)))
	raw := 0
	for n, p := range parsed(t, inbox, 1000) {
		if n == 500 {
			require.Contains(t, p.Message.Problems, interaction.ProblemKeptRaw)
			raw++
			continue
		}
		require.Equal(t, fmt.Sprint("message ", n), p.Message.Text)
	}
	require.Equal(t, 1, raw)
}

// A call that could be kept in part only comes again as a whole; what had been kept is a repeat then.
func TestACallIsPutOff(t *testing.T) {
	var mu sync.Mutex
	seen, calls := map[[32]byte]int{}, 0
	inbox := accepts(func(in interaction.Inbound) error {
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls == 3 {
			return interaction.Unavailable("store_away", nil)
		}
		seen[in.Identity]++
		return nil
	})
	a := open(t, WhatsApp, nil, inbox, nil)
	body := metatest.WhatsApp("77", metatest.Text("1", "a"), metatest.Text("2", "b"), metatest.Text("3", "c"), metatest.Text("4", "d"))
	require.Equal(t, http.StatusServiceUnavailable, post(a, body))
	require.Len(t, seen, 2, "what is behind it waits, so that the order stays")
	require.Equal(t, http.StatusOK, post(a, body))
	require.Len(t, seen, 4)
}

type accepts func(interaction.Inbound) error

func (f accepts) Accept(_ context.Context, in interaction.Inbound) (interaction.Receipt, error) {
	return interaction.Receipt{}, f(in)
}

func TestWhatsAppMessages(t *testing.T) {
	g := metatest.NewGraph("tok")
	defer g.Close()
	g.Add("10", []byte("\x89PNG\r\n\x1a\n..."))
	inbox := &adaptertest.Inbox{}
	r := &adaptertest.Receipts{}
	a := open(t, WhatsApp, g, inbox, func(o *Options) { o.Receipts = r })
	message := func(id, kind string, more map[string]any) map[string]any {
		m := map[string]any{"from": "491701234567", "id": id, "timestamp": "1770000000", "type": kind}
		for name, value := range more {
			m[name] = value
		}
		return m
	}
	own := message("own", "text", map[string]any{"text": text{"said by ourselves"}})
	own["from"] = "77"
	require.Equal(t, http.StatusOK, post(a, metatest.WhatsApp("77",
		message("1", "image", map[string]any{"image": map[string]string{"id": "10", "mime_type": "image/jpeg", "caption": "look"}, "context": named{"wamid.ours"}}),
		message("2", "document", map[string]any{"document": map[string]string{"id": "gone", "filename": "a.pdf"}}),
		message("3", "interactive", map[string]any{"interactive": map[string]any{"type": "button_reply", "button_reply": map[string]string{"id": "x", "title": "Yes, please"}}}),
		message("4", "reaction", map[string]any{"reaction": map[string]string{"message_id": "1", "emoji": "👍"}}),
		own,
		message("5", "unsupported", nil),
		message("6", "edit", map[string]any{"edit": map[string]any{"original_message_id": "1", "message": map[string]any{"type": "text", "text": text{"look!"}}}}),
		message("7", "revoke", map[string]any{"revoke": map[string]string{"original_message_id": "3"}}),
	)))
	all := parsed(t, inbox, 6)
	first := all[0]
	require.Equal(t, "look", first.Message.Text)
	require.Equal(t, "image/png", first.Message.Attachments[0].Type, "by its bytes")
	require.Equal(t, []interaction.Attribute{{Kind: "whatsapp", Value: "491701234567"}, {Kind: "phone", Value: "+491701234567"}}, first.Identities)
	require.Equal(t, "Anna Berg", first.Name)
	require.Equal(t, "491701234567", first.Message.From.Address)
	require.Equal(t, []string{"social:whatsapp:77:private:wamid.ours"}, first.Follows)
	require.Contains(t, all[1].Message.Problems, social.ProblemMedia)
	require.Equal(t, "Yes, please", all[2].Message.Text)
	require.Contains(t, all[3].Message.Problems, ProblemNotShown)
	require.Equal(t, "look!", all[4].Message.Text)
	require.Equal(t, []string{first.Message.MessageID}, all[4].Amendment.Of)
	require.Equal(t, interaction.AmendmentWithdrawal, all[5].Amendment.Kind)
	require.Contains(t, all[5].Amendment.Of, all[2].Message.MessageID)

	require.Equal(t, http.StatusOK, post(a, metatest.Statuses("77", map[string]any{"id": "wamid.ours", "status": "delivered", "timestamp": "1770000001"},
		map[string]any{"id": "wamid.lost", "status": "failed", "timestamp": "1770000002", "errors": []any{map[string]any{"code": 131026}}}, "garbage")))
	require.Len(t, r.All(), 2)
	require.Equal(t, interaction.Receipted{
		EntryPoint: "social", ID: "social:whatsapp:77:private:wamid.ours", State: interaction.ReceiptDelivered, Code: "delivered", At: time.Unix(1770000001, 0).UTC(),
	}, r.All()[0])
	require.Equal(t, interaction.ReceiptFailed, r.All()[1].State)
	require.Equal(t, "131026", r.All()[1].Code)
}

func TestMessengerMessages(t *testing.T) {
	inbox := &adaptertest.Inbox{}
	r := &adaptertest.Receipts{}
	a := open(t, Messenger, nil, inbox, func(o *Options) { o.Receipts = r })
	file := func(address string) map[string]any {
		return map[string]any{"type": "image", "payload": map[string]string{"url": address}}
	}
	echo := said("77", "m.e", map[string]any{"text": "ours", "is_echo": true})
	event := func(name string, what any) map[string]any {
		return map[string]any{"sender": named{"5"}, "recipient": named{"77"}, "timestamp": 1_770_000_000_000, name: what}
	}
	require.Equal(t, http.StatusOK, post(a, metatest.Page("77",
		said("77", "m.1", map[string]any{"text": "hello", "attachments": []any{
			file("http://127.0.0.1:1/"), file("http://169.254.169.254/latest"), file("http://[::ffff:127.0.0.1]/"), file("http://0x7f.1/"), file("file:///etc/passwd"),
		}}),
		echo,
		event("message_edit", map[string]any{"mid": "m.1", "text": "hello!", "num_edit": 1}),
		event("postback", map[string]any{"mid": "m.2", "title": "Get started"}),
		event("read", map[string]any{"watermark": 1}),
		event("delivery", map[string]any{"mids": []string{"m.9"}, "watermark": 1}),
		said("77", "m.1", map[string]any{"is_deleted": true}),
		said("88", "m.3", map[string]any{"text": "for another page"}),
	)))
	all := parsed(t, inbox, 4)
	require.Equal(t, "hello", all[0].Message.Text)
	require.Empty(t, all[0].Message.Attachments)
	require.Len(t, all[0].Message.Problems, 5, "no inner address is fetched (H-13)")
	require.Equal(t, []string{all[0].Message.MessageID}, all[1].Amendment.Of)
	require.Equal(t, "Get started", all[2].Message.Text)
	require.Equal(t, interaction.AmendmentWithdrawal, all[3].Amendment.Kind)
	require.Len(t, r.All(), 1)
	require.Equal(t, "social:messenger:77:private:m.9", r.All()[0].ID)
}

// The token goes to Meta's own hosts only.
func TestTheTokenStaysWithMeta(t *testing.T) {
	a := open(t, WhatsApp, nil, &adaptertest.Inbox{}, nil)
	for address, want := range map[string]bool{
		"https://graph.facebook.com/v23.0/1": true, "https://lookaside.fbsbx.com/x": true, "https://mmg.whatsapp.net/x": true, "http://lookaside.fbsbx.com/x": false,
		"https://evil.example/": false, "https://whatsapp.net.evil.example/": false, "https://evilwhatsapp.net/": false, "http://graph.facebook.com/": false,
	} {
		u, err := url.Parse(address)
		require.NoError(t, err)
		require.Equal(t, want, a.trusted(u), address)
	}
}

func reply(text string) interaction.Outbound {
	return interaction.Outbound{From: interaction.Address{Address: "77"}, To: []interaction.Address{{Address: "491701234567"}}, Text: text, Heard: time.Now().Add(-time.Hour)}
}

func TestOutcomes(t *testing.T) {
	graph := func(status int, body string) *adaptertest.Fault {
		return &adaptertest.Fault{Before: true, Status: status, Body: body}
	}
	for name, c := range map[string]struct {
		fault *adaptertest.Fault
		want  interaction.Outcome // of which State, Code, Permanent and Wait count
	}{
		"sent":                     {nil, interaction.Outcome{State: interaction.SendSent, Code: "200"}},
		"the answer is lost":       {&adaptertest.Fault{Drop: true}, interaction.Outcome{State: interaction.SendUnknown, Code: "answer_lost"}},
		"the answer is cut":        {&adaptertest.Fault{Cut: true}, interaction.Outcome{State: interaction.SendUnknown, Code: "answer_lost"}},
		"200 and no JSON":          {&adaptertest.Fault{Body: "ok"}, interaction.Outcome{State: interaction.SendUnknown, Code: "answer_lost"}},
		"a gateway's page":         {&adaptertest.Fault{Status: 502, Body: "<html>"}, interaction.Outcome{State: interaction.SendUnknown, Code: "answer_lost"}},
		"200 with an error (H-25)": {graph(200, `{"error":{"code":100,"message":"Invalid parameter"}}`), interaction.Outcome{State: interaction.SendNotSent, Code: "100"}},
		"token expired (H-22)":     {graph(401, `{"error":{"code":190,"message":"expired"}}`), interaction.Outcome{State: interaction.SendNotSent, Code: "reconnect"}},
		"window by Meta's clock":   {graph(400, `{"error":{"code":131047,"message":"Re-engagement message"}}`), interaction.Outcome{State: interaction.SendNotSent, Code: "window_closed"}},
		"window of Messenger":      {graph(400, `{"error":{"code":10,"error_subcode":2018278,"message":"outside"}}`), interaction.Outcome{State: interaction.SendNotSent, Code: "window_closed"}},
		"rate by code (H-23)":      {graph(400, `{"error":{"code":130429,"message":"Rate limit hit"}}`), interaction.Outcome{State: interaction.SendQueued, Code: "130429"}},
		"429 with a wait (H-23)": {
			&adaptertest.Fault{Before: true, Status: 429, Header: map[string]string{"Retry-After": "9"}}, interaction.Outcome{State: interaction.SendQueued, Code: "429", Wait: 9 * time.Second},
		},
		"gone":               {graph(400, `{"error":{"code":131026,"message":"undeliverable"}}`), interaction.Outcome{State: interaction.SendNotSent, Code: "131026", Permanent: true}},
		"a server's error":   {graph(500, `{"error":{"code":2,"message":"temporary"}}`), interaction.Outcome{State: interaction.SendUnknown, Code: "2"}},
		"404 without reason": {graph(404, ``), interaction.Outcome{State: interaction.SendNotSent, Code: "404"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := metatest.NewGraph("tok")
			defer g.Close()
			g.Misbehave(func(string) *adaptertest.Fault { return c.fault })
			got := open(t, WhatsApp, g, &adaptertest.Inbox{}, nil).Send(t.Context(), reply("Hello"), adaptertest.Agree)
			require.Equal(t, c.want, interaction.Outcome{State: got.State, Code: got.Code, Permanent: got.Permanent, Wait: got.Wait})
		})
	}
}

func TestWhatIsSent(t *testing.T) {
	g := metatest.NewGraph("tok")
	defer g.Close()
	require.Equal(t, "social:whatsapp:77:private:id.1", open(t, WhatsApp, g, &adaptertest.Inbox{}, nil).Send(t.Context(), reply("Hello\n"), adaptertest.Agree).ID)
	require.Equal(t, "social:messenger:77:private:id.2", open(t, Messenger, g, &adaptertest.Inbox{}, nil).Send(t.Context(), reply("Hello"), adaptertest.Agree).ID)
	raw, err := json.Marshal(g.Sent())
	require.NoError(t, err)
	require.JSONEq(t, `[
		{"path": "/77/messages", "messaging_product": "whatsapp", "recipient_type": "individual", "to": "491701234567", "type": "text", "text": {"body": "Hello", "preview_url": false}},
		{"path": "/77/messages", "recipient": {"id": "491701234567"}, "messaging_type": "RESPONSE", "message": {"text": "Hello"}}
	]`, string(raw))

	a := open(t, WhatsApp, g, &adaptertest.Inbox{}, nil)
	late := reply("Hello")
	late.Heard = time.Now().Add(-25 * time.Hour)
	for name, out := range map[string]interaction.Outbound{"late": late, "too long": reply(strings.Repeat("ä", 4097)), "nothing": reply(" ")} {
		got := a.Send(t.Context(), out, func(context.Context) error { t.Error("it was begun"); return nil })
		require.Equal(t, interaction.SendNotSent, got.State, name)
		require.Equal(t, name == "late", got.Code == "window_closed", name)
	}
	require.Len(t, g.Sent(), 2)
}

func TestSettings(t *testing.T) {
	link := func(settings map[string]any) interaction.Link {
		return interaction.Link{Name: "wa", Kind: WhatsApp, EntryPoint: "wa", Secret: "env:PARLEY_LINK_WA", Settings: settings}
	}
	require.NoError(t, CheckSettings(link(nil)))
	require.ErrorContains(t, CheckSettings(interaction.Link{Kind: WhatsApp}), "secret")
	for field, settings := range map[string]map[string]any{"api": {"api": "graph"}, "deleted": {"deleted": "burn"}, "max_characters": {"max_characters": 5000}, "other": {"other": 1}} {
		require.ErrorContains(t, CheckSettings(link(settings)), field)
	}
	for _, bad := range []string{"", "tok", `{"app_secret":"a","token":"geheim"}`, `{"token": geheim}`} {
		_, err := New(Options{Kind: WhatsApp, Secret: bad})
		require.ErrorContains(t, err, "secret")
		require.NotContains(t, err.Error(), "geheim")
	}
}

func FuzzCall(f *testing.F) {
	f.Add(metatest.WhatsApp("77", metatest.Text("1", "x"), nil, 7))
	f.Add(metatest.Page("77", said("77", "m.1", map[string]any{"text": "x"}), "x"))
	f.Add([]byte(`{"object":"page","entry":[{"messaging":[{"message":{}},{"postback":{}},{"delivery":{"mids":[""]}}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, kind := range []string{WhatsApp, Messenger} {
			a := &Adapter{Options: Options{Kind: kind}}
			a.Log = slog.New(slog.DiscardHandler)
			events, err := a.read(body)
			if err != nil {
				continue
			}
			for _, e := range events {
				if e.receipt != nil {
					continue
				}
				in, err := e.post.Inbound(interaction.Target{}, "")
				if err != nil || in.Size == 0 {
					t.Fatal(err)
				}
			}
		}
	})
}
