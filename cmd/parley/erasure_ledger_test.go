package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// What was kept is read again, also behind a line that was cut off by a crash.
func TestLedgerOfErasures(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	l := (&config{Home: filepath.Join(t.TempDir(), "home")}).ledger()
	none, err := l.Read(log)
	require.NoError(t, err)
	require.Empty(t, none)

	first := interaction.ErasureRecord{Erasure: interaction.NewID(), Contacts: []interaction.ID{interaction.NewID()}, Sources: []string{"00ff"}}
	second := interaction.ErasureRecord{Erasure: interaction.NewID(), Contacts: []interaction.ID{interaction.NewID(), interaction.NewID()}}
	require.NoError(t, l.Keep(first))
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString("\n{\"erasure\":\"0199")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.NoError(t, l.Keep(second))

	list, err := l.Read(log)
	require.NoError(t, err)
	require.Equal(t, []interaction.ErasureRecord{first, second}, list)
	info, err := os.Stat(l.path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}
