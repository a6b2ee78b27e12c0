package workflows

import (
	"go.temporal.io/sdk/workflow"

	"parley/interaction"
	"parley/workflows/flow"
)

// Callback is the workflow of a request to be called, from its booking to the call that reached somebody. It sleeps in between, for weeks if need be.
func Callback(ctx workflow.Context, in interaction.Start) error { return flow.Run(ctx, in, callback) }

func callback(f *flow.Flow) (reason string) {
	for {
		call := f.Call()
		if !call.Over {
			continue // a try has ended, or it was given another time
		}
		f.Tell(call)
		return call.Reason
	}
}
