package postprocessing

import (
	"context"
	"testing"

	"parley/activities/activitiestest"
	"parley/interaction"
)

// store has an interaction with three pieces of news.
type store struct{ activitiestest.Store }

func (s *store) Stop(_ context.Context, id interaction.ID, seen int64, reason string) (interaction.Stopping, error) {
	return interaction.Stopping{Stopped: seen == 3, Last: 3}, s.Ask(id, seen, reason)
}

func TestPromises(t *testing.T) {
	for name, c := range map[string]struct {
		seen    int64
		history string
	}{
		"all news was heard":  {3, `{"stopped":true,"last":3}`},
		"there is more of it": {2, `{"stopped":false,"last":3}`},
	} {
		t.Run(name, func(t *testing.T) {
			activitiestest.Promises(t, []any{interaction.ID("i"), c.seen, "answered"}, c.history, func() activitiestest.Step {
				s := &store{}
				return activitiestest.Step{Run: (&Activities{Store: s}).StopInteraction, In: End{Interaction: "i", Seen: c.seen, Reason: "answered"}, Store: &s.Store}
			})
		})
	}
}
