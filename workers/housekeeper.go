package workers

import (
	"context"
	"log/slog"
	"time"
)

// HousekeeperStore is what the housekeeper needs.
type HousekeeperStore interface {
	MakeMonths(ctx context.Context) error
	ForgetRequests(ctx context.Context) error
	ForgetSelections(ctx context.Context) error
	ExpireExports(ctx context.Context) (more bool, err error)
	ForgetSlots(ctx context.Context) error
	KeepWallTimes(ctx context.Context) error
}

// Housekeeper makes the partitions of the coming months, drops what has served its time, and keeps the times that customers were promised when the rules of their
// zones change. Several may run at once.
type Housekeeper struct {
	Store HousekeeperStore
	Log   *slog.Logger
}

// Run works once an hour until the context ends.
func (h *Housekeeper) Run(ctx context.Context) error {
	return loop(ctx, h.Log, "housekeeper", nil, time.Hour, func(ctx context.Context) (bool, error) {
		for _, task := range []func(context.Context) error{
			h.Store.MakeMonths, h.Store.ForgetRequests, h.Store.ForgetSelections, h.Store.ForgetSlots, h.Store.KeepWallTimes,
		} {
			if err := task(ctx); err != nil {
				return false, err
			}
		}
		return h.Store.ExpireExports(ctx)
	})
}

// PartsStore is what the part of long messages needs.
type PartsStore interface {
	GiveUpParts(ctx context.Context, limit int) (int, error)
}

// Parts has messages shown as incomplete whose parts were waited for long enough. Several may run at once.
type Parts struct {
	Store PartsStore
	Log   *slog.Logger
}

// Run looks every few seconds until the context ends.
func (p *Parts) Run(ctx context.Context) error {
	const batch = 100
	return loop(ctx, p.Log, "parts", nil, 5*time.Second, func(ctx context.Context) (bool, error) {
		n, err := p.Store.GiveUpParts(ctx, batch)
		return n == batch, err
	})
}
