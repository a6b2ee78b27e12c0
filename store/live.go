package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// Live gives the real-time figures of the queues and groups that the actor may know of, with the sums of so many whole hours and the present one. It reads the
// counts that Count keeps and nothing else, so its cost follows from the number of queues and not from what waits in them.
func (s *Store) Live(ctx context.Context, by interaction.Actor, hours int) (interaction.Live, error) {
	var live interaction.Live
	queues := map[[2]string]*interaction.LiveQueue{}
	var order [][2]string
	of := func(queue, group, channel string) *interaction.LiveQueue {
		key := [2]string{queue, channel}
		if queues[key] == nil {
			queues[key] = &interaction.LiveQueue{
				Queue: queue, Group: group, Channel: interaction.Channel(channel), Tasks: map[interaction.TaskState]int{},
				Sums: map[interaction.Fact]interaction.Sum{}, Totals: map[interaction.Fact]interaction.Sum{},
			}
			order = append(order, key)
		}
		return queues[key]
	}
	const mine = ` ($1 in ('admin', 'designer') or q.group_name = any($2)) `
	batch := &pgx.Batch{}
	batch.Queue(`select coalesce((select min(at) from events where (xid, position) > (f.xid, f.position)), now()) from followers f where name = 'statistics'`).
		QueryRow(func(row pgx.Row) error { return row.Scan(&live.At) })
	batch.Queue(`
		select q.name, q.group_name, l.channel, l.kind, l.state, l.tasks,
			case when l.kind in ('handle', 'callback') and l.state = 'queued' then (
				select o.opened_at from live_tasks o where o.queue = l.queue and o.channel = l.channel and o.state = 'queued' and o.kind in ('handle', 'callback')
					and o.opened_at <= now() order by o.opened_at limit 1) end
		from live_queues l join queues q on q.name = l.queue where l.tasks > 0 and`+mine+`order by q.name, l.channel`, by.Role, some(by.Groups)).
		Query(func(rows pgx.Rows) error {
			var queue, group, channel, kind, state string
			var tasks int
			var oldest *time.Time
			_, err := pgx.ForEachRow(rows, []any{&queue, &group, &channel, &kind, &state, &tasks, &oldest}, func() error {
				l := of(queue, group, channel)
				switch interaction.TaskKind(kind) {
				case interaction.TaskHandle, interaction.TaskCallback:
					l.Tasks[interaction.TaskState(state)] += tasks
					if oldest != nil {
						l.Oldest = *oldest
					}
				case interaction.TaskReview:
					l.Reviews += tasks
				}
				return nil
			})
			return err
		})
	batch.Queue(`
		select q.name, q.group_name, h.channel, h.what, h.hour = 'epoch', sum(h.count)::bigint, sum(h.flagged)::bigint, sum(h.seconds)
		from queues q join hourly h on h.queue = q.name and (h.hour = 'epoch' or h.hour >= date_trunc('hour', now()) - make_interval(hours => $3))
		where`+mine+`group by q.name, q.group_name, h.channel, h.what, h.hour = 'epoch' order by q.name, h.channel`, by.Role, some(by.Groups), hours).
		Query(func(rows pgx.Rows) error {
			var queue, group, channel string
			var what interaction.Fact
			var sum interaction.Sum
			var ever bool
			_, err := pgx.ForEachRow(rows, []any{&queue, &group, &channel, &what, &ever, &sum.Count, &sum.Flagged, &sum.Seconds}, func() error {
				if l := of(queue, group, channel); ever {
					l.Totals[what] = sum
				} else {
					l.Sums[what] = sum
				}
				return nil
			})
			return err
		})
	batch.Queue(`select group_name, state, agents from live_states where agents > 0 and ($1 in ('admin', 'designer') or group_name = any($2)) order by group_name, state`,
		by.Role, some(by.Groups)).Query(func(rows pgx.Rows) (err error) {
		live.States, err = pgx.CollectRows(rows, pgx.RowToStructByPos[interaction.LiveState])
		return err
	})
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return live, translate(err)
	}
	for _, key := range order {
		live.Queues = append(live.Queues, *queues[key])
	}
	return live, nil
}

// CheckFigures holds the real-time counts against a full count, corrects what differs and tells how much did; the audit gets a line of it. Interactions with lines
// that were not counted yet are left to Count. Nothing is expected to differ: it is the remedy for what nobody thought of.
func (s *Store) CheckFigures(ctx context.Context) (interaction.Correction, error) {
	var c interaction.Correction
	err := s.inTx(ctx, func(t *tx) error {
		if _, err := t.countLines(ctx, `for update`); err != nil {
			return err
		}
		if err := t.countAgents(ctx, nil, true); err != nil {
			return err
		}
		for _, step := range []struct {
			sql  string
			into *int64
		}{{correctTasks, &c.Tasks}, {correctQueues, &c.Queues}, {correctStates, &c.States}} {
			if err := t.QueryRow(ctx, step.sql).Scan(step.into); err != nil {
				return err
			}
		}
		if c.None() {
			return nil
		}
		return t.audit(ctx, event{Code: "statistics.corrected", Data: map[string]any{"tasks": c.Tasks, "queues": c.Queues, "states": c.States}})
	})
	return c, err
}

// The statements of the check; each gives how many rows it corrected.
const (
	correctTasks = `
	with wrong as (
		select coalesce(t.id, l.id) as id, t.id is null as over
		from tasks t full join live_tasks l on l.id = t.id
		where (t.state, t.queue, t.channel) is distinct from (nullif(l.state, ''), l.queue, l.channel)
			and not exists (select 1 from events e, followers f
				where f.name = 'statistics' and e.interaction_id = coalesce(t.interaction_id, l.interaction_id) and (e.xid, e.position) > (f.xid, f.position))),
	gone as (delete from live_tasks where id in (select id from wrong where over) returning 1),
	put as (
		insert into live_tasks (id, interaction_id, kind, queue, channel, state, opened_at)
		select id, interaction_id, kind, queue, channel, state, opened_at from tasks where id in (select id from wrong where not over)
		on conflict (id) do update set queue = excluded.queue, channel = excluded.channel, state = excluded.state returning 1)
	select (select count(*) from gone) + (select count(*) from put)`

	correctQueues = `
	with now as (select queue, channel, kind, state, count(*)::int as tasks from live_tasks where state <> '' group by 1, 2, 3, 4),
	wrong as (
		select coalesce(n.queue, l.queue) as queue, coalesce(n.channel, l.channel) as channel, coalesce(n.kind, l.kind) as kind, coalesce(n.state, l.state) as state, coalesce(n.tasks, 0) as tasks
		from now n full join live_queues l using (queue, channel, kind, state) where coalesce(n.tasks, 0) <> coalesce(l.tasks, 0)),
	put as (
		insert into live_queues select queue, channel, kind, state, tasks from wrong
		on conflict (queue, channel, kind, state) do update set tasks = excluded.tasks returning 1)
	select count(*) from put`

	correctStates = `
	with now as (select group_name, state, count(*)::int as agents from live_agents, unnest(groups) as group_name group by 1, 2),
	wrong as (
		select coalesce(n.group_name, l.group_name) as group_name, coalesce(n.state, l.state) as state, coalesce(n.agents, 0) as agents
		from now n full join live_states l using (group_name, state) where coalesce(n.agents, 0) <> coalesce(l.agents, 0)),
	put as (
		insert into live_states select group_name, state, agents from wrong
		on conflict (group_name, state) do update set agents = excluded.agents returning 1)
	select count(*) from put`
)
