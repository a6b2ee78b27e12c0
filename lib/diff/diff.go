// Package diff tells two versions of a text apart, word by word, as people read a colleague's corrections.
package diff

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"
)

// Op is what became of a piece of text.
type Op string

// What becomes of pieces.
const (
	Same    Op = "same"
	Removed Op = "removed"
	Added   Op = "added"
)

// Piece is a run of words with one fate.
type Piece struct {
	Op   Op     `json:"op"`
	Text string `json:"text"`
}

// MaxText is how many bytes of both texts together are compared word by word; longer ones, and what is no text, are one piece removed and one
// added.
const MaxText = 256 << 10

// Words gives the pieces in the order of the text. Those that are same or removed are the text before, those that are same or added the
// text after, byte for byte.
func Words(before, after string) []Piece {
	var p pieces
	if len(before)+len(after) > MaxText || strings.Contains(before+after, escape) || !utf8.ValidString(before) || !utf8.ValidString(after) {
		if before == after {
			p.add(Same, before)
			return p
		}
		p.add(Removed, before)
		p.add(Added, after)
		return p
	}
	old, edited := lines(before), lines(after)
	at := 0
	for _, e := range udiff.Lines(old, edited) {
		p.add(Same, text(old[at:e.Start]))
		p.add(Removed, text(old[e.Start:e.End]))
		p.add(Added, text(e.New))
		at = e.End
	}
	p.add(Same, text(old[at:]))
	return p
}

type pieces []Piece

func (p *pieces) add(op Op, text string) {
	if text == "" {
		return
	}
	if n := len(*p); n > 0 && (*p)[n-1].Op == op {
		(*p)[n-1].Text += text
		return
	}
	*p = append(*p, Piece{op, text})
}

// escape stands for a line's end while words are compared as if they were lines.
const escape = "\x00"

// lines makes a line of each word and of each run of blanks.
func lines(s string) string {
	var b strings.Builder
	blank := false
	for n, r := range s {
		if is := unicode.IsSpace(r); n > 0 && (is != blank || r == '\n') {
			b.WriteByte('\n')
		}
		blank = unicode.IsSpace(r)
		if r == '\n' {
			b.WriteString(escape)
			continue
		}
		b.WriteRune(r)
	}
	if s != "" {
		b.WriteByte('\n')
	}
	return b.String()
}

func text(lines string) string {
	return strings.ReplaceAll(strings.ReplaceAll(lines, "\n", ""), escape, "\n")
}
