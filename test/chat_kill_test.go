package test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/test/wire"
)

// Size of the ordinary run; PARLEY_CHATS asks for another number of conversations and makes it the long form.
const (
	resumedChats     = 20
	resumedKills     = 3
	resumedKillsLong = 20
	resumedTexts     = 40 // of each
	watchedChats     = 20 // over one socket of the supervisor's
	chatPatience     = 10 * time.Second
	chatEntryPoint   = "resume"
)

// resumer is one customer, who is cut off again and again and goes on where he was.
type resumer struct {
	address string
	ticket  wire.ChatTicket
	dice    *rand.Rand

	mu    sync.Mutex
	seen  []wire.ChatMessage
	acked map[string]int64
	wrong error
}

// last is the number of the newest message that he has seen.
func (r *resumer) last() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return last(r.seen)
}

func last(seen []wire.ChatMessage) int64 {
	if len(seen) == 0 {
		return 0
	}
	return seen[len(seen)-1].Number
}

// talk says everything, each thing until it is acknowledged, and then listens until the context ends.
func (r *resumer) talk(ctx context.Context, said func()) {
	next := 0
	for ctx.Err() == nil {
		since := r.last()
		socket, err := wire.DialChat(ctx, r.address, "/in/"+chatEntryPoint+"/socket", wire.ChatFrame{Session: r.ticket.Session, Token: r.ticket.Token, Since: &since})
		if err == nil {
			next = r.converse(ctx, socket, next, said)
			socket.Cut()
		}
		pause(ctx, time.Duration(r.dice.IntN(200))*time.Millisecond)
	}
}

// converse goes on until the connection is lost or thrown away, and gives what is to be said next.
func (r *resumer) converse(ctx context.Context, socket *wire.ChatSocket, next int, said func()) int {
	throwAway := r.dice.IntN(12)
	for {
		if next < resumedTexts {
			if socket.Send(ctx, wire.ChatFrame{Type: "text", ClientID: fmt.Sprint(next), Text: fmt.Sprint("text ", next)}) != nil {
				return next
			}
		}
		for answered := false; !answered; {
			f, err := socket.Next(ctx, chatPatience)
			if err != nil {
				return next
			}
			answered = r.hear(ctx, f, &next)
		}
		if next == resumedTexts {
			said()
			next++
		}
		if throwAway--; throwAway == 0 {
			return next // with what is under way
		}
	}
}

// hear notes a frame and reports whether something can be said.
func (r *resumer) hear(ctx context.Context, f wire.ChatFrame, next *int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case f.Type == "message":
		if f.Message.Number <= last(r.seen) {
			r.wrong = errors.Join(r.wrong, fmt.Errorf("number %d behind %d", f.Message.Number, last(r.seen)))
		}
		r.seen = append(r.seen, *f.Message)
	case f.Type == "ack":
		if had, again := r.acked[f.ClientID]; again && had != f.Number {
			r.wrong = errors.Join(r.wrong, fmt.Errorf("%s was acknowledged as %d and as %d", f.ClientID, had, f.Number))
		}
		r.acked[f.ClientID] = f.Number
		if f.ClientID == fmt.Sprint(*next) {
			*next++
		}
		return true
	case f.Type == "error":
		if f.RetryAfter == 0 {
			r.wrong = errors.Join(r.wrong, fmt.Errorf("%s was refused: %s", f.ClientID, f.Code))
		}
		pause(ctx, time.Duration(f.RetryAfter)*time.Second) // slow down, or a part was away: the same is sent again
		return true
	}
	return false
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// watcher is a supervisor who reads along in some of them, over one socket that breaks as well.
type watcher struct {
	address, token string
	sessions       []string

	mu    sync.Mutex
	seen  map[string][]wire.ChatMessage
	wrong error
}

func (w *watcher) watch(ctx context.Context) {
	for ctx.Err() == nil {
		if socket, err := wire.DialChat(ctx, w.address, "/v1/chats/socket", wire.ChatFrame{Token: w.token}); err == nil {
			w.follow(ctx, socket)
			socket.Cut()
		}
		pause(ctx, 50*time.Millisecond)
	}
}

func (w *watcher) follow(ctx context.Context, socket *wire.ChatSocket) {
	for _, session := range w.sessions {
		w.mu.Lock()
		since := last(w.seen[session])
		w.mu.Unlock()
		if socket.Send(ctx, wire.ChatFrame{Type: "join", Session: session, Mode: "silent", Since: &since}) != nil {
			return
		}
	}
	for n := 0; n < 300; n++ { // and then he comes again
		f, err := socket.Next(ctx, chatPatience)
		if err != nil {
			return
		}
		w.mu.Lock()
		switch f.Type {
		case "message":
			if f.Message.Number != last(w.seen[f.Session])+1 {
				w.wrong = errors.Join(w.wrong, fmt.Errorf("number %d behind %d", f.Message.Number, last(w.seen[f.Session])))
			}
			w.seen[f.Session] = append(w.seen[f.Session], *f.Message)
		case "error":
			n = 300 // a part was away
		}
		w.mu.Unlock()
	}
}

// TestChatsGoOnWhateverIsKilled (E3, in small): connections are cut all the time and parley is killed without warning; what the customer saw, what the
// supervisor saw and what is kept are the same in the end, in order, each thing once, and everything that was acknowledged is there.
func TestChatsGoOnWhateverIsKilled(t *testing.T) {
	needStack(t)
	chats, kills, limit := resumedChats, resumedKills, startLimit
	long := os.Getenv("PARLEY_CHATS")
	if long != "" {
		var err error
		chats, err = strconv.Atoi(long)
		require.NoError(t, err, "PARLEY_CHATS")
		kills, limit = resumedKillsLong, 15*time.Minute
	}
	setup := t.TempDir()
	require.NoError(t, os.CopyFS(setup, os.DirFS(filepath.Join(source, "config", "demo"))))
	require.NoError(t, os.WriteFile(filepath.Join(setup, "zz-resume.yaml"), []byte(
		"queues:\n  - { name: always, group: service }\n"+ // it has no hours: a chat is not closed by the clock on the wall
			"entry_points:\n  - { name: "+chatEntryPoint+", channel: chat, address: resume.example.test, workflow: Chat, queue: always }\n"), 0o600))
	p := newProduct(t, "PARLEY_SETUP="+setup)
	p.start()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	t.Cleanup(func() { cancel(); running.Wait() })

	supervisor := p.person("PARLEY_SUPERVISOR_TOKEN")
	watchers := make([]*watcher, (chats+watchedChats-1)/watchedChats)
	for n := range watchers {
		watchers[n] = &watcher{address: p.http, token: supervisor.Token, seen: map[string][]wire.ChatMessage{}}
	}
	customers := make([]*resumer, chats)
	for n := range customers {
		ticket, err := wire.OpenChat(ctx, p.http, chatEntryPoint, n)
		require.NoError(t, err)
		customers[n] = &resumer{address: p.http, ticket: ticket, acked: map[string]int64{}, dice: rand.New(rand.NewPCG(7, uint64(n)))}
		w := watchers[n/watchedChats]
		w.sessions = append(w.sessions, ticket.Session)
	}
	said := make(chan struct{}, chats)
	for _, w := range watchers {
		running.Go(func() { w.watch(ctx) })
	}
	for _, c := range customers {
		running.Go(func() { c.talk(ctx, func() { said <- struct{}{} }) })
	}
	for n := range kills {
		p.await(limit, "some of the conversations", func(context.Context) error {
			return acknowledged(customers, (n+1)*chats*resumedTexts/(kills+2))
		})
		p.kill(parley)
		p.ready()
	}
	for range customers {
		select {
		case <-said:
		case <-time.After(limit):
			require.Fail(t, "not everything was acknowledged", "%v", acknowledged(customers, chats*resumedTexts))
		}
	}
	for n, c := range customers {
		w := watchers[n/watchedChats]
		p.await(max(stepLimit, limit/4), "all three to be equal", func(ctx context.Context) error { return c.compare(ctx, supervisor, w) })
		require.NoError(t, c.wrong)
		require.NoError(t, w.wrong)
	}
	verdict := fmt.Sprintf("%d conversations, %d texts, %d kills: customers, supervisor and store are equal, in order, 0 lost, 0 doubled", chats, chats*resumedTexts, kills)
	t.Log(verdict)
	if long != "" {
		writeDown(t, "chats.txt", verdict)
	}
}

func acknowledged(customers []*resumer, want int) error {
	have := 0
	for _, c := range customers {
		c.mu.Lock()
		have += len(c.acked)
		wrong := c.wrong
		c.mu.Unlock()
		if wrong != nil {
			return wrong
		}
	}
	if have < want {
		return fmt.Errorf("%d of %d were acknowledged", have, want)
	}
	return nil
}

// compare holds what the customer saw and what the supervisor saw against what is kept.
func (r *resumer) compare(ctx context.Context, supervisor wire.Client, w *watcher) error {
	var kept struct{ Items []wire.ChatMessage }
	if err := supervisor.Call(ctx, http.MethodGet, "/v1/chats/"+r.ticket.Session+"/messages?limit=500", "", nil, &kept); err != nil {
		return err
	}
	w.mu.Lock()
	watched := slices.Clone(w.seen[r.ticket.Session])
	w.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(watched, kept.Items) {
		return fmt.Errorf("the supervisor saw %d messages of %d", len(watched), len(kept.Items))
	}
	shown := slices.DeleteFunc(slices.Clone(kept.Items), func(m wire.ChatMessage) bool { return m.Internal })
	if !slices.Equal(r.seen, shown) {
		return fmt.Errorf("the customer saw %d messages of %d", len(r.seen), len(shown))
	}
	texts := map[string]int{}
	for _, m := range kept.Items {
		texts[m.Text]++
	}
	for n := range resumedTexts {
		text := fmt.Sprint("text ", n)
		if number := r.acked[fmt.Sprint(n)]; texts[text] != 1 || kept.Items[number-1].Text != text {
			return fmt.Errorf("%q is there %d times, and was acknowledged as number %d", text, texts[text], number)
		}
	}
	return nil
}
