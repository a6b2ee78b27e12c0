package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"parley/bench/house"
)

// More than the house can take (K3).
const (
	peakSessions = 16  // as many as keep it busy
	crowd        = 600 // sessions at once; the listener serves 500 and asks the others to come again
	clients      = 32  // of the API meanwhile
	leastUseful  = 0.8 // of the rate at its peak
	mostSlower   = 10  // times the 99th percentile at half load
	normalAgain  = 3   // times, and no mail is refused
	mostOverload = 1 << 30
)

// wave is what came of customers who sent for a while.
type wave struct {
	took              time.Duration
	accepted, refused int64
	times             []time.Duration // of the accepted ones, sorted
}

func (w wave) rate() float64 { return float64(w.accepted) / w.took.Seconds() }

func (w wave) p99() time.Duration {
	if len(w.times) == 0 {
		return 0
	}
	return w.times[len(w.times)*99/100]
}

// overloadRows send for -overload-seconds each: as fast as sixteen sessions can, at half of that rate, with a crowd that never rests, and at half the rate again.
// What was accepted has to be there in the end, once.
func overloadRows(ctx context.Context, s *session, t *table) error {
	s.days++
	o := &overload{session: s, run: s.runName(), lasts: time.Duration(*overloadSeconds) * time.Second}
	peak := o.send(ctx, peakSessions, 0)
	half := time.Duration(float64(time.Second) * 2 / peak.rate())
	before := o.send(ctx, peakSessions, half)

	watching, stop := context.WithCancel(ctx)
	most, asked := make(chan int64, 1), make(chan answers, 1)
	go func() { most <- s.mostMemory(watching) }()
	go func() { asked <- o.ask(watching) }()
	flood := o.send(ctx, crowd, 0)
	stop()
	memory, api := <-most, <-asked

	behind := o.send(ctx, peakSessions, half)
	t.atLeast("K3", fmt.Sprintf("mails accepted a second of a crowd of %d, beside %d sessions", crowd, peakSessions), flood.rate()/peak.rate(), "x", leastUseful)
	t.atMost("K3", "99th percentile of an accepted mail beside that at half load", float64(flood.p99())/float64(before.p99()), "x", mostSlower)
	t.show("K3", "mails/s at the peak, of the crowd; p99 at half load, of the crowd, behind it",
		fmt.Sprintf("%.0f, %.0f; %d, %d, %d ms", peak.rate(), flood.rate(), before.p99().Milliseconds(), flood.p99().Milliseconds(), behind.p99().Milliseconds()))
	t.show("K3", "sessions that were asked to come again", fmt.Sprint(flood.refused))
	t.atMost("K3", "most memory of everything meanwhile", float64(memory)/(1<<20), "MiB", mostOverload>>20)
	t.atMost("K3", "p99 at half load behind it, beside before", float64(behind.p99())/float64(before.p99()), "x", normalAgain)
	t.atMost("K3", "mails refused behind it", float64(behind.refused), "", 0)
	t.show("K3", "calls of the API meanwhile: answered, asked to wait", fmt.Sprintf("%d, %d", api.answered, api.later))
	t.atMost("K3", "of these, neither", float64(api.neither), "", 0)
	lost, doubled, err := o.missing(ctx)
	if err != nil {
		return err
	}
	t.add("K3", fmt.Sprintf("of %d accepted mails: lost, doubled", o.next.Load()), fmt.Sprintf("%d, %d", lost, doubled), "0, 0", verdict(lost+doubled == 0))
	return nil
}

type overload struct {
	*session
	run   string
	lasts time.Duration
	next  atomic.Int64
}

// send has that many customers send one mail after the other, each as often as it takes; with a time between two of them, all together keep that.
func (o *overload) send(ctx context.Context, sessions int, every time.Duration) (w wave) {
	begun := time.Now()
	var mu sync.Mutex
	var turn atomic.Int64
	var all sync.WaitGroup
	for range sessions {
		all.Go(func() {
			for ctx.Err() == nil {
				due := begun.Add(time.Duration(turn.Add(1)-1) * every)
				if pause(ctx, time.Until(due)) != nil || time.Since(begun) > o.lasts {
					return
				}
				letter := house.Question(o.run, int(o.next.Add(1)-1), house.Support)
				for {
					asked := time.Now()
					err := house.Send(o.house.SMTP(), letter)
					mu.Lock()
					if err == nil {
						w.accepted++
						w.times = append(w.times, time.Since(asked))
						mu.Unlock()
						break
					}
					w.refused++
					mu.Unlock()
					if pause(ctx, 200*time.Millisecond) != nil {
						return
					}
				}
			}
		})
	}
	all.Wait()
	w.took = time.Since(begun)
	slices.Sort(w.times)
	return w
}

// answers of the API: as always, a 429 or 503 that says when to come again, or something else.
type answers struct{ answered, later, neither int64 }

func (o *overload) ask(ctx context.Context) (a answers) {
	var answered, later, neither atomic.Int64
	var all sync.WaitGroup
	for n := range clients {
		all.Go(func() {
			for ctx.Err() == nil {
				got, err := o.house.Call(ctx, o.agents[n%len(o.agents)], http.MethodGet, "/v1/tasks?limit=5", nil)
				switch {
				case ctx.Err() != nil:
					return
				case err == nil && got.OK():
					answered.Add(1)
				case err == nil && (got.Status == http.StatusTooManyRequests || got.Status == http.StatusServiceUnavailable) && got.RetryAfter != "":
					later.Add(1)
				default:
					neither.Add(1)
				}
				if pause(ctx, 50*time.Millisecond) != nil {
					return
				}
			}
		})
	}
	all.Wait()
	return answers{answered.Load(), later.Load(), neither.Load()}
}

// missing waits until every accepted mail is an interaction, or for three minutes without a new one, and tells what is not as it should be.
func (o *overload) missing(ctx context.Context) (lost, doubled int, err error) {
	supervisor, err := o.personOf(ctx, "vic")
	if err != nil {
		return 0, 0, err
	}
	want, least, moved := int(o.next.Load()), -1, time.Now()
	for {
		all, err := list(ctx, o.house, supervisor, "/v1/interactions?state=waiting,received,automatic")
		if err != nil {
			return 0, 0, err
		}
		seen := map[string]int{}
		for _, i := range all {
			seen[i.Subject]++
		}
		lost, doubled = 0, 0
		for n := range want {
			switch had := seen[house.Question(o.run, n, "").Subject]; {
			case had == 0:
				lost++
			case had > 1:
				doubled++
			}
		}
		if lost != least {
			least, moved = lost, time.Now()
		}
		if lost == 0 || time.Since(moved) > 3*time.Minute {
			return lost, doubled, nil
		}
		if err := pause(ctx, 5*time.Second); err != nil {
			return lost, doubled, err
		}
	}
}
