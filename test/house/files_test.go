package house

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// longestFile is how many lines of Go one file may have; tests may be longer.
const longestFile = 499

func TestGoFilesAreShort(t *testing.T) {
	for _, file := range tracked(t) {
		if path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		if lines := bytes.Count(content, []byte("\n")); lines > longestFile {
			t.Errorf("%s has %d lines: split it by subject (at most %d)", file, lines, longestFile)
		}
	}
}

// largestFile is the size in bytes above which a file is a product or data of its own, not a source.
const largestFile = 2 << 20

// programs begin like this: ELF, Mach-O both ways round, Windows.
var programs = [][]byte{
	[]byte("\x7fELF"), []byte("\xcf\xfa\xed\xfe"), []byte("\xfe\xed\xfa\xcf"), []byte("\xca\xfe\xba\xbe"), []byte("MZ\x90"),
}

func TestNoBinariesAreTracked(t *testing.T) {
	for _, file := range tracked(t) {
		content, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		if slices.ContainsFunc(programs, func(magic []byte) bool { return bytes.HasPrefix(content, magic) }) {
			t.Errorf("%s is a program: build it, do not track it", file)
		}
		if len(content) > largestFile {
			t.Errorf("%s has %d bytes: too large to be a source", file, len(content))
		}
	}
}

// migrationName is such as 007_ledger.sql.
var migrationName = regexp.MustCompile(`^(\d{3})_[a-z0-9_]+\.sql$`)

func TestMigrationsAreNumberedWithoutGaps(t *testing.T) {
	const folder = "store/migrations/"
	var names []string
	for _, file := range tracked(t) {
		if strings.HasPrefix(file, folder) && path.Ext(file) == ".sql" {
			names = append(names, strings.TrimPrefix(file, folder))
		}
	}
	require.NotEmpty(t, names)
	slices.Sort(names)
	for i, name := range names {
		parts := migrationName.FindStringSubmatch(name)
		require.NotNil(t, parts, "%s%s: want a name such as 007_ledger.sql", folder, name)
		number, err := strconv.Atoi(parts[1])
		require.NoError(t, err)
		require.Equal(t, i+1, number, "%s%s: numbers go up by one from 001, each once", folder, name)
	}
}
