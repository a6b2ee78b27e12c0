package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// Times of messages in parts. References are used again, by some senders after a minute: what comes later than samePart and says something else begins
// another message.
const (
	samePart  = time.Minute
	partsKept = time.Hour // of a finished one
)

// DefaultPartsLimit is how long the parts of a message are waited for; then what there is of it is shown as incomplete.
const DefaultPartsLimit = 5 * time.Minute

// partGroup is a message's row, under the lock of its key.
type partGroup struct {
	ID      interaction.ID
	State   string
	Total   int
	Differs bool
	Age     time.Duration
}

// KeepPart keeps a part with the others of its message, under a lock of what they share, and tells what there is. Only the part that makes a message whole is
// answered with all of them, also when it is kept again because its process died; its row stays to be settled. The others' rows are done with.
func (s *Store) KeepPart(ctx context.Context, in interaction.Taken, p interaction.Part) (interaction.KeptPart, error) {
	var kept interaction.KeptPart
	err := s.inTx(ctx, func(t *tx) error {
		kept = interaction.KeptPart{}
		key := sha256.Sum256([]byte(in.EntryPoint + "\x00" + p.Key))
		if _, err := t.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended(encode($1, 'hex'), 0))`, key[:]); err != nil {
			return err
		}
		g, had, err := t.partGroup(ctx, in, p, key[:])
		if err != nil {
			return err
		}
		if had != nil { // it came before: the same again is nothing new
			if had.inbound != in.ID {
				if had.differs {
					kept.Differ = true
					if _, err := t.Exec(ctx, `update part_groups set differs = true where id = $1`, g.ID); err != nil {
						return err
					}
				}
				kept.Wait = true
				return t.partRepeated(ctx, in.ID)
			}
		} else if _, err := t.Exec(ctx, `insert into parts (group_id, number, inbound_id, sum) values ($1, $2, $3, $4)`, g.ID, p.Number, in.ID, p.Sum[:]); err != nil {
			return err
		}
		return t.joinParts(ctx, in.ID, g, &kept)
	})
	return kept, err
}

// hadPart is what a group has under a number.
type hadPart struct {
	inbound interaction.ID
	differs bool
}

// partGroup finds the message that a part belongs to, or opens one, and what it has under the part's number.
func (t *tx) partGroup(ctx context.Context, in interaction.Taken, p interaction.Part, key []byte) (partGroup, *hadPart, error) {
	var g partGroup
	var age float64
	err := t.QueryRow(ctx, `
		select g.id, g.state, g.total, g.differs, extract(epoch from clock_timestamp() - g.opened_at) from part_groups g
		left join parts p on p.group_id = g.id and p.inbound_id = $3
		where g.entry_point = $1 and g.key = $2 order by p.inbound_id is not null desc, g.id desc limit 1`, in.EntryPoint, key, in.ID).
		Scan(&g.ID, &g.State, &g.Total, &g.Differs, &age)
	if err != nil && !noRows(err) {
		return g, nil, err
	}
	if err == nil {
		g.Age = time.Duration(age * float64(time.Second))
		var had hadPart
		var sum []byte
		err := t.QueryRow(ctx, `select inbound_id, sum from parts where group_id = $1 and number = $2`, g.ID, p.Number).Scan(&had.inbound, &sum)
		if err != nil && !noRows(err) {
			return g, nil, err
		}
		none := err != nil
		had.differs = !none && !bytes.Equal(sum, p.Sum[:])
		switch {
		case !none && had.inbound == in.ID:
			return g, &had, nil
		case none && g.State == "open":
			return g, nil, nil
		case !none && (!had.differs || g.State == "open") && g.Age < samePart:
			return g, &had, nil
		case !none && !had.differs && g.State == "open":
			return g, &had, nil
		}
		if g.State == "open" { // its number is used for another message now: what there is of this one is shown
			if err := t.giveUp(ctx, g.ID); err != nil {
				return g, nil, err
			}
		}
	}
	g = partGroup{ID: interaction.NewID(), State: "open", Total: p.Total}
	_, err = t.Exec(ctx, `insert into part_groups (id, entry_point, key, total) values ($1, $2, $3, $4)`, g.ID, in.EntryPoint, key, p.Total)
	return g, nil, err
}

// joinParts answers with all parts when they are there, or when the message is not waited for any longer and this is the row that was woken for it.
func (t *tx) joinParts(ctx context.Context, inbound interaction.ID, g partGroup, kept *interaction.KeptPart) error {
	rows, err := t.Query(ctx, `select number, inbound_id from parts where group_id = $1 order by number`, g.ID)
	if err != nil {
		return err
	}
	list := make([]interaction.ID, g.Total)
	var number int
	var id interaction.ID
	there := 0
	if _, err := pgx.ForEachRow(rows, []any{&number, &id}, func() error {
		if number >= 1 && number <= g.Total {
			list[number-1] = id
			there++
		}
		return nil
	}); err != nil {
		return err
	}
	if there < g.Total && g.State == "open" {
		kept.Wait = true
		return t.partDone(ctx, inbound)
	}
	kept.Parts, kept.Differ = list, g.Differs
	_, err = t.Exec(ctx, `update part_groups set state = case state when 'open' then 'joined' else state end, joined_at = coalesce(joined_at, now()) where id = $1`, g.ID)
	return err
}

// partDone ends an inbound row whose words are shown with another's.
func (t *tx) partDone(ctx context.Context, id interaction.ID) error {
	_, err := t.Exec(ctx, `update inbound set state = 'done' where id = $1 and state = 'new'`, id)
	return err
}

// partRepeated ends the row of a part that had come before. Its words are not kept: they would belong to nobody, and outlive whoever said them.
func (t *tx) partRepeated(ctx context.Context, id interaction.ID) error {
	_, err := t.Exec(ctx, `
		with done as (update inbound set state = 'done', address = '', facts = '{}' where id = $1 and state = 'new' returning raw_id)
		delete from raw_pieces where raw_id in (select raw_id from done)`, id)
	return err
}

// giveUp wakes the row of the newest part, for the message to be shown without those that never came.
func (t *tx) giveUp(ctx context.Context, group interaction.ID) error {
	_, err := t.Exec(ctx, `
		with g as (update part_groups set state = 'given_up', joined_at = now() where id = $1 and state = 'open' returning id)
		update inbound set state = 'new', attempts = 0 where id = (select max(inbound_id::text)::uuid from parts where group_id in (select id from g))
			and interaction_id is null`, group)
	t.inbound = true
	return err
}

// GiveUpParts has messages shown whose parts were waited for long enough, and forgets what is long finished; it gives how many it gave up.
func (s *Store) GiveUpParts(ctx context.Context, limit int) (int, error) {
	var groups []interaction.ID
	err := s.inTx(ctx, func(t *tx) error {
		rows, err := t.Query(ctx, `select id from part_groups where state = 'open' and opened_at < clock_timestamp() - make_interval(secs => $1)
			order by opened_at limit $2 for update skip locked`, s.partsLimit.Seconds(), limit)
		if err != nil {
			return err
		}
		if groups, err = pgx.CollectRows(rows, pgx.RowTo[interaction.ID]); err != nil {
			return err
		}
		for _, id := range groups {
			if err := t.giveUp(ctx, id); err != nil {
				return err
			}
		}
		_, err = t.Exec(ctx, `delete from part_groups where id in (select id from part_groups
			where state <> 'open' and joined_at < now() - make_interval(secs => $1) limit $2)`, partsKept.Seconds(), limit)
		return err
	})
	return len(groups), err
}

// RecentIdentities gives the identities of what an entry point accepted since then.
func (s *Store) RecentIdentities(ctx context.Context, entryPoint string, since time.Time) ([][32]byte, error) {
	rows, err := s.pool.Query(ctx, `select identity from inbound where id >= uuid_at($2) and entry_point = $1 order by id desc limit 10000`, entryPoint, since)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) ([32]byte, error) {
		var raw []byte
		err := row.Scan(&raw)
		var identity [32]byte
		copy(identity[:], raw)
		return identity, err
	})
	return list, translate(err)
}
