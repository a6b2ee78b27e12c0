package store

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// once does a workflow's step in one transaction, or, when the step was done before (its process died behind the
// commit), gives what it did then and changes nothing. The interaction's row is locked first.
func once[T any](ctx context.Context, s *Store, id interaction.ID, step string, fn func(*tx, openInteraction) (T, error)) (T, error) {
	var result T
	err := s.inTx(ctx, func(t *tx) error {
		open, old, err := t.lockForStep(ctx, id, step)
		if err != nil {
			return err
		}
		if old != nil {
			return json.Unmarshal(old, &result)
		}
		if result, err = fn(t, open); err != nil {
			return err
		}
		kept, err := json.Marshal(result)
		if err != nil {
			return err
		}
		t.put(`insert into steps (interaction_id, step, result) values ($1, $2, $3)`, id, step, json.RawMessage(kept))
		return nil
	})
	return result, err
}

// lockForStep locks an open interaction and then looks for the result of its step; both are one round trip.
func (t *tx) lockForStep(ctx context.Context, id interaction.ID, step string) (o openInteraction, result json.RawMessage, err error) {
	batch := &pgx.Batch{}
	batch.Queue(lockInteraction, id).QueryRow(func(row pgx.Row) (err error) {
		o, err = scanLocked(row, id)
		return err
	})
	batch.Queue(`select result from steps where interaction_id = $1 and step = $2`, id, step).QueryRow(func(row pgx.Row) error {
		if err := row.Scan(&result); err != nil && !noRows(err) {
			return err
		}
		return nil
	})
	return o, result, t.SendBatch(ctx, batch).Close()
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
	return scanLocked(t.QueryRow(ctx, lockInteraction, id), id)
}

const lockInteraction = `select state, thread_id, contact_id, channel, entry_point, queue, category, language, priority, last_agent, messages, news
	from interactions where id = $1 for update`

func scanLocked(row pgx.Row, id interaction.ID) (openInteraction, error) {
	o := openInteraction{ID: id}
	err := row.Scan(&o.State, &o.Thread, &o.Contact, &o.Channel, &o.EntryPoint, &o.Queue, &o.Category, &o.Language, &o.Priority, &o.LastAgent, &o.Messages, &o.News)
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
	t.put(`update interactions set state = $2, version = version + 1 where id = $1`, o.ID, to)
	return nil
}
