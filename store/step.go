package store

import (
	"context"
	"encoding/json"

	"parley/interaction"
)

// once does a workflow's step in one transaction, or, when the step was done before (its process died behind the
// commit), gives what it did then and changes nothing. The interaction's row is locked first.
func once[T any](ctx context.Context, s *Store, id interaction.ID, step string, fn func(*tx, openInteraction) (T, error)) (T, error) {
	var result T
	err := s.inTx(ctx, func(t *tx) error {
		open, err := t.lockInteraction(ctx, id)
		if err != nil {
			return err
		}
		var old json.RawMessage
		err = t.QueryRow(ctx, `select result from steps where interaction_id = $1 and step = $2`, id, step).Scan(&old)
		if err == nil {
			return json.Unmarshal(old, &result)
		}
		if !noRows(err) {
			return err
		}
		if result, err = fn(t, open); err != nil {
			return err
		}
		kept, err := json.Marshal(result)
		if err != nil {
			return err
		}
		_, err = t.Exec(ctx, `insert into steps (interaction_id, step, result) values ($1, $2, $3)`, id, step, json.RawMessage(kept))
		return err
	})
	return result, err
}

// openInteraction is an open interaction's row, locked.
type openInteraction struct {
	ID         interaction.ID
	State      interaction.State
	Thread     interaction.ID
	Contact    interaction.ID
	Channel    interaction.Channel
	EntryPoint string
	Queue      string
	Category   string
	Language   string
	Priority   int
	LastAgent  interaction.ID
	Messages   int64
	News       int64
}

// lockInteraction locks an open interaction; a stopped one is a conflict.
func (t *tx) lockInteraction(ctx context.Context, id interaction.ID) (openInteraction, error) {
	o := openInteraction{ID: id}
	err := t.QueryRow(ctx, `select state, thread_id, contact_id, channel, entry_point, queue, category, language, priority, last_agent, messages, news
		from interactions where id = $1 for update`, id).
		Scan(&o.State, &o.Thread, &o.Contact, &o.Channel, &o.EntryPoint, &o.Queue, &o.Category, &o.Language, &o.Priority, &o.LastAgent, &o.Messages, &o.News)
	if noRows(err) {
		return o, interaction.Conflict("stopped", "the interaction has stopped").With("state", interaction.Stopped)
	}
	return o, err
}

// become changes an interaction's state as the table allows.
func (t *tx) become(ctx context.Context, o openInteraction, by string, to interaction.State) error {
	if o.State == to {
		return nil
	}
	if !interaction.Allowed(interaction.InteractionTransitions, by, string(o.State), string(to)) {
		return interaction.Conflict("interaction_state", "the interaction is %s", o.State).With("state", o.State)
	}
	_, err := t.Exec(ctx, `update interactions set state = $2, version = version + 1 where id = $1`, o.ID, to)
	return err
}
