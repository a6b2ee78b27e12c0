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
	names   map[name]int32
	classes []class
	inUse   [len(choices)]bool // choices that some task asks for
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
	given    []interaction.Opening // the list that was given last, to be used again
}

// NewBook makes an empty one.
func NewBook() *Book {
	return &Book{
		names: map[name]int32{}, pools: map[poolKey]*pool{},
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
	agents [len(choices)]line // the same people in the order of each choice that is in use
	waits  [12]line           // by the level that is asked for; above 10 nobody comes
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
	choice int8
	place  entry
	doors  []door
}

// door is an open link as the book knows it.
type door struct {
	pool  *pool
	level int32
	link  int32
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
	class, choice := b.class(w.Class, w.Kind == interaction.TaskReview), choiceOf(w.Policy.Choice)
	if !b.inUse[choice] {
		b.useChoice(choice)
	}
	t.class, t.choice = class, choice
	t.place = entry{id: w.ID, ref: slot}
	t.place.a, t.place.b = urgency(&t.Queued)
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
