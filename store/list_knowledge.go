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

// Queues lists the queues of the actor's groups (all of them for who configures) with how they stand, by the counts that Count keeps: its cost follows from the number of queues and not from
// what waits in them.
func (s *Store) Queues(ctx context.Context, by interaction.Actor) ([]interaction.QueueView, error) {
	rows, err := s.pool.Query(ctx, `
		select q.name, q.title, q.group_name, coalesce(sum(l.tasks) filter (where l.state = 'queued'), 0), coalesce(sum(l.tasks) filter (where l.state = 'held'), 0),
			min(case when l.state = 'queued' and l.kind in ('handle', 'callback') then (
				select o.opened_at from live_tasks o where o.queue = l.queue and o.channel = l.channel and o.state = 'queued' and o.kind in ('handle', 'callback')
					and o.opened_at <= now() order by o.opened_at limit 1) end)
		from queues q left join live_queues l on l.queue = q.name and l.tasks > 0
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
