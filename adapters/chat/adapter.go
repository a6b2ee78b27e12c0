package chat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/coder/websocket"

	"parley/interaction"
	"parley/lib/pace"
)

// Accounts knows who holds an agent's token.
type Accounts interface {
	ActorByToken(ctx context.Context, hash []byte) (interaction.Actor, error)
	Actors(ctx context.Context, tokens []interaction.ID) (map[interaction.ID]interaction.Actor, error)
}

// Options set an Adapter up; zero values mean the defaults.
type Options struct {
	Log *slog.Logger
	// Secret reads a secret from the place that configuration names; nil: there are none, and nobody can prove who he is.
	Secret func(place string) (string, error)
	// Address tells where a request comes from; nil: from its connection.
	Address func(*http.Request) netip.Addr

	OpenPerSecond    float64 // sessions that one address may open; 0.5
	OpenBurst        int     // 30
	MessagePerSecond float64 // of a session's customer; 5
	MessageBurst     int     // 20
	AgentPerSecond   float64 // messages of one agent's connection; 50
	AgentBurst       int     // 100

	PingInterval time.Duration // 20 s; a connection that does not answer is found within twice this
}

// Adapter is the way in and out of chats. It implements interaction.HTTPAdapter.
type Adapter struct {
	opts     Options
	log      *slog.Logger
	store    interaction.ChatStore
	accounts Accounts
	hub      *hub
	writer   *writer
	marks    marks
	opens    *pace.Limits
	guesses  *pace.Limits // tokens and secrets that were wrong
	web      *http.ServeMux
	settings settingsCache

	base context.Context // of all that is done for connections; its end cuts them off
	cut  context.CancelFunc

	mu       sync.Mutex
	conns    map[*conn]*desk // nil for a customer's
	stopping bool
	served   sync.WaitGroup
}

var (
	_ interaction.HTTPAdapter = (*Adapter)(nil)
	_ interaction.Adapter     = (*Adapter)(nil)
)

// New checks the options. The base context ends everything at once; Stop does it in order.
func New(base context.Context, opts Options, store interaction.ChatStore, accounts Accounts) (*Adapter, error) {
	if store == nil || accounts == nil {
		return nil, errors.New("chat adapter: needs a store and accounts")
	}
	for _, n := range []struct {
		name  string
		value *float64
		usual float64
	}{{"OpenPerSecond", &opts.OpenPerSecond, 0.5}, {"MessagePerSecond", &opts.MessagePerSecond, 5}, {"AgentPerSecond", &opts.AgentPerSecond, 50}} {
		if *n.value < 0 {
			return nil, fmt.Errorf("chat adapter: %s is negative", n.name)
		}
		if *n.value == 0 {
			*n.value = n.usual
		}
	}
	for value, usual := range map[*int]int{&opts.OpenBurst: 30, &opts.MessageBurst: 20, &opts.AgentBurst: 100} {
		if *value <= 0 {
			*value = usual
		}
	}
	if opts.PingInterval <= 0 {
		opts.PingInterval = 20 * time.Second
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	if opts.Address == nil {
		opts.Address = remote
	}
	a := &Adapter{
		opts: opts, log: opts.Log, store: store, accounts: accounts, writer: newWriter(store, opts.Log),
		opens: pace.New(opts.OpenPerSecond, opts.OpenBurst), guesses: pace.New(1.0/6, 20), conns: map[*conn]*desk{},
	}
	a.base, a.cut = context.WithCancel(base)
	a.hub = newHub(a.base, store, opts.Log)
	a.web = a.routes()
	return a, nil
}

// Appended is to be called behind every commit that appends to chats, here or in another process.
func (a *Adapter) Appended(list []interaction.ChatAppended) { a.hub.appended(list) }

// Noticed is to be called with every notice.
func (a *Adapter) Noticed(n interaction.ChatNotice) { a.hub.noticed(n) }

// Start lets messages be written and connections be watched, until Stop. The context is needed for that only.
func (a *Adapter) Start(context.Context) error {
	a.served.Go(func() { a.writer.run(a.base) })
	a.served.Go(func() { a.keep(a.base) })
	return nil
}

// Stop takes no more connections, tells all there are to come again, and writes what was taken. It may be called twice.
func (a *Adapter) Stop(ctx context.Context) error {
	a.mu.Lock()
	a.stopping = true
	conns := make([]*conn, 0, len(a.conns))
	for c := range a.conns {
		conns = append(conns, c)
	}
	a.mu.Unlock()
	for _, c := range conns {
		c.send(encode(byeFrame{Type: "bye", Code: "restarting"}))
		c.close(websocket.StatusServiceRestart, "resume by number")
	}
	gone := make(chan struct{})
	go func() {
		for _, c := range conns {
			select {
			case <-c.base.Done():
			case <-a.base.Done():
			}
		}
		a.cut()
		a.served.Wait()
		close(gone)
	}()
	patience, cancel := context.WithTimeout(ctx, 3*time.Second) // for clients that do not say goodbye
	defer cancel()
	select {
	case <-gone:
		return nil
	case <-patience.Done():
		a.cut()
	}
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("chat adapter: messages were still being written: %w", ctx.Err())
	}
}

// enter counts a connection; false: the adapter is stopping.
func (a *Adapter) enter(c *conn, d *desk) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopping {
		return false
	}
	a.conns[c] = d
	return true
}

func (a *Adapter) leave(c *conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.conns, c)
}

func (a *Adapter) isStopping() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.stopping
}

// accept upgrades a request whose origin is right.
func (a *Adapter) accept(w http.ResponseWriter, r *http.Request) (*conn, bool) {
	if a.isStopping() {
		a.problem(w, interaction.Unavailable("restarting", nil))
		return nil, false
	}
	if a.guesses.Spent(a.opts.Address(r), time.Now()) {
		a.problem(w, &interaction.Error{Kind: interaction.KindTooMany, Code: "too_many_tries", Text: "too many wrong tokens came from your address; wait a moment", RetryAfter: 10})
		return nil, false
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols: []string{Subprotocol}, InsecureSkipVerify: true, // the origin was checked against the entry point's list
	})
	if err != nil {
		return nil, false // Accept has answered
	}
	c := newConn(a.base, ws, a.opts.PingInterval)
	if ws.Subprotocol() != Subprotocol {
		c.close(websocket.StatusPolicyViolation, "ask for the subprotocol "+Subprotocol)
		return nil, false
	}
	return c, true
}

// settingsCache remembers the policies of entry points for a moment.
type settingsCache struct {
	mu    sync.Mutex
	known map[string]cachedSettings
}

type cachedSettings struct {
	settings interaction.ChatSettings
	at       time.Time
}

// settingsTime is how long policies are believed without looking again; one that is disabled goes on for so long.
const settingsTime = time.Second

func (a *Adapter) policies(ctx context.Context, entryPoint string) (interaction.ChatSettings, error) {
	now := time.Now()
	a.settings.mu.Lock()
	cached, ok := a.settings.known[entryPoint]
	a.settings.mu.Unlock()
	if ok && now.Sub(cached.at) < settingsTime {
		return cached.settings, nil
	}
	found, err := a.store.ChatSettings(ctx, entryPoint)
	if err != nil {
		return found, err
	}
	a.settings.mu.Lock()
	defer a.settings.mu.Unlock()
	if a.settings.known == nil {
		a.settings.known = map[string]cachedSettings{}
	}
	a.settings.known[entryPoint] = cachedSettings{found, now}
	return found, nil
}
