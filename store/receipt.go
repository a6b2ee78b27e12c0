package store

import (
	"context"
	"crypto/sha256"

	"parley/interaction"
)

// nameCarried remembers what the carrier calls a message of ours, for its receipts and for answers that name it. A word that came before is kept.
func (t *tx) nameCarried(ctx context.Context, id interaction.ID, message int64, carrierID string) error {
	hash := sha256.Sum256([]byte(carrierID))
	_, err := t.Exec(ctx, `
		with m as (select i.thread_id, coalesce(nullif(m.entry_point, ''), i.entry_point) as entry_point from interactions i
			join messages m on m.interaction_id = i.id and m.number = $3 where i.id = $2),
		alias as (insert into mail_ids (hash, thread_id, interaction_id, message_number) select $1, thread_id, $2, $3 from m on conflict do nothing)
		insert into carrier_ids (entry_point, hash, interaction_id, message_number) select entry_point, $1, $2, $3 from m
		on conflict (entry_point, hash) do update set interaction_id = $2, message_number = $3 where carrier_ids.interaction_id is null`, hash[:], id, message)
	return err
}

// Receipt keeps a carrier's word on a message. Words come late, early, twice and out of order: a later stage is never taken back, but what failed may turn
// out to be delivered.
func (s *Store) Receipt(ctx context.Context, r interaction.Receipted) (known bool, err error) {
	hash := sha256.Sum256([]byte(r.ID))
	err = s.inTx(ctx, func(t *tx) error {
		var id interaction.ID
		var message *int64
		var before interaction.ReceiptState
		err := t.QueryRow(ctx, `
			with old as (select state from carrier_ids where entry_point = $1 and hash = $2 for update)
			insert into carrier_ids as c (entry_point, hash, state, code, at) values ($1, $2, $3, $4, $5)
			on conflict (entry_point, hash) do update set state = $3, code = $4, at = $5, heard_at = now()
				where array_position(array['pending', 'failed', 'delivered', 'read'], $3) > array_position(array['pending', 'failed', 'delivered', 'read'], c.state)
			returning c.interaction_id, c.message_number, coalesce((select state from old), '')`,
			r.EntryPoint, hash[:], r.State, clip(r.Code, 60), orNull(r.At)).Scan(&id, &message, &before)
		if noRows(err) { // nothing new
			return t.QueryRow(ctx, `select interaction_id is not null from carrier_ids where entry_point = $1 and hash = $2`, r.EntryPoint, hash[:]).Scan(&known)
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
