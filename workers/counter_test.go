// The tests run under simulated time (testing/synctest): their sleeps last no time, and end when all else waits.

package workers_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/workers"
)

// ledger is a store that notes when it was asked for what.
type ledger struct {
	counts, checks, seals int
	backlog               int
	fail                  error
}

func (l *ledger) Count(context.Context) (int, error) {
	l.counts++
	n := min(l.backlog, 2000)
	l.backlog -= n
	return n, l.fail
}

func (l *ledger) CheckFigures(context.Context) (interaction.Correction, error) {
	l.checks++
	return interaction.Correction{}, l.fail
}

func (l *ledger) Seal(context.Context) (int64, error) {
	l.seals++
	n := min(l.backlog, 5000)
	l.backlog -= n
	return int64(n), l.fail
}

// during runs a part for some time by a clock that jumps.
func during(t *testing.T, d time.Duration, run func(context.Context) error) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		require.NoError(t, run(ctx))
	})
}

func TestTheCounterCountsEachSecondAndChecksEachHour(t *testing.T) {
	l := &ledger{}
	during(t, 2*time.Hour+time.Minute, (&workers.Counter{Store: l, Log: slog.New(slog.DiscardHandler)}).Run)
	require.InDelta(t, 7260, l.counts, 5)
	require.Equal(t, 3, l.checks)

	l = &ledger{backlog: 100_000}
	during(t, 100*time.Millisecond, (&workers.Counter{Store: l, Log: slog.New(slog.DiscardHandler)}).Run)
	require.Zero(t, l.backlog, "a backlog waits for no clock")
}

func TestTheSealerIsNeverTenSecondsBehind(t *testing.T) {
	l := &ledger{}
	during(t, time.Minute, (&workers.Sealer{Store: l, Log: slog.New(slog.DiscardHandler)}).Run)
	require.GreaterOrEqual(t, l.seals, 7)

	l = &ledger{backlog: 100_000}
	during(t, 100*time.Millisecond, (&workers.Sealer{Store: l, Log: slog.New(slog.DiscardHandler)}).Run)
	require.Zero(t, l.backlog)

	l = &ledger{fail: errors.New("the database is away")}
	during(t, 5*time.Minute, (&workers.Sealer{Store: l, Log: slog.New(slog.DiscardHandler)}).Run)
	require.GreaterOrEqual(t, l.seals, 28, "it tries again within ten seconds")
}
