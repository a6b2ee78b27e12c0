package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

func TestTokens(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ctx := t.Context()
	ann := storetest.Person(t, s, "ann")
	known := func(hash string) bool {
		a, err := s.ActorByToken(ctx, []byte(hash))
		if err != nil {
			require.Equal(t, interaction.KindUnknown, interaction.KindOf(err))
			return false
		}
		require.Equal(t, ann.Agent, a.Agent)
		require.Equal(t, []string{"service"}, a.Groups)
		return true
	}
	create := func(hash string, expires time.Time) interaction.ID {
		id, err := s.CreateToken(ctx, ann, interaction.NewToken{Agent: ann.Agent, Kind: interaction.TokenAPI, Hash: []byte(hash), Expires: expires})
		require.NoError(t, err)
		return id
	}
	old := create("first", time.Time{})
	create("expired", time.Now().Add(-time.Second))
	require.True(t, known("first"))
	require.False(t, known("expired"))
	require.False(t, known("never"))

	fresh, err := s.RotateToken(ctx, ann, old, []byte("second"), time.Time{})
	require.NoError(t, err)
	require.False(t, known("first"))
	require.True(t, known("second"))
	actors, err := s.Actors(ctx, []interaction.ID{old, fresh})
	require.NoError(t, err)
	require.Len(t, actors, 1)
	require.Equal(t, ann.Agent, actors[fresh].Agent)

	require.NoError(t, s.RevokeToken(ctx, ann, fresh))
	require.NoError(t, s.RevokeToken(ctx, ann, fresh), "again is no error")
	require.False(t, known("second"))
	_, err = s.RotateToken(ctx, ann, interaction.NewID(), []byte("third"), time.Time{})
	require.Equal(t, interaction.KindUnknown, interaction.KindOf(err))
}

// Two admins who shut each other out at the same moment leave one of them.
func TestTheLastAdminStays(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ctx := t.Context()
	require.NoError(t, s.Apply(ctx, interaction.System, interaction.Setup{Agents: []interaction.NewAgent{{Login: "root2", Name: "Root 2", Role: interaction.RoleAdmin}}}))
	one, two := storetest.Person(t, s, "root"), storetest.Person(t, s, "root2")
	errs := make([]error, 2)
	var both sync.WaitGroup
	both.Go(func() { errs[0] = s.SetEnabled(ctx, one, two.Agent, false) })
	both.Go(func() { errs[1] = s.SetEnabled(ctx, two, one.Agent, false) })
	both.Wait()
	var enabled int
	require.NoError(t, s.Pool().QueryRow(ctx, `select count(*) from agents where role = 'admin' and enabled`).Scan(&enabled))
	require.Equal(t, 1, enabled, "%v", errs)
}

// Page by page, in every order, a list gives each interaction once.
func TestPagesGiveEachOnce(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ctx := t.Context()
	want := map[interaction.ID]bool{}
	for n := range 11 {
		id := arrive(t, s, "a@customer.test", "page")
		_, err := s.Pool().Exec(ctx, `update interactions set priority = $2 where id = $1`, id, n%3)
		require.NoError(t, err)
		want[id] = true
	}
	for _, sort := range []string{"", "opened_at", "-opened_at", "priority", "-priority"} {
		t.Run(sort, func(t *testing.T) {
			seen, page := map[interaction.ID]bool{}, interaction.Page{Limit: 3, Sort: sort}
			var before *interaction.Interaction
			for {
				list, err := s.Interactions(ctx, storetest.Person(t, s, "ann"), interaction.InteractionFilter{States: []interaction.State{interaction.Received}}, page)
				require.NoError(t, err)
				for _, i := range list.Items {
					require.False(t, seen[i.ID], "twice")
					seen[i.ID] = true
					if before != nil && sort == "-priority" {
						require.GreaterOrEqual(t, before.Priority, i.Priority)
					}
					before = &i
				}
				if page.After = list.Next; page.After == "" {
					break
				}
			}
			require.Equal(t, want, seen)
		})
	}
	_, err := s.Interactions(ctx, storetest.Person(t, s, "ann"), interaction.InteractionFilter{}, interaction.Page{Limit: 3, Sort: "subject"})
	require.Equal(t, interaction.KindInvalid, interaction.KindOf(err))
}
