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
}

// Housekeeper makes the partitions of the coming months and drops what has served its time. Several may run at once.
type Housekeeper struct {
	Store HousekeeperStore
	Log   *slog.Logger
}

// Run works once an hour until the context ends.
func (h *Housekeeper) Run(ctx context.Context) error {
	return loop(ctx, h.Log, "housekeeper", nil, time.Hour, func(ctx context.Context) (bool, error) {
		if err := h.Store.MakeMonths(ctx); err != nil {
			return false, err
		}
		if err := h.Store.ForgetRequests(ctx); err != nil {
			return false, err
		}
		return false, h.Store.ForgetSelections(ctx)
	})
}
