package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// Relay hands the unsent news of up to limit interactions to send and marks what send has
// delivered: the count of news, from the first, for each batch. Only one relay at a time works
// on an interaction (advisory lock), so its news arrives in order. The lock and the mark are one transaction; a
// relay that dies in between sends again, and the workflow drops what it has seen.
func (s *Store) Relay(ctx context.Context, limit int, send func(context.Context, []interaction.Batch) []int) (found int, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		batches, err := t.unsent(ctx, limit)
		found = len(batches)
		if err != nil || found == 0 {
			return err
		}
		done := send(ctx, batches)
		marks := &pgx.Batch{}
		for i, b := range batches {
			if done[i] > 0 {
				marks.Queue(`update outbox set sent_at = now() where interaction_id = $1 and number <= $2 and sent_at is null`,
					b.Interaction, b.News[done[i]-1].Number)
			}
		}
		if marks.Len() == 0 {
			return nil
		}
		return t.SendBatch(ctx, marks).Close()
	})
	return found, err
}

func (t *tx) unsent(ctx context.Context, limit int) ([]interaction.Batch, error) {
	rows, err := t.Query(ctx, `
		with heads as (
			select distinct interaction_id from outbox where sent_at is null order by interaction_id limit $1 * 4),
		ours as (
			select interaction_id from heads where pg_try_advisory_xact_lock(hashtextextended(interaction_id::text, 1)) limit $1)
		select o.interaction_id, o.news,
			coalesce(i.workflow, ''), coalesce(i.channel, ''), coalesce(i.entry_point, ''), coalesce(i.direction, ''), coalesce(i.kit, 0), e.survey is not null
		from ours join outbox o on o.interaction_id = ours.interaction_id and o.sent_at is null
		left join interactions i on i.id = o.interaction_id left join entry_points e on e.name = i.entry_point
		order by o.interaction_id, o.number`, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var batches []interaction.Batch
	for rows.Next() {
		var b interaction.Batch
		var n interaction.News
		if err := rows.Scan(&b.Interaction, &n, &b.Workflow, &b.Start.Channel, &b.Start.EntryPoint, &b.Start.Direction, &b.Start.Kit, &b.Start.Survey); err != nil {
			return nil, err
		}
		if last := len(batches) - 1; last >= 0 && batches[last].Interaction == b.Interaction {
			batches[last].News = append(batches[last].News, n)
			continue
		}
		b.Start.Interaction, b.Start.Number, b.Start.Message, b.Start.Agent, b.Start.Code = b.Interaction, n.Number, n.Message, n.Agent, n.Code
		b.News = []interaction.News{n}
		batches = append(batches, b)
	}
	return batches, rows.Err()
}
