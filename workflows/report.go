package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"parley/interaction"
	"parley/workflows/flow"
)

// Report is the workflow of what a mail server or program says of a message whose interaction has stopped: a bounce, a delivery report, a receipt.
func Report(ctx workflow.Context, in interaction.Start) error { return flow.Run(ctx, in, report) }

func report(f *flow.Flow) (reason string) {
	what := f.Reported()
	if what != "" && !what.ForPeople() {
		return string(what)
	}
	if what == interaction.ReportGivenUp && f.SendAgain() {
		return "sent_again"
	}
	to := flow.To(flow.LastAgent(5*time.Second), flow.Anyone())
	for {
		work := f.Handle(to)
		if work.Nobody {
			to = flow.To(flow.Anyone())
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
