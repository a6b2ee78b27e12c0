package store

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

// counted counts the round trips of a connection: statements by themselves, and batches.
type counted struct{ trips int }

func (c *counted) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.trips++
	return ctx
}
func (c *counted) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (c *counted) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	c.trips++
	return ctx
}
func (c *counted) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (c *counted) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

// pipelined gives a connection with a table of its own, which goes with it.
func pipelined(t *testing.T) (*pgx.Conn, *counted) {
	t.Helper()
	url := os.Getenv("PARLEY_TEST_DATABASE_URL")
	if url == "" {
		t.Skip("PARLEY_TEST_DATABASE_URL is not set: make test sets it")
	}
	config, err := pgx.ParseConfig(url)
	require.NoError(t, err)
	trips := &counted{}
	config.Tracer = trips
	conn, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) })
	_, err = conn.Exec(t.Context(), `create temporary table numbers (position serial, n int unique)`)
	require.NoError(t, err)
	trips.trips = 0
	return conn, trips
}

func numbers(t *testing.T, conn *pgx.Conn) []int {
	t.Helper()
	rows, err := conn.Query(t.Context(), `select n from numbers order by position`)
	require.NoError(t, err)
	list, err := pgx.CollectRows(rows, pgx.RowTo[int])
	require.NoError(t, err)
	return list
}

const insert = `insert into numbers (n) values ($1)`

func TestAPipelineKeepsTheOrderAndAsksSeldom(t *testing.T) {
	ctx := t.Context()
	conn, trips := pipelined(t)
	p := begin(conn)
	p.put(insert, 1)
	p.put(insert, 2)
	var sum int
	require.NoError(t, p.QueryRow(ctx, `select sum(n)::int from numbers`).Scan(&sum))
	require.Equal(t, 3, sum, "what waited ran before")
	p.put(insert, 3)
	tag, err := p.Exec(ctx, `update numbers set n = n + 10 where n > 1`)
	require.NoError(t, err)
	require.EqualValues(t, 2, tag.RowsAffected(), "the tag is that of the statement itself")
	p.put(insert, 4)
	batch := &pgx.Batch{}
	batch.Queue(`select count(*)::int from numbers`).QueryRow(func(row pgx.Row) error { return row.Scan(&sum) })
	require.NoError(t, p.SendBatch(ctx, batch).Close())
	require.Equal(t, 4, sum)
	p.put(insert, 5)
	rows, err := p.Query(ctx, `select n from numbers order by n`)
	require.NoError(t, err)
	require.True(t, rows.Next())
	rows.Close() // before its end: the connection is free all the same
	p.put(insert, 6)
	require.NoError(t, p.Commit(ctx))
	require.Equal(t, 5, trips.trips, "the begin and each put went with others")
	require.Equal(t, []int{1, 12, 13, 4, 5, 6}, numbers(t, conn))
	require.ErrorIs(t, p.Rollback(ctx), pgx.ErrTxClosed)
	_, err = p.Exec(ctx, insert, 7)
	require.ErrorIs(t, err, pgx.ErrTxClosed)
}

func TestAPipelineThatFailsLeavesNothing(t *testing.T) {
	for name, fails := range map[string]func(context.Context, *pipeline) error{
		"at the commit": func(ctx context.Context, p *pipeline) error { return p.Commit(ctx) },
		"at the next statement": func(ctx context.Context, p *pipeline) error {
			_, err := p.Exec(ctx, `select 1`)
			return errors.Join(err, p.Rollback(ctx))
		},
		"at the next row": func(ctx context.Context, p *pipeline) error {
			var n int
			err := p.QueryRow(ctx, `select 1`).Scan(&n)
			return errors.Join(err, p.Rollback(ctx))
		},
		"at the next rows": func(ctx context.Context, p *pipeline) error {
			_, err := p.Query(ctx, `select 1`)
			return errors.Join(err, p.Rollback(ctx))
		},
		"at the next batch": func(ctx context.Context, p *pipeline) error {
			batch := &pgx.Batch{}
			batch.Queue(`select 1`)
			return errors.Join(p.SendBatch(ctx, batch).Close(), p.Rollback(ctx))
		},
	} {
		t.Run(name, func(t *testing.T) {
			conn, _ := pipelined(t)
			p := begin(conn)
			p.put(insert, 1)
			p.put(insert, 1)
			p.put(insert, 2)
			var refused *pgconn.PgError
			require.ErrorAs(t, fails(t.Context(), p), &refused)
			require.Equal(t, "23505", refused.Code)
			require.Equal(t, byte('I'), conn.PgConn().TxStatus(), "the connection is fit for the next transaction")
			require.Empty(t, numbers(t, conn))
		})
	}
}

func TestAPipelineWithSavepoints(t *testing.T) {
	ctx := t.Context()
	conn, _ := pipelined(t)
	p := begin(conn)
	p.put(insert, 1)
	for n, good := range []bool{true, false} {
		inner, err := p.Begin(ctx)
		require.NoError(t, err)
		inner.(*pipeline).put(insert, 10+n)
		if good {
			require.NoError(t, inner.Commit(ctx))
			continue
		}
		_, err = inner.Exec(ctx, insert, 1)
		require.Error(t, err)
		inner.(*pipeline).put(insert, 20)
		require.NoError(t, inner.Rollback(ctx), "what has failed inside can be taken back")
	}
	p.put(insert, 2)
	require.NoError(t, p.Commit(ctx))
	require.Equal(t, []int{1, 10, 2}, numbers(t, conn))
}

func TestAPipelineThatDidNothingAsksNothing(t *testing.T) {
	conn, trips := pipelined(t)
	require.NoError(t, begin(conn).Commit(t.Context()))
	require.NoError(t, begin(conn).Rollback(t.Context()))
	require.Zero(t, trips.trips)
}

// A transaction whose statement failed without anybody looking at it must not pass for committed.
func TestAPipelineTellsOfACommitThatWasNone(t *testing.T) {
	ctx := t.Context()
	conn, _ := pipelined(t)
	p := begin(conn)
	_, err := p.Exec(ctx, insert, 1)
	require.NoError(t, err)
	_, err = p.Exec(ctx, insert, 1)
	require.Error(t, err)
	require.ErrorIs(t, p.Commit(ctx), pgx.ErrTxCommitRollback)
	require.Empty(t, numbers(t, conn))
}

// Where what the begin was sent with cannot be prepared, PostgreSQL has never heard of a transaction.
func TestAPipelineThatNeverBeganRunsNothing(t *testing.T) {
	ctx := t.Context()
	conn, _ := pipelined(t)
	p := begin(conn)
	_, err := p.Exec(ctx, `select nothing from nowhere`)
	require.Error(t, err)
	_, err = p.Exec(ctx, insert, 1)
	require.Error(t, err)
	p.put(insert, 2)
	_, err = p.Query(ctx, `select 1`)
	require.Error(t, err)
	require.Error(t, p.Commit(ctx))
	require.Empty(t, numbers(t, conn))
}
