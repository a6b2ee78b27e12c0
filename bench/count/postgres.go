// Package count counts what work costs in a way that a busy machine does not change: commits, flushes, history events, bytes, CPU
// time. A figure is the difference over a run divided by the units of work, less what the same servers do when idle.
package count

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Cluster counts what a PostgreSQL cluster does, all databases together.
type Cluster struct {
	conn *pgx.Conn
	pid  int
}

// Work is what a cluster has done since some moment long ago; only differences mean something.
type Work struct {
	Commits  map[string]float64 // by database
	Flushes  float64            // of the WAL to the disk
	WALBytes float64            // full-page images after a checkpoint included
	At       time.Time
}

// Connect connects to a database of the cluster.
func Connect(ctx context.Context, url string) (*Cluster, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("count at PostgreSQL: %w", err)
	}
	return &Cluster{conn: conn, pid: int(conn.PgConn().PID())}, nil
}

// Close ends the connection.
func (c *Cluster) Close(ctx context.Context) error { return c.conn.Close(ctx) }

// Conn is the connection itself, for work that is not to be counted.
func (c *Cluster) Conn() *pgx.Conn { return c.conn }

// PID is the backend that serves the counting itself.
func (c *Cluster) PID() int { return c.pid }

// SettleTime is how long an idle backend may keep its counts to itself before it adds them to the cluster's (PostgreSQL's
// PGSTAT_IDLE_INTERVAL, 10 s, and a little more).
const SettleTime = 11 * time.Second

// Work reads the counters. Backends report late: wait SettleTime after the work to be counted.
func (c *Cluster) Work(ctx context.Context) (Work, error) {
	w := Work{Commits: map[string]float64{}, At: time.Now()}
	rows, err := c.conn.Query(ctx, `select coalesce(datname, '(shared)'), xact_commit from pg_stat_database`)
	if err != nil {
		return w, err
	}
	var name string
	var commits float64
	if _, err := pgx.ForEachRow(rows, []any{&name, &commits}, func() error {
		w.Commits[name] = commits
		return nil
	}); err != nil {
		return w, err
	}
	err = c.conn.QueryRow(ctx, `select wal_sync, pg_current_wal_lsn() - '0/0' from pg_stat_wal`).Scan(&w.Flushes, &w.WALBytes)
	return w, err
}

// Since is what was done between an earlier reading and this one.
func (w Work) Since(before Work) Spent {
	s := Spent{Seconds: w.At.Sub(before.At).Seconds(), Flushes: w.Flushes - before.Flushes, WALBytes: w.WALBytes - before.WALBytes, ByDatabase: map[string]float64{}}
	for name, n := range w.Commits {
		s.ByDatabase[name] = n - before.Commits[name]
		s.Commits += s.ByDatabase[name]
	}
	return s
}

// Spent is what a cluster did in a while, or, divided, for one unit of work.
type Spent struct {
	Seconds    float64
	Commits    float64
	ByDatabase map[string]float64
	Flushes    float64
	WALBytes   float64
}

// Per divides what is left of s after what idle servers do in the same time by the units of work.
func (s Spent) Per(units int, idle Spent) Spent {
	share := 0.0
	if idle.Seconds > 0 {
		share = s.Seconds / idle.Seconds
	}
	of := func(spent, atRest float64) float64 { return (spent - share*atRest) / float64(units) }
	out := Spent{
		Seconds: s.Seconds / float64(units), Commits: of(s.Commits, idle.Commits), Flushes: of(s.Flushes, idle.Flushes),
		WALBytes: of(s.WALBytes, idle.WALBytes), ByDatabase: map[string]float64{},
	}
	for name, n := range s.ByDatabase {
		out.ByDatabase[name] = of(n, idle.ByDatabase[name])
	}
	return out
}

// Statement is one kind of statement and how often it was run.
type Statement struct {
	Database     string
	Query        string
	Calls        float64
	Milliseconds float64 // of execution, waiting included
}

// LoadStatements sees to it that pg_stat_statements is loaded; false: it will be after the next start.
func (c *Cluster) LoadStatements(ctx context.Context) (loaded bool, err error) {
	err = c.conn.QueryRow(ctx, `select current_setting('shared_preload_libraries') like '%pg_stat_statements%'`).Scan(&loaded)
	if err != nil || loaded {
		return loaded, err
	}
	_, err = c.conn.Exec(ctx, `alter system set shared_preload_libraries = 'pg_stat_statements'`)
	return false, err
}

// WatchStatements begins to count statements; pg_stat_statements has to be loaded.
func (c *Cluster) WatchStatements(ctx context.Context) error {
	_, err := c.conn.Exec(ctx, `create extension if not exists pg_stat_statements`)
	if err == nil {
		_, err = c.conn.Exec(ctx, `select pg_stat_statements_reset()`)
	}
	return err
}

// Statements gives what ran most often since WatchStatements, in one database or (empty) in all.
func (c *Cluster) Statements(ctx context.Context, database string, limit int) ([]Statement, error) {
	rows, err := c.conn.Query(ctx, `select d.datname, left(regexp_replace(s.query, '\s+', ' ', 'g'), 110), sum(s.calls)::float8, sum(s.total_exec_time)
		from pg_stat_statements s join pg_database d on d.oid = s.dbid
		where d.datname = $1 or $1 = '' group by 1, 2 order by 3 desc limit $2`, database, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Statement])
}

// Search counts rows of a table in which the text occurs, as bytes of any column of type bytea or in the row's own text.
func (c *Cluster) Search(ctx context.Context, table, bytes, text string) (int, error) {
	condition := `x::text like '%' || $1 || '%'`
	if bytes != "" {
		condition = fmt.Sprintf(`position(convert_to($1, 'UTF8') in x.%s) > 0`, pgx.Identifier{bytes}.Sanitize())
	}
	var n int
	err := c.conn.QueryRow(ctx, `select count(*) from `+pgx.Identifier{table}.Sanitize()+` x where `+condition, text).Scan(&n)
	return n, err
}
