package mms

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime/quotedprintable"
	"strings"
)

// Limits of what is unfolded.
const (
	maxParts  = 500      // of one message
	maxNested = 10       // multiparts inside each other
	maxHeader = 64 << 10 // bytes of one part's header
	maxFields = 200      // of one part's header
)

// entity is a header and what follows it; the body is a slice of the input, still encoded.
type entity struct {
	header []field
	media  media
	body   []byte
	parts  []*entity // of a multipart
}

type field struct{ name, value string }

func (e *entity) get(name string) string {
	for _, f := range e.header {
		if strings.EqualFold(f.name, name) {
			return f.value
		}
	}
	return ""
}

// readEntity takes a header off the front; everything behind it is the body. A part may have none: it begins with its content then.
func readEntity(b []byte) *entity {
	e := &entity{}
	rest := b
	for len(rest) > 0 && len(b)-len(rest) < maxHeader && len(e.header) < maxFields {
		line, after := cutLine(rest)
		if len(line) == 0 {
			e.body = after
			e.media = parseMedia(e.get("Content-Type"))
			return e
		}
		name, value, ok := cutField(line)
		switch {
		case ok:
			e.header = append(e.header, field{name, value})
		case len(e.header) > 0 && (line[0] == ' ' || line[0] == '\t'):
			last := &e.header[len(e.header)-1]
			last.value += " " + strings.TrimSpace(string(line))
		default: // no header at all, or the blank line behind it is missing
			e.body = rest
			e.media = parseMedia(e.get("Content-Type"))
			return e
		}
		rest = after
	}
	e.body = rest
	e.media = parseMedia(e.get("Content-Type"))
	return e
}

func cutField(line []byte) (name, value string, ok bool) {
	n, v, ok := bytes.Cut(line, []byte(":"))
	n = bytes.TrimRight(n, " \t")
	if !ok || len(n) == 0 || len(n) > 100 {
		return "", "", false
	}
	for _, c := range n {
		if c <= ' ' || c >= 0x7f || c == '<' || c == '"' {
			return "", "", false
		}
	}
	return string(n), strings.TrimSpace(string(v)), true
}

// cutLine gives the first line without its end, and what follows.
func cutLine(b []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(b, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), rest
}

// splitter divides multiparts, within the limits for a whole message.
type splitter struct {
	parts    int
	problems *[]string
}

// split divides a multipart's body at its boundary (RFC 2046 section 5.1.1). Blanks behind a delimiter, bare line feeds, a boundary that the
// header does not name rightly, and an end that is missing are all met in practice.
func (s *splitter) split(e *entity, depth int) {
	if depth > maxNested {
		s.note("parts_nested_too_deep")
		return
	}
	boundary := e.media.params["boundary"]
	if boundary == "" || !bytes.Contains(e.body, []byte("--"+boundary)) {
		sniffed := firstBoundary(e.body)
		if sniffed == "" {
			s.note("no_boundary")
			return
		}
		boundary = sniffed
		s.note("boundary_not_declared")
	}
	delimiter := []byte("--" + boundary)
	begin, closed := -1, false
	for at := 0; at < len(e.body); {
		line, rest := cutLine(e.body[at:])
		next := len(e.body) - len(rest)
		if tail, is := bytes.CutPrefix(line, delimiter); is {
			tail = bytes.TrimRight(tail, " \t")
			if end := bytes.Equal(tail, []byte("--")); end || len(tail) == 0 {
				if begin >= 0 && !s.add(e, dropLineEnd(e.body[begin:at]), depth) {
					return
				}
				begin = next
				if end {
					closed = true
					break
				}
			}
		}
		at = next
	}
	if !closed {
		s.note("last_boundary_missing")
		if begin >= 0 && begin < len(e.body) {
			s.add(e, e.body[begin:], depth)
		}
	}
}

// add reads one part and what is in it; false when the message has too many.
func (s *splitter) add(to *entity, b []byte, depth int) bool {
	if s.parts++; s.parts > maxParts {
		s.note("too_many_parts")
		return false
	}
	part := readEntity(b)
	if strings.HasPrefix(part.media.typ, "multipart/") {
		s.split(part, depth+1)
	}
	to.parts = append(to.parts, part)
	return true
}

func (s *splitter) note(problem string) { note(s.problems, problem) }

// firstBoundary reads the delimiter off the first line that looks like one.
func firstBoundary(b []byte) string {
	for range 20 {
		line, rest := cutLine(b)
		if boundary, ok := bytes.CutPrefix(bytes.TrimRight(line, " \t"), []byte("--")); ok && len(boundary) > 0 && len(boundary) <= 200 {
			return string(boundary)
		}
		if len(rest) == 0 || len(bytes.TrimSpace(line)) > 0 && looksLikeXML(line) {
			return ""
		}
		b = rest
	}
	return ""
}

// dropLineEnd takes off the line end that belongs to the delimiter behind it.
func dropLineEnd(b []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
}

// decoded takes the transfer encoding off (RFC 2045 section 6); whole is false where it is damaged, and what could be read is given.
func (e *entity) decoded() (b []byte, whole bool) {
	switch strings.ToLower(strings.TrimSpace(e.get("Content-Transfer-Encoding"))) {
	case "base64":
		return decodeBase64(e.body)
	case "quoted-printable":
		b, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(e.body)))
		return b, err == nil
	}
	return e.body, true
}

func decodeBase64(src []byte) (b []byte, whole bool) {
	whole = true
	clean := make([]byte, 0, len(src))
	for _, c := range src {
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '+', c == '/':
			clean = append(clean, c)
		case c == '=', c == '\r', c == '\n', c == ' ', c == '\t':
		default:
			whole = false
		}
	}
	if len(clean)%4 == 1 {
		clean, whole = clean[:len(clean)-1], false
	}
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(clean)))
	n, err := base64.RawStdEncoding.Decode(out, clean)
	var corrupt base64.CorruptInputError
	if errors.As(err, &corrupt) {
		whole = false
	}
	return out[:n], whole
}
