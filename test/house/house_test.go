// Package house checks the repository itself: who may import whom, how migrations are numbered, how long files are,
// what is tracked, and that the container files are sound. It needs no server.
package house

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the repository, as seen from this package.
const root = "../.."

// tracked lists the files that git knows or would add, by their path from the root.
func tracked(t *testing.T) []string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "git", "-C", root,
		"ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Skipf("SKIPPED: git does not answer here (%v), so tracked files are unknown; run it in a clone", err)
	}
	var files []string
	for file := range strings.SplitSeq(string(output), "\x00") {
		if info, err := os.Stat(filepath.Join(root, file)); err == nil && info.Mode().IsRegular() {
			files = append(files, file)
		}
	}
	require.NotEmpty(t, files)
	return files
}
