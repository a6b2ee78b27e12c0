package store

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// claimChosen confirms claims of tasks $1 by agents $2 of roles $3 and groups $4, each agent once: the claim of one task (claimTask) over all of them. It waits for no task that somebody
// else has in hand, and locks agents by id.
var claimChosen = `
	with w as materialized (select task, agent, role, string_to_array(groups, chr(31)) as groups from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) w (task, agent, role, groups)),
	t as (` + forEach(claimable) + ` join w on w.task = t.id where t.channel <> 'chat' and ` + forEach(suits) + ` for update of t skip locked),
	a as (
		select a.id, a.load, a.load_total, t.id as task, t.class from agents a join t on t.agent = a.id where ` + room + ` order by a.id for update of a),
	held as (
		update tasks set state = 'held', agent_id = a.id, version = tasks.version + 1, offer_until = null,
			handle_until = now() + make_interval(secs => t.handle_seconds)
		from t join a on a.task = t.id where tasks.id = t.id returning tasks.*),
	loaded as (
		update agents set ` + takeRoom + ` from a t join a on a.id = t.id join held on held.id = a.task where agents.id = a.id),
	line as (
		insert into events (code, actor, interaction_id, task_id, queue, from_state, to_state, data)
		select 'task.claimed', h.agent_id, h.interaction_id, h.id, h.queue, 'queued', 'held', jsonb_build_object('kind', h.kind, 'agent', h.agent_id::text) from held h)
	select ` + taskColumns + ` from held t join queues q on q.name = t.queue`

// forEach makes a condition on one claimant, of parameters, one on each row of w.
func forEach(condition string) string {
	return strings.NewReplacer("$2", "w.agent", "$3", "w.role", "$4", "w.groups", "t.interaction_id, q.handle_seconds", "t.interaction_id, q.handle_seconds, w.agent").Replace(condition)
}

// claimBatch makes the claims, each of another agent, and gives what came of each: nil where nothing did.
func (s *Store) claimBatch(ctx context.Context, asks []*claimAsk) ([]*interaction.Task, error) {
	heads, err := s.desk.choice.choose(ctx, s, asks)
	if err != nil {
		return nil, err
	}
	defer s.desk.choice.forget(heads)
	var tasks, agents, roles, groups []string
	for n, h := range heads {
		if h != nil {
			tasks, agents = append(tasks, string(h.id)), append(agents, string(asks[n].by.Agent))
			roles, groups = append(roles, string(asks[n].by.Role)), append(groups, strings.Join(asks[n].by.Groups, "\x1f"))
		}
	}
	given := make([]*interaction.Task, len(asks))
	if len(tasks) == 0 {
		return given, nil
	}
	rows, err := s.pool.Query(ctx, claimChosen, tasks, agents, roles, groups)
	if err != nil {
		return nil, translate(err)
	}
	held, err := pgx.CollectRows(rows, scanTask)
	if err != nil {
		return nil, translate(err)
	}
	for _, row := range held {
		n := slices.IndexFunc(asks, func(a *claimAsk) bool { return a.by.Agent == row.Agent })
		given[n] = &row.Task
	}
	if len(held) > 0 {
		s.others.add((&tx{tasks: true, events: true}).tell(s.wake)...)
	}
	return given, nil
}
