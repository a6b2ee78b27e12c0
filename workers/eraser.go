package workers

import (
	"context"
	"log/slog"
	"time"

	"parley/interaction"
)

// EraserStore is what the eraser needs.
type EraserStore interface {
	WorkErasures(ctx context.Context, keep func(interaction.ErasureRecord) error) (worked bool, err error)
}

// Eraser erases people who were ordered to be. Any number may run, each on another person; Keep writes into the ledger outside of the
// database, which is the same for all.
type Eraser struct {
	Store EraserStore
	Keep  func(interaction.ErasureRecord) error
	Log   *slog.Logger
}

// Run works until the context ends.
func (e *Eraser) Run(ctx context.Context) error {
	return loop(ctx, e.Log, "eraser", nil, every, func(ctx context.Context) (bool, error) { return e.Store.WorkErasures(ctx, e.Keep) })
}

// ExporterStore is what the exporter needs.
type ExporterStore interface {
	WorkExports(ctx context.Context) (worked bool, err error)
}

// Exporter writes the archives that were asked for. Any number may run, each on another one.
type Exporter struct {
	Store ExporterStore
	Log   *slog.Logger
}

// Run works until the context ends.
func (e *Exporter) Run(ctx context.Context) error {
	return loop(ctx, e.Log, "exporter", nil, every, e.Store.WorkExports)
}

// RetainerStore is what the retainer needs.
type RetainerStore interface {
	Retain(ctx context.Context) (worked bool, err error)
}

// Retainer removes what the rules of retention say has been kept for long enough, a small batch a transaction. Of several one works.
type Retainer struct {
	Store RetainerStore
	Log   *slog.Logger
}

// Run looks once a minute until the context ends.
func (r *Retainer) Run(ctx context.Context) error {
	return loop(ctx, r.Log, "retainer", nil, time.Minute, r.Store.Retain)
}
