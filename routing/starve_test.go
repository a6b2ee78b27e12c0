package routing

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// shift is a day's work under 95 % load: ten agents, one task each, five minutes a task on average; every third task is urgent and every ninth very.
type shift struct {
	book   *Book
	rnd    *rand.Rand
	policy interaction.Policy
	now    time.Time
	free   map[interaction.ID]time.Time // when an agent who has a task is free again
}

func newShift(seed uint64, policy interaction.Policy) *shift {
	s := &shift{book: NewBook(), rnd: rand.New(rand.NewPCG(seed, 5)), policy: policy, now: noon, free: map[interaction.ID]time.Time{}}
	for n := range 10 {
		s.ready(agentID(n))
	}
	return s
}

func (s *shift) ready(id interaction.ID) {
	s.book.SetAgent(interaction.Agent{
		ID: id, Role: interaction.RoleAgent, Enabled: true, Ready: true, Groups: []string{"service"}, Limits: map[interaction.Channel]int{"email": 1}, Since: s.now,
	})
}

// longest works through the tasks and gives how long the unluckiest has waited. Arrivals and lengths are those of the seed, whatever the policy.
func (s *shift) longest(tasks int) (longest time.Duration) {
	const mean = 5 * time.Minute
	came := map[interaction.ID]time.Time{}
	next := s.now
	for born := 0; born < tasks || len(came) > 0; {
		for !next.After(s.now) && born < tasks {
			priority := 0
			switch {
			case born%9 == 0:
				priority = 2
			case born%3 == 0:
				priority = 1
			}
			id := interaction.ID(fmt.Sprintf("t%06d", born))
			came[id] = next
			s.book.SetTask(interaction.Queued{ID: id, Class: "email", Group: "service", Push: true, OpenedAt: next, Priority: priority, Policy: s.policy})
			next = next.Add(time.Duration(s.rnd.ExpFloat64() * float64(mean) / 10 / 0.95))
			born++
		}
		for o, found := s.book.Next(s.now); found; o, found = s.book.Next(s.now) {
			longest = max(longest, s.now.Sub(came[o.Task]))
			delete(came, o.Task)
			s.free[o.Agent] = s.now.Add(time.Duration(s.rnd.ExpFloat64() * float64(mean)))
		}
		s.now = s.now.Add(time.Second)
		for id, at := range s.free {
			if !at.After(s.now) {
				delete(s.free, id)
				s.ready(id)
			}
		}
	}
	return longest
}

// With ageing nobody starves: under 95 % load the unluckiest waits at most three times as long as the unluckiest of first come, first served does on average.
func TestNobodyStarves(t *testing.T) {
	const seeds, tasks = 12, 1500
	var sum, worst time.Duration
	for seed := range uint64(seeds) {
		sum += newShift(seed, interaction.Policy{Ageing: 1}).longest(tasks) // a second a step: first come, first served
		worst = max(worst, newShift(seed, interaction.Policy{Ageing: 600}).longest(tasks))
	}
	t.Logf("the longest wait is %v, that of first come, first served %v on average", worst, sum/seeds)
	require.LessOrEqual(t, worst, 3*sum/seeds)
}
