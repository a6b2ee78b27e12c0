package store

import (
	"context"

	"parley/interaction"
)

// settledBefore finds the message that the same content has become in an interaction: a mail to several of our entry points that answers one thread is one message of it.
func (t *tx) settledBefore(ctx context.Context, in interaction.Taken, open interaction.ID) (number int64, err error) {
	err = t.QueryRow(ctx, `select g.number from messages g join inbound b on b.id = g.inbound_id
		where g.interaction_id = $1 and b.identity = (select identity from inbound where id = $2) and b.id <> $2 limit 1`, open, in.ID).Scan(&number)
	if noRows(err) {
		return 0, nil
	}
	return number, err
}

// settledInThread finds it in any interaction of a thread: what is no customer's word, such as a report, may have become a child of what it is about.
func (t *tx) settledInThread(ctx context.Context, in interaction.Taken, thread interaction.ID) (of interaction.ID, number int64, err error) {
	err = t.QueryRow(ctx, `select g.interaction_id, g.number from all_interactions i join messages g on g.interaction_id = i.id join inbound b on b.id = g.inbound_id
		where i.thread_id = $1 and b.identity = (select identity from inbound where id = $2) and b.id <> $2 limit 1`, thread, in.ID).Scan(&of, &number)
	if noRows(err) {
		return "", 0, nil
	}
	return of, number, err
}

// settledAs notes that an inbound thing is a message that is there already.
func (t *tx) settledAs(ctx context.Context, in interaction.Taken, open interaction.ID, number int64, err error) error {
	if err != nil {
		return err
	}
	if _, err := t.Exec(ctx, `update inbound set state = 'done', interaction_id = $2, message_number = $3 where id = $1`, in.ID, open, number); err != nil {
		return err
	}
	return t.audit(ctx, event{Code: "message.repeated", Interaction: open, Data: map[string]any{"message": number, "channel": in.Channel, "entryPoint": in.EntryPoint}})
}
