package callback

import (
	"context"
	"testing"
	"time"

	"parley/activities/activitiestest"
	"parley/interaction"
)

type store struct {
	activitiestest.Store
	next interaction.NextCall
}

func (s *store) NextCall(_ context.Context, id interaction.ID, step string) (interaction.NextCall, error) {
	return s.next, s.Ask(id, step)
}

func TestPromises(t *testing.T) {
	for name, c := range map[string]struct {
		next    interaction.NextCall
		history string
	}{
		"a try": {interaction.NextCall{Task: "t", Until: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}, `{"task":"t","until":"2026-03-02T09:00:00Z"}`},
		"over":  {interaction.NextCall{Over: true, Reason: "not_reached", Message: 4}, `{"over":true,"reason":"not_reached","message":4}`},
	} {
		t.Run(name, func(t *testing.T) {
			activitiestest.Promises(t, []any{interaction.ID("i"), "call-2"}, c.history, func() activitiestest.Step {
				s := &store{next: c.next}
				return activitiestest.Step{Run: (&Activities{Store: s}).NextCall, In: Next{Interaction: "i", Step: "call-2"}, Store: &s.Store}
			})
		})
	}
}
