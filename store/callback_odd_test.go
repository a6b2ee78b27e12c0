package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store/storetest"
)

// A queue is not removed from under the callbacks in it, also where nothing else speaks of it any more (W-26).
func TestAQueueWithCallbacksIsNotRemoved(t *testing.T) {
	s := lines(t, interaction.CallbackSettings{})
	root := storetest.Person(t, s, "root")
	require.NoError(t, s.Apply(t.Context(), interaction.System, interaction.Setup{Queues: []interaction.Queue{{Name: "spare", Group: "service"}}}))
	id := book(t, s, at("+4930901820", slotAhead(7))).ID
	next(t, s, id, "0.0-call")
	_, err := s.Order(t.Context(), root, id, interaction.Order{Name: interaction.OrderMove, Queue: "spare"}, 0)
	require.NoError(t, err)
	remove := func() error {
		return s.Remove(t.Context(), interaction.System, "queues", "spare", func(interaction.Entry) error { return nil })
	}
	err = remove()
	require.Equal(t, "in_use", code(err))
	require.ErrorContains(t, err, "1 open interactions")
	_, err = s.Order(t.Context(), root, id, interaction.Order{Name: interaction.OrderMove, Queue: "service"}, 0)
	require.NoError(t, err)
	require.NoError(t, remove())
	require.Equal(t, 2, count(t, s, `select count(*) from events where interaction_id = $1 and code = 'order.move'`, id))
}

// The clock jumps by an hour, there and back, while a callback waits and between its tries: it is never given early, and each try is one task (W-28).
func TestAClockThatJumps(t *testing.T) {
	s := lines(t, interaction.CallbackSettings{Retry: 45})
	ann := storetest.Person(t, s, "ann")
	id := book(t, s, at("+4930901820", slotAhead(2))).ID
	first := next(t, s, id, "0.0-call").Task
	early := func(task interaction.ID, why string) {
		_, err := s.Claim(t.Context(), ann, task)
		require.ErrorContains(t, err, "too_early", why)
	}
	for _, jump := range []time.Duration{time.Hour, -time.Hour} {
		past(t, s, id, jump)
		early(first, "it is not due by this clock either")
		require.Equal(t, first, next(t, s, id, "0.2-call"+jump.String()).Task)
	}
	past(t, s, id, time.Until(slotAhead(2))+time.Minute)
	_, err := s.Claim(t.Context(), ann, first)
	require.NoError(t, err)
	past(t, s, id, -time.Hour) // back, while he calls
	require.NoError(t, s.Complete(t.Context(), ann, first, 0, interaction.Done{Disposition: "no_answer"}))
	second := next(t, s, id, "0.4-call").Task
	require.NotEqual(t, first, second)
	early(second, "the next try is later")
	past(t, s, id, 30*time.Minute)
	early(second, "and still is")
	past(t, s, id, 2*time.Hour)
	_, err = s.Claim(t.Context(), ann, second)
	require.NoError(t, err)
	require.NoError(t, s.Complete(t.Context(), ann, second, 0, interaction.Done{Disposition: "reached"}))
	require.True(t, next(t, s, id, "0.6-call").Over)
	require.Equal(t, 2, count(t, s, `select count(*) from events where interaction_id = $1 and code = 'task.opened'`, id), "each try is one task")
}
