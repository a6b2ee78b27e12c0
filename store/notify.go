package store

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// Where the roles run in several processes, the one that commits tells the others that there is work: one NOTIFY a batch, behind the
// commits that it tells of, never inside one (a NOTIFY in a transaction takes a lock that serialises all commits). A lost one costs a second: every part polls as well.

// channelName is the PostgreSQL channel for bells; the payload names topics, nothing else.
const channelName = "parley"

// topics of the payload, in the order of Wake's fields.
var topicNames = []string{"inbound", "outbox", "tasks", "events"}

// Others tells other processes what this one committed, and rings this one's parts for what others did. It is given to Open as Options.Others
// and run like any background part.
type Others struct {
	mu      sync.Mutex
	pending map[string]bool
	chats   map[interaction.ID]int64
	notices map[noticeKey]interaction.ChatNotice
	bell    chan struct{}
}

// NewOthers makes the link; without Run nothing is told.
func NewOthers() *Others {
	return &Others{
		pending: map[string]bool{}, chats: map[interaction.ID]int64{}, notices: map[noticeKey]interaction.ChatNotice{}, bell: make(chan struct{}, 1),
	}
}

func (o *Others) add(topics ...string) {
	if o == nil || len(topics) == 0 {
		return
	}
	o.mu.Lock()
	for _, t := range topics {
		o.pending[t] = true
	}
	o.mu.Unlock()
	o.ring()
}

func (o *Others) ring() {
	select {
	case o.bell <- struct{}{}:
	default:
	}
}

func (o *Others) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var topics []string
	for _, t := range topicNames {
		if o.pending[t] {
			topics = append(topics, t)
		}
	}
	clear(o.pending)
	return topics
}

// TellOthers sends what is pending, at most every 20 ms, until the context ends.
func (s *Store) TellOthers(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.others.bell:
		}
		if topics := s.others.take(); len(topics) > 0 {
			if _, err := s.pool.Exec(ctx, `select pg_notify($1, $2)`, channelName, strings.Join(topics, ",")); err != nil && ctx.Err() == nil {
				s.log.Warn("other processes were not told", "error", err)
			}
		}
		if err := s.tellChats(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("other processes were not told of chats", "error", err)
		}
		if !pause(ctx, 20*time.Millisecond) {
			return nil
		}
	}
}

// HearOthers listens on a connection of its own and rings the parts of this process; a broken connection is made anew.
func (s *Store) HearOthers(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := s.hear(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("not listening to other processes", "error", err)
		}
		pause(ctx, time.Second)
	}
	return nil
}

func (s *Store) hear(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "listen "+channelName+"; listen "+chatChannel); err != nil {
		return err
	}
	ring := map[string]func(){topicNames[0]: s.wake.Inbound, topicNames[1]: s.wake.Outbox, topicNames[2]: s.wake.Tasks, topicNames[3]: s.wake.Events}
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		if n.Channel == chatChannel {
			if n.PID != conn.PgConn().PID() {
				s.hearChats(n.Payload)
			}
			continue
		}
		for topic := range strings.SplitSeq(n.Payload, ",") {
			if f, ok := ring[topic]; ok && n.PID != conn.PgConn().PID() {
				f()
			}
		}
	}
}

// pause waits and reports whether the context goes on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
