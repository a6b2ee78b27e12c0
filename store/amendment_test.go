package store_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// post is a message of a customer's in a conversation, under a name.
func post(name, text string, v interaction.Visibility) interaction.Parsed {
	p := from("telegram", "7", "chat "+string(v))
	p.Message.Text, p.Message.Subject, p.Message.MessageID, p.Message.Visibility = text, text, name, v
	return p
}

func TestEditedAndWithdrawn(t *testing.T) {
	s := channels(t)
	root := storetest.Person(t, s, "root")
	id, _ := arriveBy(t, s, "bot", interaction.Social, post("m1", "Where is it?", interaction.VisiblePrivate))
	edit := post("m1#version-1", "Where is my parcel?", interaction.VisiblePrivate)
	edit.Message.InReplyTo, edit.Message.Problems = "m1", []string{interaction.ProblemNewVersion}
	edit.Amendment = &interaction.Amendment{Kind: interaction.AmendmentEdit, Of: []string{"m1"}}
	again, number := arriveBy(t, s, "bot", interaction.Social, edit)
	require.Equal(t, id, again)
	require.EqualValues(t, 2, number, "a version is a message of its own")
	list, err := s.InteractionMessages(t.Context(), root, id)
	require.NoError(t, err)
	require.Equal(t, "Where is it?", list[0].Text, "the version before is kept")
	require.Equal(t, []string{interaction.ProblemEditedLater}, list[0].Problems)
	require.Equal(t, []string{interaction.ProblemNewVersion}, list[1].Problems)

	withdraw := func(name string) {
		take := interaction.Parsed{Amendment: &interaction.Amendment{Kind: interaction.AmendmentWithdrawal, Of: []string{name}}}
		settleAlone(t, s, "bot", take)
	}
	withdraw("m1")
	withdraw("m1")
	withdraw("never heard of")
	list, err = s.InteractionMessages(t.Context(), root, id)
	require.NoError(t, err)
	require.Len(t, list, 2)
	for _, m := range list {
		require.True(t, m.Withdrawn)
		require.Empty(t, m.Text+m.Subject)
	}
	view, err := s.Interaction(t.Context(), root, id)
	require.NoError(t, err)
	require.Empty(t, view.Subject, "it was the beginning of what he took back")
	var audited int
	require.NoError(t, s.Pool().QueryRow(t.Context(), `select count(*) from events where interaction_id = $1 and code = 'message.withdrawn'`, id).Scan(&audited))
	require.Equal(t, 2, audited, "each version once")
	var kept string
	require.NoError(t, s.Pool().QueryRow(t.Context(), `select body from messages where interaction_id = $1 and number = 1`, id).Scan(&kept))
	require.Equal(t, "Where is it?", kept)
}

// settleAlone has something accepted and settled that becomes no message.
func settleAlone(t *testing.T, s *store.Store, entryPoint string, p interaction.Parsed) {
	t.Helper()
	acceptPost(t, s, entryPoint)
	taken, err := s.Take(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, taken, 1)
	require.NoError(t, s.Settle(t.Context(), taken[0], p))
}

func acceptPost(t *testing.T, s *store.Store, entryPoint string) {
	t.Helper()
	_, err := s.Accept(t.Context(), interaction.Inbound{
		Channel: interaction.Social, Targets: []interaction.Target{{EntryPoint: entryPoint}}, Identity: sha256.Sum256([]byte(interaction.NewID())), Raw: strings.NewReader("x"), Size: 1,
	})
	require.NoError(t, err)
}

// What was taken back before it was settled is settled first: the withdrawal waits for what arrived before it.
func TestAWithdrawalWaitsForItsMessage(t *testing.T) {
	s := channels(t)
	acceptPost(t, s, "bot")
	acceptPost(t, s, "bot")
	taken, err := s.Take(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, taken, 2)
	take := interaction.Parsed{Amendment: &interaction.Amendment{Kind: interaction.AmendmentWithdrawal, Of: []string{"m1"}}}
	state := func(id interaction.ID) (state string) {
		require.NoError(t, s.Pool().QueryRow(t.Context(), `select state from inbound where id = $1`, id).Scan(&state))
		return state
	}
	require.NoError(t, s.Settle(t.Context(), taken[1], take))
	require.Equal(t, "new", state(taken[1].ID), "it is taken again")
	require.NoError(t, s.Settle(t.Context(), taken[0], post("m1", "oops", interaction.VisiblePrivate)))
	require.NoError(t, s.Settle(t.Context(), taken[1], take))
	require.Equal(t, "done", state(taken[1].ID))
	var withdrawn bool
	require.NoError(t, s.Pool().QueryRow(t.Context(), `select withdrawn from messages where message_id = 'm1'`).Scan(&withdrawn))
	require.True(t, withdrawn)
}

// An answer is as open as what it answers, and what strangers can read joins nothing and is joined by nothing.
func TestOpenAndPrivateAreKeptApart(t *testing.T) {
	s := channels(t)
	ann := storetest.Person(t, s, "ann")
	open, _ := arriveBy(t, s, "bot", interaction.Social, post("p1", "You are slow!", interaction.VisibleUnlisted))
	private, _ := arriveBy(t, s, "joining", interaction.MMS, from("telegram", "7"))
	require.NotEqual(t, open, private, "an open conversation is not joined")
	mention := post("p2", "And rude!", interaction.VisiblePublic)
	mention.Conversations = nil
	again, _ := arriveBy(t, s, "joining", interaction.Social, mention)
	require.NotEqual(t, private, again, "and joins none")

	task, err := s.OpenTask(t.Context(), interaction.Ask{Interaction: open, Step: "ask", Kind: interaction.TaskHandle, Message: 1})
	require.NoError(t, err)
	_, err = s.Claim(t.Context(), ann, task)
	require.NoError(t, err)
	m, err := s.Reply(t.Context(), ann, task, 0, interaction.Reply{Text: "We are sorry."})
	require.NoError(t, err)
	require.Equal(t, interaction.VisibleUnlisted, m.Visibility)
	require.Equal(t, "p1", m.InReplyTo)
}

// A customer of a network moves to another account, leaves it, and asks to be forgotten (H-29): colleagues join what is one person's, what he took with him is hidden,
// and nothing of him is left in the end.
func TestACustomerMovesAndLeavesTheNetwork(t *testing.T) {
	s := channels(t)
	ann, root := storetest.Person(t, s, "ann"), storetest.Person(t, s, "root")
	said := func(account, name string) interaction.ID {
		p := from("mastodon", "host/"+account, "with "+account)
		p.Message.MessageID, p.Message.Text, p.Message.Subject, p.Message.Visibility = name, "canary "+name, "canary "+name, interaction.VisiblePrivate
		id, _ := arriveBy(t, s, "bot", interaction.Social, p)
		return id
	}
	before, after := said("anna", "m1"), said("anna_new", "m2")
	require.NotEqual(t, contactOf(t, s, before), contactOf(t, s, after), "nobody takes a network's word for who is who")
	kept := contactOf(t, s, before)
	_, err := s.MergeContacts(t.Context(), ann, kept, contactOf(t, s, after))
	require.NoError(t, err)
	require.Equal(t, kept, contactOf(t, s, after))
	require.Equal(t, kept, contactOf(t, s, said("anna_new", "m3")), "whoever writes from either account is she")

	for _, name := range []string{"m1", "m2", "m3"} { // the account is gone, and all that it said
		settleAlone(t, s, "bot", interaction.Parsed{Amendment: &interaction.Amendment{Kind: interaction.AmendmentWithdrawal, Of: []string{name}}})
	}
	v, err := s.Contact(t.Context(), ann, kept)
	require.NoError(t, err)
	require.Len(t, v.Interactions, 2, "that there was something stays")
	require.Equal(t, 3, scan[int](t, s, `select count(*) from messages where withdrawn`))
	require.Equal(t, 3, scan[int](t, s, `select count(*) from events where code = 'message.withdrawn'`))

	order, err := s.EraseContact(t.Context(), root, kept, "asked_for")
	require.NoError(t, err)
	erasedBy(t, s, order.ID, forgotten)
	require.Zero(t, scan[int](t, s, `select count(*) from messages where body <> '' or subject <> '' or message_id <> ''`))
	require.Zero(t, scan[int](t, s, `select count(*) from contact_attributes`))
	require.Equal(t, 3, scan[int](t, s, `select count(*) from events where code = 'message.withdrawn'`), "the audit stays")
}
