package files

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNames(t *testing.T) {
	for given, want := range map[string]string{
		"a.txt": "a.txt", "../../etc/passwd": "passwd", `C:\boot.ini`: "boot.ini", "": "file", "..": "file", "/": "file", "a\r\nb": "ab",
		"gnp\u202e.exe": "gnp.exe", strings.Repeat("ä", 200): strings.Repeat("ä", 100), "\xff\xfea": "a",
	} {
		require.Equal(t, want, Name(given), given)
	}
}

func TestTypesAreToldByContent(t *testing.T) {
	for name, c := range map[string]struct{ data, want string }{
		"a.png":  {"\x89PNG\r\n\x1a\n", "image/png"},
		"a.html": {"hello", "text/plain; charset=utf-8"},
		"a.txt":  {"<html><script>", "text/html; charset=utf-8"},
		"a.csv":  {"a,b\n", "text/csv; charset=utf-8"},
		"a.docx": {"PK\x03\x04", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
	} {
		require.Equal(t, c.want, Type(name, []byte(c.data)), name)
	}
}
