package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// While a chain's open links name only groups, the queue's own group can neither claim the task nor get it as its next one, alone or together with others; once a link behind them opens it can.
func TestOnlyGroupsClaimWhatIsOpenToGroups(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ctx := t.Context()
	ann, carl := storetest.Person(t, s, "ann"), storetest.Person(t, s, "carl")
	require.NotContains(t, ann.Groups, "sales")
	require.Contains(t, carl.Groups, "sales")
	ben := interaction.RouteTarget{Kind: interaction.ToAgent, Name: string(storetest.Person(t, s, "ben").Agent), Seconds: 5}
	sales := interaction.RouteTarget{Kind: interaction.ToGroup, Name: "sales", Seconds: 60}
	queue := interaction.RouteTarget{Kind: interaction.ToQueue}
	for _, c := range []struct {
		name  string
		chain []interaction.RouteTarget
		step  int
		shut  bool
	}{
		{"only a group", []interaction.RouteTarget{sales}, 0, true},
		{"behind an agent", []interaction.RouteTarget{ben, sales, queue}, 0, true},
		{"the group's turn", []interaction.RouteTarget{ben, sales, queue}, 1, true},
		{"the queue's turn", []interaction.RouteTarget{sales, queue}, 1, false},
		{"the queue went before", []interaction.RouteTarget{queue, sales}, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			id := arrive(t, s, "c@customer.test", "Kettle")
			task, err := s.OpenTask(ctx, interaction.Ask{Interaction: id, Step: "ask", Kind: interaction.TaskHandle, Message: 1, Chain: c.chain})
			require.NoError(t, err)
			exec(t, s, `update tasks set chain_step = $2, group_name = 'sales', reserved_for = null where id = $1`, task, c.step)
			give := func(want bool, by interaction.Actor, claim func() (interaction.ID, string)) {
				t.Helper()
				got, why := claim()
				if !want {
					require.Empty(t, got)
					require.NotEmpty(t, why)
					return
				}
				require.Equal(t, task, got, why)
				require.NoError(t, s.Release(ctx, by, task, 0))
			}
			give(!c.shut, ann, func() (interaction.ID, string) {
				got, err := s.Claim(ctx, ann, task)
				if c.shut {
					require.Equal(t, "group_only", code(err))
				}
				return got.ID, code(err)
			})
			give(!c.shut, ann, func() (interaction.ID, string) {
				got, err := s.ClaimNext(ctx, ann, "")
				return got.ID, code(err)
			})
			given, err := s.ClaimBatch(ctx, []interaction.Actor{ann, carl})
			require.NoError(t, err)
			if c.shut {
				require.Nil(t, given[0])
				require.Equal(t, task, given[1].ID)
				require.NoError(t, s.Complete(ctx, carl, task, 0, interaction.Done{Disposition: "done"}))
				return
			}
			require.Equal(t, task, given[0].ID)
			require.NoError(t, s.Complete(ctx, ann, task, 0, interaction.Done{Disposition: "done"}))
		})
	}
}
