package mailauth

import (
	"bytes"
	"regexp"
	"strings"
)

// field is a header field as it came, with its folds; the value begins behind the colon.
type field struct {
	name, value string
}

// message is a mail split for signing: line ends are CRLF.
type message struct {
	fields []field
	body   []byte
}

// splitHeader takes a mail apart. A line that is no field is left out.
func splitHeader(raw []byte) (m message) {
	for len(raw) > 0 {
		line, rest, _ := bytes.Cut(raw, []byte("\r\n"))
		raw = rest
		if len(line) == 0 {
			m.body = raw
			return m
		}
		if (line[0] == ' ' || line[0] == '\t') && len(m.fields) > 0 {
			m.fields[len(m.fields)-1].value += "\r\n" + string(line)
			continue
		}
		if name, value, ok := strings.Cut(string(line), ":"); ok && len(m.fields) < 5000 {
			m.fields = append(m.fields, field{name, value})
		}
	}
	return m
}

var blanks = regexp.MustCompile(`[ \t]+`)

// relaxedField is RFC 6376 section 3.4.2, without the line end.
func relaxedField(f field) string {
	value := strings.ReplaceAll(f.value, "\r\n", "")
	value = strings.Trim(blanks.ReplaceAllString(value, " "), " ")
	return strings.ToLower(strings.TrimRight(f.name, " \t")) + ":" + value
}

// simpleField is RFC 6376 section 3.4.1, without the line end.
func simpleField(f field) string { return f.name + ":" + f.value }

// simpleBody is RFC 6376 section 3.4.3: one line end at the end.
func simpleBody(body []byte) []byte {
	for bytes.HasSuffix(body, []byte("\r\n\r\n")) {
		body = body[:len(body)-2]
	}
	switch {
	case len(body) == 0 || string(body) == "\r\n":
		return []byte("\r\n")
	case !bytes.HasSuffix(body, []byte("\r\n")):
		return append(body[:len(body):len(body)], "\r\n"...)
	}
	return body
}

// relaxedBody is RFC 6376 section 3.4.4: white space collapsed, and none at line ends. An empty body stays empty.
func relaxedBody(body []byte) []byte {
	out := make([]byte, 0, len(body)+2)
	for len(body) > 0 {
		line, rest, _ := bytes.Cut(body, []byte("\r\n"))
		body = rest
		line = bytes.TrimRight(blanks.ReplaceAll(line, []byte(" ")), " ")
		out = append(append(out, line...), "\r\n"...)
	}
	for bytes.HasSuffix(out, []byte("\r\n\r\n")) {
		out = out[:len(out)-2]
	}
	if string(out) == "\r\n" {
		return nil
	}
	return out
}
