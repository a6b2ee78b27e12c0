package main

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// fileFault is one thing that is wrong in a configuration file: where, which value, and what to do about it, in one line.
type fileFault struct {
	file  string
	line  int
	key   string // such as queues[1].offer_seconds; empty: the file as a whole
	value string // as it is written; empty: none
	text  string
}

// Error is the line.
func (f *fileFault) Error() string {
	where := f.file
	if f.line > 0 {
		where += ":" + strconv.Itoa(f.line)
	}
	if f.key != "" {
		where += ": " + f.key
	}
	if f.value != "" {
		where += " = " + strconv.Quote(f.value)
	}
	return where + ": " + f.text
}

// shape checks a YAML document against the type that it is to be decoded into, so that every mistake is told with its line, key, value
// and remedy; the decoder itself would stop at the first without a word about what to write.
type shape struct {
	file   string
	faults []error
	lines  map[string]int // of the things that have a name, by list and name
}

func (s *shape) fault(n *yaml.Node, key, value, text string, args ...any) {
	const most = 60
	if len(value) > most {
		value = strings.ToValidUTF8(value[:most], "") + "…"
	}
	s.faults = append(s.faults, &fileFault{s.file, n.Line, key, value, fmt.Sprintf(text, args...)})
}

var timeType = reflect.TypeFor[time.Time]()

// check walks the document; key is where it stands.
func (s *shape) check(n *yaml.Node, t reflect.Type, key string) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case n.Tag == "!!null":
	case t == timeType:
		s.scalar(n, key, "a time, such as 2026-01-31T08:00:00Z", "!!timestamp")
	case t.Kind() == reflect.Struct:
		s.mapping(n, t, key)
	case t.Kind() == reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			s.fault(n, key, n.Value, "is not a list; write one entry a line, each behind a dash")
			return
		}
		for i, item := range n.Content {
			s.check(item, t.Elem(), fmt.Sprintf("%s[%d]", key, i))
			s.remember(item, key)
		}
	case t.Kind() == reflect.Map:
		s.values(n, t, key)
	case t.Kind() == reflect.Bool:
		s.scalar(n, key, "true or false", "!!bool")
	case t.Kind() == reflect.Int:
		s.scalar(n, key, "a whole number", "!!int")
	case t.Kind() == reflect.Float64:
		s.scalar(n, key, "a number", "!!int", "!!float")
	default:
		s.scalar(n, key, "a text", "!!str", "!!int", "!!float", "!!bool", "!!timestamp")
	}
}

func (s *shape) scalar(n *yaml.Node, key, want string, tags ...string) {
	if n.Kind != yaml.ScalarNode || !slices.Contains(tags, n.Tag) {
		s.fault(n, key, n.Value, "is not %s; write %s", want, want)
	}
}

func (s *shape) mapping(n *yaml.Node, t reflect.Type, key string) {
	if n.Kind != yaml.MappingNode {
		s.fault(n, key, n.Value, "is not a set of settings; write them as name: value")
		return
	}
	fields := fieldsOf(t)
	s.pairs(n, key, func(name, value *yaml.Node, below string) {
		field, known := fields[name.Value]
		if !known {
			s.fault(name, below, "", "there is no such setting here; %s", among(name.Value, fields))
			return
		}
		s.check(value, field, below)
	})
}

func (s *shape) values(n *yaml.Node, t reflect.Type, key string) {
	if n.Kind != yaml.MappingNode {
		s.fault(n, key, n.Value, "is not a set of values; write them as { name: value }")
		return
	}
	s.pairs(n, key, func(_, value *yaml.Node, below string) { s.check(value, t.Elem(), below) })
}

// pairs goes over the settings of a mapping; one that is there twice is a fault.
func (s *shape) pairs(n *yaml.Node, key string, do func(name, value *yaml.Node, below string)) {
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		below := name.Value
		if key != "" {
			below = key + "." + below
		}
		if seen[name.Value] {
			s.fault(name, below, "", "is there twice; leave one out")
			continue
		}
		seen[name.Value] = true
		do(name, value, below)
	}
}

// remember notes where a thing with a name stands.
func (s *shape) remember(n *yaml.Node, list string) {
	if n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch n.Content[i].Value {
		case "name", "login", "id":
			key := list + " " + n.Content[i+1].Value
			if _, there := s.lines[key]; !there || n.Content[i].Value == "id" {
				s.lines[key] = n.Line
			}
		}
	}
}

// fieldsOf gives the settings of a type by name.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case strings.Contains(options, "inline"):
			for inner, of := range fieldsOf(f.Type) {
				fields[inner] = of
			}
		case name != "" && name != "-":
			fields[name] = f.Type
		}
	}
	return fields
}

// among names the setting that was probably meant, or all there are.
func among(name string, fields map[string]reflect.Type) string {
	var names []string
	for field := range fields {
		if near(name, field) {
			return "write " + field
		}
		names = append(names, field)
	}
	slices.Sort(names)
	return "there are " + strings.Join(names, ", ")
}

// near reports whether two names differ by a slip: one letter, or how words are joined.
func near(a, b string) bool {
	plain := strings.NewReplacer("_", "", "-", "", " ", "")
	a, b = strings.ToLower(plain.Replace(a)), strings.ToLower(plain.Replace(b))
	if len(a) > len(b) {
		a, b = b, a
	}
	if a == b || a+"s" == b {
		return true
	}
	if len(b)-len(a) > 1 || len(b) < 4 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	return a[i:] == b[i+1:] || len(a) == len(b) && a[i+1:] == b[i+1:]
}

var syntaxError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// notYAML tells of a text that is no YAML at all.
func notYAML(file string, err error) error {
	fault := &fileFault{file: file, text: err.Error()}
	if parts := syntaxError.FindStringSubmatch(strings.Join(strings.Fields(err.Error()), " ")); parts != nil {
		fault.line, _ = strconv.Atoi(parts[1])
		fault.text = parts[2]
	}
	fault.text = "is no YAML: " + fault.text + "; look at indentation, quotes and brackets there"
	return fault
}
