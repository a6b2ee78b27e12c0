package test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"

	"parley/interaction"
)

// Temporal holds a workflow that tells every week how the models did; run again for the same week it tells nothing.
func TestStoryDrift(t *testing.T) {
	st := newStage(t)
	_, err := st.store.Pool().Exec(t.Context(), `
		insert into events (at, code, interaction_id, data)
		select now() - interval '7 days', 'interaction.understood', gen_random_uuid(), '{"model": "m", "language": "en", "category": "order", "confidence": 0.8, "message": 1}' from generate_series(1, 40)`)
	require.NoError(t, err)
	for range 2 {
		id := interaction.NewID()
		require.NoError(t, st.engine.On(st.queue).Start(t.Context(), interaction.WorkflowDrift, interaction.Start{Interaction: id, Kit: interaction.KitVersion}))
		st.ended(id)
	}
	var lines int
	var messages int64
	require.NoError(t, st.store.Pool().QueryRow(t.Context(), `select count(*), max((data->>'messages')::bigint) from events where code = 'models.drift'`).Scan(&lines, &messages))
	require.Equal(t, 1, lines)
	require.EqualValues(t, 40, messages)

	for range 2 { // another process that begins changes nothing
		require.NoError(t, st.engine.On(st.queue).Repeat(t.Context(), interaction.WorkflowDrift, interaction.DriftEvery))
	}
	history := fetch(t, st.engine.Client(), interaction.WorkflowDrift+" on "+st.queue)
	begun := history.Events[0].GetWorkflowExecutionStartedEventAttributes()
	require.Equal(t, enums.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, history.Events[0].EventType)
	require.Equal(t, interaction.DriftEvery, begun.CronSchedule)
	require.Positive(t, begun.FirstWorkflowTaskBackoff.AsDuration(), "it waits for Monday")
}
