package test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"

	"parley/activities/categorization"
	"parley/interaction"
)

// scriptedOutside is a classifier outside; it rests where no story lets it answer.
type scriptedOutside struct {
	answer atomic.Pointer[func() ([]interaction.RankedCategory, error)]
	asked  atomic.Int64
}

func (s *scriptedOutside) Name() string { return "classifier.example.test" }
func (s *scriptedOutside) Ready() bool  { return s.answer.Load() != nil }
func (s *scriptedOutside) Classify(context.Context, string, string) ([]interaction.RankedCategory, error) {
	s.asked.Add(1)
	return (*s.answer.Load())()
}

// understoodAs gives the category that the interaction was routed by, and how it came to it.
func (st *stage) understoodAs(id interaction.ID) (category, outside, fallback string) {
	st.t.Helper()
	require.NoError(st.t, st.store.Pool().QueryRow(st.t.Context(), `select data->>'category', data->>'outside', data->>'fallback' from events
		where interaction_id = $1 and code = 'interaction.understood'`, id).Scan(&category, &outside, &fallback))
	return category, outside, fallback
}

// What a person writes is put to the classifier outside in a step of its own; nothing of the text is in the history.
func TestStoryClassifierOutside(t *testing.T) {
	for name, c := range map[string]struct {
		answer                      func() ([]interaction.RankedCategory, error)
		category, outside, fallback string
		asked                       int64
	}{
		"answers": {func() ([]interaction.RankedCategory, error) {
			return []interaction.RankedCategory{{Category: "kettles", Confidence: 0.9}}, nil
		}, "kettles", "classifier.example.test", "", 1},
		"is silent": {func() ([]interaction.RankedCategory, error) { return nil, interaction.Unavailable("timeout", nil) }, "", "", "timeout", 1},
		"breaks":    {func() ([]interaction.RankedCategory, error) { panic("broken") }, "", "", "panicked", 1},
	} {
		t.Run(name, func(t *testing.T) {
			st := newStage(t)
			state, err := categorization.Load(nil, []interaction.CategorySetup{{Name: "kettles"}})
			require.NoError(t, err)
			st.know.Use(state)
			st.outside.answer.Store(&c.answer)
			id := st.mail("cust@customer.test", "Broken kettle")
			task := st.task(id, interaction.TaskHandle)
			category, outside, fallback := st.understoodAs(id)
			require.Equal(t, []string{c.category, c.outside, c.fallback}, []string{category, outside, fallback})
			require.Equal(t, c.asked, st.outside.asked.Load())
			_, err = st.store.Claim(t.Context(), st.people["ann"], task)
			require.NoError(t, err)
			require.NoError(t, st.store.Complete(t.Context(), st.people["ann"], task, 0, interaction.Done{Disposition: "no_answer_needed"}))
			require.Equal(t, "no_answer_needed", st.stopped(id))
			asked := 0
			for _, e := range fetch(t, st.engine.Client(), string(id)).Events {
				require.NotContains(t, e.String(), "Broken", "neither subject nor text")
				if e.EventType == enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED {
					asked++
				}
			}
			require.Equal(t, 1, asked, "one regular activity")
		})
	}
}
