package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"parley/interaction"
	"parley/workflows/flow"
)

// MMS is the workflow of a multimedia message and of what the same customer writes while it is open.
func MMS(ctx workflow.Context, in interaction.Start) error { return flow.Run(ctx, in, mms) }

// mms is answered by people: nothing automatic is sent where each message costs money and half of what was said is in pictures. The agent answers by the centre
// that the message came from, or by another entry point that he chooses.
func mms(f *flow.Flow) (reason string) {
	seen := f.Understand()
	if seen.Spam {
		return "spam"
	}
	to := flow.To(flow.LastAgent(5*time.Minute), flow.Skill(seen.Skill, 4, 5*time.Minute), flow.Anyone()).In(seen.Queue)
	return people(f, to)
}

// people lets people answer until an answer has left or one of them ended it without.
func people(f *flow.Flow, to flow.Targets) (reason string) {
	for {
		work := f.Handle(to)
		if work.Nobody {
			continue // it stays with its queue: what a customer wrote is not dropped
		}
		if work.Reply == nil {
			return work.Disposition
		}
		if f.Review(work.Reply).Approved && f.Send(work.Reply) {
			return "answered"
		}
		to = flow.BackTo(work, to)
	}
}
