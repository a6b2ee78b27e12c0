package test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/test/wire"
)

// The lines of a delivery at which a receiver can fall silent, in their order. Up to the text nothing was sent; behind the final dot nobody but the receiver knows.
var dialogue = []string{"greeting", "EHLO", "MAIL", "RCPT", "DATA", "text", "dot", "yes"}

// stubborn is a smart host whose n-th connection falls silent at the n-th line, until it is let go on; those behind them are served well.
type stubborn struct {
	pause time.Duration // before each yes to a mail

	mu     sync.Mutex
	conns  int
	silent map[string]bool // lines at which a connection waits now
	copies map[string]int  // mails that arrived whole, by recipient
	put    map[string]bool // recipients who were put off once
	gone   chan struct{}   // closed: nobody is silent any more
}

func newStubborn(t *testing.T, silent bool) (*stubborn, string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &stubborn{silent: map[string]bool{}, copies: map[string]int{}, put: map[string]bool{}, gone: make(chan struct{})}
	if !silent {
		close(r.gone)
	}
	var sessions sync.WaitGroup
	sessions.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			at := ""
			if r.conns < len(dialogue) {
				at = dialogue[r.conns]
			}
			r.conns++
			r.mu.Unlock()
			sessions.Go(func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(5 * time.Minute))
				r.serve(conn, at)
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		r.letGo()
		sessions.Wait()
	})
	return r, ln.Addr().String()
}

func (r *stubborn) letGo() {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.gone:
	default:
		close(r.gone)
	}
}

// wait falls silent where the connection is to.
func (r *stubborn) wait(line, at string) {
	if line != at {
		return
	}
	r.mu.Lock()
	r.silent[line] = true
	gone := r.gone
	r.mu.Unlock()
	<-gone
}

func (r *stubborn) serve(conn net.Conn, at string) {
	in := bufio.NewReader(conn)
	say := func(line, answer string) bool {
		r.wait(line, at)
		_, err := fmt.Fprint(conn, answer+"\r\n")
		return err == nil
	}
	ok := say("greeting", "220 receiver")
	to := ""
	for ok {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch verb = strings.ToUpper(verb); verb {
		case "EHLO":
			ok = say(verb, "250 receiver")
		case "RCPT":
			to = strings.Trim(strings.TrimPrefix(rest, "TO:"), "<>")
			if r.putOff(to) {
				ok = say(verb, "451 4.3.0 not now")
				break
			}
			ok = say(verb, "250 ok")
		case "DATA":
			if ok = say(verb, "354 go on"); ok {
				ok = r.take(in, to, at) && say("dot", "250 ok")
				if at == "yes" { // the answer is out; the other side may have written it down or not
					r.mu.Lock()
					r.silent[at] = true
					r.mu.Unlock()
				}
			}
		case "QUIT":
			return
		default:
			ok = say(verb, "250 ok")
		}
	}
}

// putOff reports whether a recipient is told to come again: those who are called so, once.
func (r *stubborn) putOff(to string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !strings.HasPrefix(to, "later") || r.put[to] {
		return false
	}
	r.put[to] = true
	return true
}

// take reads a mail; one whose final dot came has arrived.
func (r *stubborn) take(in *bufio.Reader, to, at string) bool {
	for n := 0; ; n++ {
		line, err := in.ReadString('\n')
		if err != nil {
			return false
		}
		if n == 0 {
			r.wait("text", at)
		}
		if line == ".\r\n" {
			<-time.After(r.pause)
			r.mu.Lock()
			r.copies[to]++
			r.mu.Unlock()
			return true
		}
	}
}

// arrived is how many copies there are of all mails together.
func (r *stubborn) arrived() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.copies {
		n += c
	}
	return n
}

// written is a message to a customer, begun by an agent.
type written struct{ to, interaction string }

// write has an agent write to so many customers first, and his senior agree.
func (p *product) write(ann, sue wire.Client, n int, name func(n int) string) (list []written) {
	p.t.Helper()
	for i := range n {
		var begun wire.Interaction
		to := name(i) + "@customers.example.test"
		p.call(ann, http.MethodPost, "/v1/interactions", map[string]any{
			"entry_point": "support", "to": map[string]string{"address": to}, "subject": "News", "text": "Your kettle is back, " + name(i) + ".",
		}, &begun)
		list = append(list, written{to, begun.ID})
	}
	agreed := map[string]bool{}
	p.await(startLimit, "all to be reviewed", func(ctx context.Context) error {
		reviews, err := wire.List[wire.Task](ctx, sue, "/v1/reviews", nil)
		if err != nil {
			return err
		}
		for _, r := range reviews {
			if !agreed[r.ID] && sue.Call(ctx, http.MethodPost, "/v1/reviews/"+r.ID+"/decision", "", map[string]any{"decision": "approve"}, nil) == nil {
				agreed[r.ID] = true
			}
		}
		if len(agreed) < n {
			return fmt.Errorf("%d of %d", len(agreed), n)
		}
		return nil
	})
	return list
}

// outcomes waits until every message was sent, or is listed as one that nobody knows of, and checks that no customer has it twice and none lacks it that was sent.
func (p *product) outcomes(by wire.Client, r *stubborn, list []written) (sent, unknown map[string]bool) {
	p.t.Helper()
	sent, unknown = map[string]bool{}, map[string]bool{}
	p.await(startLimit, "all outcomes", func(ctx context.Context) error {
		for _, w := range list {
			if sent[w.to] || unknown[w.to] {
				continue
			}
			messages, err := by.Messages(ctx, w.interaction)
			if err != nil {
				return err
			}
			switch state := stateOfSend(messages); state {
			case "sent":
				sent[w.to] = true
			case "unknown":
				unknown[w.to] = true
			default:
				return fmt.Errorf("the message to %s is %q", w.to, state)
			}
		}
		return nil
	})
	p.await(stepLimit, "somebody to be asked about each that nobody knows of", func(ctx context.Context) error {
		settle, err := wire.List[wire.Task](ctx, by, "/v1/tasks", map[string][]string{"kind": {"settle"}})
		asked := map[string]bool{}
		for _, task := range settle {
			asked[task.InteractionID] = true
		}
		for _, w := range list {
			if err == nil && unknown[w.to] && !asked[w.interaction] {
				err = fmt.Errorf("nobody is asked what became of the message to %s", w.to)
			}
		}
		return err
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range list {
		require.LessOrEqual(p.t, r.copies[w.to], 1, "%s has it twice", w.to)
		if sent[w.to] {
			require.Equal(p.t, 1, r.copies[w.to], "%s lacks what was sent", w.to)
		}
	}
	return sent, unknown
}

func stateOfSend(messages []wire.Message) string {
	for _, m := range messages {
		if m.Kind == "reply" && m.Send != nil {
			return m.Send.State
		}
	}
	return ""
}

// TestParleyDiesAtAnyLineOfADelivery: eight messages are on their way, each at another line of the dialogue with the receiver, and a ninth was put off, when Parley is
// killed. Behind it those that had not left leave by themselves, once; of those behind their final dot nobody is sent a second copy, and a person is asked.
func TestParleyDiesAtAnyLineOfADelivery(t *testing.T) {
	needStack(t)
	r, address := newStubborn(t, true)
	p := bareProduct(t, "PARLEY_SMARTHOST="+address, "PARLEY_SMARTHOST_TLS=none")
	p.start()
	ann, sue := p.person("PARLEY_AGENT_TOKEN"), p.person("PARLEY_SENIOR_TOKEN")
	list := p.write(ann, sue, len(dialogue), func(n int) string { return fmt.Sprintf("customer%d", n) })
	p.await(stepLimit, "every line to be reached", func(context.Context) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.silent) < len(dialogue) {
			return fmt.Errorf("silent at %v", r.silent)
		}
		return nil
	})
	list = append(list, p.write(ann, sue, 1, func(int) string { return "later" })...)
	p.await(stepLimit, "the last one to be put off", func(context.Context) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.put) == 0 {
			return errors.New("it was not asked yet")
		}
		return nil
	})
	p.kill(parley)
	r.letGo()
	p.ready()
	sent, unknown := p.outcomes(ann, r, list)
	t.Logf("%d sent, %d unknown: %v", len(sent), len(unknown), unknown)
	require.LessOrEqual(t, len(unknown), 3, "at the text, the dot and the answer; all others had not left")
	require.True(t, sent["later@customers.example.test"], "what was put off is sent, unattended")
	require.GreaterOrEqual(t, len(unknown), 1, "who died behind the final dot does not know")
	p.stop()
}

// TestRepliesSurviveKills: a receiver takes its time with each mail, and Parley is killed while replies leave. No customer has one twice; each was sent or is
// listed as one that nobody knows of. PARLEY_REPLIES is how many there are in the long form, with five kills.
func TestRepliesSurviveKills(t *testing.T) {
	needStack(t)
	replies, kills, long := 30, 2, os.Getenv("PARLEY_REPLIES")
	if long != "" {
		var err error
		replies, err = strconv.Atoi(long)
		require.NoError(t, err, "PARLEY_REPLIES")
		kills = 5
	}
	r, address := newStubborn(t, false)
	r.pause = 300 * time.Millisecond
	p := bareProduct(t, "PARLEY_SMARTHOST="+address, "PARLEY_SMARTHOST_TLS=none", "PARLEY_MAIL_AT_A_TIME=2")
	p.start()
	ann, sue := p.person("PARLEY_AGENT_TOKEN"), p.person("PARLEY_SENIOR_TOKEN")
	list := p.write(ann, sue, replies, func(n int) string { return fmt.Sprintf("customer%d", n) })
	for n := range kills {
		before := r.arrived()
		p.await(startLimit, "replies to leave", func(context.Context) error {
			if have := r.arrived(); have == before && have < replies {
				return fmt.Errorf("%d of %d have arrived", have, replies)
			}
			return nil
		})
		p.kill(parley)
		t.Logf("%d. killed at %d of %d", n+1, r.arrived(), replies)
		p.ready()
	}
	sent, unknown := p.outcomes(ann, r, list)
	verdict := fmt.Sprintf("%d replies, %d kills: %d sent, %d unknown, 0 extra copies, 0 lost", replies, kills, len(sent), len(unknown))
	t.Log(verdict)
	if long != "" {
		file, err := os.OpenFile(filepath.Join(source, "bench", "results", "replies.txt"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		require.NoError(t, err)
		_, err = fmt.Fprintf(file, "%s %s\n", time.Now().UTC().Format(time.DateTime), verdict)
		require.NoError(t, errors.Join(err, file.Close()))
	}
	p.stop()
}
