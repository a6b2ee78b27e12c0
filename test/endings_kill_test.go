package test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/test/wire"
)

// Size of the ordinary run; PARLEY_ENDINGS asks for another number of conversations and makes it the long form.
const (
	endings         = 24
	endingsKills    = 2
	endingsAtOnce   = 8
	endingsPerKill  = 100 // of the long form
	endingPatience  = 20 * time.Second
	endingsSettings = `queues:
  - { name: always, group: service }
entry_points:
  - { name: endings, channel: chat, address: endings.example.test, workflow: Chat, queue: always, chat: { mail: support, when_gone: stop, when_nobody: stop } }
  - { name: idle, channel: chat, address: idle.example.test, workflow: Chat, queue: always, chat: { mail: support, alert_seconds: 2, close_seconds: 2, wrap_up_seconds: 1 } }
  - { name: waiting, channel: chat, address: waiting.example.test, workflow: Chat, queue: always, chat: { mail: support, when_gone: stop, when_nobody: stop, wait_seconds: 5 } }
`
)

// endingOf is a conversation that ends in one of the ways in which they do.
type endingOf struct {
	p      *product
	agent  wire.Client
	nth    int
	by     string // agent, customer, inactivity, or nobody: he is gone, and nobody came
	tries  int    // times that it was opened: one may end by the clock while all is down, before anything was said
	ticket wire.ChatTicket
}

func (e *endingOf) address() string {
	return fmt.Sprintf("customer-%d-%d@endings.test", e.nth, e.tries)
}

func (e *endingOf) entryPoint() string {
	switch e.by {
	case "inactivity":
		return "idle"
	case "nobody":
		return "waiting"
	}
	return "endings"
}

// run brings the conversation to its end, whatever dies meanwhile: each step is made again until it is known to be done.
func (e *endingOf) run(ctx context.Context) error {
	steps := []func(context.Context) error{e.ask}
	switch e.by {
	case "customer":
		steps = append(steps, e.leave)
	case "agent":
		steps = append(steps, e.claim, e.complete)
	case "inactivity":
		steps = append(steps, e.claim)
	}
	for _, step := range steps {
		if err := wire.Within(ctx, startLimit, step); err != nil {
			return fmt.Errorf("conversation %d (%s): %w", e.nth, e.by, err)
		}
	}
	return nil
}

// errOver is what is made of a conversation that is over already.
var errOver = errors.New("the conversation is over")

// ask opens the conversation and says where its transcript is to be mailed, and something. Frames are taken in their order, so what was answered tells that all before
// it was taken.
func (e *endingOf) ask(ctx context.Context) (err error) {
	if e.ticket.Session == "" {
		e.tries++
		if e.ticket, err = wire.OpenChat(ctx, e.p.http, e.entryPoint(), e.nth); err != nil {
			return err
		}
	}
	err = e.say(ctx, "ack", wire.ChatFrame{Type: "transcript", Email: e.address()}, wire.ChatFrame{Type: "text", ClientID: "1", Text: "It leaks."})
	if errors.Is(err, errOver) {
		e.ticket = wire.ChatTicket{}
	}
	return err
}

func (e *endingOf) leave(ctx context.Context) error {
	if err := e.say(ctx, "bye", wire.ChatFrame{Type: "end"}); !errors.Is(err, errOver) {
		return err
	}
	return nil
}

// say sends frames over a connection of their own and waits for the answer to the last.
func (e *endingOf) say(ctx context.Context, answer string, frames ...wire.ChatFrame) error {
	socket, err := wire.DialChat(ctx, e.p.http, "/in/"+e.entryPoint()+"/socket", wire.ChatFrame{Session: e.ticket.Session, Token: e.ticket.Token})
	if err != nil {
		return err
	}
	defer socket.Cut()
	for _, f := range frames {
		if err := socket.Send(ctx, f); err != nil {
			return err
		}
	}
	for {
		switch f, err := socket.Next(ctx, endingPatience); {
		case err != nil:
			return err
		case f.Type == answer:
			return nil
		case f.Type == "bye" && f.Code == "ended" || f.Type == "error" && f.RetryAfter == 0:
			return fmt.Errorf("%w: %s %s", errOver, f.Type, f.Code)
		case f.Type == "error":
			return errors.New(f.Code)
		}
	}
}

// task gives the conversation's task; none where it has ended.
func (e *endingOf) task(ctx context.Context) (task wire.Task, err error) {
	var i wire.Interaction
	if err := e.agent.Call(ctx, http.MethodGet, "/v1/interactions/"+e.ticket.Session, "", nil, &i); err != nil {
		return task, err
	}
	for _, t := range i.Tasks {
		if t.Kind == "handle" {
			return t, nil
		}
	}
	if i.State != "stopped" {
		return task, fmt.Errorf("it is %s, and has no task", i.State)
	}
	return task, nil
}

func (e *endingOf) claim(ctx context.Context) error {
	task, err := e.task(ctx)
	if err != nil || task.ID == "" || task.State == "held" {
		return err
	}
	return e.agent.Call(ctx, http.MethodPost, "/v1/tasks/"+task.ID+"/claim", "", nil, nil)
}

func (e *endingOf) complete(ctx context.Context) error {
	task, err := e.task(ctx)
	if err != nil || task.ID == "" {
		return err
	}
	return e.agent.Call(ctx, http.MethodPost, "/v1/tasks/"+task.ID+"/complete", "", map[string]any{"disposition": "no_answer_needed"}, nil)
}

// kept waits for the end and gives what was kept as transcripts.
func (e *endingOf) kept(ctx context.Context, by wire.Client) (transcripts []wire.Message, err error) {
	err = wire.Within(ctx, startLimit, func(ctx context.Context) error {
		transcripts = nil
		var i wire.Interaction
		if err := by.Call(ctx, http.MethodGet, "/v1/interactions/"+e.ticket.Session, "", nil, &i); err != nil {
			return err
		}
		if i.State != "stopped" {
			return fmt.Errorf("conversation %d (%s) is %s", e.nth, e.by, i.State)
		}
		all, err := by.Messages(ctx, e.ticket.Session)
		for _, m := range all {
			if m.Kind == "transcript" {
				transcripts = append(transcripts, m)
			}
		}
		return err
	})
	return transcripts, err
}

// TestTranscriptsAreKeptAndMailedOnce (E6, in small): conversations end by their agent, their customer, inactivity and because nobody came, while parley, PostgreSQL and
// Temporal are killed; each has one transcript, which was mailed once, or is listed as unknown where a kill met the moment behind the final dot.
func TestTranscriptsAreKeptAndMailedOnce(t *testing.T) {
	needStack(t)
	count, kills, long := endings, endingsKills, os.Getenv("PARLEY_ENDINGS")
	if long != "" {
		var err error
		count, err = strconv.Atoi(long)
		require.NoError(t, err, "PARLEY_ENDINGS")
		kills = max(kills, count/endingsPerKill)
	}
	setup := t.TempDir()
	require.NoError(t, os.CopyFS(setup, os.DirFS(filepath.Join(source, "config", "demo"))))
	require.NoError(t, os.WriteFile(filepath.Join(setup, "zz-endings.yaml"), []byte(endingsSettings), 0o600))
	p := newProduct(t, "PARLEY_SETUP="+setup)
	p.start()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	t.Cleanup(func() { cancel(); running.Wait() })

	agents := []wire.Client{p.person("PARLEY_AGENT_TOKEN"), p.person("PARLEY_AGENT2_TOKEN")}
	ways := []string{"agent", "customer", "inactivity", "nobody"}
	all := make([]*endingOf, count)
	places, said := make(chan struct{}, endingsAtOnce), make(chan error, count)
	for n := range all {
		all[n] = &endingOf{p: p, agent: agents[n/len(ways)%len(agents)], nth: n, by: ways[n%len(ways)]}
	}
	running.Go(func() {
		for _, e := range all {
			places <- struct{}{}
			running.Go(func() {
				err := e.run(ctx)
				<-places
				said <- err
			})
		}
	})
	next := count / (kills + 1)
	killed := 0
	for n := range count {
		require.NoError(t, <-said)
		if n+1 >= next && killed < kills {
			p.kill([]victim{parley, everything}[killed%2])
			killed++
			next += count / (kills + 1)
		}
	}
	p.ready()

	supervisor := p.person("PARLEY_SUPERVISOR_TOKEN")
	unknown := map[string]bool{}
	for _, e := range all {
		transcripts, err := e.kept(ctx, supervisor)
		require.NoError(t, err)
		require.Len(t, transcripts, 1, "%s %s", e.by, e.ticket.Session)
		require.NotNil(t, transcripts[0].Send, "%s %s", e.by, e.ticket.Session)
		require.Contains(t, []string{"sent", "unknown"}, transcripts[0].Send.State)
		unknown[e.address()] = transcripts[0].Send.State == "unknown"
	}
	mailed := map[string]int{}
	for _, d := range p.sink.All() {
		for _, to := range d.To {
			mailed[to]++
		}
	}
	doubtful := 0
	for address, open := range unknown {
		if open {
			doubtful++
			require.LessOrEqual(t, mailed[address], 1, address)
			continue
		}
		require.Equal(t, 1, mailed[address], address)
	}
	verdict := fmt.Sprintf("%d conversations ended in four ways, %d kills: one transcript each, mailed once; %d listed as unknown", count, killed, doubtful)
	t.Log(verdict)
	if long != "" {
		writeDown(t, "endings.txt", verdict)
	}
}
