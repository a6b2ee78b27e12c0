package autoresponse

import (
	"context"
	"testing"

	"parley/activities/activitiestest"
	"parley/interaction"
)

// store answers as its interaction's name says.
type store struct{ activitiestest.Store }

func (s *store) AnswerAutomatically(_ context.Context, a interaction.AutoAnswer) (interaction.AutoAnswered, error) {
	if a.Interaction == "looping" {
		return interaction.AutoAnswered{Reason: "loop_guard"}, s.Ask(a)
	}
	return interaction.AutoAnswered{Queued: true, Message: 2}, s.Ask(a)
}

func (s *store) AnswerKeyword(_ context.Context, id interaction.ID, step string, message int64) (interaction.KeywordAnswered, error) {
	return interaction.KeywordAnswered{Word: interaction.KeywordStop, Message: 3}, s.Ask(id, step, message)
}

func TestPromises(t *testing.T) {
	for name, c := range map[string]struct {
		in      any
		run     func(*Activities) any
		asked   []any
		history string
	}{
		"an acknowledgement": {
			interaction.AutoAnswer{Interaction: "i", Step: "acknowledge", Usage: interaction.UseAcknowledgement, Message: 1},
			func(a *Activities) any { return a.WriteAutomaticAnswer },
			[]any{interaction.AutoAnswer{Interaction: "i", Step: "acknowledge", Usage: interaction.UseAcknowledgement, Message: 1}},
			`{"queued":true,"message":2}`,
		},
		"a loop": {
			interaction.AutoAnswer{Interaction: "looping", Step: "acknowledge"},
			func(a *Activities) any { return a.WriteAutomaticAnswer },
			[]any{interaction.AutoAnswer{Interaction: "looping", Step: "acknowledge"}},
			`{"queued":false,"reason":"loop_guard"}`,
		},
		"a keyword": {
			Word{Interaction: "i", Step: "keyword", Message: 1},
			func(a *Activities) any { return a.ConfirmKeyword },
			[]any{interaction.ID("i"), "keyword", int64(1)},
			`{"word":"stop","message":3}`,
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
