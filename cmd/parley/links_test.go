package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

func TestSecretsComeFromTheirPlacesOnly(t *testing.T) {
	home := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(home, "secrets"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(home, "secrets", "box"), []byte("from a file\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(home, "other"), []byte("not for links"), 0o600))
	t.Setenv("PARLEY_LINK_BOX", "from the environment")
	t.Setenv("PARLEY_DATABASE_URL", "not for links")
	h := &house{config: config{Home: home}}
	for place, want := range map[string]string{"": "", "env:PARLEY_LINK_BOX": "from the environment", "file:box": "from a file"} {
		got, err := h.secret(interaction.Link{Name: "l", Secret: place})
		require.NoError(t, err, place)
		require.Equal(t, want, got, place)
	}
	for _, place := range []string{"env:PARLEY_LINK_NONE", "env:PARLEY_DATABASE_URL", "file:../other", "file:.", "file:" + filepath.Join(home, "other"), "file:none", "hunter2"} {
		_, err := h.secret(interaction.Link{Name: "l", Secret: place})
		require.Error(t, err, place)
	}
}

func TestALinkOfAnUnknownKindIsAFault(t *testing.T) {
	faults := checkLinks([]interaction.Link{{Name: "l", Kind: "pigeon"}})
	require.Len(t, faults, 1)
	require.Equal(t, "kind", faults[0].Field)
}
