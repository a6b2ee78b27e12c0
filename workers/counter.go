package workers

import (
	"context"
	"log/slog"
	"time"

	"parley/interaction"
)

// CounterStore is what the counter needs.
type CounterStore interface {
	Count(ctx context.Context) (lines int, err error)
	CheckFigures(ctx context.Context) (interaction.Correction, error)
}

// Counter keeps the statistics up to date behind the audit. Any number may run; one at a time works.
type Counter struct {
	Store CounterStore
	Log   *slog.Logger
}

// checkEvery is how often the real-time counts are held against a full count.
const checkEvery = time.Hour

// Run counts each second until the context ends; a backlog is worked off without a pause.
func (c *Counter) Run(ctx context.Context) error {
	var next time.Time // the first check is at the start: what a restored backup brought along is right at once
	return loop(ctx, c.Log, "counter", nil, every, func(ctx context.Context) (bool, error) {
		if now := time.Now(); !now.Before(next) {
			found, err := c.Store.CheckFigures(ctx)
			if err != nil {
				return false, err
			}
			if !found.None() {
				c.Log.Warn("statistics were wrong and are corrected", "tasks", found.Tasks, "queues", found.Queues, "states", found.States)
			}
			next = now.Add(checkEvery)
		}
		const full = 1000 // so many at once mean that more may wait
		lines, err := c.Store.Count(ctx)
		return lines >= full, err
	})
}
