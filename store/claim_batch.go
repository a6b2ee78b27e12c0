package store

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

const (
	spareHeads = 4               // tasks of a line beyond one for each who stands at it
	standTime  = 5 * time.Second // that an agent's skills and the queues' groups are believed; confirming a claim checks them anew
)

// claimChoice chooses tasks for claimants in memory. What it knows may be a moment old: confirming decides.
type claimChoice struct {
	mu     sync.Mutex
	chosen map[interaction.ID]bool // tasks that are being confirmed for somebody
	skills map[interaction.ID]map[string]int
	queues map[string]string // name: group
	until  time.Time         // skills and queues are believed
}

// lineOf is where tasks of a queue wait that ask for one skill.
type lineOf struct{ queue, skill string }

// head is a task near the front of a line.
type head struct {
	id       interaction.ID
	place    int64
	turn     int // 0: it is reserved for who may take it
	queue    string
	skill    string
	level    int
	group    string
	kind     interaction.TaskKind
	class    string
	author   interaction.ID
	reserved interaction.ID
	chat     bool
}

// before is the order in which tasks are given.
func (h *head) before(o *head) bool {
	return cmp.Or(cmp.Compare(h.turn, o.turn), cmp.Compare(h.place, o.place), cmp.Compare(h.id, o.id)) < 0
}

// headsOf gives the first few tasks of each line ($1 queues, $2 skills, $3 how many; lines of a group have its name in $4), and what is reserved for one of $5.
const headsOf = `
	select h.id, h.place, 1, h.queue, h.skill, h.level, h.group_name, h.kind, h.class, h.author, h.reserved_for, h.channel = 'chat'
	from unnest($1::text[], $2::text[], $3::int[]) l (queue, skill, n) cross join lateral (
		select t.* from tasks t where t.state = 'queued' and t.queue = l.queue and t.skill = l.skill and t.kind <> 'consult'
			and (t.not_before is null or t.not_before <= now()) and (t.reserved_for is null or t.reserved_until <= now()) order by t.place, t.id limit l.n) h
	union all
	select h.id, h.place, 1, h.queue, h.skill, h.level, h.group_name, h.kind, h.class, h.author, h.reserved_for, h.channel = 'chat'
	from unnest($4::text[]) l (name) cross join lateral (
		select t.* from tasks t where t.state = 'queued' and t.group_name <> '' and t.group_name = l.name
			and (t.not_before is null or t.not_before <= now()) and (t.reserved_for is null or t.reserved_until <= now()) order by t.place, t.id limit $6) h
	union all
	select t.id, t.place, 0, t.queue, t.skill, t.level, t.group_name, t.kind, t.class, t.author, t.reserved_for, t.channel = 'chat'
	from tasks t where t.reserved_for = any($5) and t.state = 'queued' and (t.not_before is null or t.not_before <= now())`

// roomFor gives the classes of tasks, out of $2, that each of the agents $1 has room for and attends to.
const roomFor = `select a.id, array_agg(t.class) from agents a cross join unnest($2::text[]) t (class) where a.id = any($1) and ` + attended + ` group by a.id`

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
	heads, err := s.choose(ctx, asks)
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

// choose gives each claimant, in the order in which they came, the first task in line that suits him and that nobody is being given; nil where there is none.
func (s *Store) choose(ctx context.Context, asks []*claimAsk) ([]*head, error) {
	c := &s.desk.choice
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.learn(ctx, s, asks); err != nil {
		return nil, err
	}
	heads, rooms, err := c.heads(ctx, s, asks)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(heads, func(a, b *head) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
	if c.chosen == nil {
		c.chosen = map[interaction.ID]bool{}
	}
	chosen := make([]*head, len(asks))
	for n, ask := range asks {
		for _, h := range heads {
			if !c.chosen[h.id] && c.may(ask, h) && slices.Contains(rooms[ask.by.Agent], h.class) {
				if !h.chat { // who is first in line for a chat enters it: that is more than this statement does
					chosen[n], c.chosen[h.id] = h, true
				}
				break
			}
		}
	}
	return chosen, nil
}

// may reports whether a task suits a claimant, by what is known here.
func (c *claimChoice) may(ask *claimAsk, h *head) bool {
	by := ask.by
	switch {
	case ask.queue != "" && ask.queue != h.queue, h.author == by.Agent, h.kind == interaction.TaskReview && !by.AtLeast(interaction.RoleSenior):
		return false
	case h.turn == 0:
		return h.reserved == by.Agent
	case h.group != "" && slices.Contains(by.Groups, h.group):
		return true
	}
	level, able := c.skills[by.Agent][h.skill]
	return h.kind != interaction.TaskConsult && c.sees(by, h.queue) && (h.skill == "" || able && level >= h.level)
}

func (c *claimChoice) sees(by interaction.Actor, queue string) bool {
	group, known := c.queues[queue]
	return known && (by.Role == interaction.RoleAdmin || slices.Contains(by.Groups, group))
}

// learn reads what is not known of the claimants and the queues.
func (c *claimChoice) learn(ctx context.Context, s *Store, asks []*claimAsk) error {
	if time.Now().After(c.until) {
		rows, err := s.pool.Query(ctx, `select name, group_name from queues`)
		if err != nil {
			return translate(err)
		}
		queues, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Name, Group string }])
		if err != nil {
			return translate(err)
		}
		c.queues, c.skills, c.until = map[string]string{}, map[interaction.ID]map[string]int{}, time.Now().Add(standTime)
		for _, q := range queues {
			c.queues[q.Name] = q.Group
		}
	}
	var unknown []interaction.ID
	for _, ask := range asks {
		if c.skills[ask.by.Agent] == nil {
			c.skills[ask.by.Agent] = map[string]int{}
			unknown = append(unknown, ask.by.Agent)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	rows, err := s.pool.Query(ctx, `select agent_id, skill, level from agent_skills where agent_id = any($1)`, unknown)
	if err != nil {
		c.until = time.Time{}
		return translate(err)
	}
	defer rows.Close()
	for rows.Next() {
		var agent interaction.ID
		var skill string
		var level int
		if err := rows.Scan(&agent, &skill, &level); err != nil {
			return err
		}
		c.skills[agent][skill] = level
	}
	return translate(rows.Err())
}

// heads reads the fronts of the lines that the claimants stand at, of each as many tasks as could be taken from it, and what the claimants have room for.
func (c *claimChoice) heads(ctx context.Context, s *Store, asks []*claimAsk) ([]*head, map[interaction.ID][]string, error) {
	standing := map[lineOf]int32{}
	groups := map[string]bool{}
	agents := make([]interaction.ID, len(asks))
	for n, ask := range asks {
		agents[n] = ask.by.Agent
		for _, g := range ask.by.Groups {
			groups[g] = true
		}
		for queue := range c.queues {
			if ask.queue != "" && ask.queue != queue || !c.sees(ask.by, queue) {
				continue
			}
			standing[lineOf{queue, ""}]++
			for skill := range c.skills[ask.by.Agent] {
				standing[lineOf{queue, skill}]++
			}
		}
	}
	var queues, skills, names []string
	var most []int32
	for l, n := range standing {
		queues, skills, most = append(queues, l.queue), append(skills, l.skill), append(most, n+int32(len(c.chosen))+spareHeads) //nolint:gosec // both are small
	}
	for g := range groups {
		names = append(names, g)
	}
	type once struct {
		id   interaction.ID
		turn int
	}
	heads, seen, rooms := []*head(nil), map[once]bool{}, map[interaction.ID][]string{}
	reading := &pgx.Batch{}
	reading.Queue(headsOf, queues, skills, most, names, agents, len(asks)+len(c.chosen)+spareHeads).Query(func(rows pgx.Rows) error {
		_, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*head, error) {
			h := &head{}
			if err := row.Scan(&h.id, &h.place, &h.turn, &h.queue, &h.skill, &h.level, &h.group, &h.kind, &h.class, &h.author, &h.reserved, &h.chat); err != nil || seen[once{h.id, h.turn}] {
				return nil, err
			}
			seen[once{h.id, h.turn}] = true
			heads = append(heads, h)
			return h, nil
		})
		return err
	})
	reading.Queue(roomFor, agents, interaction.TaskClasses).Query(func(rows pgx.Rows) error {
		var agent interaction.ID
		var classes []string
		_, err := pgx.ForEachRow(rows, []any{&agent, &classes}, func() error {
			rooms[agent] = slices.Clone(classes)
			return nil
		})
		return err
	})
	return heads, rooms, translate(s.pool.SendBatch(ctx, reading).Close())
}

// forget lets go of tasks that were given, or not.
func (c *claimChoice) forget(heads []*head) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range heads {
		if h != nil {
			delete(c.chosen, h.id)
		}
	}
}
