package twins

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
)

// Every twin runs to its end, and has the shape that its name promises: the number of its history events.
func TestTwins(t *testing.T) {
	address := os.Getenv("PARLEY_TEST_TEMPORAL_ADDRESS")
	if address == "" {
		t.Skip("SKIPPED: this test needs a Temporal server; set PARLEY_TEST_TEMPORAL_ADDRESS, as make test does")
	}
	c, err := client.Dial(client.Options{HostPort: address, Namespace: "parley", Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	b, err := Start(address, "parley")
	require.NoError(t, err)
	t.Cleanup(b.Stop)
	// Started, a workflow task of three events and ended are 5. A local activity adds a marker, a signal itself and a workflow task, an
	// activity three events and a workflow task, an Update two and a workflow task.
	shapes := map[string]int64{Bare: 5 + 1, Lean: 5 + 1 + 4 + 1, Path: 5 + 1 + 4 + 1 + 6, Handled: 5 + 1 + 2*5 + 6, Naive: 5 + 4*6 + 2*5 + 3*6}
	t.Run(Waiting, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		ids, err := b.Park(ctx, 3, 2)
		require.NoError(t, err)
		for _, id := range ids {
			got, err := c.DescribeWorkflowExecution(ctx, id, "")
			require.NoError(t, err)
			require.Equal(t, int64(4+1), got.GetWorkflowExecutionInfo().GetHistoryLength(), "started, a workflow task, a timer")
		}
		require.NoError(t, b.End(ctx, ids, 2))
	})
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			ids, err := b.Run(ctx, name, 3, 2)
			require.NoError(t, err)
			require.Len(t, ids, 3)
			for _, id := range ids {
				got, err := c.DescribeWorkflowExecution(ctx, id, "")
				require.NoError(t, err)
				require.Equal(t, shapes[name], got.GetWorkflowExecutionInfo().GetHistoryLength())
			}
		})
	}
}
