package store

import (
	"context"
	"sync"
	"time"
)

const (
	questionsAtOnce = 2               // statements under way; who comes then waits for the end of one of them
	questionsMost   = 256             // in one statement
	questionTime    = 5 * time.Second // for one statement
)

// together answers questions that come at the same time by one statement. A question that comes while few are under way waits for nobody.
type together[Q, A any] struct {
	answer func(ctx context.Context, questions []Q) ([]A, error) // in the order of the questions

	mu      sync.Mutex
	waiting []*question[Q, A]
	under   int // way
}

type question[Q, A any] struct {
	asked Q
	done  chan struct{} // closed with the answer
	found A
	err   error
}

// ask gives the answer, or the context's error if that ends first.
func (g *together[Q, A]) ask(ctx context.Context, asked Q) (A, error) {
	q := &question[Q, A]{asked: asked, done: make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, q)
	begin := g.under < questionsAtOnce
	if begin {
		g.under++
	}
	g.mu.Unlock()
	if begin {
		go g.work(context.WithoutCancel(ctx))
	}
	select {
	case <-q.done:
		return q.found, q.err
	case <-ctx.Done():
		return q.found, ctx.Err()
	}
}

// work answers those who wait until nobody does.
func (g *together[Q, A]) work(ctx context.Context) {
	for {
		batch := g.next()
		if len(batch) == 0 {
			return
		}
		asked := make([]Q, len(batch))
		for n, q := range batch {
			asked[n] = q.asked
		}
		limited, cancel := context.WithTimeout(ctx, questionTime)
		found, err := g.answer(limited, asked)
		cancel()
		for n, q := range batch {
			if q.err = err; err == nil {
				q.found = found[n]
			}
			close(q.done)
		}
	}
}

// next takes those who wait, or ends what was under way when nobody does.
func (g *together[Q, A]) next() []*question[Q, A] {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.waiting), questionsMost)
	batch := g.waiting[:n:n]
	if g.waiting = g.waiting[n:]; n == 0 {
		g.under--
		g.waiting = nil
	}
	return batch
}
