package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"hash"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// maxFaults is how many faults a check reports: one is enough to know, some help to find the cause.
const maxFaults = 20

// VerifyAudit walks the whole chain and compares every sealed event and every personal value with what was sealed. It reads in one
// snapshot and in order, so its memory does not grow with the audit. A head that was kept elsewhere (empty: none) must be part of the chain: whoever
// can write to the database can also cut the chain's end off, and only this shows it.
func (s *Store) VerifyAudit(ctx context.Context, head string) (interaction.AuditCheck, error) {
	var check interaction.AuditCheck
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(raw pgx.Tx) error {
		var err error
		check, err = verify(ctx, raw, head)
		return err
	})
	return check, translate(err)
}

// verify checks the chain as the transaction sees it.
func verify(ctx context.Context, t pgx.Tx, head string) (interaction.AuditCheck, error) {
	v := verifier{heads: head, found: head == ""}
	rows, err := t.Query(ctx, `select number, xid::text, position, events, at, hash from seals order by number`)
	if err != nil {
		return v.check, err
	}
	if v.seals, err = pgx.CollectRows(rows, pgx.RowToStructByPos[seal]); err != nil {
		return v.check, err
	}
	end := seal{Xid: "0"}
	if len(v.seals) > 0 {
		end = v.seals[len(v.seals)-1]
		v.check.Head = end.head()
	}
	if err := v.walk(ctx, t, end); err != nil {
		return v.check, err
	}
	if !v.found {
		v.fault("head_differs", 0, 0, "the head that was kept is not part of this chain: its end was cut off or written anew")
	}
	v.check.Seals = int64(len(v.seals))
	var oldest *time.Time
	err = t.QueryRow(ctx, `select count(*), min(at), (coalesce(extract(epoch from now() - min(at)), 0) * 1000000000)::bigint from events
		where (xid, position) > ($1::text::xid8, $2)`, end.Xid, end.Position).
		Scan(&v.check.Unsealed, &oldest, &v.check.Behind)
	return v.check, err
}

// verifier walks events and seals side by side.
type verifier struct {
	check interaction.AuditCheck
	seals []seal
	next  int // the seal whose events are being read
	last  []byte
	done  hash.Hash
	count int64
	heads string
	found bool
}

// walk reads all events up to the newest seal's last.
func (v *verifier) walk(ctx context.Context, t pgx.Tx, end seal) error {
	v.done = sha256.New()
	rows, err := t.Query(ctx, `
		select `+sealedColumns+`, v.position is not null, coalesce(v.erased, false),
			coalesce(num_nonnulls(v.salt, v.before, v.after), 0), coalesce(v.interaction_id is not distinct from e.interaction_id, false), `+valuesHash+`, s.number
		from events e left join event_values v on v.position = e.position
			left join seals s on s.xid = e.xid and s.position = e.position
		where (e.xid, e.position) <= ($1::text::xid8, $2) order by e.xid, e.position`, end.Xid, end.Position)
	if err != nil {
		return err
	}
	var line sealedLine
	var kept keptValues
	var closes *int64
	_, err = pgx.ForEachRow(rows, append(line.targets(), &kept.there, &kept.erased, &kept.left, &kept.same, &kept.hash, &closes), func() error {
		line.add(v.done)
		v.count++
		v.check.Events++
		v.compare(&line, kept)
		if closes != nil {
			v.close(*closes)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if v.next < len(v.seals) { // the event that it ends with is gone
		v.broken(v.seals[v.next])
	}
	return nil
}

// close compares a seal with the events that were read for it.
func (v *verifier) close(number int64) {
	if v.next >= len(v.seals) || v.seals[v.next].Number != number {
		v.fault("broken_seal", number, 0, "seals and events are not in the same order")
		return
	}
	s := v.seals[v.next]
	if s.Number != int64(v.next)+1 {
		v.fault("missing_seal", int64(v.next)+1, 0, "a link of the chain is missing")
	}
	if v.count != s.Events || !bytes.Equal(s.link(v.last, v.done), s.Hash) {
		v.broken(s)
	}
	v.found = v.found || s.head() == v.heads
	v.last, v.count, v.done = s.Hash, 0, sha256.New()
	v.next++
}

func (v *verifier) broken(s seal) {
	v.fault("broken_seal", s.Number, s.Position, "an event of this seal, or the seal itself, is not what was sealed at "+s.At.UTC().Format(time.RFC3339))
}

// keptValues is the row of personal values beside an event.
type keptValues struct {
	there, erased bool
	left          int  // how many of its parts are not empty
	same          bool // it names the event's interaction
	hash          []byte
}

// compare holds the personal values of an event against their hash.
func (v *verifier) compare(line *sealedLine, kept keptValues) {
	switch {
	case line.values == nil && kept.there:
		v.fault("unknown_values", 0, line.position, "the event was written without personal values and has some")
	case line.values == nil:
	case !kept.there:
		v.fault("missing_values", 0, line.position, "the event's personal values are gone without having been erased")
	case kept.erased && kept.left == 0 && kept.same:
		v.check.Erased++
	case kept.erased || !kept.same || !bytes.Equal(kept.hash, line.values):
		v.fault("changed_values", 0, line.position, "the event's personal values are not what they were")
	default:
		v.check.Values++
	}
}

func (v *verifier) fault(code string, number, position int64, text string) {
	if len(v.check.Faults) < maxFaults {
		v.check.Faults = append(v.check.Faults, interaction.AuditFault{Code: code, Seal: number, Position: position, Text: text})
	}
}
