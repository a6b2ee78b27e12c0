package test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/store"
	"parley/store/storetest"
)

// TestAnAdapterIsOneFolderAndOneLine follows docs/adding-an-adapter.md to the letter in a copy of the sources: the copied example passes its suite and the house's rules, and behind one
// line the program takes the page's configuration, and says what is wrong with a bad one.
func TestAnAdapterIsOneFolderAndOneLine(t *testing.T) {
	needStack(t)
	s := storetest.New(t, store.Options{})
	there := t.TempDir()
	copySources(t, there)
	guide := filepath.Join(there, "docs", "adding-an-adapter.md")
	blocks := commandBlocks(t, guide)
	require.Len(t, blocks, 2, "a block that no test follows")
	for _, block := range blocks {
		command := exec.CommandContext(t.Context(), "sh", "-exc", block)
		command.Dir, command.Env = there, append(os.Environ(), "GOFLAGS=-buildvcs=false")
		said, err := command.CombinedOutput()
		require.NoError(t, err, string(said))
	}

	page, err := os.ReadFile(guide)
	require.NoError(t, err)
	setup := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(string(page))
	require.NotNil(t, setup)
	apply := func(setup string) (string, error) {
		command := exec.CommandContext(t.Context(), filepath.Join(there, "bin", "parley"), "apply", "-f", "-")
		command.Dir, command.Env = there, append(os.Environ(), "PARLEY_DATABASE_URL="+s.Pool().Config().ConnString())
		command.Stdin = strings.NewReader(setup)
		said, err := command.CombinedOutput()
		return string(said), err
	}
	said, err := apply(setup[1])
	require.NoError(t, err, said)
	said, err = apply(strings.ReplaceAll(setup[1], "peer.example.net:2000", "nowhere"))
	require.Error(t, err)
	require.Contains(t, said, "settings.address")
	links, err := s.Links(t.Context())
	require.NoError(t, err)
	require.Len(t, links, 1)
	require.Equal(t, "yours", links[0].Kind)
}

// copySources copies what is in the repository, without what was built or installed there.
func copySources(t *testing.T, to string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(source, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		switch base := filepath.Base(name); {
		case d.IsDir() && (base == ".git" || base == "bin" || base == "node_modules" || base == ".parley"):
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), content, 0o644)
	}))
}
