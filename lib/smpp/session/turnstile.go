package session

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// turnstile lets requests through: no more at once than the window, no faster than the pace, the oldest first. A carrier that says "not so fast"
// halves the pace at once; each answer that says nothing of the kind brings back a little of it.
type turnstile struct {
	window int
	top    float64 // a second

	mu      sync.Mutex
	inside  int
	rate    float64
	next    time.Time // nobody before this moment
	open    bool
	waiting queue
	ticket  uint64
	timer   *time.Timer
	pause   time.Duration
}

// Pauses after "not so fast", doubled as long as it is all that the carrier says.
const (
	firstPause = 200 * time.Millisecond
	lastPause  = 30 * time.Second
	slowest    = 0.1 // requests a second
	recovery   = 20  // answers that bring the pace from nothing back to the top
)

func newTurnstile(window int, rate float64) *turnstile {
	return &turnstile{window: window, top: rate, rate: rate, pause: firstPause}
}

// enter waits for its turn. age orders those who wait: lower goes first.
func (t *turnstile) enter(ctx context.Context, age int64) error {
	t.mu.Lock()
	w := &waiter{age: age, ticket: t.ticket, turn: make(chan struct{})}
	t.ticket++
	heap.Push(&t.waiting, w)
	t.pump()
	t.mu.Unlock()
	select {
	case <-w.turn:
		return nil
	case <-ctx.Done():
		t.mu.Lock()
		defer t.mu.Unlock()
		if w.at < 0 { // it was let in at this moment: somebody else may go
			t.inside--
			t.pump()
		} else {
			heap.Remove(&t.waiting, w.at)
		}
		return context.Cause(ctx)
	}
}

// leave makes room.
func (t *turnstile) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inside--
	t.pump()
}

// setOpen lets nobody through while there is no connection.
func (t *turnstile) setOpen(open bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open = open
	t.pump()
}

// slower is for a carrier that says "not so fast" or "full".
func (t *turnstile) slower() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rate = max(t.rate/2, slowest)
	if until := time.Now().Add(t.pause); until.After(t.next) {
		t.next = until
	}
	t.pause = min(2*t.pause, lastPause)
}

// faster is for an answer that took the request.
func (t *turnstile) faster() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rate = min(t.rate+t.top/recovery, t.top)
	t.pause = firstPause
}

// pump lets in who may go; called under the lock after every change.
func (t *turnstile) pump() {
	if t.timer != nil {
		t.timer.Stop()
		t.timer = nil
	}
	now := time.Now()
	for t.open && t.inside < t.window && len(t.waiting) > 0 {
		if wait := t.next.Sub(now); wait > 0 {
			t.timer = time.AfterFunc(wait, func() {
				t.mu.Lock()
				defer t.mu.Unlock()
				t.pump()
			})
			return
		}
		t.inside++
		// A timer that fires late does not slow the pace down, unless it was idle before.
		step := time.Duration(float64(time.Second) / t.rate)
		if t.next.Before(now.Add(-step)) {
			t.next = now
		}
		t.next = t.next.Add(step)
		w := heap.Pop(&t.waiting).(*waiter)
		close(w.turn)
	}
}

// waiter is one who waits.
type waiter struct {
	age    int64
	ticket uint64
	turn   chan struct{}
	at     int // in the queue; -1 once it was let in
}

// queue is a heap of those who wait.
type queue []*waiter

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].age < q[j].age || q[i].age == q[j].age && q[i].ticket < q[j].ticket
}

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].at, q[j].at = i, j
}

func (q *queue) Push(x any) {
	w := x.(*waiter)
	w.at = len(*q)
	*q = append(*q, w)
}

func (q *queue) Pop() any {
	last := len(*q) - 1
	w := (*q)[last]
	w.at = -1
	(*q)[last] = nil
	*q = (*q)[:last]
	return w
}
