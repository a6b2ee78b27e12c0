package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// The first link counts for claims from the moment that the task is there, without any dispatcher.
func TestTheFirstLinkCountsAtOnce(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann, ben := storetest.Person(t, s, "ann"), storetest.Person(t, s, "ben") // billing 8 has ben
	ask := func(chain ...interaction.RouteTarget) interaction.ID {
		task, err := s.OpenTask(t.Context(), interaction.Ask{
			Interaction: arrive(t, s, "c@customer.test", "Kettle"), Step: "ask", Kind: interaction.TaskHandle, Message: 1, Chain: chain,
		})
		require.NoError(t, err)
		return task
	}
	skilled := ask(interaction.RouteTarget{Kind: interaction.ToSkill, Name: "billing", Level: 7, Seconds: 30}, interaction.RouteTarget{Kind: interaction.ToQueue})
	_, err := s.Claim(t.Context(), ann, skilled)
	require.Equal(t, "skill_missing", code(err))
	_, err = s.Claim(t.Context(), ben, skilled)
	require.NoError(t, err)

	named := ask(interaction.RouteTarget{Kind: interaction.ToAgent, Name: string(ann.Agent), Seconds: 30}, interaction.RouteTarget{Kind: interaction.ToSkill, Name: "billing", Level: 9})
	_, err = s.Claim(t.Context(), ben, named)
	require.Equal(t, "reserved", code(err))
	exec(t, s, `update tasks set reserved_until = now() where id = $1`, named)
	_, err = s.Claim(t.Context(), ben, named)
	require.Equal(t, "skill_missing", code(err), "the link behind stands ready when the reservation runs out")
	exec(t, s, `update tasks set reserved_until = now() + interval '1 minute' where id = $1`, named)
	_, err = s.Claim(t.Context(), ann, named)
	require.NoError(t, err)
}

// A question asked of one is for nobody else, also when he gives it back.
func TestAConsultIsForWhoWasAsked(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann, ben, sue := storetest.Person(t, s, "ann"), storetest.Person(t, s, "ben"), storetest.Person(t, s, "sue")
	task := open(t, s, arrive(t, s, "c@customer.test", "Kettle"), "ask")
	_, err := s.Claim(t.Context(), ann, task)
	require.NoError(t, err)
	asked, err := s.Consult(t.Context(), ann, task, ben.Agent, "", "Do we have that?")
	require.NoError(t, err)
	group, err := s.Consult(t.Context(), ann, task, "", "sales", "Do we sell that?")
	require.NoError(t, err)
	held, err := s.Claim(t.Context(), ben, asked)
	require.NoError(t, err)
	require.NoError(t, s.Release(t.Context(), ben, asked, held.Version))
	for _, consult := range []interaction.ID{asked, group} {
		_, err = s.Claim(t.Context(), sue, consult)
		require.Error(t, err)
	}
	_, err = s.ClaimNext(t.Context(), sue, "")
	require.Equal(t, "nothing_waiting", code(err))
	_, err = s.Claim(t.Context(), storetest.Person(t, s, "carl"), group)
	require.NoError(t, err)
}
