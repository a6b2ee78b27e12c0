package routing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

// mail is the chain of the email workflow: last agent 5 s, billing from 7 for 30 s, billing from 4 for 5 min, anybody.
func mail() interaction.Queued {
	return interaction.Queued{
		ID: "t", Kind: interaction.TaskHandle, Class: "email", Group: "service", Push: true, LastAgent: "ann", OpenedAt: noon, ChainSince: noon, Version: 1,
		Chain: []interaction.RouteTarget{
			{Kind: interaction.ToLastAgent, Seconds: 5},
			{Kind: interaction.ToSkill, Name: "billing", Level: 7, Seconds: 30},
			{Kind: interaction.ToSkill, Name: "billing", Level: 4, Seconds: 300},
			{Kind: interaction.ToQueue},
		},
	}
}

func with(change func(*interaction.Queued)) interaction.Queued {
	w := mail()
	change(&w)
	return w
}

// What a claim is checked against, link after link.
func TestOpenings(t *testing.T) {
	group := []interaction.RouteTarget{{Kind: interaction.ToSkill, Name: "billing", Level: 7, Seconds: 30}, {Kind: interaction.ToGroup, Name: "overflow"}}
	tests := []struct {
		name    string
		task    interaction.Queued
		now     time.Time
		step    int
		since   time.Time
		demand  interaction.Demand
		forWhom interaction.ID
		until   time.Time
	}{
		{"at first it is the last agent's, and the skill stands ready", mail(), at(0), 0, noon, interaction.Demand{Skill: "billing", Level: 7}, "ann", at(5)},
		{"then the high skill", mail(), at(5), 1, at(5), interaction.Demand{Skill: "billing", Level: 7}, "", time.Time{}},
		{"then the lower one", mail(), at(35), 2, at(35), interaction.Demand{Skill: "billing", Level: 4}, "", time.Time{}},
		{"then anybody, counted from when the links opened and not from when it was noticed", mail(), at(4000), 3, at(335), interaction.Demand{}, "", time.Time{}},
		{
			"no last agent: his link is passed at once", with(func(w *interaction.Queued) { w.LastAgent = "" }),
			at(0), 1, noon,
			interaction.Demand{Skill: "billing", Level: 7},
			"",
			time.Time{},
		},
		{
			"reserved for the author: his reservation stays", with(func(w *interaction.Queued) { w.ReservedFor, w.ReservedUntil = "ben", at(600) }),
			at(2), 0, noon,
			interaction.Demand{Skill: "billing", Level: 7},
			"",
			time.Time{},
		},
		{
			"the last agent refused: nothing is reserved", with(func(w *interaction.Queued) { w.Refused = []interaction.ID{"ann"} }),
			at(2), 0, noon,
			interaction.Demand{Skill: "billing", Level: 7},
			"",
			time.Time{},
		},
		{
			"a group opens beside the skill", with(func(w *interaction.Queued) { w.Chain = group }),
			at(31), 1, at(30),
			interaction.Demand{Skill: "billing", Level: 7, Group: "overflow"},
			"",
			time.Time{},
		},
		{
			"a link without a time keeps the rest shut", with(func(w *interaction.Queued) {
				w.Chain = []interaction.RouteTarget{{Kind: interaction.ToAgent, Name: "ben"}, {Kind: interaction.ToQueue}}
			}), at(999), 0, noon, interaction.Demand{}, "ben", noon.Add(never),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, changed := opening(&tt.task, spanAt(&tt.task, tt.now), tt.now)
			require.True(t, changed)
			require.Equal(t, interaction.Opening{
				Task: "t", Version: 1, Step: tt.step, Since: tt.since, Demand: tt.demand, ReservedFor: tt.forWhom, ReservedUntil: tt.until,
			}, o)

			written := tt.task // as the row is afterwards
			written.ChainStep, written.ChainSince, written.Demand = o.Step, o.Since, o.Demand
			if o.ReservedFor != "" {
				written.ReservedFor, written.ReservedUntil = o.ReservedFor, o.ReservedUntil
			}
			again, changed := opening(&written, spanAt(&written, tt.now), tt.now)
			require.False(t, changed, "once written there is nothing more to write: %+v", again)
		})
	}
}

func TestExplainSaysWhyForEveryone(t *testing.T) {
	limits := map[interaction.Channel]int{"email": 2, "total": 4}
	person := func(id string, role interaction.Role, change func(*interaction.Agent)) interaction.Agent {
		a := interaction.Agent{
			ID: interaction.ID(id), Role: role, Enabled: true, Ready: true, Groups: []string{"service"}, Skills: map[string]int{"billing": 8},
			Limits: limits, Load: map[interaction.Channel]int{}, Since: noon,
		}
		if change != nil {
			change(&a)
		}
		return a
	}
	task := with(func(w *interaction.Queued) { w.Refused, w.Author = []interaction.ID{"f"}, "g" })
	agents := []interaction.Agent{
		person("a", interaction.RoleAgent, nil),
		person("b", interaction.RoleAgent, func(a *interaction.Agent) { a.Ready = false }),
		person("c", interaction.RoleAgent, func(a *interaction.Agent) { a.Enabled = false }),
		person("d", interaction.RoleAgent, func(a *interaction.Agent) { a.Skills = map[string]int{"billing": 3} }),
		person("e", interaction.RoleAgent, func(a *interaction.Agent) { a.Groups = []string{"sales"} }),
		person("f", interaction.RoleAgent, nil),
		person("g", interaction.RoleAgent, nil),
		person("h", interaction.RoleAgent, func(a *interaction.Agent) { a.Load = map[interaction.Channel]int{"email": 2} }),
		person("i", interaction.RoleAgent, func(a *interaction.Agent) { a.Load = map[interaction.Channel]int{"email": 1, "chat": 3} }),
		person("j", interaction.RoleDesigner, nil),
		person("m", interaction.RoleAgent, func(a *interaction.Agent) {
			a.Load = map[interaction.Channel]int{"chat": 1}
			a.Capacity.Rules = []interaction.CapacityRule{{No: "email", While: map[string]int{"chat": 1}}}
		}),
		person("n", interaction.RoleAgent, func(a *interaction.Agent) {
			a.Load = map[interaction.Channel]int{"chat": 1}
			a.Capacity.Weights = map[string]int{"chat": 4}
		}),
		person("k", interaction.RoleAgent, func(a *interaction.Agent) { a.Since = noon.Add(-time.Hour) }),
		person("l", interaction.RoleAgent, func(a *interaction.Agent) {
			a.Skills, a.Since = map[string]int{"billing": 5}, noon.Add(-9*time.Hour)
		}),
	}
	e := Explain(task, agents, at(40))
	require.Equal(t, interaction.ID("k"), e.Winner, "longest idle of those who fit through the first link that fits anybody")
	got := map[interaction.ID]Why{}
	for _, c := range e.Candidates {
		got[c.Agent] = c.Why
	}
	require.Equal(t, map[interaction.ID]Why{
		"a": Fits, "b": NotReady, "c": Disabled, "d": NoLink, "e": NoLink, "f": Refused, "g": OwnReply, "h": ClassFull, "i": TotalFull,
		"j": NoOffers, "k": Fits, "l": Fits, "m": Blocked, "n": TotalFull,
	}, got)
	require.Equal(t, []interaction.ID{"k", "a", "l"}, []interaction.ID{e.Candidates[0].Agent, e.Candidates[1].Agent, e.Candidates[2].Agent})
	require.Equal(t, at(335), e.Next)
	require.Len(t, e.Links, 3)

	task.Kind = interaction.TaskReview
	require.Empty(t, Explain(task, agents, at(40)).Winner, "a review is for seniors")
	task.Kind, task.ReservedFor, task.ReservedUntil = interaction.TaskHandle, "d", at(50)
	require.Equal(t, interaction.ID("d"), Explain(task, agents, at(40)).Winner, "reserved for him whatever the chain asks")
}

// In one queue at one priority nobody is overtaken: tasks are given in the order in which they came.
func TestNobodyIsOvertaken(t *testing.T) {
	b := NewBook()
	agent := interaction.Agent{
		ID: "ann", Role: interaction.RoleAgent, Enabled: true, Ready: true, Groups: []string{"service"}, Skills: map[string]int{"billing": 8},
		Limits: map[interaction.Channel]int{"email": 1}, Since: noon,
	}
	came, given := 0, 0
	for given < *worlds/5 {
		for range 1 + came%3 {
			w := mail()
			w.ID, w.OpenedAt, w.Version = interaction.NewID(), noon.Add(time.Duration(came)*time.Microsecond), int64(came)
			w.Chain = w.Chain[1:2]
			b.SetTask(w)
			came++
		}
		agent.Load = nil
		b.SetAgent(agent)
		o, found := b.Next(noon)
		require.True(t, found)
		require.EqualValues(t, given, o.TaskVersion)
		given++
		_, found = b.Next(noon)
		require.False(t, found, "he has room for one")
	}
}

// The deadline decides as far as the policy says: half of the time that a task may wait counts like waiting.
func TestServiceObjective(t *testing.T) {
	tests := []struct {
		name   string
		policy interaction.Policy
		first  interaction.ID
	}{
		{"age alone", interaction.Policy{}, "old"},
		{"deadline alone", interaction.Policy{Service: 100}, "due soon"},
		{"a little of it", interaction.Policy{Service: 10}, "old"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := NewBook()
			for _, w := range []interaction.Queued{
				{ID: "old", Class: "email", Group: "service", Push: true, OpenedAt: noon.Add(-time.Hour), DueAt: noon.Add(time.Hour)},
				{ID: "due soon", Class: "email", Group: "service", Push: true, OpenedAt: noon, DueAt: noon.Add(time.Minute)},
				{ID: "no objective", Class: "email", Group: "service", Push: true, OpenedAt: noon},
			} {
				w.Policy = tt.policy
				b.SetTask(w)
			}
			b.SetAgent(interaction.Agent{ID: "ann", Role: interaction.RoleAgent, Enabled: true, Ready: true, Groups: []string{"service"}})
			o, found := b.Next(noon)
			require.True(t, found)
			require.Equal(t, tt.first, o.Task)
		})
	}
}

// With ageing, a task of low priority that waited long enough goes before a new one of high priority.
func TestAgeing(t *testing.T) {
	tests := []struct {
		name   string
		policy interaction.Policy
		first  interaction.ID
	}{
		{"strict", interaction.Policy{}, "urgent"},
		{"an hour a step", interaction.Policy{Ageing: 3600}, "urgent"},
		{"a minute a step", interaction.Policy{Ageing: 60}, "old"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := NewBook()
			for _, w := range []interaction.Queued{
				{ID: "old", Class: "email", Group: "service", Push: true, OpenedAt: noon.Add(-10 * time.Minute)},
				{ID: "urgent", Class: "email", Group: "service", Push: true, OpenedAt: noon, Priority: 2},
			} {
				w.Policy = tt.policy
				b.SetTask(w)
			}
			b.SetAgent(interaction.Agent{ID: "ann", Role: interaction.RoleAgent, Enabled: true, Ready: true, Groups: []string{"service"}})
			o, found := b.Next(noon)
			require.True(t, found)
			require.Equal(t, tt.first, o.Task)
		})
	}
}
