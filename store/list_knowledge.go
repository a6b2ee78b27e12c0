package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// Categories lists the category tree by name; a name's parent is what stands before its last slash.
func (s *Store) Categories(ctx context.Context) ([]interaction.Category, error) {
	rows, err := s.pool.Query(ctx, `select name, title, skill, coalesce(queue, '') from categories order by name`)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[interaction.Category])
	return list, translate(err)
}

// Queues lists the queues of the actor's groups (all of them for who configures) with how they stand.
func (s *Store) Queues(ctx context.Context, by interaction.Actor) ([]interaction.QueueView, error) {
	rows, err := s.pool.Query(ctx, `
		select q.name, q.title, q.group_name, count(t.id) filter (where t.state = 'queued'), count(t.id) filter (where t.state = 'held'),
			min(t.opened_at) filter (where t.state = 'queued')
		from queues q left join tasks t on t.queue = q.name
		where $1 in ('admin', 'designer') or q.group_name = any($2)
		group by q.name order by q.name`, by.Role, some(by.Groups))
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (interaction.QueueView, error) {
		var v interaction.QueueView
		var oldest *time.Time
		err := row.Scan(&v.Name, &v.Title, &v.Group, &v.Waiting, &v.Held, &oldest)
		v.Oldest = orZero(oldest)
		return v, err
	})
	return list, translate(err)
}
