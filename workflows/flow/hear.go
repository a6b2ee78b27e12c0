package flow

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"parley/interaction"
)

// hear is the one place where a story waits: for news that is wanted, or until the time (zero: for ever). Everything else that arrives is dealt
// with here: the customer's messages are counted, a supervisor's orders obeyed, which may unwind the story from here. Without wanted news it answers false at the time.
func (f *Flow) hear(until time.Time, wanted func(interaction.News) bool) (n interaction.News, ok bool) {
	f.watch(func() time.Time { return until }, func() bool {
		n, ok = f.drain(wanted)
		return ok
	})
	return n, ok
}

// watch waits until done, which is asked after each arrival and drains what has come, or until the time, which may move with the news. It
// reports which of them it was.
func (f *Flow) watch(until func() time.Time, done func() bool) bool {
	clock := &clock{f: f}
	defer clock.stop()
	for {
		if done() {
			return true
		}
		at := until()
		if !f.held && !at.IsZero() && !f.Now().Before(at) {
			return false
		}
		f.renew()
		if f.held {
			clock.stop()
		} else {
			clock.set(at)
		}
		clock.wait()
	}
}

// drain hears all that has arrived, in its order, until something wanted. What nobody waits for yet is kept: a step whose process died behind its
// commit is run again, and what people made of it can be here before the story is.
func (f *Flow) drain(wanted func(interaction.News) bool) (interaction.News, bool) {
	var n interaction.News
	for f.news.ReceiveAsync(&n) {
		f.take(n)
		n = interaction.News{}
	}
	for i := 0; i < len(f.pending); {
		n := f.pending[i]
		switch {
		case n.Kind == interaction.NewsOrder:
			f.pending = slices.Delete(f.pending, i, i+1)
			f.obey(n)
			i = 0 // what was not wanted on hold may be wanted now
		case wanted(n):
			f.pending = slices.Delete(f.pending, i, i+1)
			return n, true
		default:
			i++
		}
	}
	return interaction.News{}, false
}

// take notes one piece of news; one that was heard before (the relay sent it again) is dropped.
func (f *Flow) take(n interaction.News) {
	if n.Number <= f.seen {
		return
	}
	f.seen = n.Number
	switch n.Kind {
	case interaction.NewsMessage:
		f.newest = n.Message
		return
	case interaction.NewsReport:
		return // it stands with its message, and nobody waits for it
	}
	if !f.noteStanding(n) {
		f.pending = append(f.pending, n)
	}
}

// obey does what a supervisor's order means for the story. What it means for tasks and rows was done in the order's own transaction.
func (f *Flow) obey(n interaction.News) {
	switch n.Code {
	case interaction.OrderHold:
		f.held = true
	case interaction.OrderResume:
		f.held = false
		f.waitAnew()
	case interaction.OrderStop:
		panic(unwound{n.Value})
	case interaction.OrderRecategorize:
		f.category = n.Value
		panic(retold{})
	case interaction.OrderAutoRespond:
		f.held = false
		f.respondByOrder(interaction.ID(n.Value))
	}
}

// renew continues as new when the history has grown long. It is called with nothing undrained and nothing running.
func (f *Flow) renew() {
	info := workflow.GetInfo(f.ctx)
	if f.settled || info.GetCurrentHistoryLength() < longHistory && !info.GetContinueAsNewSuggested() {
		return
	}
	next := f.in
	next.Carried = &interaction.Carried{
		Steps: f.journal, Seen: f.seen, Round: f.round, Newest: f.newest, Answered: f.answered, Held: f.held, Category: f.category, Pending: f.pending,
		Chat: f.chat.carried(),
	}
	panic(failed{workflow.NewContinueAsNewError(f.ctx, info.WorkflowType.Name, next)})
}

// clock is a timer that is set anew only when its time changes.
type clock struct {
	f      *Flow
	until  time.Time
	future workflow.Future
	cancel workflow.CancelFunc
}

func (c *clock) set(until time.Time) {
	if until.Equal(c.until) {
		return
	}
	c.stop()
	if until.IsZero() {
		return
	}
	ctx, cancel := workflow.WithCancel(c.f.ctx)
	c.until, c.cancel, c.future = until, cancel, workflow.NewTimer(ctx, until.Sub(c.f.Now()))
}

func (c *clock) stop() {
	if c.cancel != nil {
		c.cancel()
	}
	c.until, c.cancel, c.future = time.Time{}, nil, nil
}

// wait blocks until a signal is there or the timer has fired.
func (c *clock) wait() {
	s := workflow.NewSelector(c.f.ctx)
	s.AddReceive(c.f.news, func(workflow.ReceiveChannel, bool) {})
	if c.future != nil {
		s.AddFuture(c.future, func(workflow.Future) {})
	}
	s.AddReceive(c.f.ctx.Done(), func(workflow.ReceiveChannel, bool) {})
	s.Select(c.f.ctx)
	if err := c.f.ctx.Err(); err != nil {
		panic(failed{err})
	}
}
