package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/interaction"
)

// telling is a few queries over some weeks of the audit. A database that is away is waited for until the next week begins.
var telling = workflow.ActivityOptions{
	StartToCloseTimeout: 5 * time.Minute, ScheduleToCloseTimeout: 6 * 24 * time.Hour,
	RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 10 * time.Minute},
}

// Drift tells how the models did in the week before; Temporal runs it by interaction.DriftEvery. A run that was missed while Temporal was away is made up for.
func Drift(ctx workflow.Context, _ interaction.Start) error {
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, telling), makes.TellDrift).Get(ctx, nil)
}
