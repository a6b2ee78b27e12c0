package diff

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWords(t *testing.T) {
	for _, c := range []struct {
		name, before, after string
		want                []Piece
	}{
		{"nothing", "", "", nil},
		{"the same", "It comes.\n", "It comes.\n", []Piece{{Same, "It comes.\n"}}},
		{"all new", "", "It comes.", []Piece{{Added, "It comes."}}},
		{"a word", "It comes some day.", "It comes on Friday.", []Piece{{Same, "It comes "}, {Removed, "some"}, {Added, "on"}, {Same, " "}, {Removed, "day."}, {Added, "Friday."}}},
		{"a line", "Dear Carla\n\nIt comes.", "Dear Carla\n\nThank you.\nIt comes.", []Piece{{Same, "Dear Carla\n"}, {Added, "\nThank you."}, {Same, "\nIt comes."}}},
		{"a line less", "a\nb\nc", "a\nc", []Piece{{Same, "a"}, {Removed, "\nb"}, {Same, "\nc"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Words(c.before, c.after)
			require.Equal(t, c.want, got)
			holds(t, c.before, c.after)
		})
	}
}

func joined(p []Piece, not Op) string {
	var b strings.Builder
	for _, piece := range p {
		if piece.Op != not {
			b.WriteString(piece.Text)
		}
	}
	return b.String()
}

// holds checks the promise: the pieces give both texts back.
func holds(t *testing.T, before, after string) {
	t.Helper()
	p := Words(before, after)
	require.Equal(t, before, joined(p, Added))
	require.Equal(t, after, joined(p, Removed))
}

func TestLongTextsAreNotCompared(t *testing.T) {
	long := strings.Repeat("word ", MaxText/10)
	require.Len(t, Words(long, long+"x"), 2)
	holds(t, long, long+"x")
	require.Len(t, Words(long, long), 1)
}

func FuzzWords(f *testing.F) {
	f.Add("a b", "a c")
	f.Add("\x00", "\n")
	f.Add("a\r\nb", "\xffa")
	f.Fuzz(func(t *testing.T, before, after string) { holds(t, before, after) })
}
