package workflows

import (
	"go.temporal.io/sdk/workflow"

	"parley/interaction"
	"parley/workflows/flow"
)

// Outbound is the workflow of a message that we begin: by an agent, a workflow or an application.
func Outbound(ctx workflow.Context, in interaction.Start) error { return flow.Run(ctx, in, outbound) }

func outbound(f *flow.Flow) (reason string) {
	work := f.Begun()
	for {
		if f.Review(work.Reply).Approved && f.Send(work.Reply) {
			return "sent"
		}
		if work = f.Handle(flow.BackTo(work, flow.To(flow.Anyone()))); work.Reply == nil {
			return work.Disposition
		}
	}
}
