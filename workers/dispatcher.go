package workers

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"parley/interaction"
)

// DispatchStore is what the dispatcher needs.
type DispatchStore interface {
	Lead(ctx context.Context, shard int, work func(context.Context) error) (bool, error)
	Look(ctx context.Context, l interaction.Look) (interaction.Changes, error)
	Again(ctx context.Context, tasks, agents []interaction.ID) (interaction.Changes, error)
	OpenLinks(ctx context.Context, list []interaction.Opening) error
	Offer(ctx context.Context, o interaction.Offer) (bool, error)
}

// Dispatcher does what happens to tasks by time, opens the links of their chains, and offers tasks of push queues to agents. It
// decides in memory, out of a routing.Book that it builds from the tables and keeps up to date, and confirms
// each decision by a conditional statement. Groups may be divided into shards; one process leads each, and a second one at the same time does no
// harm.
type Dispatcher struct {
	Store  DispatchStore
	Bell   Bell // rung after each commit; nil: it only polls
	Log    *slog.Logger
	Shards int // that groups are divided into, the same for all processes; 1 when zero
}

const (
	candidacy  = 2 * time.Second       // how often one who does not lead tries to
	breath     = 40 * time.Millisecond // between two rounds, so that many commits are one look; offers are late by it at most
	rebuild    = 5 * time.Minute       // the book is built anew, should it ever have missed anything
	offerBatch = 64                    // decisions that are confirmed at once
	offerLanes = 8
)

// Run works until the context ends: for each shard it leads when it can and waits for its turn otherwise.
func (d *Dispatcher) Run(ctx context.Context) error {
	shards := make([]*shard, max(d.Shards, 1))
	var running sync.WaitGroup
	for n := range shards {
		shards[n] = &shard{store: d.Store, log: d.Log.With("shard", n), number: n, of: len(shards), ring: NewBell()}
		running.Go(func() { shards[n].run(ctx) })
	}
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-d.Bell:
			for _, s := range shards {
				s.hear()
			}
		}
	}
	running.Wait()
	return nil
}
