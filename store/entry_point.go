package store

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// entryTime is how long a known entry point is believed without looking again: one that is disabled takes mail for so long. An
// unknown address is always looked up, since the answer to it is final.
const entryTime = time.Second

// maxEntries bounds the cache; addresses with reply tokens are many.
const maxEntries = 10_000

// entryCache remembers the entry points of addresses for a moment.
type entryCache struct {
	mu    sync.Mutex
	known map[entryKey]entryFound
}

type entryKey struct {
	channel interaction.Channel
	address string
}

type entryFound struct {
	name string
	at   time.Time
}

func (c *entryCache) get(k entryKey, now time.Time) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.known[k]
	return found.name, ok && now.Sub(found.at) < entryTime
}

func (c *entryCache) put(k entryKey, name string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= maxEntries {
		c.known = map[entryKey]entryFound{}
	}
	c.known[k] = entryFound{name, now}
}

// EntryPoint finds the enabled entry point of an address; what stands between
// "+" and "@" is not part of it (reply tokens travel there).
func (s *Store) EntryPoint(ctx context.Context, ch interaction.Channel, address string) (string, error) {
	key, now := entryKey{ch, address}, time.Now()
	if name, ok := s.entries.get(key, now); ok {
		return name, nil
	}
	var name string
	err := s.pool.QueryRow(ctx, `select name from entry_points
		where channel = $1 and enabled and lower(address) = lower(regexp_replace($2, '\+[^@]*@', '@'))`, ch, address).Scan(&name)
	if noRows(err) {
		return "", interaction.Unknown("entry_point")
	}
	if err != nil {
		return "", translate(err)
	}
	s.entries.put(key, name, now)
	return name, nil
}

// EntryPointsOf gives the enabled entry points of a channel, each with its address.
func (s *Store) EntryPointsOf(ctx context.Context, ch interaction.Channel) (map[string]string, error) {
	rows, err := s.pool.Query(ctx, `select name, address from entry_points where channel = $1 and enabled`, ch)
	if err != nil {
		return nil, translate(err)
	}
	found := map[string]string{}
	var name, address string
	_, err = pgx.ForEachRow(rows, []any{&name, &address}, func() error {
		found[name] = address
		return nil
	})
	return found, translate(err)
}
