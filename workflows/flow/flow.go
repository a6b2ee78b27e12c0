// Package flow is the designer's kit. A workflow file calls Run with its
// story, a plain function that reads top-down; Run gives it supervision, audit, deadlines, crash-safety and the
// unwinding of a supervisor's stop from wherever the story waits, without asking.
//
// How it works: the story calls steps (Understand, Acknowledge, Handle, Send …).
// Each step's result is kept in a journal. News (a message, a reply, an order) arrives by one signal, numbered; it is heard only
// where the story waits. When the history grows long, the workflow continues as new with the journal, and the story is told again: steps
// that are over give their results at once, and the story waits where it waited.
package flow

import (
	"errors"
	"time"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/activities"
	"parley/interaction"
)

// Story is what a workflow does with one interaction; it gives the reason why it ended, as a code.
type Story func(f *Flow) (reason string)

// Flow is a story's hold on its interaction.
type Flow struct {
	ctx   workflow.Context
	in    interaction.Start
	log   log.Logger
	news  workflow.ReceiveChannel
	where string

	seen     int64              // number of the newest news heard
	pending  []interaction.News // heard, and nobody has waited for it yet
	newest   int64              // number of the newest message of the customer
	answered int64              // up to this message the customer has got his answer
	held     bool               // a supervisor has put it on hold
	category string             // set by an order: what Understand takes for granted
	settled  bool               // an order has ended the story; what is left to do is not told again
	chat     standing           // of a chat's session

	round   int // how often the story was begun
	next    int // ordinal of the next step
	journal []interaction.StepResult
}

// Last is what follows every story, whatever ended it, before the interaction stops.
type Last func(f *Flow)

// Run tells the story of one interaction until it has stopped, and what follows it. If the customer
// writes again while it is stopping, the story begins anew with that message.
func Run(ctx workflow.Context, in interaction.Start, story Story, after ...Last) error {
	f := begin(ctx, in)
	if err := workflow.SetQueryHandler(ctx, interaction.QueryWhere, f.look); err != nil {
		return err
	}
	for {
		reason, err := f.tell(story)
		if err != nil {
			return f.end(err)
		}
		if reason == reasonRetold || f.newest > f.answered {
			f.anew()
			continue
		}
		if err := f.tellLast(after); err != nil {
			return f.end(err)
		}
		stopped, err := f.stop(reason)
		if err != nil {
			return f.end(err)
		}
		if stopped {
			return nil
		}
		f.anew()
	}
}

func begin(ctx workflow.Context, in interaction.Start) *Flow {
	f := &Flow{
		ctx: ctx, in: in, seen: in.Number, newest: in.Message,
		log:  log.With(workflow.GetLogger(ctx), "interaction", in.Interaction),
		news: workflow.GetSignalChannel(ctx, interaction.SignalNews),
	}
	if in.Direction == interaction.Out {
		f.answered = in.Message // it is ours
	}
	if c := in.Carried; c != nil {
		f.seen, f.newest, f.answered, f.round, f.journal, f.held, f.category, f.pending = c.Seen, c.Newest, c.Answered, c.Round, c.Steps, c.Held, c.Category, c.Pending
		f.chat.restore(c.Chat)
	}
	return f
}

// look answers where the story stands, in codes.
func (f *Flow) look() (interaction.Where, error) {
	w := interaction.Where{Step: f.where, Seen: f.seen, Round: f.round, Steps: []string{}}
	for _, s := range f.journal {
		w.Steps = append(w.Steps, s.Step)
	}
	return w, nil
}

// The private ways out of a story. They travel as panics from wherever it waits and are recovered in tell only.
type (
	unwound struct { // the story is over, by an order
		reason string
	}
	retold struct{}            // the story begins anew, by an order
	failed struct{ err error } // the workflow ends or continues as new
)

// tell tells the story once and gives its reason.
func (f *Flow) tell(story Story) (reason string, err error) {
	defer func() {
		switch out := recover().(type) {
		case nil:
		case unwound:
			reason, f.answered = out.reason, f.newest
		case retold:
			reason = reasonRetold
		case failed:
			err = out.err
		default:
			panic(out)
		}
	}()
	f.next = 0
	return story(f), nil
}

// tellLast tells what follows the story. Nothing that it waits for is worth a new run: it is not told twice.
func (f *Flow) tellLast(after []Last) error {
	for _, last := range after {
		f.settled = true
		_, err := f.tell(func(f *Flow) string {
			f.next = len(f.journal)
			last(f)
			return ""
		})
		f.settled = false
		if err != nil {
			return err
		}
	}
	return nil
}

// reasonRetold never reaches a row: the story begins anew instead of stopping.
const reasonRetold = "retold"

// anew forgets the steps of the round that is over.
func (f *Flow) anew() {
	f.round++
	f.journal = nil
}

// stop closes the interaction if there is no news beyond what was heard. Otherwise it hears that news first, and answers false
// when the customer has written.
func (f *Flow) stop(reason string) (bool, error) {
	f.where = "stop"
	for {
		var s interaction.Stopping
		end := endOf(f, reason)
		if err := workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(f.ctx, quick), (*post)(nil).StopInteraction, end).Get(f.ctx, &s); err != nil {
			return false, err
		}
		if s.Stopped {
			return true, nil
		}
		wrote := f.newest
		for f.seen < s.Last {
			var n interaction.News
			f.news.Receive(f.ctx, &n)
			f.take(n)
		}
		if f.newest > wrote {
			return false, nil
		}
	}
}

// end tells an end that is none (continue as new, the interaction stopped from outside) from a failure.
func (f *Flow) end(err error) error {
	var app *temporal.ApplicationError
	if errors.As(err, &app) && app.Type() == activities.TypeStopped {
		return nil
	}
	return err
}

// Kit is the kit version that this interaction started on; changes of the kit's command order ask for it.
func (f *Flow) Kit() int { return f.in.Kit }

// Now is the workflow's time.
func (f *Flow) Now() time.Time { return workflow.Now(f.ctx) }
