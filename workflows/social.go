package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"parley/interaction"
	"parley/workflows/flow"
)

// Social is the workflow of a public mention, a direct message or a message to a bot, and of what follows it in the same conversation.
func Social(ctx workflow.Context, in interaction.Start) error { return flow.Run(ctx, in, social) }

// social is answered automatically only where a category is certain, and acknowledged never: in public an acknowledgement is noise.
func social(f *flow.Flow) (reason string) {
	seen := f.Understand()
	if seen.Spam {
		return "spam"
	}
	if f.AutoRespond(seen) {
		return "answered_automatically"
	}
	return people(f, flow.To(flow.LastAgent(time.Minute), flow.Skill(seen.Skill, 4, 2*time.Minute), flow.Anyone()).In(seen.Queue))
}
