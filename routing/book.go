// Package routing decides who gets which task, and why. It is pure: it knows the tasks and agents it was told
// of and the time it is asked at, touches nothing outside, and decides the same from the same.
//
// The rule is one sentence: tasks are taken in order of urgency; each goes through the first of its open links
// through which somebody fits, and there to the first agent in the policy's order; a task that fits nobody waits. A
// Book keeps tasks and agents sorted by that, so that the next decision costs microseconds among a hundred
// thousand tasks; Explain works the same out the slow way for one task and says why for each agent. Tests hold
// both to a third, naive one.
package routing

import (
	"time"

	"parley/interaction"
)

// Book holds waiting tasks and ready agents. It is not safe for concurrent use.
type Book struct {
	policy  Policy
	names   map[name]int32
	classes []class
	pools   map[poolKey]*pool

	taskOf  map[interaction.ID]int32
	tasks   []task
	agentOf map[interaction.ID]int32
	agents  []agent
	free    struct{ tasks, agents []int32 }

	clock    alarms
	fresh    []int32 // agents who changed since the last decision
	hopes    hopes
	openings []interaction.Opening
}

// NewBook makes an empty one.
func NewBook(p Policy) *Book {
	return &Book{
		policy: p, names: map[name]int32{}, pools: map[poolKey]*pool{},
		taskOf: map[interaction.ID]int32{}, agentOf: map[interaction.ID]int32{},
	}
}

// name is a group, an agent, a skill or a class of tasks; the book counts them.
type name struct {
	kind byte // 'g', 'a', 's' or 'c'
	text string
}

func (b *Book) number(kind byte, text string) int32 {
	key := name{kind, text}
	n, ok := b.names[key]
	if !ok {
		n = int32(len(b.names))
		b.names[key] = n
	}
	return n
}

// class is what tasks count as in an agent's load; reviews apart, since they are for seniors only.
type class struct {
	name   string
	senior bool
}

// poolKey names the people and the tasks that meet: of one group (or one agent), with one skill (or any), for one class.
type poolKey struct {
	place, skill, class int32
}

const noSkill = -1

// pool is where tasks of a class wait for agents of a group with a skill, and agents who have room for it.
type pool struct {
	agents line
	waits  [12]line // by the level that is asked for; above 10 nobody comes
	tasks  int
}

func (b *Book) pool(key poolKey) *pool {
	p := b.pools[key]
	if p == nil {
		p = &pool{}
		b.pools[key] = p
	}
	return p
}

// task is a slot for a waiting task.
type task struct {
	interaction.Queued
	live   bool
	number uint32 // which task of this slot: alarms for those before it do not ring
	class  int32
	place  entry
	doors  []door
}

// door is an open link as the book knows it.
type door struct {
	pool  *pool
	level int32
	link  int32
}

// agent is a slot for a ready agent.
type agent struct {
	id           interaction.ID
	version      int64
	live, senior bool
	idleSince    int64
	load, limit  []int // by class
	total, most  int
	loads        map[interaction.Channel]int // as they came
	limits       map[interaction.Channel]int
	places       []int32 // groups, and himself last
	skills       []skill
	member       []membership
}

type skill struct{ name, level int32 }

type membership struct {
	pool  *pool
	place entry
}

// SetTask puts a waiting task in, or what it has become.
func (b *Book) SetTask(w interaction.Queued) {
	slot, known := b.taskOf[w.ID]
	if known {
		b.shut(slot)
	} else {
		slot = b.taskSlot()
		b.taskOf[w.ID] = slot
	}
	t := &b.tasks[slot]
	t.Queued, t.live, t.number = w, true, t.number+1
	t.class = b.class(w.Class, w.Kind == interaction.TaskReview)
	t.place = entry{id: w.ID, ref: slot}
	t.place.a, t.place.b = b.policy.urgency(&t.Queued)
	// What is open is worked out at the next decision, which knows the time.
	b.clock.push(alarm{at: beginning, slot: slot, number: t.number})
}

// DropTask takes a task out that waits no more.
func (b *Book) DropTask(id interaction.ID) {
	slot, known := b.taskOf[id]
	if !known {
		return
	}
	b.shut(slot)
	delete(b.taskOf, id)
	t := &b.tasks[slot]
	*t = task{number: t.number + 1, doors: t.doors}
	b.free.tasks = append(b.free.tasks, slot)
}

func (b *Book) taskSlot() int32 {
	if n := len(b.free.tasks); n > 0 {
		slot := b.free.tasks[n-1]
		b.free.tasks = b.free.tasks[:n-1]
		return slot
	}
	b.tasks = append(b.tasks, task{})
	return int32(len(b.tasks) - 1)
}

// class gives the number of a class; a new one finds out who has room for it.
func (b *Book) class(text string, senior bool) int32 {
	for n, c := range b.classes {
		if c.name == text && c.senior == senior {
			return int32(n)
		}
	}
	b.classes = append(b.classes, class{text, senior})
	for slot := range b.agents {
		if b.agents[slot].live {
			b.leave(int32(slot))
			b.agents[slot].count(class{text, senior}, b.classes)
			b.join(int32(slot))
		}
	}
	return int32(len(b.classes) - 1)
}

// SetAgent puts an agent in, or what he has become; who takes no offers is taken out.
func (b *Book) SetAgent(in interaction.Agent) {
	if !takesOffers(&in) {
		b.DropAgent(in.ID)
		return
	}
	slot, known := b.agentOf[in.ID]
	if known {
		b.leave(slot)
	} else {
		slot = b.agentSlot()
		b.agentOf[in.ID] = slot
	}
	a := &b.agents[slot]
	a.id, a.version, a.live, a.senior, a.idleSince = in.ID, in.Version, true, isSenior(&in), in.Since.UnixMicro()
	a.loads, a.limits, a.load, a.limit = in.Load, in.Limits, a.load[:0], a.limit[:0]
	for n, c := range b.classes {
		a.count(c, b.classes[:n])
	}
	a.total, a.most = totalLoad(&in), limitOf(in.Limits, total)
	a.places, a.skills = a.places[:0], a.skills[:0]
	for _, g := range in.Groups {
		a.places = append(a.places, b.number('g', g))
	}
	a.places = append(a.places, b.number('a', string(in.ID)))
	for s, level := range in.Skills {
		a.skills = append(a.skills, skill{b.number('s', s), int32(level)})
	}
	b.join(slot)
	b.fresh = append(b.fresh, slot)
}

// count adds a class to those that the agent's load is counted by; before are those that are.
func (a *agent) count(c class, before []class) {
	load := a.loads[interaction.Channel(c.name)]
	for n, other := range before {
		if other.name == c.name && n < len(a.load) {
			load = a.load[n]
		}
	}
	a.load, a.limit = append(a.load, load), append(a.limit, limitOf(a.limits, c.name))
}

// DropAgent takes an agent out who is not ready any more.
func (b *Book) DropAgent(id interaction.ID) {
	slot, known := b.agentOf[id]
	if !known {
		return
	}
	b.leave(slot)
	delete(b.agentOf, id)
	b.agents[slot].live = false
	b.free.agents = append(b.free.agents, slot)
}

func (b *Book) agentSlot() int32 {
	if n := len(b.free.agents); n > 0 {
		slot := b.free.agents[n-1]
		b.free.agents = b.free.agents[:n-1]
		return slot
	}
	b.agents = append(b.agents, agent{})
	return int32(len(b.agents) - 1)
}

// join puts an agent into every line where tasks could find him: none for a class that he has no room for.
func (b *Book) join(slot int32) {
	a := &b.agents[slot]
	if a.total >= a.most {
		return
	}
	for c, class := range b.classes {
		if class.senior && !a.senior || a.load[c] >= a.limit[c] {
			continue
		}
		for n, where := range a.places {
			b.enter(slot, poolKey{where, noSkill, int32(c)}, 0)
			if n == len(a.places)-1 {
				continue // nobody asks one agent for a skill
			}
			for _, s := range a.skills {
				b.enter(slot, poolKey{where, s.name, int32(c)}, s.level)
			}
		}
	}
}

func (b *Book) enter(slot int32, key poolKey, level int32) {
	a := &b.agents[slot]
	m := membership{pool: b.pool(key), place: entry{id: a.id, ref: slot, level: level}}
	m.place.a, m.place.b = b.policy.rank(a.idleSince, a.total, int(level))
	m.pool.agents.insert(m.place)
	a.member = append(a.member, m)
}

func (b *Book) leave(slot int32) {
	a := &b.agents[slot]
	for _, m := range a.member {
		m.pool.agents.remove(m.place)
	}
	a.member = a.member[:0]
}

// open lets a task wait behind every link that is open now, and sets the alarm for when that changes.
func (b *Book) open(slot int32, now time.Time) {
	b.shut(slot)
	t := &b.tasks[slot]
	s := spanAt(&t.Queued, now)
	if o, changed := opening(&t.Queued, s, now); changed {
		b.openings = append(b.openings, o)
	}
	next := s.next
	for _, at := range [2]time.Time{t.NotBefore, t.ReservedUntil} {
		if at.After(now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	if !next.IsZero() {
		b.clock.push(alarm{at: next.UnixMicro(), slot: slot, number: t.number})
	}
	if !t.Push {
		return
	}
	if reserved(&t.Queued, now) && !t.NotBefore.After(now) {
		b.addDoor(slot, poolKey{b.number('a', string(t.ReservedFor)), noSkill, t.class}, 0, -1)
	}
	for n, link := range openLinks(&t.Queued, s, now) {
		key := poolKey{place: b.number('g', t.Group), skill: noSkill, class: t.class}
		var level int32
		switch link.Kind {
		case interaction.ToAgent, interaction.ToLastAgent:
			key.place = b.number('a', string(agentOf(&t.Queued, link)))
		case interaction.ToGroup:
			key.place = b.number('g', link.Name)
		case interaction.ToSkill:
			key.skill, level = b.number('s', link.Name), int32(min(max(link.Level, 0), len(pool{}.waits)-1))
		}
		b.addDoor(slot, key, level, int32(n))
	}
	b.hopes.push(hope{place: t.place, agent: -1})
}

func (b *Book) addDoor(slot int32, key poolKey, level, link int32) {
	t, p := &b.tasks[slot], b.pool(key)
	for _, d := range t.doors {
		if d.pool == p && d.level == level {
			return
		}
	}
	t.doors = append(t.doors, door{p, level, link})
	p.waits[level].insert(t.place)
	p.tasks++
}

func (b *Book) shut(slot int32) {
	t := &b.tasks[slot]
	for _, d := range t.doors {
		d.pool.waits[d.level].remove(t.place)
		d.pool.tasks--
	}
	t.doors = t.doors[:0]
}
