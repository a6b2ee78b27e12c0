package store_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// TestMergeAndUndo: two addresses of one person are one contact with one history; undone, each has his own again, and what came meanwhile stays with who was kept.
func TestMergeAndUndo(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ctx := t.Context()
	ann, carl := storetest.Person(t, s, "ann"), storetest.Person(t, s, "carl")
	contactOf := func(id interaction.ID) (contact interaction.ID) {
		require.NoError(t, s.Pool().QueryRow(ctx, `select contact_id from all_interactions where id = $1`, id).Scan(&contact))
		return contact
	}
	private, work := arrive(t, s, "anna@home.test", "From home"), arrive(t, s, "anna@work.test", "From work")
	_, err := s.Stop(ctx, work, 1, "answered")
	require.NoError(t, err)
	kept, merged := contactOf(private), contactOf(work)
	require.NotEqual(t, kept, merged)
	_, err = s.AddNote(ctx, ann, interaction.Note{Contact: merged, Text: "Prefers the telephone"})
	require.NoError(t, err)

	_, err = s.MergeContacts(ctx, carl, kept, merged)
	require.Equal(t, "unknown_contact", code(err), "who may not know of a contact merges none")
	_, err = s.MergeContacts(ctx, ann, kept, kept)
	require.Equal(t, "same_contact", code(err))
	m, err := s.MergeContacts(ctx, ann, kept, merged)
	require.NoError(t, err)
	require.Equal(t, kept, contactOf(work))
	v, err := s.Contact(ctx, ann, kept)
	require.NoError(t, err)
	require.Len(t, v.Attributes, 2)
	require.Len(t, v.Interactions, 2)
	_, err = s.Contact(ctx, ann, merged)
	require.Equal(t, "unknown_contact", code(err))
	_, err = s.MergeContacts(ctx, ann, kept, merged)
	require.Equal(t, "unknown_contact", code(err), "it is merged already")

	later := arrive(t, s, "anna@work.test", "From work again")
	require.Equal(t, kept, contactOf(later), "who writes from any of the addresses is she")

	list, err := s.Merges(ctx, ann, kept)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, ann.Agent, list[0].Agent)

	_, err = s.UnmergeContacts(ctx, ann, kept, interaction.NewID())
	require.Equal(t, "unknown_merge", code(err))
	_, err = s.UnmergeContacts(ctx, ann, kept, m.ID)
	require.NoError(t, err)
	require.Equal(t, merged, contactOf(work))
	require.Equal(t, kept, contactOf(private))
	require.Equal(t, kept, contactOf(later), "what came since stays")
	v, err = s.Contact(ctx, ann, merged)
	require.NoError(t, err)
	require.Equal(t, "anna@work.test", v.Attributes[0].Value)
	require.Equal(t, merged, contactOf(arrive(t, s, "anna@work.test", "And again")))
	_, err = s.UnmergeContacts(ctx, ann, kept, m.ID)
	require.Equal(t, "already_undone", code(err))
	var audited int
	require.NoError(t, s.Pool().QueryRow(ctx, `select count(*) from events where code in ('contact.merged', 'contact.unmerged')`).Scan(&audited))
	require.Equal(t, 2, audited)
}

// TestAMailThatArrivesWhileItsContactIsMerged: whatever is first, everything belongs to the one who was kept, and an answer finds its thread.
func TestAMailThatArrivesWhileItsContactIsMerged(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ctx := t.Context()
	ann := storetest.Person(t, s, "ann")
	for round := range 40 {
		who := fmt.Sprintf("anna%d@work.test", round)
		first := arrive(t, s, who, "First")
		private := arrive(t, s, fmt.Sprintf("anna%d@home.test", round), "From home")
		_, err := s.Stop(ctx, first, 1, "answered")
		require.NoError(t, err)
		var kept, merged, thread, raw interaction.ID
		require.NoError(t, s.Pool().QueryRow(ctx, `select contact_id from interactions where id = $1`, private).Scan(&kept))
		require.NoError(t, s.Pool().QueryRow(ctx, `select i.contact_id, i.thread_id, b.id from all_interactions i join inbound b on b.interaction_id = i.id where i.id = $1`, first).
			Scan(&merged, &thread, &raw))
		for n := range 4 {
			acceptMail(t, s, fmt.Sprintf("Round %d, mail %d", round, n))
		}
		taken, err := s.Take(ctx, 10)
		require.NoError(t, err)
		require.Len(t, taken, 4)
		start := make(chan struct{})
		var all sync.WaitGroup
		for n, in := range taken {
			p := interaction.Parsed{
				Message:    interaction.Message{Subject: "Next", From: interaction.Address{Address: who}, MessageID: string(in.ID) + "@customer.test"},
				Identities: []interaction.Attribute{{Kind: "email", Value: who}},
			}
			if n%2 == 0 {
				p.Follows = []string{string(raw) + "@customer.test"}
			}
			all.Go(func() {
				<-start
				if err := s.Settle(ctx, in, p); err != nil {
					t.Errorf("a mail was not settled: %v", err)
				}
			})
		}
		all.Go(func() {
			<-start
			if _, err := s.MergeContacts(ctx, ann, kept, merged); err != nil {
				t.Errorf("not merged: %v", err)
			}
		})
		all.Go(func() {
			<-start
			if _, err := s.AddNote(ctx, ann, interaction.Note{Interaction: first, Text: "Prefers the telephone"}); err != nil {
				t.Errorf("no note: %v", err)
			}
		})
		close(start)
		all.Wait()
		count := func(sql string, args ...any) (n int) {
			require.NoError(t, s.Pool().QueryRow(ctx, sql, args...).Scan(&n))
			return n
		}
		require.Zero(t, count(`select (select count(*) from all_interactions where contact_id = $1) + (select count(*) from threads where contact_id = $1)
			+ (select count(*) from notes where contact_id = $1) + (select count(*) from contact_attributes where contact_id = $1)`, merged), "round %d", round)
		require.Equal(t, 2, count(`select count(*) from messages m join all_interactions i on i.id = m.interaction_id where i.thread_id = $1 and m.subject = 'Next'`, thread),
			"round %d: answers join their thread", round)
	}
}
