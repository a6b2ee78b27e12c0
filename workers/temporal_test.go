package workers

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"parley/activities/autoresponse"
	"parley/activities/callback"
	"parley/activities/conversation"
	"parley/activities/delivery"
	"parley/activities/postprocessing"
	"parley/activities/review"
	"parley/activities/routing"
	"parley/activities/survey"
	"parley/activities/training"
	"parley/activities/understanding"
	"parley/interaction"
)

// Registration panics on a workflow or activity that the SDK cannot take, and on two of one name.
func TestEverythingRegisters(t *testing.T) {
	c, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1"})
	require.NoError(t, err)
	defer c.Close()
	require.NotPanics(t, func() {
		Register(worker.New(c, interaction.QueueInteractions, worker.Options{}), Activities{
			&understanding.Activities{}, &autoresponse.Activities{}, &routing.Activities{}, &review.Activities{}, &delivery.Activities{}, &postprocessing.Activities{}, &conversation.Activities{}, &survey.Activities{}, &training.Activities{}, &callback.Activities{},
		})
	})
}

// A Temporal that is away must not end the process that waits for it.
func TestWorkerWaitsForTemporal(t *testing.T) {
	c, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1"})
	require.NoError(t, err)
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	waits := make(waiting, 100)
	w := &Worker{Client: c, Log: slog.New(waits), Activities: Activities{
		&understanding.Activities{}, &autoresponse.Activities{}, &routing.Activities{}, &review.Activities{}, &delivery.Activities{}, &postprocessing.Activities{}, &conversation.Activities{}, &survey.Activities{}, &training.Activities{}, &callback.Activities{},
	}}
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	for range 2 {
		select {
		case <-waits:
		case err := <-ended:
			require.Fail(t, "the worker gave up", "%v", err)
		}
	}
	cancel()
	require.NoError(t, <-ended)
}

// waiting is a log that tells of each line.
type waiting chan struct{}

func (w waiting) Enabled(context.Context, slog.Level) bool { return true }

func (w waiting) Handle(context.Context, slog.Record) error { w <- struct{}{}; return nil }

func (w waiting) WithAttrs([]slog.Attr) slog.Handler { return w }

func (w waiting) WithGroup(string) slog.Handler { return w }
