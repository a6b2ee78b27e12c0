package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// leaderLock is the advisory lock of the one dispatcher that works.
const leaderLock = 7016996765293437282

// Lead runs work while this process leads the dispatching, on a lock that a connection of its own holds; false: another process
// leads. What work looks at under its context (Tick, Changed) goes over that connection too: when it breaks, and with it the lock, the context
// ends, and an idle look costs one transaction, without the pool's ping before it. Nothing depends on there being one
// leader only: two do the same work twice and no harm.
func (s *Store) Lead(ctx context.Context, work func(context.Context) error) (bool, error) {
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return false, translate(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var leads bool
	if err := conn.QueryRow(ctx, `select pg_try_advisory_lock($1)`, leaderLock).Scan(&leads); err != nil || !leads {
		return false, translate(err)
	}
	ctx, lost := context.WithCancelCause(ctx)
	defer lost(nil)
	return true, work(context.WithValue(ctx, leaderKey{}, &leader{conn, lost}))
}

type leaderKey struct{}

// leader is the connection that holds the lock, and what is to be called when it breaks.
type leader struct {
	conn *pgx.Conn
	lost context.CancelCauseFunc
}

// send runs a batch, which is one transaction, over the leader's connection where there is one.
func (s *Store) send(ctx context.Context, batch *pgx.Batch) error {
	l, leads := ctx.Value(leaderKey{}).(*leader)
	if !leads {
		return translate(s.pool.SendBatch(ctx, batch).Close())
	}
	err := l.conn.SendBatch(ctx, batch).Close()
	if l.conn.IsClosed() {
		l.lost(err)
	}
	return translate(err)
}

// Tick does what is due by time and gives what changed for matching since seen (empty: everything). One transaction when nothing changed.
func (s *Store) Tick(ctx context.Context, seen string) (interaction.Changes, error) {
	batch := &pgx.Batch{}
	changed := queueClocks(batch)
	due := queueDue(batch)
	f := queueFeed(batch, seen)
	if err := s.send(ctx, batch); err != nil {
		return interaction.Changes{}, err
	}
	s.passDeadlines(ctx, *due)
	if *changed > 0 {
		s.wake.Events()
	}
	return s.follow(ctx, f)
}

// Changed gives what changed for matching since seen.
func (s *Store) Changed(ctx context.Context, seen string) (interaction.Changes, error) {
	batch := &pgx.Batch{}
	f := queueFeed(batch, seen)
	if err := s.send(ctx, batch); err != nil {
		return interaction.Changes{}, err
	}
	return s.follow(ctx, f)
}

// feed names what changed, out of the audit: every change of a task, of an agent's load or readiness has its line there.
type feed struct {
	interaction.Changes
	tasks, interactions, agents []interaction.ID
}

// queueFeed reads those lines of the audit that could not be seen at the last look: seen is the snapshot that it was taken in. So what
// commits late is not missed, whatever was numbered behind it, and nothing is looked at twice.
func queueFeed(batch *pgx.Batch, seen string) *feed {
	f := &feed{}
	f.All = seen == ""
	news, lastHour := unseen, unseen
	if f.All { // tasks and agents come from the tables; only who worked last is told by the audit
		news, lastHour = `false and $1 = ''`, `at > now() - interval '1 hour' and $1 = ''`
	}
	batch.Queue(`
		select pg_current_snapshot()::text, now(), coalesce(bool_or(code = 'configuration.applied'), false),
			coalesce(array_agg(distinct task_id) filter (where task_id is not null), '{}'),
			coalesce(array_agg(distinct interaction_id) filter (where interaction_id is not null and code like 'order.%'), '{}')
		from events where `+news, seen).
		QueryRow(func(row pgx.Row) error {
			var applied bool
			err := row.Scan(&f.Seen, &f.At, &applied, &f.tasks, &f.interactions)
			f.All = f.All || applied
			return err
		})
	batch.Queue(`select (data->>'agent')::uuid, max(at) filter (where code like 'task.%') from events where `+lastHour+` and `+namesAgent+` group by 1`, seen).
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

// unseen is the condition that an audit line was not yet visible in the snapshot $1. The bound on the time spares looking into old
// partitions; a transaction that runs for a day is found by the dispatcher's next reading of everything.
const unseen = ` xid >= pg_snapshot_xmin($1::text::pg_snapshot) and not pg_visible_in_snapshot(xid, $1::text::pg_snapshot) and at > now() - interval '1 day' `

// namesAgent is the condition that an audit line is about an agent.
const namesAgent = ` data->>'agent' ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' `

// follow reads the rows that the feed names. They are at least as new as it.
func (s *Store) follow(ctx context.Context, f *feed) (interaction.Changes, error) {
	rows, err := s.matching(ctx, f.All, f.tasks, f.interactions, f.agents)
	if err == nil && f.All {
		err = translate(s.pool.QueryRow(ctx, `select exists (select 1 from queues where push)`).Scan(&rows.Pushes))
	}
	rows.At, rows.Seen, rows.All, rows.Worked = f.At, f.Seen, f.All, f.Worked
	return rows, err
}

// Again reads these tasks and agents, changed or not.
func (s *Store) Again(ctx context.Context, tasks, agents []interaction.ID) (interaction.Changes, error) {
	return s.matching(ctx, false, tasks, nil, agents)
}

// matching reads queued tasks and ready agents: all, or the named ones; of those, who is not there any more is gone.
func (s *Store) matching(ctx context.Context, all bool, tasks, interactions, agents []interaction.ID) (interaction.Changes, error) {
	var c interaction.Changes
	if all || len(tasks)+len(interactions) > 0 {
		rows, err := s.pool.Query(ctx, selectQueued+`where t.state = 'queued' and ($1 or t.id = any($2))
			union all `+selectQueued+`where t.state = 'queued' and not $1 and t.interaction_id = any($3)`, all, some(tasks), some(interactions))
		if err != nil {
			return c, translate(err)
		}
		if c.Tasks, err = pgx.CollectRows(rows, scanQueued); err != nil {
			return c, translate(err)
		}
		c.Gone = missing(tasks, c.Tasks, func(w *interaction.Queued) interaction.ID { return w.ID })
	}
	if all || len(agents) > 0 {
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
