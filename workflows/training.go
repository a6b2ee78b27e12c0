package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/activities"
	"parley/activities/training"
	"parley/interaction"
)

// computing is a step of a training: hours for one attempt. A dead process is noticed by its missing heartbeat, and the step is done again elsewhere.
var computing = workflow.ActivityOptions{
	StartToCloseTimeout: 12 * time.Hour,
	HeartbeatTimeout:    time.Minute,
	RetryPolicy: &temporal.RetryPolicy{
		InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute, MaximumAttempts: 20,
		NonRetryableErrorTypes: []string{activities.TypeStopped},
	},
}

// Training makes a model: texts are put down, a model is judged, the model is made. A training that was cancelled ends where it is.
func Training(ctx workflow.Context, in interaction.Start) error {
	ctx = workflow.WithActivityOptions(ctx, computing)
	err := makeModel(ctx, in.Interaction)
	if err == nil || stopped(err) {
		return nil
	}
	end := training.End{Training: in.Interaction, Reason: "failed_too_often"}
	if temporal.IsCanceledError(err) { // by Temporal's own means: whoever looks at the training is told
		end.Reason = "workflow_cancelled"
	}
	workflow.GetLogger(ctx).Error("no model made", "reason", end.Reason, "error", err)
	told, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	return workflow.ExecuteActivity(told, makes.FailTraining, end).Get(told, nil)
}

var makes *training.Activities

// makeModel is the story of a training. Each step finds in the store whether it was done already.
func makeModel(ctx workflow.Context, id interaction.ID) error {
	var enough bool
	if err := workflow.ExecuteActivity(ctx, makes.GatherTexts, id).Get(ctx, &enough); err != nil || !enough {
		return err
	}
	if err := workflow.ExecuteActivity(ctx, makes.JudgeTexts, id).Get(ctx, nil); err != nil {
		return err
	}
	return workflow.ExecuteActivity(ctx, makes.TrainModel, id).Get(ctx, nil)
}

// stopped reports whether a step found that the training is over.
func stopped(err error) bool {
	var failure *temporal.ApplicationError
	return errors.As(err, &failure) && failure.Type() == activities.TypeStopped
}
