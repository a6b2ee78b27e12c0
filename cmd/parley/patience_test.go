package main

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"parley/interaction"
)

func TestTheStartWaitsForServersOnly(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		away bool
	}{
		{"a broken connection", errors.New("unexpected EOF"), true},
		{"PostgreSQL was killed", fmt.Errorf("migrate: %w", &pgconn.PgError{Code: "57P01"}), true},
		{"PostgreSQL is starting", interaction.Unavailable("database_away", &pgconn.PgError{Code: "57P03"}), true},
		{"a wrong password", fmt.Errorf("connect: %w", &pgconn.PgError{Code: "28P01"}), false},
		{"fsync is off", interaction.Invalid("not_durable", "fsync", "is off"), false},
		{"a mistake in a file", configError{errors.New("parley.yaml: no such group")}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.away, away(c.err))
			tries := 0
			err := patiently(t.Context(), slog.New(slog.DiscardHandler), func() error {
				if tries++; tries == 1 {
					return c.err
				}
				return nil
			})
			if c.away {
				require.NoError(t, err)
				require.Equal(t, 2, tries)
			} else {
				require.ErrorIs(t, err, c.err)
				require.Equal(t, 1, tries)
			}
		})
	}
}
