package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// A released reply stands in the outbound queue until the other side has said what becomes of it; who may not know of its interaction does not see it.
func TestTheOutboundQueueHoldsWhatHasNotLeft(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ctx := t.Context()
	ann, carl := storetest.Person(t, s, "ann"), storetest.Person(t, s, "carl")
	leaving := func(by interaction.Actor, f interaction.LeavingFilter) []interaction.Leaving {
		var all []interaction.Leaving
		for page := (interaction.Page{Limit: 1}); ; {
			list, err := s.Leaving(ctx, by, f, page)
			require.NoError(t, err)
			if all = append(all, list.Items...); list.Next == "" {
				return all
			}
			page.After = list.Next
		}
	}
	var ids []interaction.ID
	for range 3 {
		id := arrive(t, s, "cust@customer.test", "Broken kettle")
		task := open(t, s, id, "ask")
		held, err := s.Claim(ctx, ann, task)
		require.NoError(t, err)
		reply, err := s.Reply(ctx, ann, task, held.Version, interaction.Reply{Text: "Send it back."})
		require.NoError(t, err)
		require.EqualValues(t, 2, reply.Number)
		require.Len(t, leaving(ann, interaction.LeavingFilter{}), len(ids), "nobody has released it")
		require.NoError(t, s.ReleaseReply(ctx, id, "release", reply.Number))
		ids = append(ids, id)
	}
	list := leaving(ann, interaction.LeavingFilter{})
	require.Len(t, list, 3)
	for n, l := range list {
		require.Equal(t, ids[n], l.Interaction, "the longest first")
		require.Equal(t, interaction.Leaving{
			Interaction: ids[n], Message: 2, Kind: interaction.MessageReply, Channel: interaction.Email, EntryPoint: "support", Queue: "service",
			Author: ann.Agent, Subject: "Re: Broken kettle", State: interaction.SendQueued, Since: l.Since,
		}, l)
	}
	require.Empty(t, leaving(carl, interaction.LeavingFilter{}))
	require.Empty(t, leaving(ann, interaction.LeavingFilter{Queue: "sales"}))
	require.Len(t, leaving(ann, interaction.LeavingFilter{EntryPoint: "support", Channel: interaction.Email}), 3)

	end := func(id interaction.ID, o interaction.Outcome) {
		attempt := interaction.NewID()
		won, err := s.BeginSend(ctx, id, 2, attempt)
		require.NoError(t, err)
		require.True(t, won)
		_, err = s.EndSend(ctx, id, 2, attempt, o)
		require.NoError(t, err)
	}
	end(ids[0], interaction.Outcome{State: interaction.SendSent})
	end(ids[1], interaction.Outcome{State: interaction.SendUnknown, Code: "connection_lost", Text: "no answer"})
	end(ids[2], interaction.Outcome{State: interaction.SendQueued, Code: "greylisted", Text: "451 later"})
	list = leaving(ann, interaction.LeavingFilter{})
	require.Len(t, list, 2)
	require.Equal(t, []any{interaction.SendUnknown, "connection_lost", "no answer", 1}, []any{list[0].State, list[0].Code, list[0].Answer, list[0].Attempts})
	require.Equal(t, []any{interaction.SendQueued, "greylisted", "451 later", 1}, []any{list[1].State, list[1].Code, list[1].Answer, list[1].Attempts})
	require.Len(t, leaving(ann, interaction.LeavingFilter{States: []interaction.SendState{interaction.SendUnknown}}), 1)
}
