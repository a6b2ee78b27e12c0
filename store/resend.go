package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// MaySendAgain says whether the message that a report is about is sent once more, by how often it was sent: waits[0] is the time before the second sending. Only what
// an agent wrote to one recipient is, while nothing says that his address is no good.
func (s *Store) MaySendAgain(ctx context.Context, id interaction.ID, step string, report int64, waits []time.Duration) (interaction.Again, error) {
	return once(ctx, s, id, step, func(t *tx, o openInteraction) (interaction.Again, error) {
		copies, err := t.bounced(ctx, o, report)
		if err != nil || len(copies) == 0 || len(copies) > len(waits) {
			return interaction.Again{}, err
		}
		return interaction.Again{Send: true, Wait: waits[len(copies)-1]}, nil
	})
}

// SendAgain writes the message that a report is about once more, with its ledger row, into the report's interaction: the same text under the same Message-ID to the
// same recipient, who has not got it. It gives the message's number, or 0 where it is not to be sent any more.
func (s *Store) SendAgain(ctx context.Context, id interaction.ID, step string, report int64) (int64, error) {
	return once(ctx, s, id, step, func(t *tx, o openInteraction) (int64, error) {
		copies, err := t.bounced(ctx, o, report)
		if err != nil || len(copies) == 0 {
			return 0, err
		}
		m := copies[0]
		about := m.Interaction
		m.Interaction, m.Number, m.Problems = o.ID, o.Messages+1, nil
		if err := t.insertMessage(ctx, m); err != nil {
			return 0, err
		}
		if _, err := t.Exec(ctx, `update interactions set messages = messages + 1 where id = $1`, o.ID); err != nil {
			return 0, err
		}
		if err := t.audit(ctx, event{Code: "send.again", Interaction: o.ID, Data: map[string]any{"message": m.Number, "of": about, "time": len(copies) + 1}}); err != nil {
			return 0, err
		}
		return m.Number, t.release(ctx, o, m.Number)
	})
}

// bounced gives the message that a report is about as often as it was sent, newest first; none where it is not to be sent again.
func (t *tx) bounced(ctx context.Context, o openInteraction, report int64) ([]interaction.Message, error) {
	rows, err := t.Query(ctx, `select `+messageColumns+` from messages m where kind = 'reply' and jsonb_array_length(recipients || copies) = 1
		and (interaction_id, number) in (select k.interaction_id, k.message_number from messages r join mail_ids k on k.hash = sha256(convert_to(r.in_reply_to, 'UTF8'))
			where r.interaction_id = $1 and r.number = $2 and r.in_reply_to <> '')
		and not exists (select 1 from contact_attributes a where a.kind = 'email' and a.value = lower(m.recipients -> 0 ->> 'address') and a.failed_at is not null)
		order by at desc, number desc`, o.ID, report)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanMessage)
}
