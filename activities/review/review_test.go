package review

import (
	"context"
	"testing"

	"parley/activities/activitiestest"
	"parley/interaction"
)

// store has a policy that trusts the author "senior".
type store struct{ activitiestest.Store }

func (s *store) OpenReview(_ context.Context, id interaction.ID, step string, message int64, author interaction.ID, cycles int) (interaction.Review, error) {
	if author == "senior" {
		return interaction.Review{}, s.Ask(id, step, message, author, cycles)
	}
	return interaction.Review{Needed: true, Task: "t"}, s.Ask(id, step, message, author, cycles)
}

func (s *store) ReleaseReply(_ context.Context, id interaction.ID, step string, message int64) error {
	return s.Ask(id, step, message)
}

func TestPromises(t *testing.T) {
	for name, c := range map[string]struct {
		author  interaction.ID
		run     func(*Activities) any
		asked   []any
		history string
	}{
		"a review": {
			"junior", func(a *Activities) any { return a.OpenReview }, []any{interaction.ID("i"), "review-1", int64(2), interaction.ID("junior"), 1}, `{"needed":true,"task":"t"}`,
		},
		"none is needed": {
			"senior", func(a *Activities) any { return a.OpenReview }, []any{interaction.ID("i"), "review-1", int64(2), interaction.ID("senior"), 1}, `{"needed":false}`,
		},
		"a release": {"junior", func(a *Activities) any { return a.ReleaseReply }, []any{interaction.ID("i"), "review-1", int64(2)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			activitiestest.Promises(t, c.asked, c.history, func() activitiestest.Step {
				s := &store{}
				return activitiestest.Step{
					Run: c.run(&Activities{Store: s}), In: Request{Interaction: "i", Step: "review-1", Message: 2, Author: c.author, Cycles: 1}, Store: &s.Store,
				}
			})
		})
	}
}
