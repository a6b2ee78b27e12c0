package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"parley/interaction"
)

// Patience of the start with a server that is away: one that was killed is back within seconds.
const (
	patience     = 30 * time.Second
	betweenTries = 500 * time.Millisecond
)

// patiently does a step of the start again while a server that it needs is away, for as long as patience lasts.
func patiently(ctx context.Context, log *slog.Logger, step func() error) error {
	end := time.NewTimer(patience)
	defer end.Stop()
	for {
		err := step()
		if err == nil || !away(err) {
			return err
		}
		log.Warn("the start waits for a server", "error", err)
		again := time.NewTimer(betweenTries)
		select {
		case <-again.C:
		case <-end.C:
			again.Stop()
			return err
		case <-ctx.Done():
			again.Stop()
			return err
		}
	}
}

// away tells a server that will be back from a mistake that stays.
func away(err error) bool {
	var wrong configError
	var said *pgconn.PgError
	if errors.As(err, &wrong) || interaction.KindOf(err) != interaction.KindUnavailable {
		return false
	}
	if errors.As(err, &said) {
		return slices.Contains([]string{"08", "53", "57"}, said.Code[:2]) // connection, resources, an operator's doing
	}
	return true
}
