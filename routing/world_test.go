package routing

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

var worlds = flag.Int("worlds", 100_000, "random worlds that the book is compared with the naive rule in")

// world is a small house that changes at random; the naive rule decides on it from scratch.
type world struct {
	rnd      *rand.Rand
	policies [2]interaction.Policy // of two queues
	now      time.Time
	tasks    map[interaction.ID]interaction.Queued
	agents   map[interaction.ID]interaction.Agent
	born     int
}

var (
	groups  = []string{"service", "sales", "overflow"}
	skills  = []string{"billing", "returns"}
	classes = []string{"email", "chat", "review"}
	roles   = []interaction.Role{interaction.RoleAgent, interaction.RoleAgent, interaction.RoleSenior, interaction.RoleSupervisor, interaction.RoleDesigner}
)

func newWorld(seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 1))
	return &world{
		rnd: r, now: time.Unix(1_700_000_000, 0).UTC(),
		policies: [2]interaction.Policy{somePolicy(r), somePolicy(r)},
		tasks:    map[interaction.ID]interaction.Queued{}, agents: map[interaction.ID]interaction.Agent{},
	}
}

func somePolicy(r *rand.Rand) interaction.Policy {
	return interaction.Policy{
		Choice: pick(r, []Choice{"", LongestIdle, LeastLoaded, BestSkill}), Ageing: pick(r, []int{0, 1, 3600}), Service: pick(r, []int{0, 0, 50, 100}),
	}
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func agentID(n int) interaction.ID { return interaction.ID(fmt.Sprintf("a%02d", n)) }

func (w *world) ago(most int) time.Time {
	return w.now.Add(-time.Duration(w.rnd.IntN(most)) * time.Second)
}

func (w *world) someAgent() interaction.Agent {
	r := w.rnd
	a := interaction.Agent{
		ID: agentID(r.IntN(20)), Role: pick(r, roles), Enabled: r.IntN(20) > 0, Ready: r.IntN(8) > 0, Since: w.ago(6), Version: int64(r.IntN(9)),
		Skills: map[string]int{}, Limits: map[interaction.Channel]int{}, Load: map[interaction.Channel]int{},
	}
	for _, g := range groups {
		if r.IntN(2) == 0 {
			a.Groups = append(a.Groups, g)
		}
	}
	for _, s := range skills {
		if r.IntN(2) == 0 {
			a.Skills[s] = 1 + r.IntN(10)
		}
	}
	for _, c := range classes {
		if r.IntN(2) == 0 {
			a.Limits[interaction.Channel(c)] = r.IntN(3)
		}
		if r.IntN(4) == 0 {
			a.Load[interaction.Channel(c)] = r.IntN(3)
		}
		if r.IntN(8) == 0 {
			a.Away = map[string]interaction.Away{c: {Reason: "training"}}
		}
	}
	if r.IntN(2) == 0 {
		a.Limits[interaction.Total] = r.IntN(5)
	}
	if r.IntN(3) == 0 {
		a.Capacity = w.someCapacity()
	}
	return a
}

// someCapacity weighs classes, those of waiting tasks and others, and keeps some away while there are others.
func (w *world) someCapacity() interaction.Capacity {
	r, c := w.rnd, interaction.Capacity{Weights: map[string]int{}}
	all := append([]string{"sms"}, classes...)
	for range r.IntN(3) {
		c.Weights[pick(r, all)] = r.IntN(3)
	}
	for range r.IntN(3) {
		rule := interaction.CapacityRule{No: pick(r, append([]string{interaction.AnyClass}, all...)), While: map[string]int{pick(r, all): 1 + r.IntN(2)}}
		if r.IntN(2) == 0 {
			rule.While[pick(r, all)] = 1
		}
		c.Rules = append(c.Rules, rule)
	}
	return c
}

func (w *world) someTask() interaction.Queued {
	r := w.rnd
	w.born++
	t := interaction.Queued{
		ID: interaction.ID(fmt.Sprintf("t%04d", r.IntN(30))), Kind: interaction.TaskHandle, Class: pick(r, classes[:2]), Group: pick(r, groups[:2]), Push: r.IntN(10) > 0,
		ChainSince: w.ago(6), Priority: r.IntN(3), OpenedAt: w.ago(8), Version: int64(w.born), Policy: w.policies[r.IntN(2)],
	}
	if r.IntN(2) == 0 {
		t.DueAt = t.OpenedAt.Add(time.Duration(r.IntN(20)) * time.Second)
	}
	if r.IntN(3) == 0 {
		t.LastAgent = agentID(r.IntN(20))
	}
	for range r.IntN(4) {
		t.Chain = append(t.Chain, w.someLink())
	}
	if len(t.Chain) > 0 {
		t.ChainStep = r.IntN(len(t.Chain))
	}
	switch r.IntN(8) {
	case 0:
		t.Kind, t.Class, t.Author, t.Chain = interaction.TaskReview, "review", agentID(r.IntN(20)), nil
	case 1:
		t.Kind, t.Class, t.Author, t.Chain = interaction.TaskConsult, "consult", agentID(r.IntN(20)), nil
		if r.IntN(2) == 0 {
			t.Demand.Group = pick(r, groups)
		} else {
			t.ReservedFor, t.ReservedUntil = agentID(r.IntN(20)), w.now.Add(never)
		}
	case 2:
		t.ReservedFor, t.ReservedUntil = agentID(r.IntN(20)), w.now.Add(time.Duration(r.IntN(8)-3)*time.Second)
	case 3:
		t.NotBefore = w.now.Add(time.Duration(r.IntN(8)-3) * time.Second)
	}
	for range r.IntN(3) {
		t.Refused = append(t.Refused, agentID(r.IntN(20)))
	}
	return t
}

func (w *world) someLink() interaction.RouteTarget {
	r := w.rnd
	link := interaction.RouteTarget{Seconds: r.IntN(4)}
	switch r.IntN(5) {
	case 0:
		link.Kind = interaction.ToLastAgent
	case 1:
		link.Kind, link.Name = interaction.ToAgent, string(agentID(r.IntN(20)))
	case 2:
		link.Kind, link.Name, link.Level = interaction.ToSkill, pick(r, skills), r.IntN(12)
	case 3:
		link.Kind, link.Name = interaction.ToGroup, pick(r, groups)
	default:
		link.Kind = interaction.ToQueue
	}
	return link
}

// naive is the rule as the package says it, without any thought of speed: each task in its turn, every agent looked at.
// each is called with every decision before it is carried out.
func (w *world) naive(each func(interaction.Offer)) {
	var queue []interaction.Queued
	for _, t := range w.tasks {
		if t.Push {
			queue = append(queue, t)
		}
	}
	slices.SortFunc(queue, func(x, y interaction.Queued) int {
		switch {
		case w.moreUrgent(x, y):
			return -1
		case w.moreUrgent(y, x):
			return 1
		}
		return 0
	})
	for _, t := range queue {
		if o, found := w.turn(t); found {
			each(o)
			w.carryOut(o)
		}
	}
}

func (w *world) turn(t interaction.Queued) (interaction.Offer, bool) {
	for _, l := range w.openTo(t) {
		var best *interaction.Agent
		for _, a := range w.agents {
			if l.lets(a) && w.fits(t, a) && (best == nil || preferred(t.Policy.Choice, a, *best, l)) {
				best = &a
			}
		}
		if best != nil {
			return interaction.Offer{Task: t.ID, TaskVersion: t.Version, Agent: best.ID, AgentVersion: best.Version, Link: l.number}, true
		}
	}
	return interaction.Offer{}, false
}

// moreUrgent compares what a wait is worth now, priority counted in waiting time.
func (w *world) moreUrgent(x, y interaction.Queued) bool {
	worth := func(t interaction.Queued) time.Duration { // what it has waited, priority counted in waiting time, less what it may still wait
		mayWait := NoObjective
		if !t.DueAt.IsZero() {
			mayWait = t.DueAt.Sub(t.OpenedAt)
		}
		step := time.Duration(t.Policy.Ageing) * time.Second
		if step == 0 {
			step = 10 * 365 * 24 * time.Hour // more than anything waits
		}
		return w.now.Sub(t.OpenedAt) + time.Duration(t.Priority)*step - mayWait*time.Duration(t.Policy.Service)/100
	}
	if worth(x) != worth(y) {
		return worth(x) > worth(y)
	}
	if !x.OpenedAt.Equal(y.OpenedAt) {
		return x.OpenedAt.Before(y.OpenedAt)
	}
	return x.ID < y.ID
}

// way is an open link as the naive rule reads it.
type way struct {
	number int
	skill  string
	lets   func(interaction.Agent) bool
}

func (w *world) openTo(t interaction.Queued) []way {
	only := func(id interaction.ID) func(interaction.Agent) bool {
		return func(a interaction.Agent) bool { return id != "" && a.ID == id }
	}
	of := func(group string) func(interaction.Agent) bool {
		return func(a interaction.Agent) bool { return slices.Contains(a.Groups, group) }
	}
	if t.NotBefore.After(w.now) {
		return nil
	}
	if t.ReservedFor != "" && t.ReservedUntil.After(w.now) && (t.Kind == interaction.TaskConsult || !slices.Contains(t.Refused, t.ReservedFor)) {
		return []way{{number: -1, lets: only(t.ReservedFor)}}
	}
	if t.Kind == interaction.TaskConsult {
		if t.Demand.Group == "" {
			return nil
		}
		return []way{{lets: of(t.Demand.Group)}}
	}
	if len(t.Chain) == 0 {
		return []way{{lets: of(t.Group)}}
	}
	var ways []way
	opens := t.ChainSince
	for n, link := range t.Chain {
		if n > t.ChainStep {
			before := t.Chain[n-1]
			passed := before.Kind == interaction.ToLastAgent && t.LastAgent == ""
			if !passed {
				opens = opens.Add(time.Duration(before.Seconds) * time.Second)
			}
			if !passed && (before.Seconds == 0 || opens.After(w.now)) {
				break
			}
		}
		v := way{number: n, lets: of(t.Group)}
		switch link.Kind {
		case interaction.ToLastAgent:
			v.lets = only(t.LastAgent)
		case interaction.ToAgent:
			v.lets = only(interaction.ID(link.Name))
		case interaction.ToGroup:
			v.lets = of(link.Name)
		case interaction.ToSkill:
			v.skill = link.Name
			v.lets = func(a interaction.Agent) bool {
				return slices.Contains(a.Groups, t.Group) && a.Skills[link.Name] >= max(link.Level, 1)
			}
		}
		ways = append(ways, v)
	}
	return ways
}

func (w *world) fits(t interaction.Queued, a interaction.Agent) bool {
	limit := func(class string) int {
		if n, ok := a.Limits[interaction.Channel(class)]; ok {
			return n
		}
		return 10
	}
	counts := func(class string) int {
		if n, ok := a.Capacity.Weights[class]; ok {
			return n
		}
		return 1
	}
	for _, r := range a.Capacity.Rules {
		applies := r.No == t.Class || r.No == "any"
		for class, n := range r.While {
			applies = applies && a.Load[interaction.Channel(class)] >= n
		}
		if applies {
			return false
		}
	}
	if _, away := a.Away[t.Class]; away {
		return false
	}
	weightless := counts(t.Class) == 0
	junior := a.Role == interaction.RoleAgent
	return a.Ready && a.Enabled && a.Role != interaction.RoleDesigner && (t.Kind != interaction.TaskReview || !junior) && t.Author != a.ID &&
		!slices.Contains(t.Refused, a.ID) && a.Load[interaction.Channel(t.Class)] < limit(t.Class) &&
		(weightless || weighed(a)+counts(t.Class) <= limit("total"))
}

// weighed is what an agent has, each as heavy as he counts it.
func weighed(a interaction.Agent) (sum int) {
	for class, n := range a.Load {
		if weight, ok := a.Capacity.Weights[string(class)]; ok {
			sum += n * weight
		} else {
			sum += n
		}
	}
	return sum
}

func preferred(c Choice, x, y interaction.Agent, l way) bool {
	if c == LeastLoaded && weighed(x) != weighed(y) {
		return weighed(x) < weighed(y)
	}
	if c == BestSkill && l.skill != "" && x.Skills[l.skill] != y.Skills[l.skill] {
		return x.Skills[l.skill] > y.Skills[l.skill]
	}
	if !x.Since.Equal(y.Since) {
		return x.Since.Before(y.Since)
	}
	return x.ID < y.ID
}

// carryOut does what an offer does to the house.
func (w *world) carryOut(o interaction.Offer) {
	t, a := w.tasks[o.Task], w.agents[o.Agent]
	delete(w.tasks, o.Task)
	load := map[interaction.Channel]int{interaction.Channel(t.Class): 1}
	for c, n := range a.Load {
		load[c] += n
	}
	a.Load, a.Since = load, w.now
	w.agents[o.Agent] = a
}

// The book, told of changes one by one, decides as the naive rule does from scratch, in every one of many random worlds.
func TestTheBookDecidesAsTheNaiveRule(t *testing.T) {
	const shards = 4
	for shard := range uint64(shards) {
		t.Run(fmt.Sprint("shard ", shard), func(t *testing.T) {
			t.Parallel()
			decisions := 0
			for seed := shard; seed < uint64(*worlds); seed += shards {
				decisions += compareIn(t, seed)
			}
			require.Greater(t, decisions, *worlds/shards, "the worlds are too poor to tell anything")
			t.Logf("%d decisions", decisions)
		})
	}
}

// compareIn lives through one world and gives how many decisions there were in it. In some worlds the explanations are held to the rule as well.
func compareIn(t *testing.T, seed uint64) (decisions int) {
	w := newWorld(seed)
	b := NewBook()
	explain := seed%64 == 0 || seed%64 == 33
	for range 1 + w.rnd.IntN(3) {
		w.change(b)
		w.naive(func(want interaction.Offer) {
			if explain {
				e := Explain(w.tasks[want.Task], values(w.agents), w.now)
				require.Equal(t, want.Agent, e.Winner, "world %d: the explanation: %+v", seed, e)
				require.Equal(t, want.Link, e.Candidates[0].Link, "world %d", seed)
			}
			if got, some := b.Next(w.now); got != want || !some {
				t.Fatalf("world %d: the book says %+v (%v), the rule %+v", seed, got, some, want)
			}
			decisions++
		})
		if got, some := b.Next(w.now); some {
			t.Fatalf("world %d: the book says %+v, the rule nothing", seed, got)
		}
	}
	for _, left := range w.tasks {
		if explain && left.Push {
			require.Empty(t, Explain(left, values(w.agents), w.now).Winner, "world %d: who would get what nobody gets", seed)
		}
	}
	return decisions
}

// change lets time pass and people and tasks come, change and go.
func (w *world) change(b *Book) {
	w.now = w.now.Add(time.Duration(w.rnd.IntN(4)) * time.Second)
	for range w.rnd.IntN(1 + w.rnd.IntN(1+w.rnd.IntN(20))) {
		a := w.someAgent()
		w.agents[a.ID] = a
		b.SetAgent(a)
	}
	for range w.rnd.IntN(1 + w.rnd.IntN(1+w.rnd.IntN(30))) {
		t := w.someTask()
		w.tasks[t.ID] = t
		b.SetTask(t)
	}
	for range w.rnd.IntN(3) {
		id := agentID(w.rnd.IntN(20))
		delete(w.agents, id)
		b.DropAgent(id)
		task := interaction.ID(fmt.Sprintf("t%04d", w.rnd.IntN(30)))
		delete(w.tasks, task)
		b.DropTask(task)
	}
}

func values(m map[interaction.ID]interaction.Agent) []interaction.Agent {
	var list []interaction.Agent
	for _, a := range m {
		list = append(list, a)
	}
	return list
}
