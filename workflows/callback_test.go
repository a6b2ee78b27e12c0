package workflows

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	callbacks "parley/activities/callback"
	"parley/interaction"
)

// callTask is the task of a try.
const callTask = interaction.ID("0190e3c5-7b1a-7c3d-8e4f-00000000000c")

// calls has the desk answer the steps of a callback's story, in this order; the last answer stays.
func (d *desk) calls(answers ...interaction.NextCall) *[]string {
	steps := &[]string{}
	d.OnActivity((*callbacks.Activities)(nil).NextCall, mock.Anything, mock.Anything).
		Return(func(_ context.Context, in callbacks.Next) (interaction.NextCall, error) {
			*steps = append(*steps, in.Step)
			return answers[min(len(*steps), len(answers))-1], nil
		})
	return steps
}

func (d *desk) runCallback(in interaction.Start) {
	in.Interaction, in.Channel, in.Kit, in.Number, in.Message = mailID, interaction.Callback, interaction.KitVersion, 1, 1
	d.ExecuteWorkflow(Callback, in)
	require.True(d.t, d.IsWorkflowCompleted())
}

// A callback for next week sleeps until its agent says how it went: no step is done in between.
func TestACallbackSleepsUntilItsOutcome(t *testing.T) {
	d := newDesk(t)
	week := 7 * 24 * time.Hour
	steps := d.calls(interaction.NextCall{Task: callTask, Until: d.Now().Add(week + 24*time.Hour)}, interaction.NextCall{Over: true, Reason: "reached"})
	d.tell(week+time.Hour, interaction.News{Kind: interaction.NewsDone, Task: callTask, Code: "reached", Agent: ann})
	d.runCallback(interaction.Start{})
	require.NoError(t, d.GetWorkflowError())
	require.Equal(t, []string{"0.0-call", "0.2-call"}, *steps)
	require.Equal(t, "reached", d.ends[0].Reason)
	require.Empty(t, d.sent)
}

// What is moved is looked at again, and so is what nobody called within its limit; who was not reached is told.
func TestACallbackIsLookedAtAgain(t *testing.T) {
	d := newDesk(t)
	steps := d.calls(
		interaction.NextCall{Task: callTask, Until: d.Now().Add(time.Hour)},
		interaction.NextCall{Task: callTask, Until: d.Now().Add(3 * time.Hour)},
		interaction.NextCall{Over: true, Reason: "expired", Message: 2},
	)
	d.tell(10*time.Minute, interaction.News{Kind: interaction.NewsMoved, Task: callTask})
	begun := d.Now()
	d.runCallback(interaction.Start{})
	require.NoError(t, d.GetWorkflowError())
	require.Len(t, *steps, 3)
	require.GreaterOrEqual(t, d.Now().Sub(begun), 3*time.Hour)
	require.Equal(t, []int64{2}, d.sent)
	require.Equal(t, "expired", d.ends[0].Reason)
}

// With a long history it continues as new and waits where it waited; the step that it did is not done again.
func TestACallbackContinuesAsNew(t *testing.T) {
	first := newDesk(t)
	steps := first.calls(interaction.NextCall{Task: callTask, Until: first.Now().Add(48 * time.Hour)})
	first.RegisterDelayedCallback(func() { first.SetContinueAsNewSuggested(true) }, time.Hour)
	first.tell(2*time.Hour, interaction.News{Kind: interaction.NewsMessage, Message: 1}) // wakes it
	first.runCallback(interaction.Start{})
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, first.GetWorkflowError(), &again)
	require.Len(t, *steps, 1)
	var next interaction.Start
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &next))

	second := newDesk(t)
	second.number = next.Carried.Seen
	steps = second.calls(interaction.NextCall{Over: true, Reason: "reached"})
	second.tell(time.Hour, interaction.News{Kind: interaction.NewsDone, Task: callTask, Code: "reached"})
	second.runCallback(next)
	require.NoError(t, second.GetWorkflowError())
	require.Equal(t, []string{"0.2-call"}, *steps)
	require.Equal(t, "reached", second.ends[0].Reason)
}
