package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// fromLeaving reads the outbound queue by an index of what is not over; it grows with what waits and not with what was ever sent.
const fromLeaving = `
	select l.interaction_id, m.number, m.kind, e.channel, e.name, i.queue, m.author, m.subject, l.state, l.attempts, l.code, l.answer, l.queued_at, l.begun_at
	from ledger l join interactions i on i.id = l.interaction_id
	join messages m on m.interaction_id = l.interaction_id and m.number = l.message_number
	join entry_points e on e.name = case when m.kind in ('transcript', 'survey') then coalesce((select c.chat->>'mail' from entry_points c where c.name = i.entry_point), i.entry_point)
		else coalesce(nullif(m.entry_point, ''), i.entry_point) end `

// Leaving lists what is on its way out of interactions that the actor may know of, the longest first.
func (s *Store) Leaving(ctx context.Context, by interaction.Actor, f interaction.LeavingFilter, page interaction.Page) (interaction.Listed[interaction.Leaving], error) {
	q := asked(by, visibleInteractions)
	q.and("l.state in ('queued', 'in_flight', 'unknown')")
	oneOf(q, "l.state", f.States)
	equal(q, "i.queue", f.Queue)
	equal(q, "e.name", f.EntryPoint)
	equal(q, "e.channel", f.Channel)
	if page.After != "" {
		var since time.Time
		var id interaction.ID
		var message int
		if err := after(page.After, &since, &id, &message); err != nil {
			return interaction.Listed[interaction.Leaving]{}, err
		}
		q.and("(l.queued_at, l.interaction_id, m.number) > (?, ?, ?)", since, id, message)
	}
	return collect(ctx, s, q, page, scanLeaving, fromLeaving, "l.queued_at, l.interaction_id, m.number", func(l interaction.Leaving) string {
		return keyOf(l.Since, l.Interaction, l.Message)
	})
}

func scanLeaving(row pgx.CollectableRow) (interaction.Leaving, error) {
	var l interaction.Leaving
	var begun *time.Time
	err := row.Scan(&l.Interaction, &l.Message, &l.Kind, &l.Channel, &l.EntryPoint, &l.Queue, &l.Author, &l.Subject, &l.State, &l.Attempts, &l.Code, &l.Answer, &l.Since, &begun)
	l.Begun = orZero(begun)
	return l, err
}
