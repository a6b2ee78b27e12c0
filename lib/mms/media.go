package mms

import (
	"mime"
	"net/url"
	"path"
	"strings"
)

// media is the value of a Content-Type field: the type in lower case and its parameters, names in lower case.
type media struct {
	typ    string
	params map[string]string
}

// maxParams bounds how many parameters of one field are looked at.
const maxParams = 50

// parseMedia reads what can be read: centres leave quotes out, put blanks around "=", and repeat parameters. The first of equal names counts.
func parseMedia(value string) media {
	m := media{params: map[string]string{}}
	typ, rest, _ := strings.Cut(value, ";")
	m.typ = strings.ToLower(strings.Trim(strings.TrimSpace(typ), `"'`))
	if i := strings.IndexAny(m.typ, " \t,"); i > 0 {
		m.typ = m.typ[:i]
	}
	for rest != "" && len(m.params) < maxParams {
		var name, val string
		if name, val, rest = cutParam(rest); name == "" {
			continue
		}
		if base, extended := strings.CutSuffix(name, "*"); extended { // RFC 2231 section 4
			name, val = base, extendedValue(val)
		}
		if _, had := m.params[name]; !had {
			m.params[name] = val
		}
	}
	return m
}

// cutParam takes one "name=value" from the front, quoted or not.
func cutParam(s string) (name, value, rest string) {
	s = strings.TrimLeft(s, " \t\r\n;")
	i := strings.IndexAny(s, "=;")
	if i < 0 || s[i] == ';' {
		_, rest, _ = strings.Cut(s, ";")
		return "", "", rest
	}
	name = strings.ToLower(strings.TrimSpace(s[:i]))
	s = strings.TrimLeft(s[i+1:], " \t")
	if !strings.HasPrefix(s, `"`) {
		value, rest, _ = strings.Cut(s, ";")
		return name, strings.TrimSpace(value), rest
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == '"':
			_, rest, _ = strings.Cut(s[i+1:], ";")
			return name, b.String(), rest
		default:
			b.WriteByte(s[i])
		}
	}
	return name, b.String(), "" // the closing quote is missing
}

// extendedValue reads charset'language'percent-encoded.
func extendedValue(s string) string {
	label, rest, ok := strings.Cut(s, "'")
	if !ok {
		return s
	}
	_, rest, _ = strings.Cut(rest, "'")
	raw, err := url.PathUnescape(rest)
	if err != nil {
		return rest
	}
	text, _ := decodeText(label, []byte(raw))
	return text
}

var words = mime.WordDecoder{CharsetReader: charsetReader}

// readable decodes the words of RFC 2047 and leaves nothing in that could begin a line or a field of its own.
func readable(s string) string {
	if decoded, err := words.DecodeHeader(s); err == nil {
		s = decoded
	}
	s, _ = decodeText("", []byte(s))
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s))
}

// label makes a name of a Content-Location or name parameter: its last element without percent codes, never a path.
func label(s string) string {
	s = readable(s)
	if plain, err := url.PathUnescape(s); err == nil {
		s = readable(plain)
	}
	s = path.Base(strings.ReplaceAll(s, `\`, "/"))
	if s == "." || s == "/" || s == ".." {
		return ""
	}
	return shorten(s, 200)
}

// shorten cuts a text to n bytes at a rune's edge.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
