package routing

import "parley/interaction"

// agent is a slot for a ready agent.
type agent struct {
	id           interaction.ID
	version      int64
	live, senior bool
	idleSince    int64
	known        interaction.Agent // as he was told of; his load then
	load         []load            // by class, as it is now
	points, most int
	rules        []rule
	places       []int32 // groups, and himself last
	skills       []skill
	member       []membership
}

// load is what an agent has of a class, may have, and what one of it weighs.
type load struct{ n, limit, weight int }

// rule keeps tasks of a class (or of any) away while the agent has so many of others.
type rule struct {
	no    string
	while []need
}

// need is a number of a class.
type need struct {
	class int32
	n     int
}

type skill struct{ name, level int32 }

// membership is that an agent stands in a pool's lines.
type membership struct {
	pool  *pool
	level int32
}

// SetAgent puts an agent in, or what he has become; who takes no offers is taken out.
func (b *Book) SetAgent(in interaction.Agent) {
	if !takesOffers(&in) {
		b.DropAgent(in.ID)
		return
	}
	for _, r := range in.Capacity.Rules {
		for class := range r.While {
			b.class(class, false) // so that his load of it is kept up to date
		}
	}
	slot, known := b.agentOf[in.ID]
	if known {
		b.leave(slot)
	} else {
		slot = b.agentSlot()
		b.agentOf[in.ID] = slot
	}
	a := &b.agents[slot]
	a.id, a.version, a.live, a.senior, a.idleSince, a.known = in.ID, in.Version, true, isSenior(&in), in.Since.UnixMicro(), in
	a.load = a.load[:0]
	for n, c := range b.classes {
		a.count(c, b.classes[:n])
	}
	a.points, a.most = pointsOf(&in), limitOf(in.Limits, interaction.Total)
	a.rules = b.rulesOf(&in)
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

func (b *Book) rulesOf(in *interaction.Agent) []rule {
	var rules []rule
	for _, r := range in.Capacity.Rules {
		var needs []need
		for class, n := range r.While {
			needs = append(needs, need{b.class(class, false), n})
		}
		rules = append(rules, rule{r.No, needs})
	}
	return rules
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

// class gives the number of a class; a new one finds out who has room for it.
func (b *Book) class(text string, senior bool) int32 {
	for n, c := range b.classes {
		if c.name == text && c.senior == senior {
			return int32(n)
		}
	}
	b.classes = append(b.classes, class{text, senior})
	b.again(func(a *agent) { a.count(class{text, senior}, b.classes[:len(b.classes)-1]) })
	return int32(len(b.classes) - 1)
}

// useChoice puts the agents in the order of a choice that no task has asked for yet.
func (b *Book) useChoice(choice int8) {
	for slot := range b.agents {
		b.leave(int32(slot))
	}
	b.inUse[choice] = true
	b.again(func(*agent) {})
}

// again lets everybody join the lines anew, after a change.
func (b *Book) again(change func(*agent)) {
	for slot := range b.agents {
		if b.agents[slot].live {
			b.leave(int32(slot))
			change(&b.agents[slot])
			b.join(int32(slot))
		}
	}
}

// count adds a class to those that the agent's load is counted by; before are those that are.
func (a *agent) count(c class, before []class) {
	limit := limitOf(a.known.Limits, c.name)
	if away(&a.known, c.name) {
		limit = 0
	}
	l := load{n: a.known.Load[interaction.Channel(c.name)], limit: limit, weight: weightOf(&a.known.Capacity, c.name)}
	for n, other := range before {
		if other.name == c.name && n < len(a.load) {
			l.n = a.load[n].n
		}
	}
	a.load = append(a.load, l)
}

// hasRoom is crowded in the book's own numbers.
func (a *agent) hasRoom(class int32, name string) bool {
	l := &a.load[class]
	if l.n >= l.limit || l.weight > 0 && a.points+l.weight > a.most {
		return false
	}
	for _, r := range a.rules {
		if (r.no == interaction.AnyClass || r.no == name) && a.while(r.while) {
			return false
		}
	}
	return true
}

func (a *agent) while(needs []need) bool {
	for _, n := range needs {
		if a.load[n.class].n < n.n {
			return false
		}
	}
	return true
}

// take counts one more task of a class.
func (a *agent) take(class string, classes []class) {
	for n, c := range classes {
		if c.name == class {
			a.load[n].n++
		}
	}
	a.points += weightOf(&a.known.Capacity, class)
}

// join puts an agent into every line where tasks could find him: none for a class that he has no room for.
func (b *Book) join(slot int32) {
	a := &b.agents[slot]
	for c, class := range b.classes {
		if class.senior && !a.senior || !a.hasRoom(int32(c), class.name) {
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
	m := membership{pool: b.pool(key), level: level}
	for choice := range b.inUse {
		if b.inUse[choice] {
			m.pool.agents[choice].insert(a.place(slot, int8(choice), level))
		}
	}
	a.member = append(a.member, m)
}

// leave takes an agent out of all lines; what he is placed by must not have changed since he joined.
func (b *Book) leave(slot int32) {
	a := &b.agents[slot]
	for _, m := range a.member {
		for choice := range b.inUse {
			if b.inUse[choice] {
				m.pool.agents[choice].remove(a.place(slot, int8(choice), m.level))
			}
		}
	}
	a.member = a.member[:0]
}

// place is where an agent stands in a line.
func (a *agent) place(slot int32, choice int8, level int32) entry {
	e := entry{id: a.id, ref: slot, level: level}
	e.a, e.b = rank(choice, a.idleSince, a.points, int(level))
	return e
}
