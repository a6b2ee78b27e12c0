package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"

	"parley/bench/count"
	"parley/bench/house"
	"parley/interaction"
	"parley/store"
	"parley/test/wire"
)

// Targets of chat (E1, E2, P12, P14). The counts decide; the times are printed.
const (
	mostChatCommits = 1.2 // of one message
	mostChatFlushes = 0.25
	mostChatCPU     = 2   // milliseconds
	mostChatMemory  = 1.4 // times the bare echo server's
)

// Size of the rows.
const (
	chatDatabase  = "chats"
	chatEntry     = "bench"
	chatRate      = 500 // messages a second, over all sessions
	idleConns     = 1000
	mostChatTime  = 200 * time.Millisecond // p99 of the delivery, on a quiet machine
	chatReadLimit = 20 * time.Second
)

// chatRows measure a parley that serves nothing but chats: what a message costs from one end of a session to the other, and what an idle customer's
// connection takes in memory beside the bare echo server of the same library.
func chatRows(ctx context.Context, s *session, t *table) (err error) {
	apart, err := s.house.StartApart(ctx, chatDatabase, "api,adapters")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, apart.Stop()) }()
	kept, err := store.Open(ctx, apart.Database, store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer kept.Close()
	if _, err := kept.Pool().Exec(ctx, `insert into entry_points (name, channel, address, workflow, queue) select $1, 'chat', $1, 'Chat', name from queues limit 1`, chatEntry); err != nil {
		return err
	}
	if err := memoryOfChats(ctx, kept, apart, t); err != nil {
		return err
	}
	idle := s.idle
	s.apart = apart.PID()
	defer func() { s.apart, s.idle = 0, idle }()
	if err := s.rest(ctx); err != nil {
		return err
	}
	talk, err := openTalk(ctx, kept, apart.HTTP, *chats)
	if err != nil {
		return err
	}
	defer talk.close()
	messages := chatRate * *seconds
	c, err := s.explained(ctx, t, messages, chatDatabase, func() (cost, error) {
		return s.measure(ctx, messages, func() (time.Duration, error) {
			came := comeAndGo(ctx, kept, apart.HTTP)
			took, err := talk.run(ctx, messages)
			return took, errors.Join(err, came())
		})
	})
	if err != nil {
		return err
	}
	what := fmt.Sprintf("one of %d chat messages a second in %d sessions: ", chatRate, *chats)
	t.atMost("E1", what+"commits", c.Commits, "", mostChatCommits)
	t.atMost("E1", what+"WAL flushes", c.Flushes, "", mostChatFlushes)
	t.atMost("P12", what+"CPU of server and PostgreSQL", c.sum(partApart, partPostgres), "ms", mostChatCPU)
	slices.Sort(talk.took)
	p50, p99 := talk.took[len(talk.took)/2], talk.took[len(talk.took)*99/100]
	t.show("E1", "of these, lost or doubled", fmt.Sprint(messages-len(talk.took)))
	t.show("E1", fmt.Sprintf("delivery to the other end, p50 / p99 (%v on a quiet machine)", mostChatTime), fmt.Sprintf("%.0f / %.0f ms", ms(p50), ms(p99)))
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// talk is a number of sessions with a socket at each end. Both are listened to from the beginning: who does not answer pings is thrown out.
type talk struct {
	from, to []*wire.ChatSocket
	end      context.CancelFunc
	mu       sync.Mutex
	sent     map[string]time.Time // and not yet come out
	took     []time.Duration
	wrong    error
}

func openTalk(ctx context.Context, kept *store.Store, address string, sessions int) (*talk, error) {
	listening, end := context.WithCancel(ctx)
	k := &talk{sent: map[string]time.Time{}, end: end}
	for range sessions {
		ticket, err := kept.OpenChat(ctx, interaction.NewChat{EntryPoint: chatEntry})
		if err != nil {
			return nil, err
		}
		for _, ends := range []*[]*wire.ChatSocket{&k.from, &k.to} {
			socket, err := wire.DialChat(ctx, address, "/in/"+chatEntry+"/socket", wire.ChatFrame{Session: string(ticket.Session), Token: ticket.Token})
			if err != nil {
				return nil, err
			}
			if f, err := socket.Next(ctx, chatReadLimit); err != nil || f.Type != "welcome" {
				return nil, fmt.Errorf("not welcomed: %+v %w", f, err)
			}
			*ends = append(*ends, socket)
			go k.listen(listening, socket, ends == &k.to)
		}
	}
	return k, nil
}

// listen reads until the talk ends; what comes out at the far end is noted.
func (k *talk) listen(ctx context.Context, socket *wire.ChatSocket, far bool) {
	for {
		f, err := socket.Next(ctx, time.Hour)
		if ctx.Err() != nil {
			return
		}
		k.mu.Lock()
		if err != nil {
			k.wrong = errors.Join(k.wrong, err)
		} else if far && f.Type == "message" {
			k.note(f.Message.Text)
		}
		k.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// note is called, under the lock, with what came out.
func (k *talk) note(text string) {
	at, known := k.sent[text]
	if !known {
		k.wrong = errors.Join(k.wrong, fmt.Errorf("%q came again", text))
		return
	}
	k.took = append(k.took, time.Since(at))
	delete(k.sent, text)
}

// comeAndGo has customers open a conversation, connect, and end it, -chat-opens of them a second, until the function that it gives is called.
func comeAndGo(ctx context.Context, kept *store.Store, address string) (stop func() error) {
	if *opens == 0 {
		return func() error { return nil }
	}
	ctx, cancel := context.WithCancel(ctx)
	var group errgroup.Group
	group.Go(func() error {
		ticker := time.NewTicker(time.Second / time.Duration(*opens))
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
			}
			group.Go(func() error {
				whole := context.WithoutCancel(ctx)
				talk, err := openTalk(whole, kept, address, 1)
				if err != nil {
					return err
				}
				defer talk.close()
				return talk.from[0].Send(whole, wire.ChatFrame{Type: "end"})
			})
		}
	})
	return func() error {
		cancel()
		return group.Wait()
	}
}

func (k *talk) close() {
	k.end()
	for _, s := range slices.Concat(k.from, k.to) {
		s.Cut()
	}
}

// run sends the messages at their rate, each from the next session's one end, and ends when all have come out at the other.
func (k *talk) run(ctx context.Context, messages int) (time.Duration, error) {
	begun := time.Now()
	ticker := time.NewTicker(time.Second / chatRate)
	defer ticker.Stop()
	for n := range messages {
		<-ticker.C
		id := fmt.Sprint("m", n)
		k.mu.Lock()
		k.sent[id] = time.Now()
		k.mu.Unlock()
		if err := k.from[n%len(k.from)].Send(ctx, wire.ChatFrame{Type: "text", ClientID: id, Text: id}); err != nil {
			return 0, err
		}
	}
	err := wire.Within(ctx, chatReadLimit, func(context.Context) error {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.wrong == nil && len(k.sent) > 0 {
			return fmt.Errorf("%d messages did not come out", len(k.sent))
		}
		return nil
	})
	k.mu.Lock()
	defer k.mu.Unlock()
	return time.Since(begun), errors.Join(err, k.wrong)
}

// memoryOfChats compares what idle connections take.
func memoryOfChats(ctx context.Context, kept *store.Store, apart *house.Apart, t *table) error {
	echo, err := startEcho(ctx)
	if err != nil {
		return err
	}
	defer echo.stop()
	bare, err := grows(echo.command.Process.Pid, func() (func(), error) { return connectEcho(ctx, echo.address) })
	if err != nil {
		return err
	}
	ours, err := grows(apart.PID(), func() (func(), error) {
		k, err := openTalk(ctx, kept, apart.HTTP, idleConns/2)
		if err != nil {
			return nil, err
		}
		return k.close, nil
	})
	if err != nil {
		return err
	}
	t.atMost("E2", fmt.Sprintf("memory of an idle customer's connection, of %d, in bare echo connections (also P14)", idleConns), ours/bare, "", mostChatMemory)
	t.show("E2", "of that, ours / bare", fmt.Sprintf("%.1f / %.1f kB", ours/1e3, bare/1e3))
	return nil
}

// grows gives the bytes that a process grows by for one of the connections.
func grows(pid int, connect func() (func(), error)) (float64, error) {
	before, err := count.Memory(pid)
	if err != nil {
		return 0, err
	}
	closeAll, err := connect()
	if err != nil {
		return 0, err
	}
	defer closeAll()
	time.Sleep(count.SettleTime)
	after, err := count.Memory(pid)
	return float64(after-before) / idleConns, err
}

// echoServer is the bare server, a process of its own: this program, asked to be that.
type echoServer struct {
	command *exec.Cmd
	address string
}

func startEcho(ctx context.Context) (*echoServer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ports, err := wire.Ports(ctx, 1)
	if err != nil {
		return nil, err
	}
	e := &echoServer{exec.CommandContext(ctx, self, "-echo", ports[0]), ports[0]}
	if err := e.command.Start(); err != nil {
		return nil, err
	}
	return e, wire.Within(ctx, chatReadLimit, func(context.Context) error {
		c, err := net.Dial("tcp", e.address)
		if err == nil {
			err = c.Close()
		}
		return err
	})
}

func (e *echoServer) stop() {
	_ = e.command.Process.Kill()
	_ = e.command.Wait()
}

func connectEcho(ctx context.Context, address string) (func(), error) {
	var all []*websocket.Conn
	for range idleConns {
		ws, _, err := websocket.Dial(ctx, "ws://"+address, nil) //nolint:bodyclose // the library closes it
		if err != nil {
			return nil, err
		}
		all = append(all, ws)
		if err := ws.Write(ctx, websocket.MessageText, []byte("hello")); err != nil {
			return nil, err
		}
		if _, _, err := ws.Read(ctx); err != nil {
			return nil, err
		}
	}
	return func() {
		for _, ws := range all {
			_ = ws.CloseNow()
		}
	}, nil
}

// serveEcho gives back whatever it gets, as the library's own example does, until the context ends.
func serveEcho(ctx context.Context, address string) error {
	server := &http.Server{Addr: address, ReadHeaderTimeout: chatReadLimit, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = ws.CloseNow() }()
		for {
			kind, data, err := ws.Read(ctx)
			if err != nil || ws.Write(ctx, kind, data) != nil {
				return
			}
		}
	})}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.ListenAndServe(); !strings.Contains(err.Error(), http.ErrServerClosed.Error()) {
		return err
	}
	return nil
}
