package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

const agentColumns = `select a.id, a.login, a.name, a.email, a.role, a.enabled, a.limits, a.capacity, a.load, a.ready, a.reason, a.since, a.away, a.version,
	coalesce((select array_agg(g.group_name order by g.group_name) from agent_groups g where g.agent_id = a.id), '{}'),
	coalesce((select jsonb_object_agg(s.skill, s.level) from agent_skills s where s.agent_id = a.id), '{}') from agents a`

func scanAgent(row pgx.CollectableRow) (interaction.Agent, error) {
	var a interaction.Agent
	err := row.Scan(&a.ID, &a.Login, &a.Name, &a.Email, &a.Role, &a.Enabled, &a.Limits, &a.Capacity, &a.Load, &a.Ready, &a.Reason, &a.Since, &a.Away, &a.Version, &a.Groups, &a.Skills)
	return a, err
}

// Agents lists the actor himself and the people of his groups by login; all of them for an admin.
func (s *Store) Agents(ctx context.Context, by interaction.Actor, page interaction.Page) (interaction.Listed[interaction.Agent], error) {
	q := asked(by, ` ($1 = 'admin' or a.id = $2 or $1 <> 'designer' and exists (select 1 from agent_groups g where g.agent_id = a.id and g.group_name = any($3))) `)
	if page.After != "" {
		q.and("a.login > ?", page.After)
	}
	return collect(ctx, s, q, page, scanAgent, agentColumns, "a.login", func(a interaction.Agent) string { return a.Login })
}

// Agent gives one agent.
func (s *Store) Agent(ctx context.Context, id interaction.ID) (interaction.Agent, error) {
	return one(ctx, s.pool, "agent", scanAgent, agentColumns+` where a.id = $1`, id)
}

// Stream gives up to limit events behind the cursor with what decides who may hear of them. The order and
// the promise are those of EventsAfter.
func (s *Store) Stream(ctx context.Context, cursor string, limit int) ([]interaction.StreamEvent, error) {
	list, _, err := s.Follow(ctx, cursor, limit, nil)
	return list, err
}

// Follow is Stream and Actors in one transaction: what who waits for news asks again and again.
func (s *Store) Follow(ctx context.Context, cursor string, limit int, tokens []interaction.ID) (events []interaction.StreamEvent, actors map[interaction.ID]interaction.Actor, err error) {
	xid, position, err := parseCursor(cursor)
	if err != nil {
		return nil, nil, err
	}
	asking := &pgx.Batch{}
	asking.Queue(streamed, xid, position, limit).Query(func(rows pgx.Rows) (err error) {
		events, err = pgx.CollectRows(rows, scanStream)
		return err
	})
	if len(tokens) > 0 {
		asking.Queue(actorColumns+`and t.id = any($1::uuid[])`, tokens).Query(func(rows pgx.Rows) (err error) {
			actors, err = collectActors(rows)
			return err
		})
	}
	return events, actors, translate(s.pool.SendBatch(ctx, asking).Close())
}

// streamed gives up to $3 events behind the place ($1, $2).
const streamed = `
		select e.xid::text, e.position, e.at, e.code, e.actor, e.interaction_id, e.task_id, e.from_state, e.to_state, e.data,
			coalesce(q.group_name, ''), coalesce(e.data->>'kind', ''), e.data->>'agent', t.agent_id, t.reserved_for
		from (select * from events where (xid, position) > ($1::text::xid8, $2) and xid < pg_snapshot_xmin(pg_current_snapshot())
			order by xid, position limit $3) e
		left join tasks t on t.id = e.task_id
		left join queues q on q.name = coalesce(nullif(e.queue, ''), t.queue,
			(select queue from interactions where id = e.interaction_id), (select queue from closed_interactions where id = e.interaction_id))
		order by e.xid, e.position`

func scanStream(row pgx.CollectableRow) (interaction.StreamEvent, error) {
	var e interaction.StreamEvent
	var xid string
	var position int64
	var agents [3]interaction.ID
	var at time.Time
	err := row.Scan(&xid, &position, &at, &e.Code, &e.Actor, &e.Interaction, &e.Task, &e.From, &e.To, &e.Data, &e.Group, &e.Kind, &agents[0], &agents[1], &agents[2])
	e.At, e.Cursor = at, fmt.Sprintf("%s.%d", xid, position)
	for _, a := range agents {
		if a != "" {
			e.Agents = append(e.Agents, a)
		}
	}
	if groups, ok := e.Data["groups"].([]any); ok {
		for _, g := range groups {
			if name, ok := g.(string); ok {
				e.Groups = append(e.Groups, name)
			}
		}
	}
	return e, err
}
