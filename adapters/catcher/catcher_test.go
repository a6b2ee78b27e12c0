package catcher

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/interaction"
	"parley/lib/mail"
)

func TestSends(t *testing.T) {
	adaptertest.Send(t, func(t *testing.T) adaptertest.Outlet {
		c, err := New(t.TempDir(), "", nil)
		require.NoError(t, err)
		return adaptertest.Outlet{Sender: c, Left: func() int {
			list, err := c.List(10)
			require.NoError(t, err)
			return len(list)
		}}
	})
}

func commit(context.Context) error { return nil }

func TestARepeatAddsNoFile(t *testing.T) {
	c, err := New(t.TempDir(), "", nil)
	require.NoError(t, err)
	for range 2 {
		require.Equal(t, interaction.SendSent, c.Send(t.Context(), adaptertest.Example(), commit).State)
	}
	other := adaptertest.Example()
	other.MessageID, other.Key = "m2@example.test", "reply/2"
	require.Equal(t, interaction.SendSent, c.Send(t.Context(), other, commit).State)

	list, err := c.List(10)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, "Re: question", list[0].Subject)
	require.Equal(t, "anna@example.org", list[0].To[0].Address)
	raw, err := c.Open(list[0].Name)
	require.NoError(t, err)
	require.Equal(t, "An answer.\n", mail.Parse(raw).Text)
	require.EqualValues(t, len(raw), list[0].Size)
}

func TestOpenLeavesNoFolder(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("x"), 0o600))
	c, err := New(filepath.Join(dir, "outbox"), "", nil)
	require.NoError(t, err)
	for _, name := range []string{"../secret", "secret", "", "..", "00000000000000000000000000000000.eml"} {
		_, err := c.Open(name)
		require.Equal(t, interaction.KindUnknown, interaction.KindOf(err), name)
	}
}

func TestAFolderThatCannotBeWrittenKeepsTheMessageQueued(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "outbox")
	c, err := New(dir, "", nil)
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(dir))
	o := c.Send(t.Context(), adaptertest.Example(), func(context.Context) error {
		t.Error("commit was called")
		return nil
	})
	require.Equal(t, interaction.SendQueued, o.State)
}
