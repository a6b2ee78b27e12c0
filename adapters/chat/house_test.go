package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/lib/auth"
	"parley/store/storetest"
)

// chats is what the tests need of a store beside what the adapter needs.
type chats interface {
	interaction.ChatStore
	Accounts
	OpenTask(ctx context.Context, a interaction.Ask) (interaction.ID, error)
	Claim(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.Task, error)
	Release(ctx context.Context, by interaction.Actor, id interaction.ID, version int64) error
	CreateToken(ctx context.Context, by interaction.Actor, n interaction.NewToken) (interaction.ID, error)
	RevokeToken(ctx context.Context, by interaction.Actor, id interaction.ID) error
	InteractionEvents(ctx context.Context, id interaction.ID) ([]interaction.Event, error)
}

// house is a database with a small house, and what the tests do in it.
type house struct {
	t      *testing.T
	exec   func(sql string, args ...any)
	person func(login string) interaction.Actor
	open   func(deaf bool, chats func([]interaction.ChatAppended), notice func(interaction.ChatNotice)) chats
}

func newHouse(t *testing.T) *house {
	s := storetest.Bare(t)
	return &house{
		t: t, person: func(login string) interaction.Actor { return storetest.Person(t, s, login) },
		exec: func(sql string, args ...any) {
			_, err := s.Pool().Exec(t.Context(), sql, args...)
			require.NoError(t, err)
		},
		open: func(deaf bool, chats func([]interaction.ChatAppended), notice func(interaction.ChatNotice)) chats {
			return storetest.Process(t, s, deaf, chats, notice)
		},
	}
}

// process is one process of the house that serves chats.
type process struct {
	*house
	store   chats
	adapter *Adapter
	server  *httptest.Server
}

// process starts one; deaf ones neither tell others nor hear them. around may put something between the adapter and its store.
func (h *house) process(deaf bool, opts Options, around ...func(interaction.ChatStore) interaction.ChatStore) *process {
	p := &process{house: h}
	ready := make(chan struct{})
	p.store = h.open(deaf, func(list []interaction.ChatAppended) { <-ready; p.adapter.Appended(list) }, func(n interaction.ChatNotice) { <-ready; p.adapter.Noticed(n) })
	opts.Log = slog.New(slog.DiscardHandler)
	if opts.OpenBurst == 0 {
		opts.OpenBurst = 1000
	}
	var kept interaction.ChatStore = p.store
	for _, f := range around {
		kept = f(kept)
	}
	var err error
	p.adapter, err = New(context.WithoutCancel(h.t.Context()), opts, kept, p.store)
	require.NoError(h.t, err)
	close(ready)
	require.NoError(h.t, p.adapter.Start(h.t.Context()))
	mux := http.NewServeMux()
	mux.Handle("/v1/chats/socket", p.adapter.AgentSocket())
	mux.HandleFunc("/in/{entry}/", func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("entry")
		http.StripPrefix("/in/"+name, p.adapter.Handler(name)).ServeHTTP(w, r)
	})
	p.server = httptest.NewServer(mux)
	h.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(h.t.Context()), 10*time.Second)
		defer cancel()
		_ = p.adapter.Stop(ctx)
		p.server.CloseClientConnections()
		p.server.Close()
	})
	return p
}

// request sends one as a page of this server does.
func (p *process) request(method, path, body string, headers ...string) (int, map[string]any) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.server.URL+path, strings.NewReader(body))
	require.NoError(p.t, err)
	r.Header.Set("Origin", p.server.URL)
	for n := 0; n < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(p.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(p.t, err)
	out := map[string]any{"retry-after": resp.Header.Get("Retry-After")}
	if strings.Contains(resp.Header.Get("Content-Type"), "json") {
		require.NoError(p.t, json.Unmarshal(raw, &out), "%s", raw)
	} else {
		out["bytes"] = string(raw)
	}
	return resp.StatusCode, out
}

// ticket is what a customer holds.
type ticket struct{ session, token string }

func (c ticket) id() interaction.ID { return interaction.ID(c.session) }

func (p *process) openChat() ticket {
	p.t.Helper()
	status, out := p.request("POST", "/in/web/sessions", `{"nickname":"Kim"}`)
	require.Equal(p.t, 201, status, out)
	return ticket{out["session"].(string), out["token"].(string)}
}

// answered gives the session an agent who holds its task, and the agent's token.
func (p *process) answered(c ticket, login string) (who interaction.Actor, token string, task interaction.ID) {
	p.t.Helper()
	who = p.person(login)
	task, err := p.store.OpenTask(p.t.Context(), interaction.Ask{Interaction: c.id(), Step: "ask", Kind: interaction.TaskHandle})
	require.NoError(p.t, err)
	_, err = p.store.Claim(p.t.Context(), who, task)
	require.NoError(p.t, err)
	return who, p.token(who), task
}

func (p *process) token(who interaction.Actor) string {
	p.t.Helper()
	token, hash := auth.NewToken()
	_, err := p.store.CreateToken(p.t.Context(), interaction.System, interaction.NewToken{Agent: who.Agent, Kind: interaction.TokenAPI, Hash: hash[:]})
	require.NoError(p.t, err)
	return token
}

// client is one end of a socket.
type client struct {
	t  *testing.T
	ws *websocket.Conn
}

type out = map[string]any

func (p *process) dial(path string) *client {
	p.t.Helper()
	ws, resp, err := websocket.Dial(p.t.Context(), "ws"+strings.TrimPrefix(p.server.URL, "http")+path, &websocket.DialOptions{
		Subprotocols: []string{Subprotocol}, HTTPHeader: http.Header{"Origin": {p.server.URL}},
	})
	require.NoError(p.t, err, "%v", resp)
	ws.SetReadLimit(1 << 20)
	p.t.Cleanup(func() { _ = ws.CloseNow() })
	return &client{p.t, ws}
}

// connect gives a customer's socket that was welcomed; since below 0 is none.
func (p *process) connect(c ticket, since int64) (*client, out) {
	p.t.Helper()
	client := p.dial("/in/web/socket")
	hello := out{"type": "hello", "session": c.session, "token": c.token}
	if since >= 0 {
		hello["since"] = since
	}
	client.send(hello)
	return client, client.expect("welcome")
}

// desk gives an agent's socket that is in the session.
func (p *process) desk(token string, c ticket, since int64) *client {
	p.t.Helper()
	client := p.dial("/v1/chats/socket")
	client.send(out{"type": "hello", "token": token})
	client.expect("welcome")
	client.send(out{"type": "join", "session": c.session, "since": since})
	require.Equal(p.t, c.session, client.expect("welcome")["session"])
	return client
}

func (c *client) send(f out) {
	c.t.Helper()
	b, err := json.Marshal(f)
	require.NoError(c.t, err)
	c.raw(string(b))
}

func (c *client) raw(s string) {
	c.t.Helper()
	require.NoError(c.t, c.ws.Write(c.t.Context(), websocket.MessageText, []byte(s)))
}

// next gives the next frame.
func (c *client) next() out {
	c.t.Helper()
	f, err := c.read(20 * time.Second)
	require.NoError(c.t, err)
	return f
}

func (c *client) read(patience time.Duration) (out, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	_, b, err := c.ws.Read(ctx)
	if err != nil {
		return nil, err
	}
	var f out
	return f, json.Unmarshal(b, &f)
}

// expect gives the next frame of a type; notices of other types in between are left out.
func (c *client) expect(kind string) out {
	c.t.Helper()
	for {
		f := c.next()
		if f["type"] == kind {
			return f
		}
		switch f["type"] {
		case "typing", "read", "presence", "position", "pong":
		case "message", "ack":
			if kind == "ack" || kind == "error" || kind == "bye" || kind == "pong" {
				continue
			}
			if f["type"] == "ack" {
				continue
			}
			c.t.Fatalf("got %v, want %s", f, kind)
		default:
			c.t.Fatalf("got %v, want %s", f, kind)
		}
	}
}

// hears reads messages and checks that they are these, as "number kind text".
func (c *client) hears(want ...string) {
	c.t.Helper()
	for _, w := range want {
		m := c.expect("message")["message"].(out)
		text, _ := m["text"].(string)
		require.Equal(c.t, w, fmt.Sprintf("%v %v %s", m["number"], m["kind"], text))
	}
}

// closed reads on until the connection ends and gives its code.
func (c *client) closed() websocket.StatusCode {
	c.t.Helper()
	for {
		if _, err := c.read(30 * time.Second); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}
