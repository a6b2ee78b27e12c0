package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// The audit is sealed in batches behind the transactions that write it: a chain inside of them would make every decision
// wait for the one before. A seal covers the events between the last event of the seal before and its own, in the order of (transaction, position), below
// the oldest transaction that still runs: nothing can come to lie there afterwards.

// sealLock is the advisory lock of the one sealer that works.
const sealLock = 7016996765293437283

// sealBatch is how many events one seal covers at most.
const sealBatch = 5000

// seal is one link of the chain.
type seal struct {
	Number   int64
	Xid      string
	Position int64
	Events   int64
	At       time.Time
	Hash     []byte
}

// Seal adds a link to the chain for the events that have none, and tells how many it covers. One transaction: a sealer that dies has sealed
// nothing, and of two at once one finds nothing to do.
func (s *Store) Seal(ctx context.Context) (events int64, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		var ours bool
		if err := t.QueryRow(ctx, `select pg_try_advisory_xact_lock($1)`, sealLock).Scan(&ours); err != nil || !ours {
			return err
		}
		last, err := t.lastSeal(ctx)
		if err != nil {
			return err
		}
		if err := t.checkNumbers(ctx, last.Xid); err != nil {
			return err
		}
		next := seal{Number: last.Number + 1}
		digest := sha256.New()
		rows, err := t.Query(ctx, `select `+sealedColumns+`, xid::text from events e
			where (xid, position) > ($1::text::xid8, $2) and xid < pg_snapshot_xmin(pg_current_snapshot()) order by xid, position limit $3`,
			last.Xid, last.Position, sealBatch)
		if err != nil {
			return err
		}
		var line sealedLine
		_, err = pgx.ForEachRow(rows, append(line.targets(), &next.Xid), func() error {
			line.add(digest)
			next.Position, next.Events = line.position, next.Events+1
			return nil
		})
		if err != nil || next.Events == 0 {
			return err
		}
		if err := t.QueryRow(ctx, `select clock_timestamp()`).Scan(&next.At); err != nil {
			return err
		}
		next.Hash = next.link(last.Hash, digest)
		events = next.Events
		_, err = t.Exec(ctx, `insert into seals (number, xid, position, events, at, hash) values ($1, $2::text::xid8, $3, $4, $5, $6)`,
			next.Number, next.Xid, next.Position, next.Events, next.At, next.Hash)
		return err
	})
	return events, err
}

// lastSeal gives the newest link, or what stands before the first.
func (t *tx) lastSeal(ctx context.Context) (seal, error) {
	last := seal{Xid: "0"}
	err := t.QueryRow(ctx, `select number, xid::text, position, hash from seals order by number desc limit 1`).
		Scan(&last.Number, &last.Xid, &last.Position, &last.Hash)
	if noRows(err) {
		err = nil
	}
	return last, err
}

// checkNumbers refuses a database whose transaction numbers lie behind those in the audit, as after loading a dump into a new cluster: its new
// events would come to lie among the sealed ones.
func (t *tx) checkNumbers(ctx context.Context, last string) error {
	var behind bool
	err := t.QueryRow(ctx, `select pg_snapshot_xmax(pg_current_snapshot()) <= $1::text::xid8`, last).Scan(&behind)
	if err == nil && behind {
		return interaction.Conflict("transaction_numbers", "PostgreSQL's transaction numbers are behind those of the audit, as after a restore from a dump; "+
			"restore from a physical backup, or raise them with pg_resetwal above %s", last)
	}
	return err
}

// link is the seal's hash: over the one before it, what stands in its own row, and its events.
func (s *seal) link(before []byte, events hash.Hash) []byte {
	h := sha256.New()
	frame(h, before)
	frame(h, fmt.Appendf(nil, "%d %s %d %d %d", s.Number, s.Xid, s.Position, s.Events, s.At.UnixMicro()))
	frame(h, events.Sum(nil))
	return h.Sum(nil)
}

// head names the seal so that it can be kept elsewhere and compared later.
func (s *seal) head() string { return fmt.Sprintf("%d:%s", s.Number, hex.EncodeToString(s.Hash)) }

// sealedColumns are all columns of an event, each in a form that tells every value from every other.
const sealedColumns = `e.position, (extract(epoch from e.at) * 1000000)::bigint, e.xid::text || '|' || coalesce(e.actor::text, '') || '|' ||
	coalesce(e.interaction_id::text, '') || '|' || coalesce(e.task_id::text, ''), e.code, e.queue, e.from_state, e.to_state, e.data::text, e.values_hash`

// sealedLine is an event as the chain sees it.
type sealedLine struct {
	position, at                  int64
	ids                           string
	code, queue, from, into, data string
	values                        []byte
}

func (l *sealedLine) targets() []any {
	return []any{&l.position, &l.at, &l.ids, &l.code, &l.queue, &l.from, &l.into, &l.data, &l.values}
}

// add puts the event into the digest of its seal; each part has its length before it.
func (l *sealedLine) add(digest hash.Hash) {
	var numbers [16]byte
	binary.BigEndian.PutUint64(numbers[:8], uint64(l.position))
	binary.BigEndian.PutUint64(numbers[8:], uint64(l.at))
	digest.Write(numbers[:])
	for _, part := range []string{l.ids, l.code, l.queue, l.from, l.into, l.data} {
		frame(digest, []byte(part))
	}
	frame(digest, l.values)
}

func frame(h hash.Hash, part []byte) {
	var size [4]byte
	binary.BigEndian.PutUint32(size[:], uint32(len(part)))
	h.Write(size[:])
	h.Write(part)
}
