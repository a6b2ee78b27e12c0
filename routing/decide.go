package routing

import (
	"math"
	"time"

	"parley/interaction"
)

// beginning is an alarm that rings at the next decision, whenever it is.
const beginning = math.MinInt64

// Next makes the next decision: the most urgent task that fits anybody, and who gets it. The book counts it as
// carried out: the task is gone and the agent's load and idle time are changed. Whoever cannot
// confirm it says with SetTask and SetAgent how things are. False: nobody fits anything now.
//
// Since the last "nobody fits" only what has changed can make a new match, so only that is looked at: tasks that came or
// opened, and the best task for each agent who came or changed. The most urgent of these is what the rule asks for.
func (b *Book) Next(now time.Time) (interaction.Offer, bool) {
	b.Advance(now)
	for _, slot := range b.fresh {
		b.hopeFor(slot)
	}
	b.fresh = b.fresh[:0]
	for len(b.hopes) > 0 {
		h := b.hopes.pop()
		if h.agent >= 0 {
			best, found := b.bestTask(h.agent)
			if !found {
				continue
			}
			if best.compare(&h.place) != 0 { // taken meanwhile: hope for the next
				b.hopes.push(hope{place: best, agent: h.agent})
				continue
			}
			h.place = best
		}
		t := &b.tasks[h.place.ref]
		if !t.live || t.place != h.place {
			continue
		}
		slot, link, found := b.bestAgent(t)
		if !found {
			continue
		}
		decided := b.give(h.place.ref, slot, link, now)
		if h.agent >= 0 {
			b.hopeFor(h.agent)
		}
		return decided, true
	}
	return interaction.Offer{}, false
}

// Advance opens what the time opens. Next does so by itself.
func (b *Book) Advance(now time.Time) {
	at := now.UnixMicro()
	for len(b.clock) > 0 && b.clock[0].at <= at {
		a := b.clock.pop()
		if t := &b.tasks[a.slot]; t.live && t.number == a.number {
			b.open(a.slot, now)
		}
	}
}

// Openings gives, once, the links that opened and that the tasks' rows do not know of; tasks that are not pushed included. The list is good until the next call.
func (b *Book) Openings() []interaction.Opening {
	b.openings, b.given = b.given[:0], b.openings
	return b.given
}

// Alarm is when time alone changes something next; false when it changes nothing.
func (b *Book) Alarm() (time.Time, bool) {
	for len(b.clock) > 0 {
		a := b.clock[0]
		if t := &b.tasks[a.slot]; t.live && t.number == a.number {
			return time.UnixMicro(max(a.at, 0)), true
		}
		b.clock.pop()
	}
	return time.Time{}, false
}

// Has reports whether a task waits in the book.
func (b *Book) Has(task interaction.ID) bool {
	_, known := b.taskOf[task]
	return known
}

// Size tells how many tasks wait and how many agents are ready.
func (b *Book) Size() (tasks, agents int) { return len(b.taskOf), len(b.agentOf) }

func (b *Book) hopeFor(slot int32) {
	if best, found := b.bestTask(slot); found {
		b.hopes.push(hope{place: best, agent: slot})
	}
}

// bestTask is the most urgent task that the agent fits.
func (b *Book) bestTask(slot int32) (best entry, found bool) {
	a := &b.agents[slot]
	if !a.live {
		return best, false
	}
	for _, m := range a.member {
		if m.pool.tasks == 0 {
			continue
		}
		for level := range m.level + 1 {
			if e := b.firstFor(&m.pool.waits[level], a, &best, found); e != nil {
				best, found = *e, true
			}
		}
	}
	return best, found
}

// firstFor gives the first task in line that the agent may have, if it is more urgent than the best so far.
func (b *Book) firstFor(l *line, a *agent, best *entry, found bool) *entry {
	for _, c := range l.chunks {
		for n := range c {
			e := &c[n]
			if found && e.compare(best) >= 0 {
				return nil
			}
			if mayHave(&b.tasks[e.ref], a) {
				return e
			}
		}
	}
	return nil
}

// bestAgent goes through the task's open links in their order.
func (b *Book) bestAgent(t *task) (slot, link int32, found bool) {
	for _, d := range t.doors {
		for _, c := range d.pool.agents[t.choice].chunks {
			for n := range c {
				if e := &c[n]; e.level >= d.level && mayHave(t, &b.agents[e.ref]) {
					return e.ref, d.link, true
				}
			}
		}
	}
	return 0, 0, false
}

// mayHave is what the lines do not say: who refused a task is not asked again, nobody gets his own.
func mayHave(t *task, a *agent) bool {
	if t.Author == a.id {
		return false
	}
	for _, id := range t.Refused {
		if id == a.id {
			return false
		}
	}
	return true
}

func (b *Book) give(taskSlot, agentSlot, link int32, now time.Time) interaction.Offer {
	t, a := &b.tasks[taskSlot], &b.agents[agentSlot]
	decided := interaction.Offer{Task: t.ID, TaskVersion: t.Version, Agent: a.id, AgentVersion: a.version, Link: int(link)}
	counted := b.classes[t.class].name
	b.DropTask(t.ID)
	b.leave(agentSlot)
	a.take(counted, b.classes)
	a.idleSince = now.UnixMicro()
	b.join(agentSlot)
	return decided
}
