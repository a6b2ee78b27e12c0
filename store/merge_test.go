package store_test

import (
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
