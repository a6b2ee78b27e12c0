package mail

import (
	"net/url"
	"sort"
	"strconv"
	"strings"
)

// media is the value of a Content-Type or Content-Disposition field.
type media struct {
	typ    string            // lower case
	params map[string]string // names in lower case, RFC 2231 joined and decoded; the first of equal names counts
}

// parseMedia reads what can be read. Whatever is wrong in one parameter leaves the others alone.
func parseMedia(value string) media {
	m := media{params: map[string]string{}}
	typ, rest, _ := strings.Cut(stripComments(value), ";")
	m.typ = strings.ToLower(strings.Trim(strings.TrimSpace(typ), `"'<>`))
	if i := strings.IndexAny(m.typ, " \t,"); i > 0 {
		m.typ = m.typ[:i]
	}
	continued := map[string][]section{}
	for rest != "" && len(m.params) < 100 {
		var name, val string
		name, val, rest = cutParam(rest)
		if name == "" {
			continue
		}
		base, number, extended := paramName(name)
		switch {
		case number >= 0:
			continued[base] = append(continued[base], section{number, extended, val})
		case extended:
			m.params[base] = decodeExtended(val)
		case m.params[name] == "":
			m.params[name] = val
		}
	}
	for base, sections := range continued {
		if joined := joinSections(sections); joined != "" {
			m.params[base] = joined
		}
	}
	return m
}

// cutParam takes one "name=value;" from the front.
func cutParam(s string) (name, value, rest string) {
	s = strings.TrimLeft(s, " \t;")
	i := strings.IndexAny(s, "=;")
	if i < 0 {
		return "", "", ""
	}
	name = strings.ToLower(strings.TrimSpace(s[:i]))
	if s[i] == ';' {
		return "", "", s[i+1:]
	}
	s = strings.TrimLeft(s[i+1:], " \t")
	if !strings.HasPrefix(s, `"`) {
		value, rest, _ = strings.Cut(s, ";")
		return name, strings.TrimSpace(value), rest
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
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

// section is one piece of a parameter that is spread over several (RFC 2231 section 3).
type section struct {
	number   int
	extended bool
	value    string
}

// paramName takes "name", "name*", "name*0" or "name*0*" apart; number is -1 where there is none.
func paramName(s string) (base string, number int, extended bool) {
	base, extended = strings.CutSuffix(s, "*")
	name, digits, ok := strings.Cut(base, "*")
	if !ok {
		return base, -1, extended
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 || n > 1000 {
		return s, -1, false
	}
	return name, n, extended
}

// joinSections puts the pieces together; the charset stands in front of the first one.
func joinSections(sections []section) string {
	sort.SliceStable(sections, func(i, j int) bool { return sections[i].number < sections[j].number })
	charset, raw := "", []byte(nil)
	for i, s := range sections {
		value := s.value
		if s.extended && i == 0 {
			if cs, rest, ok := cutCharset(value); ok {
				charset, value = cs, rest
			}
		}
		if s.extended {
			value = unescape(value)
		}
		raw = append(raw, value...)
	}
	joined, _ := decodeCharset(charset, raw)
	return joined
}

// decodeExtended reads charset'language'percent-encoded (RFC 2231 section 4).
func decodeExtended(value string) string {
	charset, rest, ok := cutCharset(value)
	if !ok {
		return unescape(value)
	}
	s, _ := decodeCharset(charset, []byte(unescape(rest)))
	return s
}

func cutCharset(value string) (charset, rest string, ok bool) {
	charset, rest, ok = strings.Cut(value, "'")
	if ok {
		_, rest, ok = strings.Cut(rest, "'")
	}
	return charset, rest, ok
}

func unescape(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}

// stripComments removes "(…)" outside quotes, where it stands behind white space or at the start; a name such as Invoice(1).pdf stays.
func stripComments(s string) string {
	if !strings.Contains(s, "(") {
		return s
	}
	var b strings.Builder
	quoted, depth := false, 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && quoted && i+1 < len(s):
			b.WriteString(s[i : i+2])
			i++
			continue
		case c == '"' && depth == 0:
			quoted = !quoted
		case c == '(' && !quoted && (depth > 0 || i == 0 || s[i-1] == ' ' || s[i-1] == '\t' || s[i-1] == ';') && strings.Contains(s[i:], ")"):
			depth++
			continue
		case c == ')' && depth > 0:
			depth--
			continue
		}
		if depth == 0 {
			b.WriteByte(c)
		}
	}
	return b.String()
}
