package workers

import (
	"context"
	"log/slog"
)

// SelectorStore is what the selector needs.
type SelectorStore interface {
	WorkSelections(ctx context.Context) (worked bool, err error)
}

// Selector checks and carries out orders on many interactions. Any number may run: each works on another selection.
type Selector struct {
	Store SelectorStore
	Log   *slog.Logger
}

// Run works until the context ends.
func (s *Selector) Run(ctx context.Context) error {
	return loop(ctx, s.Log, "selector", nil, every, s.Store.WorkSelections)
}
