package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

type mark struct {
	UID int `json:"uid"`
}

func withLink(t *testing.T) *store.Store {
	s := storetest.New(t, store.Options{})
	putLink(t, s, "mail.example.test")
	return s
}

func putLink(t *testing.T, s *store.Store, host string) {
	t.Helper()
	_, err := s.ApplyChanges(t.Context(), storetest.Person(t, s, "root"), interaction.Setup{Links: []interaction.Link{{
		Name: "box", Kind: "imap", EntryPoint: "support", Settings: map[string]any{"host": host}, Secret: "env:PARLEY_LINK_BOX",
	}}}, false)
	require.NoError(t, err)
}

func takeLinks(t *testing.T, s *store.Store, holder string) []*store.LinkLease {
	t.Helper()
	list, err := s.TakeLinks(t.Context(), holder, []string{"imap"})
	require.NoError(t, err)
	return list
}

func TestALinkHasOneHolderWhoMovesItsPosition(t *testing.T) {
	s := withLink(t)
	none, err := s.TakeLinks(t.Context(), "p1", []string{"smpp"})
	require.NoError(t, err)
	require.Empty(t, none, "of another kind")

	first := takeLinks(t, s, "p1")
	require.Len(t, first, 1)
	require.Equal(t, "mail.example.test", first[0].Link().Settings["host"])
	require.Empty(t, takeLinks(t, s, "p2"), "held")
	at := mark{UID: 7}
	require.NoError(t, first[0].Position(t.Context(), &at))
	require.Equal(t, 7, at.UID, "nothing was kept yet")
	require.NoError(t, first[0].Move(t.Context(), mark{UID: 12}))
	again := takeLinks(t, s, "p1")
	require.Equal(t, first[0].Epoch(), again[0].Epoch(), "renewed")

	exec(t, s, `update links set leased_until = now() - interval '1 second'`) // p1 stood still
	second := takeLinks(t, s, "p2")
	require.Len(t, second, 1)
	require.Greater(t, second[0].Epoch(), first[0].Epoch())
	require.NoError(t, second[0].Position(t.Context(), &at))
	require.Equal(t, 12, at.UID)
	require.NoError(t, second[0].Move(t.Context(), mark{UID: 20}))
	err = first[0].Move(t.Context(), mark{UID: 13})
	require.Equal(t, interaction.KindConflict, interaction.KindOf(err), "an old holder moves nothing: %v", err)
	first[0].Tell(t.Context(), interaction.LinkUp, "an old holder says nothing")
	second[0].Tell(t.Context(), interaction.LinkAway, "connection refused")
	views, err := s.Links(t.Context())
	require.NoError(t, err)
	require.Equal(t, interaction.LinkAway, views[0].State)
	require.Equal(t, "p2", views[0].Holder)
	require.NoError(t, second[0].Position(t.Context(), &at))
	require.Equal(t, 20, at.UID)

	require.NoError(t, s.FreeLinks(t.Context(), "p2"))
	third := takeLinks(t, s, "p1")
	require.Len(t, third, 1, "given back, it is free at once")
	require.Greater(t, third[0].Epoch(), second[0].Epoch())
	exec(t, s, `update links set enabled = false`)
	require.Empty(t, takeLinks(t, s, "p1"))
	require.Error(t, third[0].Move(t.Context(), mark{}), "a disabled link is nobody's")
}

func TestALinkThatChangesKeepsItsPositionAndItsHolder(t *testing.T) {
	s := withLink(t)
	before := takeLinks(t, s, "p1")[0]
	require.NoError(t, before.Move(t.Context(), mark{UID: 3}))
	putLink(t, s, "imap.example.test")
	after := takeLinks(t, s, "p1")[0]
	require.Equal(t, before.Epoch(), after.Epoch())
	require.Greater(t, after.Version(), before.Version())
	require.Equal(t, "imap.example.test", after.Link().Settings["host"])
	var at mark
	require.NoError(t, after.Position(t.Context(), &at))
	require.Equal(t, 3, at.UID)
	require.WithinDuration(t, time.Now().Add(10*time.Second), after.Until(), 5*time.Second)
}
