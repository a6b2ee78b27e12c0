package store

import (
	"context"
	"crypto/sha256"
	"strings"

	"parley/interaction"
)

// nameCarried remembers what the carrier calls a message of ours, for its receipts and for answers that name it. A word that came before is kept, under
// whatever spelling.
func (t *tx) nameCarried(ctx context.Context, id interaction.ID, message int64, name interaction.CarrierName) error {
	if err := t.lockCarried(ctx, name.ID, name.Spellings); err != nil {
		return err
	}
	_, err := t.Exec(ctx, `
		with m as (select i.thread_id, coalesce(nullif(m.entry_point, ''), i.entry_point) as entry_point from interactions i
			join messages m on m.interaction_id = i.id and m.number = $3 where i.id = $2),
		alias as (insert into mail_ids (hash, thread_id, interaction_id, message_number) select $1, thread_id, $2, $3 from m on conflict do nothing),
		early as (update carrier_ids c set interaction_id = $2, message_number = $3 from m
			where c.entry_point = m.entry_point and c.hash = any($4) and c.interaction_id is null returning 1)
		insert into carrier_ids (entry_point, hash, interaction_id, message_number) select entry_point, $1, $2, $3 from m where not exists (select 1 from early)
		on conflict (entry_point, hash) do nothing`,
		hashOf(name.ID), id, message, hashesOf(name.ID, name.Spellings))
	return err
}

// lockCarried lets a name and the first word on it come one after the other, where they may be spelled differently: what they have in common is the
// customer's number, which such names begin with.
func (t *tx) lockCarried(ctx context.Context, id string, spellings []string) error {
	if len(spellings) == 0 {
		return nil
	}
	number, _, _ := strings.Cut(id, "/")
	_, err := t.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended('carried ' || $1, 0))`, number)
	return err
}

func hashOf(name string) []byte {
	hash := sha256.Sum256([]byte(name))
	return hash[:]
}

func hashesOf(name string, others []string) [][]byte {
	list := [][]byte{hashOf(name)}
	for _, other := range others {
		list = append(list, hashOf(other))
	}
	return list
}

// Receipt keeps a carrier's word on a message. Words come late, early, twice and out of order: a later stage is never taken back, but what failed may turn
// out to be delivered.
func (s *Store) Receipt(ctx context.Context, r interaction.Receipted) (known bool, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		if err := t.lockCarried(ctx, r.ID, r.Spellings); err != nil {
			return err
		}
		hash := hashOf(r.ID)
		if len(r.Spellings) > 0 { // the name that is known goes before the one that is written
			err := t.QueryRow(ctx, `select hash from carrier_ids where entry_point = $1 and hash = any($2)
				order by interaction_id is not null desc, hash = $3 desc limit 1`, r.EntryPoint, hashesOf(r.ID, r.Spellings), hash).Scan(&hash)
			if err != nil && !noRows(err) {
				return err
			}
		}
		var id interaction.ID
		var message *int64
		var before interaction.ReceiptState
		err := t.QueryRow(ctx, `
			with old as (select state from carrier_ids where entry_point = $1 and hash = $2 for update)
			insert into carrier_ids as c (entry_point, hash, state, code, at) values ($1, $2, $3, $4, $5)
			on conflict (entry_point, hash) do update set state = $3, code = $4, at = $5, heard_at = now()
				where array_position(array['pending', 'failed', 'delivered', 'read'], $3) > array_position(array['pending', 'failed', 'delivered', 'read'], c.state)
			returning c.interaction_id, c.message_number, coalesce((select state from old), '')`,
			r.EntryPoint, hash, r.State, clip(r.Code, 60), orNull(r.At)).Scan(&id, &message, &before)
		if noRows(err) { // nothing new
			return t.QueryRow(ctx, `select interaction_id is not null from carrier_ids where entry_point = $1 and hash = $2`, r.EntryPoint, hash).Scan(&known)
		}
		if err != nil || message == nil {
			return err
		}
		known = true
		return t.audit(ctx, event{
			Code: "send.receipt", Interaction: id, From: string(before), To: string(r.State), Data: map[string]any{"message": *message, "code": clip(r.Code, 40)},
		})
	})
	return known, err
}
