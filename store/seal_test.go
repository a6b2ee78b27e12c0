package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// busy makes some audit with personal values in it.
func busy(t *testing.T, s *store.Store, interactions int) {
	t.Helper()
	vic, ann := storetest.Person(t, s, "vic"), storetest.Person(t, s, "ann")
	for n := range interactions {
		id := arrive(t, s, fmt.Sprintf("c%d@customer.test", n), "Secret subject")
		task := open(t, s, id, "handle-1")
		_, err := s.Order(t.Context(), vic, id, interaction.Order{Name: interaction.OrderPriority, Priority: n}, 0)
		require.NoError(t, err)
		if _, err = s.Claim(t.Context(), ann, task); err == nil {
			require.NoError(t, s.Release(t.Context(), ann, task, 0))
		}
	}
}

// sealAll seals until no event is left; one waits as long as any older transaction of the whole server runs.
func sealAll(t *testing.T, s *store.Store) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := s.Seal(t.Context())
		require.NoError(t, err)
		var left int
		require.NoError(t, s.Pool().QueryRow(t.Context(), `select count(*) from events e
			where not exists (select 1 from seals s where (s.xid, s.position) >= (e.xid, e.position))`).Scan(&left))
		return left == 0
	}, time.Minute, time.Millisecond)
}

func whole(t *testing.T, s *store.Store) interaction.AuditCheck {
	t.Helper()
	check, err := s.VerifyAudit(t.Context(), "")
	require.NoError(t, err)
	require.Empty(t, check.Faults)
	return check
}

// A chain that nobody touched is whole, also after a person's values were erased; of them nothing is left.
func TestTheAuditsChainOutlivesErasure(t *testing.T) {
	s := storetest.New(t, store.Options{})
	busy(t, s, 4)
	sealAll(t, s)
	before := whole(t, s)
	require.Positive(t, before.Values)
	require.Zero(t, before.Unsealed)

	var id interaction.ID
	require.NoError(t, s.Pool().QueryRow(t.Context(), `select id from interactions order by id limit 1`).Scan(&id))
	require.NoError(t, store.EraseValues(t.Context(), s, id))
	after := whole(t, s)
	require.EqualValues(t, 1, after.Erased)
	require.Equal(t, before.Head, after.Head)
	require.Eventually(t, func() bool { // it counts when no transaction before it is running any more
		return whole(t, s).Unsealed == 1
	}, time.Minute, 10*time.Millisecond, "the erasure's own line")
	var left int
	require.NoError(t, s.Pool().QueryRow(t.Context(), `select count(*) from event_values v where interaction_id = $1 and v::text like '%Secret%'`, id).Scan(&left))
	require.Zero(t, left)
	require.NoError(t, s.Pool().QueryRow(t.Context(), `select count(*) from events e where e::text like '%Secret%'`).Scan(&left))
	require.Zero(t, left, "an event holds what is personal")

	sealAll(t, s)
	check, err := s.VerifyAudit(t.Context(), before.Head)
	require.NoError(t, err)
	require.Empty(t, check.Faults, "a head that was kept stays part of the chain")
}

// Any one-bit change is found, in whatever column of whatever row (target N2: 1,000 tries).
func TestAnyBitThatChangesIsFound(t *testing.T) {
	s := storetest.New(t, store.Options{})
	busy(t, s, 3)
	sealAll(t, s)
	busy(t, s, 3)
	sealAll(t, s)
	require.NoError(t, store.EraseValues(t.Context(), s, firstOf(t, s)))
	sealAll(t, s)
	check := whole(t, s)
	require.GreaterOrEqual(t, check.Seals, int64(3), "a batch ends where a transaction was still running")

	conn, err := s.Pool().Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	changed := map[string]int{}
	total := 0
	for tries := 0; total < 1000; tries++ {
		require.Less(t, tries, 20000, "too few of the changes were possible: %v", changed)
		tx, err := conn.Begin(t.Context())
		require.NoError(t, err)
		where, done := flip(t.Context(), tx)
		if done {
			check, err := store.VerifyIn(t.Context(), tx, "")
			require.NoError(t, err)
			require.NotEmpty(t, check.Faults, "a bit of %s changed and nobody noticed", where)
			changed[where]++
			total++
		}
		require.NoError(t, tx.Rollback(t.Context()))
	}
	for _, column := range flippable {
		require.NotZero(t, changed[column.table+"."+column.name], "never changed: %v", changed)
	}
}

func firstOf(t *testing.T, s *store.Store) (id interaction.ID) {
	t.Helper()
	require.NoError(t, s.Pool().QueryRow(t.Context(), `select id from interactions order by id limit 1`).Scan(&id))
	return id
}

// flippable are all columns of the audit's tables, with the form in which a bit of them can be changed.
var flippable = []struct{ table, name, form string }{
	{"events", "position", "number"},
	{"events", "xid", "xid8"},
	{"events", "at", "time"},
	{"events", "code", "text"},
	{"events", "actor", "uuid"},
	{"events", "interaction_id", "uuid"},
	{"events", "task_id", "uuid"},
	{"events", "queue", "text"},
	{"events", "from_state", "text"},
	{"events", "to_state", "text"},
	{"events", "data", "jsonb"},
	{"events", "values_hash", "bytea"},
	{"event_values", "position", "number"},
	{"event_values", "interaction_id", "uuid"},
	{"event_values", "salt", "bytea"},
	{"event_values", "before", "jsonb"},
	{"event_values", "after", "jsonb"},
	{"event_values", "erased", "boolean"},
	{"seals", "number", "number"},
	{"seals", "xid", "xid8"},
	{"seals", "position", "number"},
	{"seals", "events", "number"},
	{"seals", "at", "time"},
	{"seals", "hash", "bytea"},
}

// flip changes one random bit of one random column of one random row; false: the value cannot be changed so.
func flip(ctx context.Context, tx pgx.Tx) (where string, done bool) {
	c := flippable[rand.IntN(len(flippable))]
	where = c.table + "." + c.name
	read := map[string]string{
		"number": `convert_to(%s::text, 'UTF8')`, "xid8": `convert_to(%s::text, 'UTF8')`, "time": `convert_to((extract(epoch from %s) * 1000000)::bigint::text, 'UTF8')`,
		"text": `convert_to(%s, 'UTF8')`, "uuid": `uuid_send(%s)`, "jsonb": `convert_to(%s::text, 'UTF8')`, "bytea": `%s`, "boolean": `convert_to(%s::text, 'UTF8')`,
	}[c.form]
	var row string
	var table uint32
	var value []byte
	err := tx.QueryRow(ctx, fmt.Sprintf(`select tableoid, ctid::text, `+read+` from %s where %s is not null order by random() limit 1`, c.name, c.table, c.name)).
		Scan(&table, &row, &value)
	if err != nil || len(value) == 0 {
		return where, false
	}
	write := `convert_from($1, 'UTF8')`
	switch c.form {
	case "number", "xid8", "time":
		var n int64
		if _, err := fmt.Sscan(string(value), &n); err != nil {
			return where, false
		}
		n ^= 1 << rand.IntN(48)
		value, write = fmt.Append(nil, n), write+map[string]string{"number": "::bigint", "xid8": "::xid8", "time": ""}[c.form]
		if c.form == "time" {
			write = `timestamptz 'epoch' + ` + write + `::bigint * interval '1 microsecond'`
		}
	case "boolean":
		value, write = fmt.Append(nil, string(value) != "true"), write+"::boolean"
	default:
		value[rand.IntN(len(value))] ^= 1 << rand.IntN(8)
		write += map[string]string{"text": "", "jsonb": "::jsonb"}[c.form]
		if c.form == "bytea" {
			write = `$1::bytea`
		} else if c.form == "uuid" {
			write = `encode($1, 'hex')::uuid`
		}
	}
	tag, err := tx.Exec(ctx, fmt.Sprintf(`update %[1]s set %[2]s = %[3]s where tableoid = $2 and ctid = $3::text::tid and %[2]s <> %[3]s`, c.table, c.name, write), value, table, row)
	return where, err == nil && tag.RowsAffected() == 1
}

// What goes missing is found as well: an event, a seal, values; and, by a head that was kept elsewhere, the end of the chain.
func TestWhatGoesMissingIsFound(t *testing.T) {
	s := storetest.New(t, store.Options{})
	busy(t, s, 2)
	sealAll(t, s)
	busy(t, s, 2)
	sealAll(t, s)
	head := whole(t, s).Head
	for name, c := range map[string]struct{ sql, code string }{
		"an event":        {`delete from events where position = (select max(position) - 3 from events)`, "broken_seal"},
		"the first seal":  {`delete from seals where number = 1`, "broken_seal"},
		"values":          {`delete from event_values where position = (select min(position) from event_values)`, "missing_values"},
		"the chain's end": {`delete from events where (xid, position) > (select xid, position from seals where number = 1); delete from seals where number > 1`, "head_differs"},
		"one put in":      {`insert into events (position, xid, code) select position + 1000000, xid, 'task.claimed' from seals where number = 1`, "broken_seal"},
	} {
		t.Run(name, func(t *testing.T) {
			tx, err := s.Pool().Begin(t.Context())
			require.NoError(t, err)
			defer tx.Rollback(context.WithoutCancel(t.Context())) //nolint:errcheck // nothing of it is to stay
			_, err = tx.Exec(t.Context(), c.sql)
			require.NoError(t, err)
			check, err := store.VerifyIn(t.Context(), tx, head)
			require.NoError(t, err)
			codes := map[string]bool{}
			for _, f := range check.Faults {
				codes[f.Code] = true
			}
			require.True(t, codes[c.code], "%v", check.Faults)
		})
	}
}

// Two sealers at once, killed again and again while people work, leave a whole chain in which every event is.
func TestSealersMayRaceAndDie(t *testing.T) {
	s := storetest.New(t, store.Options{})
	stop, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for stop.Err() == nil {
				_, _ = s.Seal(stop) // killed below
			}
		})
	}
	all.Go(func() {
		for stop.Err() == nil {
			_, _ = s.Pool().Exec(stop, `select pg_terminate_backend(pid) from pg_stat_activity
				where datname = current_database() and pid <> pg_backend_pid() and query like '%seals%' and random() < 0.2`)
			pauseFor(stop, 5*time.Millisecond)
		}
	})
	var work sync.WaitGroup
	for n := range 4 {
		work.Go(func() { writeEvents(t.Context(), s, n, 150) })
	}
	work.Wait()
	cancel()
	all.Wait()
	sealAll(t, s)
	check := whole(t, s)
	require.Zero(t, check.Unsealed)
	var events int64
	require.NoError(t, s.Pool().QueryRow(t.Context(), `select count(*) from events`).Scan(&events))
	require.Equal(t, events, check.Events)
	require.GreaterOrEqual(t, events, int64(600))
	require.Greater(t, check.Seals, int64(1))
}

// writeEvents appends events in transactions of random length, some of which are given up.
func writeEvents(ctx context.Context, s *store.Store, writer, events int) {
	for n := 0; n < events; {
		err := pgx.BeginFunc(ctx, s.Pool(), func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `insert into events (code, data) values ('test.written', jsonb_build_object('writer', $1::int, 'n', $2::int))`, writer, n); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `select pg_sleep(random() * 0.004)`)
			return err
		})
		if err == nil {
			n++
		}
	}
}

// pauseFor waits, or until the context ends.
func pauseFor(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
