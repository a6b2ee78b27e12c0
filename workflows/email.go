// Package workflows holds one short file a channel; each reads as the story of
// its interactions. The kit in flow gives them supervision, audit, time-outs and
// crash-safety.
package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"parley/interaction"
	"parley/workflows/flow"
)

// Email is the workflow of an email and of all that follows it until it is stopped.
func Email(ctx workflow.Context, in interaction.Start) error {
	return flow.Run(ctx, in, email, (*flow.Flow).Survey)
}

func email(f *flow.Flow) (reason string) {
	seen := f.Understand()
	if seen.Spam {
		return "spam"
	}
	if f.AutoRespond(seen) {
		return "answered_automatically"
	}
	f.Acknowledge(seen)
	to := flow.To(
		flow.LastAgent(5*time.Second),
		flow.Skill(seen.Skill, 7, 30*time.Second),
		flow.Skill(seen.Skill, 4, 5*time.Minute),
		flow.Anyone(),
	).In(seen.Queue)
	for {
		work := f.Handle(to)
		if work.Nobody {
			to = flow.To(flow.Anyone()).In(seen.Queue)
			continue
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
