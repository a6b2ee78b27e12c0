package engine

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// Without a Temporal the engine can be made, and says that it is away instead of hanging.
func TestTemporalAway(t *testing.T) {
	e, err := Dial(Options{Address: "127.0.0.1:1", Namespace: "parley", Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	defer e.Close()
	calls := map[string]func(context.Context) error{
		"ping": e.Ping,
		"start": func(ctx context.Context) error {
			return e.Start(ctx, interaction.WorkflowEmail, interaction.Start{Interaction: interaction.NewID()})
		},
		"signal": func(ctx context.Context) error {
			return e.Signal(ctx, interaction.NewID(), interaction.News{Number: 1})
		},
		"repeat": func(ctx context.Context) error {
			return e.Repeat(ctx, interaction.WorkflowDrift, interaction.DriftEvery)
		},
		"where": func(ctx context.Context) error {
			_, err := e.Where(ctx, interaction.NewID())
			return err
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			require.Equal(t, interaction.KindUnavailable, interaction.KindOf(call(ctx)))
		})
	}
}
