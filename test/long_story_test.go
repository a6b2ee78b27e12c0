package test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"

	"parley/interaction"
)

// A story that hears a thousand orders continues as new again and again while they arrive: no run grows long, and each order is heard once and in its
// turn, those that come during a switch included (target A4).
func TestStoryOfAThousandOrders(t *testing.T) {
	const orders = 1000
	st := newStage(t)
	id := st.mail("cust@customer.test", "Broken kettle")
	st.task(id, interaction.TaskHandle)
	for n := range orders {
		st.order(id, interaction.Order{Name: []string{interaction.OrderHold, interaction.OrderResume}[n%2]})
	}
	st.reply("ann", id, "Send it back.")
	st.decide(id, interaction.Decision{Verdict: "approve"})
	require.Equal(t, "answered", st.stopped(id))

	run := fetch(t, st.engine.Client(), string(id)).Events[0].GetWorkflowExecutionStartedEventAttributes().GetFirstExecutionRunId()
	runs, heard := 0, int64(1) // the first of all is told with the start
	for run != "" {
		history := fetchRun(t, st.engine.Client(), string(id), run)
		require.LessOrEqual(t, len(history.Events), 200, "events of one run")
		runs, run = runs+1, ""
		for _, e := range history.Events {
			if signal := e.GetWorkflowExecutionSignaledEventAttributes(); signal != nil {
				var news interaction.News
				require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(signal.Input, &news))
				require.LessOrEqual(t, news.Number, heard+1, "none is left out")
				heard = max(heard, news.Number)
			}
			if on := e.GetWorkflowExecutionContinuedAsNewEventAttributes(); on != nil {
				run = on.NewExecutionRunId
			}
		}
	}
	t.Logf("%d pieces of news in %d runs", heard, runs)
	require.Greater(t, runs, 10)
	require.GreaterOrEqual(t, heard, int64(orders))
}
