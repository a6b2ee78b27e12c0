package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"parley/interaction"
	"parley/workflows/flow"
)

// SMS is the workflow of one short message in paging mode. In session mode messages are a chat's.
func SMS(ctx workflow.Context, in interaction.Start) error { return flow.Run(ctx, in, sms) }

func sms(f *flow.Flow) (reason string) {
	if word := f.Keyword(); word != "" {
		return string(word) // stop, start or help: heeded when it came, and confirmed
	}
	seen := f.Understand()
	if seen.Spam {
		return "spam"
	}
	return people(f, flow.To(flow.LastAgent(time.Minute), flow.Skill(seen.Skill, 4, 2*time.Minute), flow.Anyone()).In(seen.Queue))
}
