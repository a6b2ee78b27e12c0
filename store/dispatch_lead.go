package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// leaderLock is the first half of the advisory locks of the dispatchers that work; the second is the shard.
const leaderLock = 1349874028

// leaderIdle is after how long without a word PostgreSQL takes the lead from a process that stands still; a leader looks once a second.
const leaderIdle = 10 * time.Second

// Lead runs work while this process leads the dispatching of a shard, on a lock that a connection of its own holds; false: another process
// leads. What work looks at under its context (Look) goes over that connection too: when it breaks, and with it the lock, the context
// ends, and an idle look costs one transaction, without the pool's ping before it. A leader that dies frees the lock at once, one whose machine dies
// or that stands still within seconds. Nothing depends on there being one leader only: two do the same work twice and no harm.
func (s *Store) Lead(ctx context.Context, shard int, work func(context.Context) error) (bool, error) {
	config := s.pool.Config().ConnConfig.Copy()
	for name, value := range map[string]string{
		"tcp_keepalives_idle": "2", "tcp_keepalives_interval": "1", "tcp_keepalives_count": "3", "idle_session_timeout": fmt.Sprint(leaderIdle.Milliseconds()),
	} {
		config.RuntimeParams[name] = value
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return false, translate(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var leads bool
	if err := conn.QueryRow(ctx, `select pg_try_advisory_lock($1, $2)`, leaderLock, shard).Scan(&leads); err != nil || !leads {
		return false, translate(err)
	}
	ctx, lost := context.WithCancelCause(ctx)
	defer lost(nil)
	return true, work(context.WithValue(ctx, leaderKey{}, &leader{conn, lost}))
}

type leaderKey struct{}

// leader is the connection that holds the lock, and what is to be called when it breaks.
type leader struct {
	conn *pgx.Conn
	lost context.CancelCauseFunc
}

// send runs a batch, which is one transaction, over the leader's connection where there is one.
func (s *Store) send(ctx context.Context, batch *pgx.Batch) error {
	l, leads := ctx.Value(leaderKey{}).(*leader)
	if !leads {
		return translate(s.pool.SendBatch(ctx, batch).Close())
	}
	err := l.conn.SendBatch(ctx, batch).Close()
	if l.conn.IsClosed() {
		l.lost(err)
	}
	return translate(err)
}
