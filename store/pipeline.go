package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// pipeline is a transaction that makes few round trips. What nobody waits for (its begin, statements given to put) is not sent by itself: it
// goes in front of the next statement that somebody waits for, at the latest the commit, and in the order in which it was given. So PostgreSQL
// runs what it would have run one by one, and a transaction of ten statements asks it four times instead of twelve.
//
// A statement that fails takes all behind it with it, as in any transaction; its error is that of whatever it was sent with.
type pipeline struct {
	*pipe
	level int // of savepoints that it is inside; 0: the transaction itself
	over  bool
}

// pipe is what a transaction and its savepoints share.
type pipe struct {
	conn    *pgx.Conn
	waiting *pgx.Batch
	begun   bool // its begin was sent
}

var _ pgx.Tx = (*pipeline)(nil)

// begin gives a transaction on the connection; nothing is sent yet.
func begin(conn *pgx.Conn) *pipeline {
	p := &pipeline{pipe: &pipe{conn: conn, waiting: &pgx.Batch{}}}
	p.put(`begin`)
	return p
}

// put sends the statement with the next one that is waited for. Its arguments must not change until then.
func (p *pipe) put(sql string, args ...any) { p.waiting.Queue(sql, args...) }

// open reports whether there is a transaction to run statements in. There is none behind its end, nor where what its begin was sent with could not even be
// prepared: a statement sent then would be a transaction by itself.
func (p *pipeline) open() bool {
	return !p.over && !(p.begun && p.conn.PgConn().TxStatus() == 'I')
}

// send sends what waits and then the batch. The results are those of the batch alone.
func (p *pipe) send(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	first := p.waiting.Len()
	if first == 0 {
		return p.conn.SendBatch(ctx, b)
	}
	p.begun = true
	all := p.waiting
	all.QueuedQueries = append(all.QueuedQueries, b.QueuedQueries...)
	p.waiting = &pgx.Batch{}
	return &behind{BatchResults: p.conn.SendBatch(ctx, all), first: first}
}

// Exec runs the statement and waits for it.
func (p *pipeline) Exec(ctx context.Context, sql string, args ...any) (tag pgconn.CommandTag, err error) {
	if !p.open() {
		return tag, pgx.ErrTxClosed
	}
	if p.waiting.Len() == 0 {
		return p.conn.Exec(ctx, sql, args...)
	}
	b := &pgx.Batch{}
	b.Queue(sql, args...)
	results := p.send(ctx, b)
	tag, err = results.Exec()
	return tag, errors.Join(err, unlessSaid(err, results.Close()))
}

// Query runs the statement and gives its rows, which must be read to their end or closed before anything else is asked.
func (p *pipeline) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if !p.open() {
		return nil, pgx.ErrTxClosed
	}
	if p.waiting.Len() == 0 {
		return p.conn.Query(ctx, sql, args...)
	}
	b := &pgx.Batch{}
	b.Queue(sql, args...)
	results := p.send(ctx, b)
	rows, err := results.Query()
	if err != nil {
		return rows, errors.Join(err, unlessSaid(err, results.Close()))
	}
	return &batchRows{Rows: rows, results: results}, nil
}

// QueryRow runs the statement and gives its first row.
func (p *pipeline) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if p.open() && p.waiting.Len() == 0 {
		return p.conn.QueryRow(ctx, sql, args...)
	}
	rows, err := p.Query(ctx, sql, args...)
	return &batchRow{rows: rows, err: err}
}

// SendBatch sends what waits, and the batch behind it.
func (p *pipeline) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	if !p.open() {
		return pgx.FailedBatchResults(b, pgx.ErrTxClosed)
	}
	return p.send(ctx, b)
}

// flush sends what waits and waits for it.
func (p *pipeline) flush(ctx context.Context) error {
	if !p.open() {
		return pgx.ErrTxClosed
	}
	return p.send(ctx, &pgx.Batch{}).Close()
}

// CopyFrom copies rows into a table.
func (p *pipeline) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, from pgx.CopyFromSource) (int64, error) {
	if err := p.flush(ctx); err != nil {
		return 0, err
	}
	return p.conn.CopyFrom(ctx, table, columns, from)
}

// Prepare prepares a statement on the connection.
func (p *pipeline) Prepare(ctx context.Context, name, sql string) (*pgconn.StatementDescription, error) {
	if err := p.flush(ctx); err != nil {
		return nil, err
	}
	return p.conn.Prepare(ctx, name, sql)
}

// LargeObjects are not used; their type can be had from pgx's own transactions only.
func (p *pipeline) LargeObjects() pgx.LargeObjects { return pgx.LargeObjects{} }

// Conn is the connection itself. What waits is not sent before what is asked there.
func (p *pipeline) Conn() *pgx.Conn { return p.conn }

// Begin sets a savepoint.
func (p *pipeline) Begin(ctx context.Context) (pgx.Tx, error) {
	inner := &pipeline{pipe: p.pipe, level: p.level + 1}
	p.put(inner.name(`savepoint`))
	return inner, p.flush(ctx)
}

func (p *pipeline) name(order string) string { return fmt.Sprintf("%s inner_%d", order, p.level) }

// Commit commits with what waits in front of it. It answers ErrTxCommitRollback where PostgreSQL had taken everything back because a statement had failed.
func (p *pipeline) Commit(ctx context.Context) error {
	order := `commit`
	if p.level > 0 {
		order = p.name(`release savepoint`)
	} else if !p.begun && p.waiting.Len() == 1 { // nothing but its begin
		p.over = true
		return nil
	}
	tag, err := p.Exec(ctx, order)
	p.over = true
	switch {
	case err != nil:
		return errors.Join(err, p.undo(ctx))
	case tag.String() == "ROLLBACK":
		return pgx.ErrTxCommitRollback
	}
	return nil
}

// Rollback takes back all that was done, sent or not. Behind the end it answers ErrTxClosed and changes nothing.
func (p *pipeline) Rollback(ctx context.Context) error {
	if p.over {
		return pgx.ErrTxClosed
	}
	p.over = true
	return p.undo(ctx)
}

func (p *pipeline) undo(ctx context.Context) error {
	p.waiting = &pgx.Batch{}
	order := `rollback`
	if p.level > 0 {
		order = p.name(`rollback to savepoint`)
	}
	if p.conn.IsClosed() || p.conn.PgConn().TxStatus() == 'I' { // the server has taken it back, or never heard of it
		return nil
	}
	_, err := p.conn.Exec(ctx, order)
	return err
}

// behind are the results of a batch that was sent behind other statements.
type behind struct {
	pgx.BatchResults
	first int // results that are still in front
	err   error
}

// skip reads what is in front.
func (b *behind) skip() error {
	for b.err == nil && b.first > 0 {
		b.first--
		_, b.err = b.BatchResults.Exec()
	}
	return b.err
}

func (b *behind) Exec() (pgconn.CommandTag, error) {
	if err := b.skip(); err != nil {
		return pgconn.CommandTag{}, err
	}
	return b.BatchResults.Exec()
}

func (b *behind) Query() (pgx.Rows, error) {
	if err := b.skip(); err != nil {
		return nil, err
	}
	return b.BatchResults.Query()
}

func (b *behind) QueryRow() pgx.Row {
	if err := b.skip(); err != nil {
		return &batchRow{err: err}
	}
	return b.BatchResults.QueryRow()
}

// batchRows are rows whose end is the end of their batch: the connection is free again.
type batchRows struct {
	pgx.Rows
	results pgx.BatchResults
	err     error
}

func (r *batchRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *batchRows) Close() {
	r.Rows.Close()
	r.err = r.results.Close()
}

func (r *batchRows) Err() error {
	if err := r.Rows.Err(); err != nil {
		return err
	}
	return r.err
}

// batchRow is the first row of a batch's only statement that gives any.
type batchRow struct {
	rows pgx.Rows
	err  error
}

func (r *batchRow) Scan(into ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.rows.Scan(into...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}

// unlessSaid gives the second error only where the first is none: a batch repeats its error at its end.
func unlessSaid(said, err error) error {
	if said != nil {
		return nil
	}
	return err
}
