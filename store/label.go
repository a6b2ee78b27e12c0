package store

import (
	"context"

	"parley/interaction"
)

// What people say of a message's category is kept as a label: it corrects the interaction now, and trainings learn from it. The text is not
// copied: it stays with the message.

// Recategorize has the agent who holds a task say what it is about; an empty category says that it fits nowhere. The task stays where it is: the story is
// not told, what is read from now on follows.
func (s *Store) Recategorize(ctx context.Context, by interaction.Actor, id interaction.ID, version int64, category string) error {
	_, err := act(ctx, s, by, func(t *tx) (nothing, error) {
		row, err := t.lockMine(ctx, by, id, version)
		if err != nil {
			return nothing{}, err
		}
		if err := t.checkCategory(ctx, category); err != nil {
			return nothing{}, err
		}
		var before string
		err = t.QueryRow(ctx, `
			update interactions i set category = $2, confidence = 1, version = i.version + 1
			from (select id, category from interactions where id = $1) was where i.id = was.id returning was.category`, row.Interaction, category).Scan(&before)
		if err != nil {
			return nothing{}, err
		}
		if err := t.label(ctx, interaction.Label{Interaction: row.Interaction, Message: messageOf(row), Source: interaction.LabelAgent, Category: labelOf(category), Agent: by.Agent}); err != nil {
			return nothing{}, err
		}
		return nothing{}, t.audit(ctx, event{
			Code: "interaction.categorized", Actor: by, Interaction: row.Interaction, Task: row.ID, Queue: row.Queue,
			Data: map[string]any{"category": category, "before": before},
		})
	})
	return err
}

// messageOf gives the customer's message that a task is about; 0: his newest.
func messageOf(row taskRow) int64 {
	if row.Kind == interaction.TaskHandle {
		return row.Message
	}
	return 0
}

// labelOf is what trainings call the category; what fits nowhere has a name there.
func labelOf(category string) string {
	if category == "" {
		return interaction.CategoryOutside
	}
	return category
}

func (t *tx) checkCategory(ctx context.Context, name string) error {
	var known bool
	if err := t.QueryRow(ctx, `select $1 = '' or exists (select 1 from categories where name = $1)`, name).Scan(&known); err != nil {
		return err
	}
	if !known {
		return interaction.Invalid("unknown_category", "category", "there is no category %q", clip(name, 200))
	}
	return nil
}

// RejectSuggestion has the agent who holds a task say that a suggested response is not what the customer asks for: it is not suggested for this
// interaction again, and where it is of the interaction's category, that is doubted.
func (s *Store) RejectSuggestion(ctx context.Context, by interaction.Actor, id interaction.ID, version int64, response interaction.ID) error {
	_, err := act(ctx, s, by, func(t *tx) (nothing, error) {
		row, err := t.lockMine(ctx, by, id, version)
		if err != nil {
			return nothing{}, err
		}
		var name, category string
		var doubted bool
		err = t.QueryRow(ctx, `select r.name, r.category, r.category = i.category from responses r join interactions i
				on r.id = any(i.suggested) or i.category = r.category and i.language = r.language
			where i.id = $1 and r.id = $2 and r.usage in ('suggestion', 'auto_response')`, row.Interaction, response).Scan(&name, &category, &doubted)
		if noRows(err) {
			return nothing{}, interaction.Invalid("not_suggested", "response_id", "this response is not suggested here")
		}
		if err != nil {
			return nothing{}, err
		}
		if _, err := t.Exec(ctx, `insert into rejected_suggestions (interaction_id, response_id, agent_id) values ($1, $2, $3) on conflict do nothing`, row.Interaction, response, by.Agent); err != nil {
			return nothing{}, err
		}
		if doubted { // one that was suggested for its words says nothing of the category
			if err := t.label(ctx, interaction.Label{Interaction: row.Interaction, Message: messageOf(row), Source: interaction.LabelRejected, Wrong: category, Agent: by.Agent}); err != nil {
				return nothing{}, err
			}
		}
		return nothing{}, t.audit(ctx, event{
			Code: "suggestion.rejected", Actor: by, Interaction: row.Interaction, Task: row.ID, Queue: row.Queue,
			Data: map[string]any{"response": response, "name": name, "category": category},
		})
	})
	return err
}

// label keeps what was said of a message, in the place of what the same source said before. Without a message it is the customer's newest; where he has
// written none there is nothing to learn from.
func (t *tx) label(ctx context.Context, l interaction.Label) error {
	_, err := t.Exec(ctx, `
		insert into labels (interaction_id, message_number, source, category, wrong, agent_id)
		select $1, m.number, $3, $4, case when $5 <> '' then $5 else coalesce((
			select nullif(e.data->>'category', $4) from events e
			where e.interaction_id = $1 and e.code = 'interaction.understood' and (e.data->>'message')::bigint <= m.number order by e.position desc limit 1), '') end, $6
		from (select number from messages where interaction_id = $1 and kind = 'in' and ($2 = 0 or number = $2) order by number desc limit 1) m
		on conflict (interaction_id, message_number, source) do update set (category, wrong, agent_id, at) = (excluded.category, excluded.wrong, excluded.agent_id, now())`,
		l.Interaction, l.Message, l.Source, l.Category, l.Wrong, l.Agent)
	return err
}

// doubtAutomatic is called when a customer writes: if the last that went to him in the thread was an automatic response, what that was chosen by is doubted.
// The thread's row is locked by who calls.
func (t *tx) doubtAutomatic(ctx context.Context, thread interaction.ID, m interaction.Message) error {
	if m.Machine != "" {
		return nil
	}
	_, err := t.Exec(ctx, `
		insert into labels (interaction_id, message_number, source, wrong)
		select a.interaction_id, a.answers, 'answered', i.category
		from threads h join lateral (select * from automatic_mail a where a.contact_id = h.contact_id and a.thread_id = h.id and a.usage <> '' order by a.at desc limit 1) a on true
		join all_interactions i on i.id = a.interaction_id
		where h.id = $1 and a.usage = 'auto_response' and a.at > now() - interval '30 days' and i.category <> ''
			and not exists (select 1 from all_interactions x join messages g on g.interaction_id = x.id
				where x.thread_id = $1 and g.kind = 'reply' and g.at > a.at)
		on conflict do nothing`, thread)
	return err
}
