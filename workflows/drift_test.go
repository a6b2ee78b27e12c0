package workflows

import (
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"parley/activities/training"
	"parley/interaction"
)

// A week is told although the database was away.
func TestDrift(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterActivity(&training.Activities{})
	env.OnActivity(makes.TellDrift, mock.Anything).Return(temporal.NewApplicationError("away", "unavailable")).Times(5)
	env.OnActivity(makes.TellDrift, mock.Anything).Return(nil).Once()
	env.ExecuteWorkflow(Drift, interaction.Start{})
	require.True(t, env.IsWorkflowCompleted())
	require.NoError(t, env.GetWorkflowError())
	env.AssertExpectations(t)
}
