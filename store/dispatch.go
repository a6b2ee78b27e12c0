package store

import (
	"context"
	"hash/fnv"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// Tick does what is due by time and gives what changed for matching since seen (empty: everything).
func (s *Store) Tick(ctx context.Context, seen string) (interaction.Changes, error) {
	return s.Look(ctx, interaction.Look{Seen: seen, Clocks: true})
}

// Changed gives what changed for matching since seen.
func (s *Store) Changed(ctx context.Context, seen string) (interaction.Changes, error) {
	return s.Look(ctx, interaction.Look{Seen: seen})
}

// Look gives what changed for matching. One transaction when that is nothing that the look is for.
func (s *Store) Look(ctx context.Context, l interaction.Look) (interaction.Changes, error) {
	batch := &pgx.Batch{}
	changed, due := new(int), new([]interaction.ID)
	if l.Clocks {
		changed, due = queueClocks(batch), queueDue(batch)
	}
	f := queueFeed(batch, l)
	if err := s.send(ctx, batch); err != nil {
		return interaction.Changes{}, err
	}
	s.passDeadlines(ctx, *due)
	if *changed > 0 {
		s.wake.Events()
	}
	return s.follow(ctx, f, l)
}

// feed names what changed, out of the audit: every change of a task, of an agent's load or readiness has its line there.
type feed struct {
	interaction.Changes
	tasks, interactions, agents []interaction.ID
}

// queueFeed reads those lines of the audit that could not be seen at the last look: seen is the snapshot that it was taken in. So what
// commits late is not missed, whatever was numbered behind it, and nothing is looked at twice.
func queueFeed(batch *pgx.Batch, l interaction.Look) *feed {
	f := &feed{}
	f.All = l.Seen == ""
	news, lastHour := unseen, unseen
	if f.All { // tasks and agents come from the tables; only who worked last is told by the audit
		news, lastHour = `false and $1 = ''`, `at > now() - interval '1 hour' and $1 = ''`
	}
	batch.Queue(`
		select pg_current_snapshot()::text, now(), coalesce(bool_or(code = 'configuration.applied'), false),
			coalesce(array_agg(distinct interaction_id) filter (where interaction_id is not null and code like 'order.%'), '{}')
		from events where `+news, l.Seen).
		QueryRow(func(row pgx.Row) error {
			var applied bool
			err := row.Scan(&f.Seen, &f.At, &applied, &f.interactions)
			f.All = f.All || applied
			return err
		})
	batch.Queue(`select task_id, max(queue), bool_or(code not in ('task.opened', 'task.offered', 'task.claimed', 'task.accepted', 'task.done', 'task.withdrawn')
			or code = 'task.opened' and (data->>'links')::int > 1) from events where `+news+` and task_id is not null group by 1`, l.Seen).
		Query(func(rows pgx.Rows) error {
			var task interaction.ID
			var queue string
			var clock bool // links may be left to open
			_, err := pgx.ForEachRow(rows, []any{&task, &queue, &clock}, func() error {
				if concerns(l, task, queue, clock) {
					f.tasks = append(f.tasks, task)
				}
				return nil
			})
			return err
		})
	if l.Lanes != nil && !l.Pushes() && !f.All {
		return f // whom nothing is offered need not be known
	}
	batch.Queue(`select (data->>'agent')::uuid, max(at) filter (where code like 'task.%') from events where `+lastHour+` and `+namesAgent+` group by 1`, l.Seen).
		Query(func(rows pgx.Rows) error {
			var agent interaction.ID
			var at *time.Time
			f.Worked = map[interaction.ID]time.Time{}
			_, err := pgx.ForEachRow(rows, []any{&agent, &at}, func() error {
				f.agents = append(f.agents, agent)
				if at != nil {
					f.Worked[agent] = *at
				}
				return nil
			})
			return err
		})
	return f
}

// concerns reports whether a look is for a task: one that the dispatcher has, one of a queue of its shard that pushes, or one that may have links to open. Where
// a task may have come from another queue its row is read to find out.
func concerns(l interaction.Look, task interaction.ID, queue string, clock bool) bool {
	lane := l.Lanes[queue]
	return l.Lanes == nil || clock || lane.Mine && lane.Push || l.Known(task)
}

// unseen is the condition that an audit line was not yet visible in the snapshot $1. The bound on the time spares looking into old
// partitions; a transaction that runs for a day is found by the dispatcher's next reading of everything.
const unseen = ` xid >= pg_snapshot_xmin($1::text::pg_snapshot) and not pg_visible_in_snapshot(xid, $1::text::pg_snapshot) and at > now() - interval '1 day' `

// namesAgent is the condition that an audit line is about an agent.
const namesAgent = ` data->>'agent' ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' `

// follow reads the rows that the feed names. They are at least as new as it.
func (s *Store) follow(ctx context.Context, f *feed, l interaction.Look) (interaction.Changes, error) {
	if f.All {
		lanes, err := s.lanes(ctx, l)
		if err != nil {
			return interaction.Changes{}, err
		}
		f.Lanes = lanes
		if l.Shards > 0 {
			l.Lanes = lanes
		}
	}
	rows, err := s.matching(ctx, f.All, f.tasks, f.interactions, f.agents, l)
	rows.At, rows.Seen, rows.All, rows.Lanes, rows.Worked = f.At, f.Seen, f.All, f.Lanes, f.Worked
	return rows, err
}

// lanes gives the queues, and which are of the shard.
func (s *Store) lanes(ctx context.Context, l interaction.Look) (map[string]interaction.Lane, error) {
	rows, err := s.pool.Query(ctx, `select name, group_name, push from queues`)
	if err != nil {
		return nil, translate(err)
	}
	lanes := map[string]interaction.Lane{}
	var name, group string
	var push bool
	_, err = pgx.ForEachRow(rows, []any{&name, &group, &push}, func() error {
		h := fnv.New32a()
		_, _ = h.Write([]byte(group)) // a hash takes everything
		lanes[name] = interaction.Lane{Push: push, Mine: l.Shards < 2 || int(h.Sum32()%uint32(l.Shards)) == l.Shard}
		return nil
	})
	return lanes, translate(err)
}

// Again reads these tasks and agents, changed or not.
func (s *Store) Again(ctx context.Context, tasks, agents []interaction.ID) (interaction.Changes, error) {
	return s.matching(ctx, false, tasks, nil, agents, interaction.Look{})
}

// matching reads queued tasks and ready agents, as far as the look is for them: all, or the named ones; of those, who is not there any more is gone.
func (s *Store) matching(ctx context.Context, all bool, tasks, interactions, agents []interaction.ID, l interaction.Look) (interaction.Changes, error) {
	var c interaction.Changes
	var mine []string
	for queue, lane := range l.Lanes {
		if lane.Mine {
			mine = append(mine, queue)
		}
	}
	if all || len(tasks)+len(interactions) > 0 {
		const wanted = ` and ($4 or t.queue = any($5) and (q.push or jsonb_array_length(t.chain) > t.chain_step + 1)) `
		rows, err := s.pool.Query(ctx, selectQueued+`where t.state = 'queued' and ($1 or t.id = any($2))`+wanted+`
			union all `+selectQueued+`where t.state = 'queued' and not $1 and t.interaction_id = any($3)`+wanted,
			all, some(tasks), some(interactions), l.Lanes == nil, some(mine))
		if err != nil {
			return c, translate(err)
		}
		if c.Tasks, err = pgx.CollectRows(rows, scanQueued); err != nil {
			return c, translate(err)
		}
		c.Gone = missing(tasks, c.Tasks, func(w *interaction.Queued) interaction.ID { return w.ID })
	}
	if people := l.Lanes == nil || l.Pushes(); people && (all || len(agents) > 0) {
		rows, err := s.pool.Query(ctx, agentColumns+` where a.ready and a.enabled and ($1 or a.id = any($2))`, all, some(agents))
		if err != nil {
			return c, translate(err)
		}
		if c.Agents, err = pgx.CollectRows(rows, scanAgent); err != nil {
			return c, translate(err)
		}
		c.Away = missing(agents, c.Agents, func(a *interaction.Agent) interaction.ID { return a.ID })
	}
	return c, nil
}

func missing[T any](asked []interaction.ID, found []T, id func(*T) interaction.ID) []interaction.ID {
	there := make(map[interaction.ID]bool, len(found))
	for n := range found {
		there[id(&found[n])] = true
	}
	var gone []interaction.ID
	for _, a := range asked {
		if !there[a] {
			gone = append(gone, a)
		}
	}
	return gone
}

// selectQueued reads tasks as matching sees them; where a chain names a queue, that queue's group comes along.
const selectQueued = `select t.id, t.kind, t.class, t.queue, q.group_name, q.push, t.skill, t.level, t.group_name, t.chain, t.chain_step, t.chain_since,
	i.last_agent, q.choice, q.ageing_seconds, q.service_weight, t.priority, t.opened_at, t.due_at, t.not_before, t.reserved_for, t.reserved_until, t.refused, t.author, t.version,
	case when t.chain @? '$[*] ? (@.kind == "queue" && @.name != "")' then (select jsonb_object_agg(name, group_name) from queues) end` +
	fromTasks + `left join interactions i on i.id = t.interaction_id `

func scanQueued(row pgx.CollectableRow) (interaction.Queued, error) {
	var w interaction.Queued
	var due, notBefore, reserved *time.Time
	var groups map[string]string
	err := row.Scan(&w.ID, &w.Kind, &w.Class, &w.Queue, &w.Group, &w.Push, &w.Demand.Skill, &w.Demand.Level, &w.Demand.Group, &w.Chain, &w.ChainStep,
		&w.ChainSince, &w.LastAgent, &w.Policy.Choice, &w.Policy.Ageing, &w.Policy.Service, &w.Priority, &w.OpenedAt, &due, &notBefore, &w.ReservedFor, &reserved, &w.Refused, &w.Author, &w.Version, &groups)
	w.DueAt, w.NotBefore, w.ReservedUntil = orZero(due), orZero(notBefore), orZero(reserved)
	for n, link := range w.Chain {
		if link.Kind == interaction.ToQueue && link.Name != "" && link.Name != w.Queue {
			w.Chain[n].Kind, w.Chain[n].Name = interaction.ToGroup, groups[link.Name] // a queue that is no more has nobody
		}
	}
	return w, err
}

// OpenLinks writes what opened into the tasks' rows, so that claims are checked against it, each with its audit line. A task that changed
// since, that somebody is changing now, or whose link opens later by the database's clock is left as it is.
func (s *Store) OpenLinks(ctx context.Context, list []interaction.Opening) error {
	if len(list) == 0 {
		return nil
	}
	return s.inTx(ctx, func(t *tx) error {
		t.events = true
		_, err := t.Exec(ctx, `
			with n as (
				select * from jsonb_to_recordset($1) as n (task uuid, version bigint, step int, since timestamptz, skill text, level int, group_name text,
					reserved_for uuid, reserved_until timestamptz)),
			t as (
				select t.id from tasks t join n on n.task = t.id
				where t.version = n.version and t.state = 'queued' and n.since <= now() for update of t skip locked),
			done as (
				update tasks set chain_step = n.step, chain_since = n.since, skill = n.skill, level = n.level, group_name = n.group_name,
					reserved_for = coalesce(n.reserved_for, tasks.reserved_for), reserved_until = coalesce(n.reserved_until, tasks.reserved_until), version = tasks.version + 1
				from t join n on n.task = t.id where tasks.id = t.id
				returning tasks.id, tasks.interaction_id, tasks.queue, tasks.kind, n.step, n.skill, n.level, n.group_name, n.reserved_for)
			insert into events (code, interaction_id, task_id, queue, data)
			select 'task.link_opened', interaction_id, id, queue, jsonb_strip_nulls(jsonb_build_object('kind', kind, 'link', step, 'skill', nullif(skill, ''),
				'level', nullif(level, 0), 'group', nullif(group_name, ''), 'agent', reserved_for)) from done`, openingRows(list))
		return err
	})
}

// openingRow is an opening as the statement reads it.
type openingRow struct {
	Task          interaction.ID  `json:"task"`
	Version       int64           `json:"version"`
	Step          int             `json:"step"`
	Since         time.Time       `json:"since"`
	Skill         string          `json:"skill"`
	Level         int             `json:"level"`
	Group         string          `json:"group_name"`
	ReservedFor   *interaction.ID `json:"reserved_for"`
	ReservedUntil *time.Time      `json:"reserved_until"`
}

func openingRows(list []interaction.Opening) []openingRow {
	rows := make([]openingRow, len(list))
	for n, o := range list {
		rows[n] = openingRow{Task: o.Task, Version: o.Version, Step: o.Step, Since: o.Since, Skill: o.Demand.Skill, Level: o.Demand.Level, Group: o.Demand.Group}
		if o.ReservedFor != "" {
			rows[n].ReservedFor, rows[n].ReservedUntil = &o.ReservedFor, &o.ReservedUntil
		}
	}
	return rows
}

// Offer asks an agent whether he takes a task: one statement, which holds only if task and agent are as the decision saw
// them and the agent still has room. It reserves his room. False: something changed; decide anew.
func (s *Store) Offer(ctx context.Context, o interaction.Offer) (bool, error) {
	var made int
	err := s.inTx(ctx, func(t *tx) error {
		err := t.QueryRow(ctx, offerTask, o.Task, o.TaskVersion, o.Agent, o.AgentVersion, o.Link).Scan(&made)
		t.events = made == 1
		return err
	})
	return made == 1, err
}

const offerTask = `
	with t as (
		select t.id, t.class, t.queue, t.kind, t.interaction_id, q.offer_seconds` + fromTasks + `
		where t.id = $1 and t.version = $2 and t.state = 'queued' and not $3 = any(t.refused) and t.author is distinct from $3
			and (t.not_before is null or t.not_before <= now()) for update of t skip locked),
	a as (
		select a.id, a.load, a.load_total from agents a, t where a.id = $3 and a.version = $4 and a.ready and ` + room + ` for update of a),
	offered as (
		update tasks set state = 'offered', agent_id = a.id, version = tasks.version + 1, offer_until = now() + make_interval(secs => t.offer_seconds)
		from t, a where tasks.id = t.id returning tasks.id),
	loaded as (
		update agents set ` + takeRoom + ` from t, a, offered where agents.id = a.id),
	line as (
		insert into events (code, interaction_id, task_id, queue, from_state, to_state, data)
		select 'task.offered', t.interaction_id, t.id, t.queue, 'queued', 'offered', jsonb_build_object('kind', t.kind, 'agent', $3::text, 'link', $5::int) from t, offered)
	select count(*) from offered`
