package workers

import (
	"context"
	"log/slog"
	"time"
)

// SealerStore is what the sealer needs.
type SealerStore interface {
	Seal(ctx context.Context) (events int64, err error)
}

// Sealer links new lines of the audit to its chain. Any number may run; one at a time works.
type Sealer struct {
	Store SealerStore
	Log   *slog.Logger
}

// sealEvery is how far the chain may be behind in quiet times; goal N2 allows 10 s.
const sealEvery = 4 * time.Second

// Run seals until the context ends; a backlog is worked off without a pause.
func (s *Sealer) Run(ctx context.Context) error {
	return loop(ctx, s.Log, "sealer", nil, sealEvery, func(ctx context.Context) (bool, error) {
		const full = 1000 // so many at once mean that more may wait
		events, err := s.Store.Seal(ctx)
		return events >= full, err
	})
}
