package mail

import (
	"bytes"
	"net/mail"
	"strings"
	"time"
)

// rawField is a header field before decoding: its name, and its value unfolded.
type rawField struct {
	name  string
	value []byte
}

type header []rawField

// get gives the first field of that name.
func (h header) get(name string) string {
	for _, f := range h {
		if strings.EqualFold(f.name, name) {
			return string(f.value)
		}
	}
	return ""
}

func (h header) all(name string) (values [][]byte) {
	for _, f := range h {
		if strings.EqualFold(f.name, name) {
			values = append(values, f.value)
		}
	}
	return values
}

// add keeps one line of a header: a field, or the continuation of the one
// before it. A line that is neither is dropped, unless the field before it is
// visibly unfinished: some programs wrap without indenting. It answers false
// for a stray line before the first field.
func (h *header) add(line []byte) bool {
	folded := line[0] == ' ' || line[0] == '\t'
	if !folded {
		if name, value, ok := cutField(line); ok {
			if len(*h) < maxFields {
				*h = append(*h, rawField{name: string(name), value: clipped(value, maxValue)})
			}
			return true
		}
	}
	if len(*h) == 0 {
		return false
	}
	last := &(*h)[len(*h)-1]
	if !folded && !unfinished(last.value) {
		return true
	}
	if len(last.value)+len(line) < maxValue {
		if !folded {
			last.value = append(last.value, ' ')
		}
		last.value = append(last.value, line...)
	}
	return true
}

// unfinished reports whether a value must go on: it ends in a separator, or inside quotes.
func unfinished(value []byte) bool {
	return bytes.HasSuffix(value, []byte(";")) || bytes.HasSuffix(value, []byte(",")) || bytes.Count(value, []byte(`"`))%2 == 1
}

// cutField splits "Name: value". A name is printable ASCII without spaces; some
// programs put spaces before the colon.
func cutField(line []byte) (name, value []byte, ok bool) {
	name, value, ok = bytes.Cut(line, []byte(":"))
	if !ok {
		return nil, nil, false
	}
	name = bytes.TrimRight(name, " \t")
	if len(name) == 0 || len(name) > 200 {
		return nil, nil, false
	}
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return nil, nil, false
		}
	}
	return name, bytes.Trim(value, " \t"), true
}

// messageIDs finds the ids in In-Reply-To or References: what stands in angle
// brackets, or else what looks like an id.
func messageIDs(values []string) (ids []string) {
	for _, value := range values {
		bracketed := strings.Contains(value, "<")
		for _, word := range strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' || r == '<' }) {
			id, _, closed := strings.Cut(word, ">")
			if len(ids) < maxIDs && len(id) < 1000 && strings.Contains(id, "@") && (closed || !bracketed) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// firstID gives the Message-ID. An id without @, or with spaces in it, still
// names a message: what stands between the brackets counts.
func firstID(h header) string {
	value := decodeValue([]byte(h.get("Message-Id")))
	if _, after, ok := strings.Cut(value, "<"); ok {
		value, _, _ = strings.Cut(after, ">")
	}
	value = strings.TrimSpace(value)
	if len(value) > 1000 {
		return ""
	}
	return value
}

// dateForms are written by programs that do not keep to RFC 5322.
var dateForms = []string{
	time.RFC3339, time.ANSIC, time.UnixDate, time.RubyDate, time.RFC850, "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05",
	"Mon, 2 Jan 2006 15:04:05", "2 Jan 2006 15:04:05", "Mon Jan 2 15:04:05 2006 -0700", "Mon, 2 Jan 06 15:04:05 -0700",
}

func parseDate(value string) (time.Time, bool) {
	value = strings.Join(strings.Fields(value), " ")
	at, err := mail.ParseDate(value)
	for i := 0; err != nil && i < len(dateForms); i++ {
		at, err = time.Parse(dateForms[i], value)
	}
	if err != nil || at.Year() < 1970 || at.Year() > 9999 {
		return time.Time{}, false
	}
	return at, true
}
