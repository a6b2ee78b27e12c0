package flow

import (
	"parley/activities/callback"
	"parley/activities/delivery"
	"parley/interaction"
)

type callbacks = callback.Activities

// Called is what a try to call the customer has come to.
type Called struct {
	Over    bool   // there is no further one
	Reason  string // how it is over, as a code
	message int64
}

// Call waits until the customer is due, and until an agent has tried to call him, or the callback is cancelled, moved or too old. Who may call and when, and
// whether he is called again, the entry point's policies say; the task's chain is its queue's own.
func (f *Flow) Call() Called {
	call := step(f, "call", func(key string) (interaction.NextCall, error) {
		return local[interaction.NextCall](f, quick, (*callbacks)(nil).NextCall, callback.Next{Interaction: f.in.Interaction, Step: key})
	})
	if call.Over {
		f.answered = max(f.answered, f.newest)
		return Called{Over: true, Reason: call.Reason, message: call.Message}
	}
	step(f, "called", func(string) (bool, error) {
		_, heard := f.hear(call.Until, func(n interaction.News) bool { return n.Task == call.Task })
		return heard, nil
	})
	return Called{}
}

// Tell sends what the entry point has to say to a customer whom nobody reached. What became of a message whose answer was lost stays unknown: nobody is asked
// about it, and it is not sent again.
func (f *Flow) Tell(c Called) {
	if c.message > 0 {
		step(f, "tell", func(string) (delivery.Sent, error) { return f.send(c.message) })
	}
}
