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
		t.Skip("PARLEY_TEST_TEMPORAL_ADDRESS is not set: make test sets it")
	}
	c, err := client.Dial(client.Options{HostPort: address, Namespace: "parley", Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	b, err := Start(c)
	require.NoError(t, err)
	t.Cleanup(b.Stop)
	// Started, scheduled, started, completed, marker, ended; a signal adds itself and at most one workflow task of three events, an
	// activity three and a workflow task, an Update two and at most a workflow task.
	shapes := map[string]struct{ least, most int64 }{
		Bare: {6, 6}, Lean: {8, 11}, Path: {14, 17}, Handled: {16, 22}, Naive: {46, 58},
	}
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
				length := got.GetWorkflowExecutionInfo().GetHistoryLength()
				require.GreaterOrEqual(t, length, shapes[name].least)
				require.LessOrEqual(t, length, shapes[name].most)
			}
		})
	}
}
