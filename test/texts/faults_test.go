// Package texts sends short messages over lines that break, from the decision to send to the message centre's own list of what it took, and holds the ledger
// and the audit against that list.
package texts

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"parley/activities/delivery"
	"parley/adapters/smpp"
	"parley/interaction"
	"parley/lib/smpp/session"
	"parley/lib/smpp/smpptest"
	"parley/store"
	"parley/store/storetest"
)

// TestEveryPossibleRepeatIsInTheAudit is §F1 from end to end: lines break in every way, and processes die between the answer and the ledger. No message is lost,
// none reaches its customer twice unless the audit says of it that it was sent again, and of whatever may have left nobody claims to know.
// PARLEY_LINE_FAULTS sets how many faults there are (make texts).
func TestEveryPossibleRepeatIsInTheAudit(t *testing.T) {
	faults := 60
	if n, err := strconv.Atoi(os.Getenv("PARLEY_LINE_FAULTS")); err == nil {
		faults = n
	}
	h := newHouse(t)
	random := rand.New(rand.NewPCG(5, 8))
	var plan []smpptest.Fault
	for range faults {
		plan = append(plan, smpptest.Fault(1+random.IntN(int(smpptest.Faults)-1)))
		if random.IntN(2) == 0 {
			plan = append(plan, smpptest.None)
		}
	}
	h.centre.Plan(plan...)

	var all []*text
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range lines {
		line := h.open(t)
		for range senders {
			wg.Go(func() {
				for h.centre.Left() > 0 && !t.Failed() {
					m := h.begin(t)
					mu.Lock()
					all = append(all, m)
					mu.Unlock()
					h.send(t, line, m)
				}
			})
		}
	}
	wg.Wait()

	received := h.centre.Received()
	codes := h.audit(t)
	verdict := struct{ sent, unknown, repeated, double int }{}
	for _, m := range all {
		got, lines := received[m.words], codes[m.id]
		state, err := h.SendState(t.Context(), m.id, 1)
		require.NoError(t, err)
		require.LessOrEqual(t, lines["send.repeated"], 1, "one repeat is allowed, not two")
		require.LessOrEqual(t, got, 1+lines["send.repeated"], "%s came twice, and the audit does not say that it was sent again: %v", m.words, lines)
		switch state {
		case interaction.SendSent:
			require.GreaterOrEqual(t, got, 1, "%s was lost: %v", m.words, lines)
			require.Equal(t, 1, lines["send.sent"])
			verdict.sent++
		case interaction.SendUnknown:
			require.Equal(t, 1, lines["send.unknown"], "a person has to settle it")
			verdict.unknown++
		default:
			require.Failf(t, "it is over", "%s is %s: %v", m.words, state, lines)
		}
		verdict.repeated += lines["send.repeated"]
		verdict.double += max(got-1, 0)
	}
	require.LessOrEqual(t, verdict.double, faults+int(h.deaths.Load()))
	require.Positive(t, h.deaths.Load())
	require.Positive(t, verdict.repeated)
	require.Positive(t, verdict.unknown)
	t.Logf("%d faults and %d deaths behind the answer, %d messages through the ledger: %d sent, %d unknown; %d sent again, each in the audit; %d of these arrived twice, none was lost",
		faults, h.deaths.Load(), len(all), verdict.sent, verdict.unknown, verdict.repeated, verdict.double)
}

const (
	lines   = 4 // of the number
	senders = 4 // over each, at the same time
)

type house struct {
	*store.Store
	centre *smpptest.Centre
	number atomic.Int64
	ended  atomic.Int64
	deaths atomic.Int64
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{Store: storetest.New(t, store.Options{}), centre: smpptest.NewCentre()}
	h.centre.Delay, h.centre.LateBy = 5*time.Millisecond, 2*time.Second
	require.NoError(t, h.Apply(t.Context(), interaction.System, interaction.Setup{EntryPoints: []interaction.EntryPoint{{
		Name: "texts", Channel: interaction.SMS, Address: "40404", Workflow: interaction.WorkflowSMS, Queue: "service",
	}}}))
	return h
}

// text is a message of ours.
type text struct {
	id    interaction.ID
	words string
	again bool // one repeat of an unknown outcome is allowed
}

// begin has an application begin a message, which is released without a review.
func (h *house) begin(t *testing.T) *text {
	n := h.number.Add(1)
	m := &text{words: fmt.Sprint("message ", n), again: n%2 == 0}
	i, err := h.StartOutbound(t.Context(), interaction.System, interaction.NewOutbound{
		EntryPoint: "texts", To: interaction.Address{Address: fmt.Sprintf("+49170%07d", n)}, Text: m.words,
	})
	if err == nil {
		m.id = i.ID
		err = h.ReleaseReply(t.Context(), m.id, "release", 1)
	}
	if err != nil {
		t.Error(err)
	}
	return m
}

// send goes on until the message is over, as the workflow's retries do.
func (h *house) send(t *testing.T, line *line, m *text) {
	a := &delivery.Activities{Store: mortal{h}, RepeatUnknown: m.again, Sender: func(interaction.Outbound) interaction.Sender { return line.now.Load() }}
	for {
		// Its turn at a line that was cut does not come any more: the next one has the next turn.
		trying, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, err := a.SendMessage(trying, delivery.Send{Interaction: m.id, Message: 1})
		cancel()
		var final *temporal.ApplicationError
		switch {
		case err == nil:
			return
		case t.Context().Err() != nil, errors.As(err, &final) && final.NonRetryable():
			t.Errorf("%s: %v", m.words, err)
			return
		}
	}
}

// audit counts the codes of what happened to each interaction.
func (h *house) audit(t *testing.T) map[interaction.ID]map[string]int {
	rows, err := h.Pool().Query(t.Context(), `select interaction_id, code from events where interaction_id is not null`)
	require.NoError(t, err)
	defer rows.Close()
	of := map[interaction.ID]map[string]int{}
	for rows.Next() {
		var id interaction.ID
		var code string
		require.NoError(t, rows.Scan(&id, &code))
		if of[id] == nil {
			of[id] = map[string]int{}
		}
		of[id][code]++
	}
	require.NoError(t, rows.Err())
	return of
}

// mortal is the store of processes of which each dies after a while, between a centre's answer and writing it down.
type mortal struct{ *house }

func (m mortal) EndSend(ctx context.Context, id interaction.ID, message int64, attempt interaction.ID, o interaction.Outcome) (interaction.SendState, error) {
	if o.State == interaction.SendSent && m.ended.Add(1)%15 == 0 {
		m.deaths.Add(1)
		return "", interaction.Unavailable("database_away", errors.New("the process died"))
	}
	return m.Store.EndSend(ctx, id, message, attempt, o)
}

// line is one that another process takes over whenever it is cut: a link by itself waits longer each time.
type line struct{ now atomic.Pointer[smpp.Adapter] }

func (h *house) open(t *testing.T) *line {
	t.Helper()
	l := &line{}
	running, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	renew := func(cut context.CancelFunc) *smpp.Adapter {
		a, err := smpp.New(smpp.Options{
			Settings:   smpp.Settings{Address: "centre.test:2775", SystemID: "esme", Rate: 1000, AnswerSeconds: 1, EnquireSeconds: 1},
			EntryPoint: "texts", Password: "secret", Inbox: h, Entries: h, Receipts: h, Binds: new(session.Binds),
			Dial: func(context.Context) (net.Conn, error) { return h.centre.Dial(running) },
		})
		if err != nil {
			t.Error(err)
			cut()
		}
		return a
	}
	begin := func() (*smpp.Adapter, context.Context, context.CancelFunc) {
		leased, cut := context.WithCancel(running)
		return renew(cut), leased, cut
	}
	first, leased, cut := begin()
	l.now.Store(first)
	go func() {
		defer close(done)
		for a := first; running.Err() == nil && a != nil; {
			_ = a.Pull(leased, lease{cut: cut})
			cut()
			a, leased, cut = begin()
			l.now.Store(a)
		}
	}()
	t.Cleanup(func() { stop(); <-done })
	return l
}

// lease ends when its line goes down.
type lease struct {
	interaction.Lease
	cut context.CancelFunc
}

func (l lease) Tell(_ context.Context, state interaction.LinkState, _ string) {
	if state != interaction.LinkUp {
		l.cut()
	}
}
