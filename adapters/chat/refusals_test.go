package chat

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/lib/auth"
)

func TestOrigins(t *testing.T) { // C-01
	h := newHouse(t)
	h.exec(`update entry_points set chat = '{"origins": ["https://shop.test", "http://localhost:9999"]}' where name = 'web'`)
	p := h.process(true, Options{})
	for _, tt := range []struct {
		name, origin   string
		socket, opened int
	}{
		{"listed", "https://shop.test", 101, 201},
		{"listed with port", "http://localhost:9999", 101, 201},
		{"own", p.server.URL, 101, 201},
		{"missing", "", 403, 403},
		{"another", "https://evil.test", 403, 403},
		{"another scheme", "http://shop.test", 403, 403},
		{"another port", "https://shop.test:8443", 403, 403},
		{"longer host", "https://shop.test.evil.test", 403, 403},
		{"another case", "https://SHOP.test", 403, 403},
		{"null", "null", 403, 403},
		{"no origin at all", "::::", 403, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			header := http.Header{}
			if tt.origin != "" {
				header.Set("Origin", tt.origin)
			}
			ws, resp, _ := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(p.server.URL, "http")+"/in/web/socket", &websocket.DialOptions{
				Subprotocols: []string{Subprotocol}, HTTPHeader: header,
			})
			require.NotNil(t, resp)
			require.Equal(t, tt.socket, resp.StatusCode)
			if ws != nil {
				_ = ws.CloseNow()
			}
			r, err := http.NewRequestWithContext(t.Context(), "POST", p.server.URL+"/in/web/sessions", strings.NewReader(`{}`))
			require.NoError(t, err)
			r.Header = header
			resp, err = http.DefaultClient.Do(r)
			require.NoError(t, err)
			resp.Body.Close()
			require.Equal(t, tt.opened, resp.StatusCode)
			if tt.opened == 201 && tt.name != "own" {
				require.Equal(t, tt.origin, resp.Header.Get("Access-Control-Allow-Origin"))
			} else {
				require.Empty(t, resp.Header.Get("Access-Control-Allow-Origin"))
			}
		})
	}
	for origin, want := range map[string]int{"https://evil.test": 403, p.server.URL: 101} {
		_, resp, _ := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(p.server.URL, "http")+"/v1/chats/socket", &websocket.DialOptions{
			Subprotocols: []string{Subprotocol}, HTTPHeader: http.Header{"Origin": {origin}},
		})
		require.Equal(t, want, resp.StatusCode, "agents' socket, %s", origin)
	}
}

func TestWhoIsNotLetIn(t *testing.T) { // C-02
	p := newHouse(t).process(true, Options{})
	c, other := p.openChat(), p.openChat()
	for _, tt := range []struct {
		name, path string
		hello      out
		want       websocket.StatusCode
	}{
		{"wrong secret", "/in/web/socket", out{"type": "hello", "session": c.session, "token": c.token + "x"}, 4401},
		{"of another session", "/in/web/socket", out{"type": "hello", "session": c.session, "token": other.token}, 4401},
		{"unknown session", "/in/web/socket", out{"type": "hello", "session": interaction.NewID(), "token": c.token}, 4401},
		{"no session", "/in/web/socket", out{"type": "hello", "session": "x", "token": c.token}, 4404},
		{"no hello", "/in/web/socket", out{"type": "text", "text": "hi"}, 4401},
		{"an agent's token", "/in/web/socket", out{"type": "hello", "session": c.session, "token": p.token(p.person("ann"))}, 4401},
		{"no token", "/v1/chats/socket", out{"type": "hello"}, 4401},
		{"token of nobody", "/v1/chats/socket", out{"type": "hello", "token": nobodysToken()}, 4401},
		{"a customer's secret", "/v1/chats/socket", out{"type": "hello", "token": c.token}, 4401},
		{"a designer's token", "/v1/chats/socket", out{"type": "hello", "token": p.token(p.person("dan"))}, 4401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client := p.dial(tt.path)
			client.send(tt.hello)
			require.Equal(t, tt.want, client.closed())
		})
	}
	for n := 0; ; n++ { // guessing is bounded (M6)
		status, got := p.request("GET", "/in/web/sessions/"+c.session+"/frames", "", "Authorization", "Bearer wrong")
		if status == 429 {
			require.NotEmpty(t, got["retry-after"])
			break
		}
		require.Equal(t, 404, status, got)
		require.Less(t, n, 30)
	}
}

func nobodysToken() string {
	token, _ := auth.NewToken()
	return token
}

// S-03, C-02: what is revoked is closed within a second, whoever revoked it.
func TestRevokedTokensAreClosed(t *testing.T) {
	p := newHouse(t).process(true, Options{})
	c := p.openChat()
	who, token, _ := p.answered(c, "ann")
	ann := p.desk(token, c, 0)
	kim, _ := p.connect(c, 1)
	hash, _ := auth.HashToken(token)
	actor, err := p.store.ActorByToken(t.Context(), hash[:])
	require.NoError(t, err)
	require.NoError(t, p.store.RevokeToken(t.Context(), who, actor.Token))
	begun := time.Now()
	require.Equal(t, websocket.StatusCode(4401), ann.closed())
	require.Less(t, time.Since(begun), 2*keepEvery+patience)
	p.exec(`update chat_sessions set token = null where interaction_id = $1`, c.session)
	begun = time.Now()
	require.Equal(t, websocket.StatusCode(4401), kim.closed())
	require.Less(t, time.Since(begun), 2*keepEvery+patience)
}

// patience is what a busy machine may add to a bound that is kept by a clock.
const patience = 4 * time.Second

// S-02, C-04: ten thousand types that do not exist get one answer, and what is not a frame gets one, too.
func TestUnknownTypes(t *testing.T) {
	p := newHouse(t).process(true, Options{})
	c := p.openChat()
	_, token, _ := p.answered(c, "ann")
	clients := map[string]*client{}
	clients["customer"], _ = p.connect(c, 1)
	clients["agent"] = p.desk(token, c, 1)
	dice := rand.New(rand.NewPCG(1, 2))
	for role, client := range clients {
		types := []string{"base", "__proto__", "", "Text", "constructor", "hello", "welcome", "ack", "message", "error", "bye", "toString", "ended", "joined"}
		for range 5000 - len(types) {
			b := make([]rune, 1+dice.IntN(12))
			for n := range b {
				b[n] = rune("abcdefghijklmnopqrstuvwxyzäß_0😀"[dice.IntN(30)])
			}
			if s := string(b); !deskFrames[s] && !agentsOnly[s] && s != "ping" {
				types = append(types, "x"+s)
			}
		}
		unanswered := make(chan struct{}, 500) // who asks more without reading is cut off, and rightly
		go func() {
			for _, kind := range types {
				unanswered <- struct{}{}
				client.send(out{"type": kind, "session": c.session, "text": "<script>"})
			}
		}()
		for n, kind := range types {
			answer := client.next()
			<-unanswered
			want := out{"type": "error", "code": "unknown_type", "text": "there is no frame of this type"}
			if role == "agent" {
				want["session"] = c.session
			}
			require.Equal(t, want, answer, "%s %d %q", role, n, kind)
		}
	}
	kim := clients["customer"]
	for raw, code := range map[string]string{
		`{`: "bad_frame", `[]`: "bad_frame", `"text"`: "bad_frame", `{"type":5}`: "bad_frame", `{"type":"text","text":{}}`: "bad_frame", "{\"type\":\"text\",\"text\":\"\xff\"}": "bad_text",
		`null`: "unknown_type", `{}`: "unknown_type",
	} {
		kim.raw(raw)
		answer := kim.next()
		require.Equal(t, code, answer["code"], raw)
		require.NotContains(t, fmt.Sprint(answer), "{}")
	}
	list, err := p.store.ChatMessages(t.Context(), c.id(), 0, true, 100)
	require.NoError(t, err)
	require.Len(t, list, 1)
}

func TestWhatIsRefusedInAConversation(t *testing.T) {
	h := newHouse(t)
	h.exec(`update entry_points set chat = '{"max_text": 100}' where name = 'web'`)
	p := h.process(true, Options{MessagePerSecond: 1000, MessageBurst: 1000})
	c := p.openChat()
	kim, _ := p.connect(c, -1)
	kim.send(out{"type": "text", "client_id": "long", "text": strings.Repeat("ä", 51)}) // C-05
	refused := kim.expect("error")
	require.Equal(t, "too_long", refused["code"])
	require.EqualValues(t, 100, refused["limit"])
	require.Equal(t, "long", refused["client_id"])
	for _, text := range []string{"nul\x00", ""} { // C-08
		kim.send(out{"type": "text", "client_id": "x", "text": text})
		require.Contains(t, []any{"bad_text", "required"}, kim.expect("error")["code"])
	}
	kim.send(out{"type": "text", "client_id": "tower", "text": "e" + strings.Repeat("\u0301", 10_000)})
	require.Equal(t, "too_long", kim.expect("error")["code"])
	kim.raw(`{"type":"text","client_id":"lone","text":"\ud800 and ` + strings.Repeat(`\u0301`, 40) + `"}`)
	kim.expect("ack")
	kim.raw(`{"type":"text","client_id":"clock","text":"yesterday","at":"2001-01-01T00:00:00Z"}`) // C-29
	kim.expect("ack")
	for _, kind := range []string{"transfer", "whisper", "note", "url", "join", "note"} { // C-16
		kim.send(out{"type": kind, "client_id": "y", "text": "https://evil.test"})
		require.Equal(t, "forbidden", kim.expect("error")["code"])
	}
	events, err := p.store.InteractionEvents(t.Context(), c.id())
	require.NoError(t, err)
	refusals := []any{}
	for _, e := range events {
		if e.Code == "chat.refused" {
			refusals = append(refusals, e.Data["what"])
		}
	}
	require.Equal(t, []any{"transfer", "whisper", "note", "url", "join"}, refusals, "one line each")
	kim.send(out{"type": "file", "client_id": "f", "upload": interaction.NewID()})
	require.Equal(t, "bad_file", kim.expect("error")["code"])
	list, err := p.store.ChatMessages(t.Context(), c.id(), 0, true, 100)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.WithinDuration(t, list[0].At, list[1].At, time.Minute, "times are the server's")
}

func TestFramesThatEndTheConnection(t *testing.T) { // C-07, C-23
	p := newHouse(t).process(true, Options{})
	c := p.openChat()
	kim, _ := p.connect(c, -1)
	require.NoError(t, kim.ws.Write(t.Context(), websocket.MessageBinary, []byte("{}")))
	require.Equal(t, websocket.StatusProtocolError, kim.closed())
	kim, _ = p.connect(c, -1)
	kim.raw(`{"type":"text","text":"` + strings.Repeat("x", maxFrame) + `"}`)
	require.Equal(t, websocket.StatusMessageTooBig, kim.closed())
	offering := &websocket.DialOptions{Subprotocols: []string{Subprotocol}, HTTPHeader: http.Header{"Origin": {p.server.URL}}, CompressionMode: websocket.CompressionContextTakeover}
	packed, answer, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(p.server.URL, "http")+"/in/web/socket", offering)
	require.NoError(t, err)
	require.Empty(t, answer.Header.Get("Sec-WebSocket-Extensions"), "nothing is unpacked, so nothing can grow")
	require.NoError(t, packed.CloseNow())
	ws, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(p.server.URL, "http")+"/in/web/socket", &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {p.server.URL}}})
	require.NoError(t, err)
	require.Equal(t, websocket.StatusPolicyViolation, (&client{t, ws}).closed(), "without the subprotocol")
}

func TestLimitsAreAnswered(t *testing.T) { // C-19, C-20
	p := newHouse(t).process(true, Options{MessagePerSecond: 0.01, MessageBurst: 10, OpenPerSecond: 0.01, OpenBurst: 3})
	c := p.openChat()
	kim, _ := p.connect(c, -1)
	const many = 500
	go func() {
		for n := range many {
			kim.send(out{"type": "text", "client_id": fmt.Sprint(n), "text": "again"})
		}
	}()
	answers := map[string]string{}
	for range many + 10 { // and the ten messages themselves
		f := kim.next()
		switch f["type"] {
		case "ack":
			answers[f["client_id"].(string)] = "ack"
		case "error":
			require.Equal(t, "slow_down", f["code"])
			require.Positive(t, f["retry_after"])
			answers[f["client_id"].(string)] = "slow_down"
		}
	}
	require.Len(t, answers, many, "each is answered")
	acked := 0
	for _, a := range answers {
		if a == "ack" {
			acked++
		}
	}
	require.Equal(t, 10, acked)
	for n := range 5 {
		status, got := p.request("POST", "/in/web/sessions", `{}`)
		if n < 2 {
			require.Equal(t, 201, status)
			continue
		}
		require.Equal(t, 429, status)
		require.NotEmpty(t, got["retry-after"])
		require.Equal(t, "too_many_sessions", got["code"])
	}
}

// away is a store whose database is away.
type away struct{ interaction.ChatStore }

func (away) PostChats(context.Context, []interaction.ChatPost) ([]interaction.ChatPosted, error) {
	return nil, interaction.Unavailable("database_away", errors.New("planted: secret host 10.0.0.1"))
}

// K2: what cannot be kept is refused at once, with the client's id, and nothing tells why.
func TestTheDatabaseIsAway(t *testing.T) {
	p := newHouse(t).process(true, Options{}, func(s interaction.ChatStore) interaction.ChatStore { return away{s} })
	c := p.openChat()
	kim, _ := p.connect(c, -1)
	kim.send(out{"type": "text", "client_id": "k", "text": "Hello"})
	require.Equal(t, out{
		"type": "error", "code": "database_away", "client_id": "k", "retry_after": 5.0, "text": "a part of the system is away; try again in a moment",
	}, kim.expect("error"))
}

func TestOpeningIsChecked(t *testing.T) {
	p := newHouse(t).process(true, Options{})
	for body, want := range map[string]struct {
		status int
		code   string
	}{
		`{}`:                      {201, ""},
		`{"key":"short"}`:         {422, "bad_key"},
		`{"page":"javascript:1"}`: {422, "bad_value"},
		`{"nickname":"a\nb"}`:     {422, "bad_value"},
		`{"identities":[{"kind":"email","value":"x"}]}`:          {422, "bad_value"},
		`{"identities":[{"kind":"ssn","value":"1"}]}`:            {422, "bad_value"},
		`{"identities":[{"kind":"phone","value":"+493012345"}]}`: {201, ""},
		`{"data":{"A":"x"}}`:                                     {422, "bad_value"},
		`{"data":{"a":"x\u0000"}}`:                               {422, "bad_value"},
		`[]`:                                                     {422, "bad_json"},
		`{"nickname":` + strings.Repeat(" ", maxBody) + `"x"}`:   {422, "too_long"},
	} {
		status, got := p.request("POST", "/in/web/sessions", body)
		require.Equal(t, want.status, status, "%.100s %v", body, got)
		if want.code != "" {
			require.Equal(t, want.code, got["code"])
		}
	}
	for _, path := range []string{"/in/none/sessions", "/in/support/sessions", "/in/web/nothing"} {
		status, _ := p.request("POST", path, `{}`)
		require.Equal(t, 404, status, path)
	}
}
