package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// Two who hand a task to each other are stopped after a hundred times; supervisors are told once, and one of them gets it out of the circle.
func TestACircleOfTransfersEnds(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ctx := t.Context()
	pair := []interaction.Actor{storetest.Person(t, s, "ann"), storetest.Person(t, s, "ben")}
	id := arrive(t, s, "cust@customer.test", "Circle")
	task := open(t, s, id, "handle-1")
	hand := func(n int) error {
		_, err := s.Claim(ctx, pair[n%2], task)
		require.NoError(t, err)
		return s.Transfer(ctx, pair[n%2], task, 0, interaction.Transfer{Agent: pair[(n+1)%2].Agent})
	}
	told := func() int {
		return scan[int](t, s, `select count(*) from events where code = 'task.circled' and queue = 'service'`)
	}
	for n := range 100 {
		require.Zero(t, told())
		require.NoError(t, hand(n))
	}
	require.Equal(t, 1, told())
	require.Equal(t, "too_many_transfers", code(hand(100)))
	require.NoError(t, s.Release(ctx, pair[0], task, 0))
	require.Equal(t, 1, told())

	_, err := s.Order(ctx, storetest.Person(t, s, "vic"), id, interaction.Order{Name: interaction.OrderReassign, Agent: pair[1].Agent}, 0)
	require.NoError(t, err)
	require.NoError(t, hand(1), "it counts anew")
}
