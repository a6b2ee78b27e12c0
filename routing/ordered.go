package routing

import (
	"cmp"
	"sort"

	"parley/interaction"
)

// entry is a place in a line: who stands where, by a, then b, then id.
type entry struct {
	a, b  int64
	id    interaction.ID
	ref   int32 // slot of the agent or task
	level int32 // of the agent in the skill that the line is for
}

func (e *entry) compare(o *entry) int {
	switch {
	case e.a != o.a:
		return cmp.Compare(e.a, o.a)
	case e.b != o.b:
		return cmp.Compare(e.b, o.b)
	}
	return cmp.Compare(e.id, o.id)
}

// chunkSize bounds what an insertion has to move.
const chunkSize = 128

// line is a sorted list in chunks: walked from the front without any allocation, changed in the middle by moving a
// chunk's part at most.
type line struct {
	chunks [][]entry // none is empty, except the only one
	n      int
}

// chunkOf gives the chunk that e is in or belongs into.
func (l *line) chunkOf(e *entry) int {
	after := sort.Search(len(l.chunks), func(i int) bool {
		c := l.chunks[i]
		return len(c) > 0 && c[0].compare(e) > 0
	})
	return max(after-1, 0)
}

func place(c []entry, e *entry) int {
	return sort.Search(len(c), func(i int) bool { return c[i].compare(e) >= 0 })
}

// insert puts e in; it must not be there.
func (l *line) insert(e entry) {
	l.n++
	if len(l.chunks) == 0 {
		l.chunks = append(l.chunks, append([]entry(nil), e))
		return
	}
	i := l.chunkOf(&e)
	c := l.chunks[i]
	at := place(c, &e)
	c = append(c, entry{})
	copy(c[at+1:], c[at:])
	c[at] = e
	l.chunks[i] = c
	if len(c) < chunkSize {
		return
	}
	half := len(c) / 2
	if at == len(c)-1 { // things mostly come in their order: leave full chunks behind
		half = len(c) - 1
	}
	second := make([]entry, len(c)-half, chunkSize)
	copy(second, c[half:])
	clear(c[half:])
	l.chunks[i] = c[:half]
	l.chunks = append(l.chunks, nil)
	copy(l.chunks[i+2:], l.chunks[i+1:])
	l.chunks[i+1] = second
}

// remove takes out what stands at e's place.
func (l *line) remove(e entry) {
	if len(l.chunks) == 0 {
		return
	}
	i := l.chunkOf(&e)
	c := l.chunks[i]
	at := place(c, &e)
	if at == len(c) || c[at].compare(&e) != 0 {
		return
	}
	l.n--
	copy(c[at:], c[at+1:])
	c[len(c)-1] = entry{}
	c = c[:len(c)-1]
	l.chunks[i] = c
	if len(c) == 0 && len(l.chunks) > 1 {
		copy(l.chunks[i:], l.chunks[i+1:])
		l.chunks[len(l.chunks)-1] = nil
		l.chunks = l.chunks[:len(l.chunks)-1]
	}
}
