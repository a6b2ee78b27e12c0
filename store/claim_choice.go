package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

const (
	spareHeads = 4                     // tasks of a line beyond one for each who stands at it
	mostAhead  = 256                   // and at most, of a line that is used up quickly
	headTime   = 50 * time.Millisecond // that the fronts of lines are believed
	standTime  = 5 * time.Second       // that an agent's skills and the queues' groups are; confirming a claim checks both anew
)

// claimChoice chooses tasks for claimants in memory. What it knows may be a moment old: confirming decides. Who finds nothing here asks the tables by himself.
type claimChoice struct {
	mu     sync.Mutex
	lines  map[lineOf]*claimLine
	chosen map[interaction.ID]time.Time // tasks that are being confirmed for somebody (zero), or were, until what was read before is not believed any more
	skills map[interaction.ID]map[string]int
	queues map[string]string // name: group
	until  time.Time         // skills and queues are believed
}

// lineOf is where tasks of a queue wait that ask for one skill, or all tasks that are open to a group.
type lineOf struct{ queue, skill, group string }

// claimLine is the front of a line.
type claimLine struct {
	lineOf
	heads      []*head // the first of them first
	whole      bool    // nothing else waits in it
	ahead      int     // how many were read beyond those that were asked for
	until      time.Time
	confirming int // tasks of it
}

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
	line     *claimLine // nil: it is reserved
}

// compare is the order in which tasks are given.
func (h *head) compare(o *head) int {
	return cmp.Or(cmp.Compare(h.turn, o.turn), cmp.Compare(h.place, o.place), cmp.Compare(h.id, o.id))
}

const (
	headColumns = `h.id, h.place, h.queue, h.skill, h.level, h.group_name, h.kind, h.class, h.author, h.reserved_for, h.channel = 'chat'`
	ripe        = ` (t.not_before is null or t.not_before <= now()) `

	// headsOf gives the first few tasks of each line: of queue $1 and skill $2, or of group $3; so many of each as $4 says.
	headsOf = `
	select l.n, ` + headColumns + ` from unnest($1::text[], $2::text[], $3::text[], $4::int[]) with ordinality l (queue, skill, name, most, n) cross join lateral (
		select t.* from tasks t where l.name = '' and t.state = 'queued' and t.queue = l.queue and t.skill = l.skill and t.kind <> 'consult' and not t.shut
			and ` + ripe + ` and (t.reserved_for is null or t.reserved_until <= now()) order by t.place, t.id limit l.most) h
	union all
	select l.n, ` + headColumns + ` from unnest($3::text[], $4::int[]) with ordinality l (name, most, n) cross join lateral (
		select t.* from tasks t where l.name <> '' and t.state = 'queued' and t.group_name <> '' and t.group_name = l.name
			and ` + ripe + ` and (t.reserved_for is null or t.reserved_until <= now()) order by t.place, t.id limit l.most) h`

	// reservedOf gives what is reserved for one of the agents $1.
	reservedOf = `select 0::bigint, ` + headColumns + ` from tasks h where h.id in (select t.id from tasks t where t.reserved_for = any($1) and t.state = 'queued' and ` + ripe + `)`

	// roomFor gives the classes of tasks, out of $2, that each of the agents $1 has room for and attends to.
	roomFor = `select a.id, array_agg(t.class) from agents a cross join unnest($2::text[]) t (class) where a.id = any($1) and ` + attended + ` group by a.id`
)

// choose gives each claimant, in the order in which they came, the first task in line that suits him and that nobody is being given; nil where there is none.
func (c *claimChoice) choose(ctx context.Context, s *Store, asks []*claimAsk) ([]*head, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lines == nil {
		c.lines, c.chosen = map[lineOf]*claimLine{}, map[interaction.ID]time.Time{}
	}
	if err := c.learn(ctx, s, asks); err != nil {
		return nil, err
	}
	at := make([][]*claimLine, len(asks))
	reserved, rooms, err := c.read(ctx, s, asks, at)
	if err != nil {
		return nil, err
	}
	chosen := make([]*head, len(asks))
	for n, ask := range asks {
		first := c.first(ask, at[n], reserved, rooms[ask.by.Agent])
		if first == nil || first.chat { // who is first in line for a chat enters it: that is more than confirming does
			continue
		}
		chosen[n], c.chosen[first.id] = first, time.Time{}
		if first.line != nil {
			first.line.confirming++
		}
	}
	return chosen, nil
}

// first gives the first task that suits a claimant who stands at these lines and has room for these classes of tasks.
func (c *claimChoice) first(ask *claimAsk, lines []*claimLine, reserved []*head, room []string) (first *head) {
	look := func(heads []*head) {
		for _, h := range heads {
			if first != nil && first.compare(h) < 0 {
				return
			}
			if _, taken := c.chosen[h.id]; !taken && slices.Contains(room, h.class) && c.may(ask, h) {
				first = h
				return
			}
		}
	}
	look(reserved)
	for _, l := range lines {
		look(l.heads)
	}
	return first
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
		clear(c.lines)
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

// linesFor gives the lines at which a claimant stands.
func (c *claimChoice) linesFor(ask *claimAsk) []*claimLine {
	var lines []*claimLine
	stand := func(at lineOf) {
		l := c.lines[at]
		if l == nil {
			l = &claimLine{lineOf: at}
			c.lines[at] = l
		}
		lines = append(lines, l)
	}
	for _, g := range ask.by.Groups {
		stand(lineOf{group: g})
	}
	for queue := range c.queues {
		if ask.queue != "" && ask.queue != queue || !c.sees(ask.by, queue) {
			continue
		}
		stand(lineOf{queue: queue})
		for skill := range c.skills[ask.by.Agent] {
			stand(lineOf{queue: queue, skill: skill})
		}
	}
	return lines
}

// read fills in the lines at which each claimant stands, reads those fronts of them that are too old or too short, and gives what is reserved for the claimants and what they have room for.
func (c *claimChoice) read(ctx context.Context, s *Store, asks []*claimAsk, at [][]*claimLine) (reserved []*head, rooms map[interaction.ID][]string, err error) {
	now := time.Now()
	maps.DeleteFunc(c.chosen, func(_ interaction.ID, until time.Time) bool { return !until.IsZero() && until.Before(now) })
	agents, standing := make([]interaction.ID, len(asks)), map[*claimLine]int{}
	for n, ask := range asks {
		agents[n], at[n] = ask.by.Agent, c.linesFor(ask)
		for _, l := range at[n] {
			standing[l]++
		}
	}
	reading := &pgx.Batch{}
	read := c.fronts(reading, standing, now)
	reading.Queue(reservedOf, agents).Query(heads(func(_ int, h *head) { reserved = append(reserved, h) }))
	rooms = map[interaction.ID][]string{}
	reading.Queue(roomFor, agents, interaction.TaskClasses).Query(func(rows pgx.Rows) error {
		var agent interaction.ID
		var classes []string
		_, err := pgx.ForEachRow(rows, []any{&agent, &classes}, func() error {
			rooms[agent] = slices.Clone(classes)
			return nil
		})
		return err
	})
	if err := s.pool.SendBatch(ctx, reading).Close(); err != nil {
		clear(c.lines)
		return nil, nil, translate(err)
	}
	for _, l := range read {
		slices.SortFunc(l.heads, (*head).compare)
		l.until = now.Add(headTime)
	}
	slices.SortFunc(reserved, (*head).compare)
	return reserved, rooms, nil
}

// fronts has the fronts of those lines read that are too old, or too short for all who stand there, and gives these lines.
func (c *claimChoice) fronts(reading *pgx.Batch, standing map[*claimLine]int, now time.Time) (lines []*claimLine) {
	var queues, skills, groups []string
	var most []int
	for l, n := range standing {
		l.heads = slices.DeleteFunc(l.heads, func(h *head) bool { _, taken := c.chosen[h.id]; return taken })
		switch used := now.Before(l.until); {
		case used && (l.whole || len(l.heads) >= n):
			continue
		case used:
			l.ahead = min(2*l.ahead, mostAhead)
		default:
			l.ahead = max(l.ahead/2, spareHeads)
		}
		lines, most = append(lines, l), append(most, n+l.confirming+l.ahead)
		queues, skills, groups = append(queues, l.queue), append(skills, l.skill), append(groups, l.group)
		l.heads, l.whole = nil, true
	}
	if len(lines) > 0 {
		reading.Queue(headsOf, queues, skills, groups, most).Query(heads(func(n int, h *head) {
			l := lines[n-1]
			h.turn, h.line = 1, l
			l.heads = append(l.heads, h)
			l.whole = len(l.heads) < most[n-1]
		}))
	}
	return lines
}

// heads reads heads from rows.
func heads(keep func(line int, h *head)) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		for rows.Next() {
			var line int
			h := &head{}
			if err := rows.Scan(&line, &h.id, &h.place, &h.queue, &h.skill, &h.level, &h.group, &h.kind, &h.class, &h.author, &h.reserved, &h.chat); err != nil {
				return err
			}
			keep(line, h)
		}
		return rows.Err()
	}
}

// forget lets go of tasks that were given, or not; until nobody believes what was read before, they are not chosen again.
func (c *claimChoice) forget(heads []*head) {
	c.mu.Lock()
	defer c.mu.Unlock()
	until := time.Now().Add(headTime)
	for _, h := range heads {
		if h == nil {
			continue
		}
		c.chosen[h.id] = until
		if h.line != nil {
			h.line.confirming--
		}
	}
}
