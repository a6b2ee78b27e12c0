package store

import (
	"context"

	"parley/interaction"
)

// Late deals with news that found no running workflow. A workflow stops only when it has heard everything, so
// the row can be open only if its run was ended from outside: the row stops as well, and what the customer wrote
// last begins a new interaction in the same thread. News of a stopped interaction is done with.
func (s *Store) Late(ctx context.Context, id interaction.ID) error {
	return s.inTx(ctx, func(t *tx) error {
		open, err := t.lockInteraction(ctx, id)
		stopped := err != nil && interaction.KindOf(err) == interaction.KindConflict
		if err != nil && !stopped {
			return err
		}
		if !stopped {
			if err := t.beginAgain(ctx, open); err != nil {
				return err
			}
			if err := t.stop(ctx, interaction.System, open, "workflow_lost"); err != nil {
				return err
			}
		}
		_, err = t.Exec(ctx, `update outbox set sent_at = now() where interaction_id = $1 and sent_at is null`, id)
		return err
	})
}

// beginAgain opens a new interaction with the newest inbound message of one whose workflow was lost.
func (t *tx) beginAgain(ctx context.Context, lost openInteraction) error {
	id := interaction.NewID()
	begun, err := t.exec(ctx, `
		with newest as (select * from messages where interaction_id = $2 and kind = 'in' order by number desc limit 1),
		copied as (
			insert into messages (interaction_id, number, kind, at, sender, reply_to, recipients, copies, subject, body, html, reply_body, message_id, in_reply_to,
				refs, inbound_id, attachments, headers, problems, machine)
			select $1, 1, kind, at, sender, reply_to, recipients, copies, subject, body, html, reply_body, message_id, in_reply_to,
				refs, inbound_id, attachments, headers, problems, machine from newest)
		insert into interactions (id, thread_id, contact_id, parent_id, channel, entry_point, queue, direction, subject, state, priority, last_agent, workflow, kit, messages)
		select $1, thread_id, contact_id, id, channel, entry_point, queue, 'in', subject, 'received', priority, last_agent, workflow, $3, 1
		from interactions where id = $2 and exists (select 1 from newest)`, id, lost.ID, interaction.KitVersion)
	if err != nil || !begun {
		return err
	}
	if err := t.addNews(ctx, id, interaction.News{Kind: interaction.NewsStart, Message: 1}, ""); err != nil {
		return err
	}
	return t.audit(ctx, event{Code: "interaction.received", Interaction: id, Data: map[string]any{"instead": lost.ID, "reason": "workflow_lost"}})
}
