package rules

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxCaptured bounds one value that a pattern attaches; the rest is cut off.
const maxCaptured = 1 << 10

// captured is one piece of data found by a pattern.
type captured struct{ key, value string }

// group says which group of a pattern becomes which data.
type group struct {
	number int
	key    string
}

// exists, find, equals and pattern are the compiled comparisons.
type (
	exists struct{ field field }
	find   struct {
		field     field
		text      string // as written
		matchCase bool
		needs     literal
	}
	equals struct {
		field     field
		text      string
		matchCase bool
	}
	pattern struct {
		field  field
		regexp *regexp.Regexp
		groups []group   // of a regex_find
		needs  []literal // one of these stands in every text that matches; none: unknown
	}
)

func (c exists) holds(m *message) bool {
	for _, v := range m.values(c.field) {
		if v.text != "" {
			return true
		}
	}
	return false
}

func (c find) holds(m *message) bool {
	for _, v := range m.values(c.field) {
		if !m.has(v, c.needs) {
			continue
		}
		if !c.matchCase || strings.Contains(v.text, c.text) {
			return true
		}
	}
	return false
}

func (c equals) holds(m *message) bool {
	for _, v := range m.values(c.field) {
		if v.text == c.text || !c.matchCase && strings.EqualFold(v.text, c.text) {
			return true
		}
	}
	return false
}

func (c pattern) holds(m *message) bool {
	for _, v := range m.values(c.field) {
		if !c.possible(m, v) {
			continue
		}
		if len(c.groups) == 0 {
			if c.regexp.MatchString(v.text) {
				return true
			}
			continue
		}
		found := c.regexp.FindStringSubmatchIndex(v.text)
		if found == nil {
			continue
		}
		for _, g := range c.groups {
			if from, to := found[2*g.number], found[2*g.number+1]; from >= 0 {
				m.captured = append(m.captured, captured{g.key, cut(v.text[from:to], maxCaptured)})
			}
		}
		return true
	}
	return false
}

func (c pattern) possible(m *message, v *value) bool {
	if len(c.needs) == 0 {
		return true
	}
	for _, l := range c.needs {
		if m.has(v, l) {
			return true
		}
	}
	return false
}

// cut shortens text to at most n bytes without splitting a character.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
