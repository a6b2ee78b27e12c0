// The tests run under simulated time (testing/synctest): their sleeps last no time, and end when all else waits.

package session

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"parley/lib/smpp"
	"parley/lib/smpp/smpptest"
)

func submit(text string) *smpp.PDU {
	return &smpp.PDU{Command: smpp.SubmitSM, Body: &smpp.Message{Dest: smpp.Address{Addr: "491701234567"}, ShortMessage: []byte(text)}}
}

func link(s *smpptest.Centre, change func(*LinkOptions)) *Link {
	o := LinkOptions{Dial: s.Dial, Bind: smpp.Bind{SystemID: "parley", Password: "secret"}, Rate: 1000}
	if change != nil {
		change(&o)
	}
	return NewLink(o)
}

// bubble runs a test under a clock of its own: hours take no time.
func bubble(t *testing.T, f func(t *testing.T, ctx context.Context)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer cancel()
		f(t, ctx)
	})
}

// TestNothingIsLostOnABadLink runs 1,000 faults (§F1): every message arrives; it arrives twice at most once for each time that its answer was lost, and
// then the sender knew that it might have been taken. Answers that nobody asked for, and answers that come twice, change nothing (M-19).
func TestNothingIsLostOnABadLink(t *testing.T) {
	const wanted = 1000
	bubble(t, func(t *testing.T, ctx context.Context) {
		s := smpptest.NewCentre()
		s.Delay = 5 * time.Millisecond
		random := rand.New(rand.NewPCG(1, 2))
		var plan []smpptest.Fault
		for range wanted {
			plan = append(plan, smpptest.Fault(1+random.IntN(int(smpptest.Faults)-1)))
			if random.IntN(3) == 0 {
				plan = append(plan, smpptest.None)
			}
		}
		s.Plan(plan...)
		l := link(s, nil)
		running, stop := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() { defer close(done); _ = l.Run(running) }()

		var flagged sync.Map // texts whose answer was lost, and how often
		var wg sync.WaitGroup
		var number atomic.Int64
		for range 12 {
			wg.Go(func() {
				for s.Left() > 0 {
					text := fmt.Sprint("message ", number.Add(1))
					lost := 0
					for {
						begun := 0
						trying, cancel := context.WithTimeout(ctx, 5*time.Minute)
						answer, err := l.Submit(trying, submit(text), number.Load(), func() error { begun++; return nil })
						cancel()
						require.LessOrEqual(t, begun, 1, "nothing begins twice")
						var unknown *Lost
						if errors.As(err, &unknown) {
							require.Equal(t, 1, begun)
							lost++
						}
						if err == nil && answer.Status == smpp.StatusOK {
							break
						}
					}
					flagged.Store(text, lost)
				}
			})
		}
		wg.Wait()
		stop()
		<-done
		received := s.Received()
		double := 0
		flagged.Range(func(text, lost any) bool {
			got := received[text.(string)]
			require.GreaterOrEqual(t, got, 1, "%s was lost", text)
			require.LessOrEqual(t, got, 1+lost.(int), "%s came again though its answer had come", text)
			double += got - 1
			return true
		})
		require.LessOrEqual(t, double, wanted)
		t.Logf("%d faults, %d messages, %d arrived again, each after a lost answer", wanted, len(received), double)
	})
}

// TestPace is §F2: 50 ms an answer and a window of 10 give 200 a second at most.
func TestPace(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		s := smpptest.NewCentre()
		s.Delay = 50 * time.Millisecond
		l := link(s, nil)
		go func() { _ = l.Run(ctx) }()
		time.Sleep(time.Second)
		begun := time.Now()
		const n = 1800
		sendAll(ctx, t, l, n)
		rate := n / time.Since(begun).Seconds()
		t.Logf("%.0f a second, at most %d unanswered", rate, s.Most())
		require.GreaterOrEqual(t, rate, 180.0)
		require.LessOrEqual(t, s.Most(), 10)
	})
}

func sendAll(ctx context.Context, t *testing.T, l *Link, n int) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			answer, err := l.Submit(ctx, submit(fmt.Sprint(i)), int64(i), nil)
			require.NoError(t, err)
			require.Equal(t, smpp.StatusOK, answer.Status)
		})
	}
	wg.Wait()
}

func TestTheRateIsKept(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		s := smpptest.NewCentre()
		l := link(s, func(o *LinkOptions) { o.Rate = 10 })
		go func() { _ = l.Run(ctx) }()
		time.Sleep(time.Second)
		begun := time.Now()
		sendAll(ctx, t, l, 100)
		require.InDelta(t, 10, time.Since(begun).Seconds(), 0.3)
	})
}

// TestThrottling is §F2 and M-20: behind one 0x58 nothing leaves for a while, an hour of them loses nothing, and then the oldest go first.
func TestThrottling(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		s := smpptest.NewCentre()
		hour := time.Now().Add(time.Hour)
		s.Plan(slices.Repeat([]smpptest.Fault{smpptest.Throttle}, 2000)...)
		time.AfterFunc(time.Until(hour), func() {
			t.Logf("%d tries in an hour of 0x58", 2000-s.Left())
			require.Greater(t, s.Left(), 1800, "the rate falls")
			s.Plan()
		})
		l := link(s, func(o *LinkOptions) { o.Window = 1 })
		go func() { _ = l.Run(ctx) }()
		time.Sleep(time.Second)
		sendAll(ctx, t, l, 40)
		order := s.Order()
		require.Equal(t, "0", order[0])
		for i, text := range order {
			require.Equal(t, fmt.Sprint(i), text, "the oldest first")
		}
	})
}

func TestBehindAThrottledAnswerTheRateFallsAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		turns := newTurnstile(10, 100)
		turns.setOpen(true)
		require.NoError(t, turns.enter(ctx, 0))
		turns.slower()
		begun := time.Now()
		require.NoError(t, turns.enter(ctx, 0))
		require.GreaterOrEqual(t, time.Since(begun), firstPause)
		require.Equal(t, 50.0, turns.rate)
	})
}

// TestIdleForThreeDays is the first half of §F5.
func TestIdleForThreeDays(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		s := smpptest.NewCentre()
		l := link(s, nil)
		go func() { _ = l.Run(ctx) }()
		time.Sleep(72 * time.Hour)
		answer, err := l.Submit(ctx, submit("still there"), 0, nil)
		require.NoError(t, err)
		require.Equal(t, smpp.StatusOK, answer.Status)
		require.Len(t, s.Binds(), 1, "it was never cut")
	})
}

// TestReconnecting is the second half of §F5: pauses grow to a minute with jitter, and all links together bind at most once a second.
func TestReconnecting(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		s := smpptest.NewCentre()
		binds := new(Binds)
		var tries []time.Time
		var mu sync.Mutex
		for range 20 {
			l := link(s, func(o *LinkOptions) {
				o.Binds = binds
				o.Dial = func(context.Context) (net.Conn, error) {
					mu.Lock()
					defer mu.Unlock()
					tries = append(tries, time.Now())
					return nil, errors.New("connection refused")
				}
			})
			go func() { _ = l.Run(ctx) }()
		}
		time.Sleep(time.Hour)
		mu.Lock()
		defer mu.Unlock()
		for i := 1; i < len(tries); i++ {
			require.GreaterOrEqual(t, tries[i].Sub(tries[i-1]), time.Second-time.Millisecond)
		}
		require.Greater(t, len(tries), 20*60)
	})
	bubble(t, func(t *testing.T, ctx context.Context) {
		s := smpptest.NewCentre()
		s.Password = "another" // M-25: refused for ever
		l := link(s, nil)
		go func() { _ = l.Run(ctx) }()
		time.Sleep(time.Hour)
		binds := s.Binds()
		var pauses []time.Duration
		alike := map[time.Duration]int{}
		for i := 1; i < len(binds); i++ {
			pauses = append(pauses, binds[i].Sub(binds[i-1]))
			alike[pauses[i-1].Round(time.Millisecond)]++
		}
		t.Logf("pauses: %v", pauses[:9])
		for i, pause := range pauses {
			grown := min(time.Second<<min(i, 10), time.Minute)
			require.GreaterOrEqual(t, pause, grown/2)
			require.LessOrEqual(t, pause, grown+time.Second+time.Millisecond) // and its turn among the binds
		}
		require.Greater(t, len(alike), len(pauses)/2, "there is jitter")
	})
}

// TestNoLifeSign is M-23: an enquire_link that nobody answers ends the connection within two intervals.
func TestNoLifeSign(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		s := smpptest.NewCentre()
		s.Plan(smpptest.HalfOpen)
		l := link(s, nil)
		go func() { _ = l.Run(ctx) }()
		time.Sleep(time.Second)
		begun := time.Now()
		_, err := l.Submit(ctx, submit("into the void"), 0, nil)
		var lost *Lost
		require.ErrorAs(t, err, &lost)
		for len(s.Binds()) < 2 {
			time.Sleep(time.Second)
		}
		require.Less(t, time.Since(begun), time.Minute)
	})
}

func TestADownLinkSendsNothing(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		s := smpptest.NewCentre()
		s.Down = true
		l := link(s, nil)
		go func() { _ = l.Run(ctx) }()
		trying, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		_, err := l.Submit(trying, submit("a"), 0, func() error { t.Error("nothing may begin"); return nil })
		require.ErrorIs(t, err, ErrDown)
		require.False(t, l.Up())
	})
}

func TestWhatCannotBeginDoesNotLeave(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		s := smpptest.NewCentre()
		l := link(s, nil)
		go func() { _ = l.Run(ctx) }()
		refused := errors.New("another attempt owns it")
		_, err := l.Submit(ctx, submit("a"), 0, func() error { return refused })
		require.ErrorIs(t, err, refused)
		synctest.Wait()
		require.Empty(t, s.Received())
	})
}
