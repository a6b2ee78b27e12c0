package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// Statistics are kept by one reader of the audit, so that no deciding transaction has to count. It remembers how far it has read in the
// transaction in which it counts: what was read is counted once, whatever dies. Waiting and held tasks are counted from their rows, read anew for every interaction
// that a line names; all else follows from the lines themselves.

// followBatch is how many lines are counted at once at most.
const followBatch = 2000

// Count brings the statistics up to what is committed, and tells how many lines it has read. Of several at once one works.
func (s *Store) Count(ctx context.Context) (lines int, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		lines, err = t.countLines(ctx, `for update skip locked`)
		return err
	})
	return lines, err
}

// countLines counts the next lines under the lock of the reader's place.
func (t *tx) countLines(ctx context.Context, lock string) (int, error) {
	var xid string
	var position int64
	err := t.QueryRow(ctx, `select xid::text, position from followers where name = 'statistics' `+lock).Scan(&xid, &position)
	if noRows(err) {
		return 0, nil // another is at it
	}
	if err != nil {
		return 0, err
	}
	f := &following{}
	if err := f.read(ctx, t, xid, position); err != nil || len(f.lines) == 0 {
		return 0, err
	}
	c, err := t.remembered(ctx, f)
	if err != nil {
		return 0, err
	}
	for _, l := range f.lines {
		c.count(l)
	}
	deltas, err := t.recount(ctx, c, f.interactions)
	if err != nil {
		return 0, err
	}
	if err := t.keep(ctx, c, deltas, f); err != nil {
		return 0, err
	}
	return len(f.lines), t.countAgents(ctx, f.agents, f.everybody)
}

// following is what was read of the audit, and whom it names.
type following struct {
	lines        []auditLine
	xid          string // of the last line, with its position
	position     int64
	interactions []interaction.ID
	agents       []interaction.ID
	everybody    bool // the configuration changed
}

// read gives lines below the oldest transaction that still runs; nothing can come to lie between them any more.
func (f *following) read(ctx context.Context, t *tx, xid string, position int64) error {
	rows, err := t.Query(ctx, `
		with next as (
			select * from events where (xid, position) > ($1::text::xid8, $2) and xid < pg_snapshot_xmin(pg_current_snapshot()) order by xid, position limit $3)
		select xid::text, last_value(position) over (order by xid, position rows between unbounded preceding and unbounded following),
			last_value(xid::text) over (order by xid, position rows between unbounded preceding and unbounded following),
			at, code, actor, interaction_id, task_id, queue, from_state, to_state, coalesce(data->>'kind', ''),
			case when `+namesAgent+` then (data->>'agent')::uuid end, coalesce(data->>'decision', data->>'usage', ''),
			case when jsonb_typeof(data->'message') = 'number' then (data->>'message')::bigint else 0 end, data ? 'instead',
			coalesce(case code when 'chat.measured' then (data->'figures'->>'firstResponse')::float8 when 'survey.answered' then (data->>'score')::float8 end, -1),
			coalesce(case code when 'chat.measured' then (data->'figures'->>'averageResponse')::float8 end, -1),
			case when code in ('task.opened', 'task.due_moved') then (data->>'due')::timestamptz end
		from next order by position`, xid, position, followBatch)
	if err != nil {
		return err
	}
	var l auditLine
	var own string
	var due *time.Time
	named, agents := map[interaction.ID]bool{}, map[interaction.ID]bool{}
	_, err = pgx.ForEachRow(rows, []any{
		&own, &f.position, &f.xid, &l.at, &l.code, &l.actor, &l.of, &l.task, &l.queue, &l.from, &l.into, &l.kind, &l.agent, &l.word, &l.message, &l.again, &l.seconds, &l.mean, &due,
	}, func() error {
		l.due = orZero(due)
		f.lines = append(f.lines, l)
		if l.of != "" && !named[l.of] {
			named[l.of] = true
			f.interactions = append(f.interactions, l.of)
		}
		if l.agent != "" && !agents[l.agent] {
			agents[l.agent] = true
			f.agents = append(f.agents, l.agent)
		}
		f.everybody = f.everybody || l.code == "configuration.applied"
		return nil
	})
	return err
}

// remembered reads what the statistics know of the interactions that the lines name.
func (t *tx) remembered(ctx context.Context, f *following) (*tally, error) {
	c := &tally{
		interactions: map[interaction.ID]*liveInteraction{}, tasks: map[interaction.ID]*liveTask{},
		dims: map[interaction.ID]dims{}, targets: map[string]time.Duration{},
	}
	batch := &pgx.Batch{}
	batch.Queue(`select id, inbound, received_at, offered_at, taken, answered, automatic, acknowledgements, automatics from live_interactions where id = any($1)`, some(f.interactions)).
		Query(func(rows pgx.Rows) error {
			var i liveInteraction
			_, err := pgx.ForEachRow(rows, []any{&i.ID, &i.Inbound, &i.ReceivedAt, &i.OfferedAt, &i.Taken, &i.Answered, &i.Automatic, &i.Acknowledgements, &i.Automatics}, func() error {
				kept := i
				c.interactions[i.ID] = &kept
				return nil
			})
			return err
		})
	batch.Queue(`select `+liveTaskColumns+` from live_tasks where interaction_id = any($1)`, some(f.interactions)).Query(func(rows pgx.Rows) error {
		list, err := pgx.CollectRows(rows, scanLiveTask)
		for _, task := range list {
			c.tasks[task.ID] = &task
		}
		return err
	})
	batch.Queue(`
		select id, queue, channel, category, direction = 'in' from interactions where id = any($1)
		union all select id, queue, channel, category, direction = 'in' from closed_interactions where id = any($1)`, some(f.interactions)).Query(func(rows pgx.Rows) error {
		var id interaction.ID
		var d dims
		_, err := pgx.ForEachRow(rows, []any{&id, &d.queue, &d.channel, &d.category, &d.inbound}, func() error { c.dims[id] = d; return nil })
		return err
	})
	batch.Queue(`select name, service_seconds from queues`).Query(func(rows pgx.Rows) error {
		var name string
		var seconds int
		_, err := pgx.ForEachRow(rows, []any{&name, &seconds}, func() error { c.targets[name] = time.Duration(seconds) * time.Second; return nil })
		return err
	})
	return c, t.SendBatch(ctx, batch).Close()
}

const liveTaskColumns = `id, interaction_id, kind, queue, channel, state, opened_at, agent, held_at`

func scanLiveTask(row pgx.CollectableRow) (liveTask, error) {
	var t liveTask
	err := row.Scan(&t.ID, &t.Interaction, &t.Kind, &t.Queue, &t.Channel, &t.State, &t.OpenedAt, &t.Agent, &t.HeldAt)
	return t, err
}

// cell is one number of live_queues.
type cell struct{ queue, channel, kind, state string }

// recount reads the tasks of the interactions as they are now and gives what that changes in the counts.
func (t *tx) recount(ctx context.Context, c *tally, interactions []interaction.ID) (map[cell]int, error) {
	deltas := map[cell]int{}
	put := func(task *liveTask, by int) {
		if task.State != "" {
			deltas[cell{task.Queue, task.Channel, task.Kind, task.State}] += by
		}
	}
	for _, task := range c.tasks {
		put(task, -1)
		task.State = ""
	}
	rows, err := t.Query(ctx, `select id, interaction_id, kind, queue, channel, state, opened_at, null::uuid, null::timestamptz from tasks where interaction_id = any($1)`, some(interactions))
	if err != nil {
		return nil, err
	}
	now, err := pgx.CollectRows(rows, scanLiveTask)
	if err != nil {
		return nil, err
	}
	for _, task := range now {
		known := c.tasks[task.ID]
		if known == nil { // its first line is yet to be read
			known = &task
			c.tasks[task.ID] = known
		}
		known.Queue, known.Channel, known.State, known.OpenedAt = task.Queue, task.Channel, task.State, task.OpenedAt
		put(known, 1)
	}
	return deltas, nil
}

// keep writes everything that was counted, and the place up to which it was.
func (t *tx) keep(ctx context.Context, c *tally, deltas map[cell]int, f *following) error {
	batch := &pgx.Batch{}
	for _, i := range c.interactions {
		if i.over {
			batch.Queue(`delete from live_interactions where id = $1`, i.ID)
			continue
		}
		batch.Queue(`insert into live_interactions values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			on conflict (id) do update set offered_at = $4, taken = $5, answered = $6, automatic = $7, acknowledgements = $8, automatics = $9`,
			i.ID, i.Inbound, i.ReceivedAt, i.OfferedAt, i.Taken, i.Answered, i.Automatic, some(i.Acknowledgements), some(i.Automatics))
	}
	for _, task := range c.tasks {
		if task.over && task.State == "" {
			batch.Queue(`delete from live_tasks where id = $1`, task.ID)
			continue
		}
		batch.Queue(`insert into live_tasks (`+liveTaskColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			on conflict (id) do update set queue = $4, channel = $5, state = $6, opened_at = $7, agent = $8, held_at = $9`,
			task.ID, task.Interaction, task.Kind, task.Queue, task.Channel, task.State, task.OpenedAt, task.Agent, task.HeldAt)
	}
	for where, n := range deltas {
		if n != 0 {
			batch.Queue(`insert into live_queues values ($1, $2, $3, $4, $5) on conflict (queue, channel, kind, state) do update set tasks = live_queues.tasks + $5`,
				where.queue, where.channel, where.kind, where.state, n)
		}
	}
	for where, sum := range hours(c.facts) {
		batch.Queue(`insert into hourly values ($1, $2, $3, $4, $5, $6, $7)
			on conflict (queue, hour, channel, what) do update set count = hourly.count + $5, flagged = hourly.flagged + $6, seconds = hourly.seconds + $7`,
			where.hour, where.queue, where.channel, where.what, sum.Count, sum.Flagged, sum.Seconds)
	}
	batch.Queue(`update followers set xid = $1::text::xid8, position = $2 where name = 'statistics'`, f.xid, f.position)
	if err := t.SendBatch(ctx, batch).Close(); err != nil || len(c.facts) == 0 {
		return err
	}
	_, err := t.CopyFrom(ctx, pgx.Identifier{"facts"}, []string{"at", "what", "queue", "channel", "category", "agent", "interaction_id", "seconds", "flag"},
		pgx.CopyFromSlice(len(c.facts), func(n int) ([]any, error) {
			f := c.facts[n]
			return []any{f.at, string(f.what), f.dims.queue, f.dims.channel, f.dims.category, f.agent, f.of, float32(f.seconds), f.flag}, nil
		}))
	return err
}

// hour is one row of the sums.
type hour struct {
	hour           time.Time
	queue, channel string
	what           interaction.Fact
}

// sinceEver is the hour under which the sums since the beginning are kept.
var sinceEver = time.Unix(0, 0).UTC()

func hours(facts []fact) map[hour]interaction.Sum {
	sums := map[hour]interaction.Sum{}
	for _, f := range facts {
		for _, begins := range []time.Time{f.at.UTC().Truncate(time.Hour), sinceEver} {
			where := hour{begins, f.dims.queue, f.dims.channel, f.what}
			sum := sums[where]
			sum.Count++
			sum.Seconds += f.seconds
			if f.flag {
				sum.Flagged++
			}
			sums[where] = sum
		}
	}
	return sums
}

// countAgents reads agents as they are now and changes the counts of those whose state or groups are others than were counted.
func (t *tx) countAgents(ctx context.Context, agents []interaction.ID, everybody bool) error {
	if len(agents) == 0 && !everybody {
		return nil
	}
	_, err := t.Exec(ctx, `
		with now as (
			select a.id, case when a.ready then 'ready' when a.reason = '' then 'not_ready' else a.reason end as state,
				array_append(coalesce((select array_agg(group_name order by group_name) from agent_groups g where g.agent_id = a.id), '{}'), '') as groups
			from agents a where a.enabled and ($2 or a.id = any($1))),
		old as (
			select l.* from live_agents l left join now n on n.id = l.id
			where ($2 or l.id = any($1)) and (n.id is null or n.state <> l.state or n.groups <> l.groups)),
		new as (select n.* from now n left join live_agents l on l.id = n.id where l.id is null or n.state <> l.state or n.groups <> l.groups),
		gone as (delete from live_agents where id in (select id from old) and id not in (select id from new)),
		kept as (insert into live_agents (id, groups, state) select id, groups, state from new on conflict (id) do update set groups = excluded.groups, state = excluded.state)
		insert into live_states as s (group_name, state, agents)
		select group_name, state, sum(n) from (
			select unnest(groups) as group_name, state, -1 as n from old union all select unnest(groups), state, 1 from new) d
		group by group_name, state having sum(n) <> 0
		on conflict (group_name, state) do update set agents = s.agents + excluded.agents`, some(agents), everybody)
	return err
}
