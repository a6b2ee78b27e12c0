package workers

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"parley/interaction"
)

// RelayStore is what the relay needs.
type RelayStore interface {
	Relay(ctx context.Context, limit int, send func(context.Context, []interaction.Batch) []int) (found int, err error)
	Late(ctx context.Context, id interaction.ID) error
}

// Engine starts and signals workflows.
type Engine interface {
	Start(ctx context.Context, workflowType string, in interaction.Start) error
	Signal(ctx context.Context, id interaction.ID, n interaction.News) error
}

// Relay hands the outbox's rows to Temporal: strictly in order for each interaction, several interactions at once. What was
// sent and not yet marked when it dies is sent again; workflows drop what they have heard.
type Relay struct {
	Store  RelayStore
	Engine Engine
	Bell   Bell
	Log    *slog.Logger
}

// relayBatch is how many interactions one round serves; their marks are one commit.
const relayBatch = 32

// Run works until the context ends.
func (r *Relay) Run(ctx context.Context) error {
	return loop(ctx, r.Log, "relay", r.Bell, every, r.round)
}

func (r *Relay) round(ctx context.Context) (bool, error) {
	var failed error
	var late []interaction.ID
	found, err := r.Store.Relay(ctx, relayBatch, func(ctx context.Context, batches []interaction.Batch) []int {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		done, errs := make([]int, len(batches)), make([]error, len(batches))
		var wg sync.WaitGroup
		for i, b := range batches {
			wg.Go(func() { done[i], errs[i] = r.send(ctx, b) })
		}
		wg.Wait()
		for i, err := range errs {
			if err == nil {
				continue
			}
			if interaction.KindOf(err) == interaction.KindUnknown {
				late = append(late, batches[i].Interaction)
				continue
			}
			failed = err
		}
		return done
	})
	if err != nil {
		return false, err
	}
	for _, id := range late {
		r.Log.Warn("news without a run", "interaction", id)
		if err := r.Store.Late(ctx, id); err != nil {
			return false, err
		}
	}
	return found > 0, failed
}

// send hands over one interaction's news in order and tells how many got through.
func (r *Relay) send(ctx context.Context, b interaction.Batch) (int, error) {
	for i, n := range b.News {
		var err error
		if n.Kind == interaction.NewsStart {
			if b.Workflow == "" {
				continue // stopped before it began
			}
			err = r.Engine.Start(ctx, b.Workflow, b.Start)
		} else {
			err = r.Engine.Signal(ctx, b.Interaction, n)
		}
		if err != nil {
			return i, err
		}
	}
	return len(b.News), nil
}
