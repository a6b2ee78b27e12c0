package store

import (
	"context"

	"parley/interaction"
)

// Stop closes the interaction only if the workflow has seen all its news; otherwise it says how far the news goes and
// changes nothing, and the story goes on. Intake and orders lock the same row, so no message falls into the gap.
// A queued send is cancelled; what is on its way stays as it is.
func (s *Store) Stop(ctx context.Context, id interaction.ID, seen int64, reason string) (interaction.Stopping, error) {
	var result interaction.Stopping
	err := s.inTx(ctx, func(t *tx) error {
		result = interaction.Stopping{Stopped: true, Last: seen}
		open, err := t.lockInteraction(ctx, id)
		if interaction.KindOf(err) == interaction.KindConflict && err != nil {
			return nil // stopped before: this is the same step, run again
		}
		if err != nil {
			return err
		}
		if open.News > seen {
			result = interaction.Stopping{Last: open.News}
			return nil
		}
		if !interaction.Allowed(interaction.InteractionTransitions, "interaction.stopped", string(open.State), string(interaction.Stopped)) {
			return interaction.Conflict("being_sent", "a message is on its way to the customer; stop when its outcome is known").With("state", open.State)
		}
		return t.stop(ctx, interaction.System, open, reason)
	})
	return result, err
}

func (t *tx) stop(ctx context.Context, by interaction.Actor, open openInteraction, reason string) error {
	if open.Channel == interaction.Chat {
		if err := t.endLiving(ctx, open.ID, interaction.Party{Role: interaction.ChatSystem}, endedByWorkflow, false); err != nil {
			return err
		}
	}
	if open.Channel == interaction.Callback {
		if err := t.stopCallback(ctx, by, open.ID); err != nil {
			return err
		}
	}
	if err := t.withdrawAll(ctx, by, open.ID); err != nil {
		return err
	}
	t.put(`update ledger set state = 'cancelled', ended_at = now() where interaction_id = $1 and state = 'queued'`, open.ID)
	t.put(`
		with gone as (delete from interactions where id = $1 returning *)
		insert into closed_interactions (id, thread_id, contact_id, parent_id, channel, entry_point, queue, direction, subject, language, category,
			confidence, priority, data, last_agent, workflow, kit, opened_at, messages, news, version, reason)
		select id, thread_id, contact_id, parent_id, channel, entry_point, queue, direction, subject, language, category,
			confidence, priority, data, last_agent, workflow, kit, opened_at, messages, news, version + 1, $2 from gone`, open.ID, reason)
	return t.audit(ctx, event{
		Code: "interaction.stopped", Actor: by, Interaction: open.ID, Queue: open.Queue,
		From: string(open.State), To: string(interaction.Stopped), Data: map[string]any{"reason": reason},
	})
}

// withdrawAll ends every open task of an interaction.
func (t *tx) withdrawAll(ctx context.Context, by interaction.Actor, id interaction.ID) error {
	tasks, err := t.lockTasks(ctx, id)
	if err != nil {
		return err
	}
	for _, row := range tasks {
		if row.Kind != interaction.TaskConsult {
			if err := t.withdraw(ctx, by, row); err != nil {
				return err
			}
		}
	}
	return nil
}
