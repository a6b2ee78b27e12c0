package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"parley/activities"
	"parley/activities/training"
	"parley/interaction"
)

// TestTraining: whatever becomes of the steps, the training ends, and a training that ended without a model says why.
func TestTraining(t *testing.T) {
	const id = interaction.ID("t1")
	gathers := func(env *testsuite.TestWorkflowEnvironment, enough bool) {
		env.OnActivity(makes.GatherTexts, mock.Anything, id).Return(enough, nil).Once()
	}
	for name, c := range map[string]struct {
		steps func(env *testsuite.TestWorkflowEnvironment)
		end   string
	}{
		"a model is made": {func(env *testsuite.TestWorkflowEnvironment) {
			gathers(env, true)
			env.OnActivity(makes.JudgeTexts, mock.Anything, id).Return(nil).Once()
			env.OnActivity(makes.TrainModel, mock.Anything, id).Return(nil).Once()
		}, ""},
		"too little to learn from": {func(env *testsuite.TestWorkflowEnvironment) { gathers(env, false) }, ""},
		"cancelled by who ordered it": {func(env *testsuite.TestWorkflowEnvironment) {
			gathers(env, true)
			env.OnActivity(makes.JudgeTexts, mock.Anything, id).Return(temporal.NewNonRetryableApplicationError("over", activities.TypeStopped, nil)).Once()
		}, ""},
		"processes that die": {func(env *testsuite.TestWorkflowEnvironment) {
			gathers(env, true)
			env.OnActivity(makes.JudgeTexts, mock.Anything, id).Return(temporal.NewApplicationError("away", "unavailable")).Twice()
			env.OnActivity(makes.JudgeTexts, mock.Anything, id).Return(nil).Once()
			env.OnActivity(makes.TrainModel, mock.Anything, id).Return(nil).Once()
		}, ""},
		"a step that always fails": {func(env *testsuite.TestWorkflowEnvironment) {
			gathers(env, true)
			env.OnActivity(makes.JudgeTexts, mock.Anything, id).Return(temporal.NewApplicationError("away", "unavailable")).Times(20)
		}, "failed_too_often"},
		"cancelled in Temporal": {func(env *testsuite.TestWorkflowEnvironment) {
			gathers(env, true)
			env.OnActivity(makes.JudgeTexts, mock.Anything, id).After(time.Hour).Return(nil).Maybe()
			env.RegisterDelayedCallback(env.CancelWorkflow, time.Minute)
		}, "workflow_cancelled"},
	} {
		t.Run(name, func(t *testing.T) {
			var suite testsuite.WorkflowTestSuite
			env := suite.NewTestWorkflowEnvironment()
			env.RegisterActivity(&training.Activities{})
			c.steps(env)
			if c.end != "" {
				env.OnActivity(makes.FailTraining, mock.Anything, training.End{Training: id, Reason: c.end}).Return(nil).Once()
			}
			env.ExecuteWorkflow(Training, interaction.Start{Interaction: id, Kit: interaction.KitVersion})
			require.True(t, env.IsWorkflowCompleted())
			require.NoError(t, env.GetWorkflowError())
			env.AssertExpectations(t)
		})
	}
}
