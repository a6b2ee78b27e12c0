package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// mostChanges is how many changes somebody is told who wrote against an old state.
const mostChanges = 50

// since adds to a refusal what has happened to the interaction since the task had the version that was written against.
func (t *tx) since(ctx context.Context, row taskRow, version int64, refusal error) error {
	var e *interaction.Error
	if version == 0 || version >= row.Version || !errors.As(refusal, &e) {
		return refusal
	}
	// The mark of the version behind it stands before the line that tells of it; older marks are gone, and the oldest is the best there is.
	rows, err := t.Query(ctx, `
		select e.at, e.code, e.actor, e.task_id, e.from_state, e.to_state, e.data from events e, (
			select coalesce(marks[greatest(cardinality(marks) - ($2::bigint - $3::bigint) + 1, 1)], 0) as mark from tasks where id = $1) m
		where e.interaction_id = $4 and e.position > m.mark and e.at >= $5 order by e.position limit $6`,
		row.ID, row.Version, version, row.Interaction, row.Interaction.Time(), mostChanges)
	if err != nil {
		return err
	}
	changes, err := pgx.CollectRows(rows, pgx.RowToStructByPos[interaction.Changed])
	if err != nil {
		return err
	}
	return e.With("version", row.Version).With("changes", changes)
}

// lastChanges adds to a refusal how a task that is over came to its end.
func (t *tx) lastChanges(ctx context.Context, id interaction.ID, refusal error) error {
	var e *interaction.Error
	if !errors.As(refusal, &e) || e.Code != "task_over" {
		return refusal
	}
	rows, err := t.Query(ctx, `select at, code, actor, task_id, from_state, to_state, data from (
			select e.* from events e join closed_tasks c on c.interaction_id = e.interaction_id
			where c.id = $1 and e.task_id = $1 order by e.position desc limit 5) l order by position`, id)
	if err != nil {
		return err
	}
	changes, err := pgx.CollectRows(rows, pgx.RowToStructByPos[interaction.Changed])
	if err != nil {
		return err
	}
	return e.With("changes", changes)
}
