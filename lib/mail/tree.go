package mail

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"parley/lib/mail/tnef"
)

// part is one node of a message. Its body is a slice of the raw message, still encoded.
type part struct {
	index    int // position in document order; the whole message is 0
	header   header
	media    media  // of Content-Type
	dispo    media  // of Content-Disposition
	parent   string // media type of the part around it
	body     []byte
	children []*part
}

// errTooMany and errTooDeep stop the splitting. The numbers are in the text because people read it.
var (
	errTooMany = fmt.Errorf("it has more than %d parts", maxParts)
	errTooDeep = fmt.Errorf("its parts are nested deeper than %d", maxDepth)
)

// split finds the parts of a message in one pass. The root is always given and
// has its header; after an error it has no children.
func split(src []byte) (*part, error) {
	if bytes.HasPrefix(src, tnef.Signature) { // somebody saved winmail.dat alone
		return &part{media: media{typ: "application/ms-tnef"}, body: src}, nil
	}
	s := &splitter{src: src, levels: map[string][]int{}}
	root, err := s.part("text/plain", "", 0)
	if err != nil {
		s = &splitter{src: src, levels: map[string][]int{}}
		root = s.open("text/plain", "")
		root.body = src[s.pos:]
	}
	return root, err
}

// splitter walks over src once. levels holds the boundaries that are open, so
// that the line that ends an outer part is seen inside an unfinished inner one.
// Some programs give an inner multipart the boundary of the outer one: the
// innermost open one counts.
type splitter struct {
	src    []byte
	pos    int
	count  int
	levels map[string][]int // boundary → depths of the open multiparts that have it, from 1
}

// delimiter is a boundary line.
type delimiter struct {
	start, next int  // of its line, and of the line behind it
	level       int  // depth of the multipart it belongs to; 0 is the end of the message
	closing     bool // it has the two dashes behind
}

// open reads a part's header and stands at its body.
func (s *splitter) open(defaultType, parent string) *part {
	p := &part{index: s.count, parent: parent}
	s.count++
	for s.pos < len(s.src) {
		line, rest := cutLine(s.src[s.pos:])
		if len(line) == 0 {
			s.pos = len(s.src) - len(rest)
			break
		}
		if _, ok := s.boundary(line); ok {
			break // a part that ends inside its header
		}
		if !p.header.add(line) {
			separator := strings.HasPrefix(parent, "message/") && bytes.HasPrefix(line, []byte("From ")) // of a mailbox
			if !separator && (parent != "" || !startsSomeHeader(rest)) {
				break // no header at all: the body begins here
			}
		}
		s.pos = len(s.src) - len(rest)
	}
	p.media = parseMedia(p.header.get("Content-Type"))
	if p.media.typ == "" {
		p.media.typ = defaultType
	}
	p.dispo = parseMedia(p.header.get("Content-Disposition"))
	return p
}

// startsSomeHeader reports whether a header field follows within the next few
// lines: the line before was a bad top line, not the start of a bare body.
func startsSomeHeader(b []byte) bool {
	for range 3 {
		var line []byte
		line, b = cutLine(b)
		if len(line) == 0 {
			return false
		}
		if _, _, ok := cutField(line); ok {
			return true
		}
	}
	return false
}

// part reads one part and everything in it, and leaves pos at the delimiter line that ended it.
func (s *splitter) part(defaultType, parent string, depth int) (*part, error) {
	if s.count >= maxParts {
		return nil, errTooMany
	}
	if depth > maxDepth {
		return nil, errTooDeep
	}
	p := s.open(defaultType, parent)
	start := s.pos
	switch boundary := p.media.params["boundary"]; {
	case strings.HasPrefix(p.media.typ, "multipart/") && boundary != "":
		return p, s.multipart(p, boundary, depth)
	case isMessage(p):
		inner, err := s.part("text/plain", p.media.typ, depth+1)
		if err != nil {
			return p, err
		}
		p.children = []*part{inner}
		p.body = s.src[start:s.trimmed(start, s.next().start)]
	default:
		s.pos = s.next().start
		p.body = s.src[start:s.trimmed(start, s.pos)]
	}
	return p, nil
}

// multipart reads the children of p. A delimiter of an outer part ends it: it was cut off.
func (s *splitter) multipart(p *part, boundary string, depth int) error {
	level, start := depth+1, s.pos
	outer := s.levels[boundary]
	s.levels[boundary] = append(outer[:len(outer):len(outer)], level)
	defer s.leave(boundary, outer)
	kind := "text/plain"
	if p.media.typ == "multipart/digest" {
		kind = "message/rfc822"
	}
	for {
		d := s.next()
		s.pos = d.start
		if d.level != level {
			break
		}
		s.pos = d.next
		if d.closing {
			s.leave(boundary, outer)
			s.pos = s.next().start // the epilogue is nobody's
			break
		}
		child, err := s.part(kind, p.media.typ, level)
		if err != nil {
			return err
		}
		p.children = append(p.children, child)
	}
	p.body = s.src[start:s.trimmed(start, s.pos)]
	return nil
}

// leave forgets a boundary, as far as no multipart around has it too.
func (s *splitter) leave(boundary string, outer []int) {
	if len(outer) > 0 {
		s.levels[boundary] = outer
	} else {
		delete(s.levels, boundary)
	}
}

// next finds the next delimiter line from pos on.
func (s *splitter) next() delimiter {
	for at := s.pos; len(s.levels) > 0 && at < len(s.src); {
		if at > 0 && s.src[at-1] != '\n' || !bytes.HasPrefix(s.src[at:], []byte("--")) {
			found := bytes.Index(s.src[at:], []byte("\n--"))
			if found < 0 {
				break
			}
			at += found + 1
		}
		line, rest := cutLine(s.src[at:])
		if d, ok := s.boundary(line); ok {
			d.start, d.next = at, len(s.src)-len(rest)
			return d
		}
		at = len(s.src) - len(rest)
	}
	return delimiter{start: len(s.src), next: len(s.src)}
}

// boundary reports whether the line is one of the open boundaries. White space
// behind it is allowed (RFC 2046 section 5.1.1).
func (s *splitter) boundary(line []byte) (d delimiter, ok bool) {
	if len(line) > maxValue || !bytes.HasPrefix(line, []byte("--")) {
		return d, false
	}
	name := bytes.TrimRight(line[2:], " \t\r")
	if open := s.levels[string(name)]; len(open) > 0 {
		return delimiter{level: open[len(open)-1]}, true
	}
	if name, closing := bytes.CutSuffix(name, []byte("--")); closing {
		if open := s.levels[string(name)]; len(open) > 0 {
			return delimiter{level: open[len(open)-1], closing: true}, true
		}
	}
	return d, false
}

// trimmed gives end without the line break before it, which belongs to the delimiter.
func (s *splitter) trimmed(start, end int) int {
	if end == len(s.src) {
		return end
	}
	if end > start && s.src[end-1] == '\n' {
		end--
	}
	if end > start && s.src[end-1] == '\r' {
		end--
	}
	return end
}

// isMessage reports whether p holds another message as it is, not in an encoding.
func isMessage(p *part) bool {
	switch encodingOf(p) {
	case "", "7bit", "8bit", "binary":
		return p.media.typ == "message/rfc822" || p.media.typ == "message/global"
	}
	return false
}

// walk calls visit for p and everything in it, in document order, until visit answers false for a part: its inside is left out.
func (p *part) walk(visit func(*part) bool) {
	if !visit(p) {
		return
	}
	for _, c := range p.children {
		c.walk(visit)
	}
}

// errNoPart is what Part answers for an index that the message does not have.
var errNoPart = errors.New("the message has no such part")

// Part extracts the decoded bytes of one part, by the index that an Attachment names.
func Part(raw []byte, index int) ([]byte, error) {
	src, _ := clean(raw)
	root, err := split(src)
	if err != nil {
		return nil, fmt.Errorf("part %d: %w", index, err)
	}
	var found *part
	root.walk(func(p *part) bool {
		if p.index == index&(1<<innerBits-1) {
			found = p
		}
		return found == nil
	})
	if found == nil {
		return nil, fmt.Errorf("part %d: %w", index, errNoPart)
	}
	data, _ := decodeBody(found)
	if inner := index >> innerBits; inner > 0 {
		return innerData(found, data, inner-1)
	}
	return data, nil
}
