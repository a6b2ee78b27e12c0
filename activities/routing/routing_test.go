package routing

import (
	"context"
	"testing"

	"parley/activities/activitiestest"
	"parley/interaction"
)

// store has a task that the agent "ann" holds: it is withdrawn by force only.
type store struct{ activitiestest.Store }

func (s *store) OpenTask(_ context.Context, a interaction.Ask) (interaction.ID, error) {
	return "t", s.Ask(a)
}

func (s *store) WithdrawTask(_ context.Context, id interaction.ID, step string, task interaction.ID, force bool) (interaction.Withdrawn, error) {
	if force {
		return interaction.Withdrawn{Done: true}, s.Ask(id, step, task, force)
	}
	return interaction.Withdrawn{State: interaction.TaskHeld, Agent: "ann"}, s.Ask(id, step, task, force)
}

func TestPromises(t *testing.T) {
	ask := interaction.Ask{Interaction: "i", Step: "handle-1", Kind: interaction.TaskHandle, Queue: "service", Message: 1}
	for name, c := range map[string]struct {
		run     func(*Activities) any
		in      any
		asked   []any
		history string
	}{
		"a task": {func(a *Activities) any { return a.OpenTask }, ask, []any{ask}, `"t"`},
		"somebody holds it": {
			func(a *Activities) any { return a.WithdrawTask },
			Withdrawal{Interaction: "i", Step: "withdraw-1", Task: "t"},
			[]any{interaction.ID("i"), "withdraw-1", interaction.ID("t"), false},
			`{"done":false,"state":"held","agent":"ann"}`,
		},
		"by force": {
			func(a *Activities) any { return a.WithdrawTask },
			Withdrawal{Interaction: "i", Step: "withdraw-1", Task: "t", Force: true},
			[]any{interaction.ID("i"), "withdraw-1", interaction.ID("t"), true},
			`{"done":true}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			activitiestest.Promises(t, c.asked, c.history, func() activitiestest.Step {
				s := &store{}
				return activitiestest.Step{Run: c.run(&Activities{Store: s}), In: c.in, Store: &s.Store}
			})
		})
	}
}
