package rules

import (
	"fmt"
	"strings"
)

// MaxText is how many bytes of one field are looked at.
const MaxText = 64 << 10

// field is a parsed field name: its kind and, for kinds with a dot, what stands
// behind it.
type field struct{ kind, key string }

var plainFields = map[string]bool{
	"subject": true, "body": true, "text": true, "sender": true, "recipients": true, "language": true,
	"entry_point": true, "attachment.name": true, "attachment.type": true,
}

func parseField(name string) (field, error) {
	if plainFields[name] {
		return field{kind: name}, nil
	}
	kind, key, _ := strings.Cut(name, ".")
	switch {
	case kind != "header" && kind != "data" && kind != "auth":
		return field{}, fmt.Errorf("there is no field %q", cut(name, 64))
	case key == "":
		return field{}, fmt.Errorf("the field %q wants a name behind the dot", cut(name, 64))
	case kind != "data":
		key = strings.ToLower(key)
	}
	return field{kind, key}, nil
}

// message is an Input during one evaluation, with what was found out about it.
type message struct {
	in       Input
	filter   *filter
	language string
	data     map[string]string
	captured []captured
	cache    map[field][]*value // of fields that no rule changes
	leaves   map[leaf]node      // comparisons of the expression that CEL is running
}

// value is one value of a field with what is derived from it when first asked.
type value struct {
	text   string
	folded string
	ready  bool     // folded and found are there
	found  []uint64 // bits of the literals that stand in folded
}

func newMessage(in Input, f *filter) *message {
	return &message{in: in, filter: f, language: in.Language, data: in.Data, cache: make(map[field][]*value)}
}

func (m *message) values(f field) []*value {
	switch f.kind {
	case "language":
		return []*value{{text: m.language}}
	case "data":
		if text, ok := m.data[f.key]; ok {
			return []*value{{text: cut(text, MaxText)}}
		}
		return nil
	}
	values, ok := m.cache[f]
	if !ok {
		for _, text := range m.read(f) {
			values = append(values, &value{text: cut(text, MaxText)})
		}
		m.cache[f] = values
	}
	return values
}

func (m *message) read(f field) (texts []string) {
	switch f.kind {
	case "subject":
		return []string{m.in.Subject}
	case "body":
		return []string{m.in.Body}
	case "text":
		return []string{m.in.Subject + "\n" + cut(m.in.Body, MaxText)}
	case "sender":
		return []string{m.in.Sender}
	case "recipients":
		return m.in.Recipients
	case "entry_point":
		return []string{m.in.EntryPoint}
	case "attachment.name":
		for _, a := range m.in.Attachments {
			texts = append(texts, a.Name)
		}
	case "attachment.type":
		for _, a := range m.in.Attachments {
			texts = append(texts, a.Type)
		}
	case "header":
		for name, values := range m.in.Headers {
			if strings.EqualFold(name, f.key) {
				texts = append(texts, values...)
			}
		}
	case "auth":
		for method, result := range m.in.Auth {
			if strings.EqualFold(method, f.key) {
				texts = append(texts, result)
			}
		}
	}
	return texts
}

// has tells whether a literal stands in a value, case aside. The first question
// about a value costs one pass over it, the others nothing.
func (m *message) has(v *value, l literal) bool {
	if !v.ready {
		v.ready = true
		v.folded = fold(v.text)
		v.found = m.filter.scan(v.folded)
	}
	if l.number >= 0 {
		return v.found[l.number/64]&(1<<(l.number%64)) != 0
	}
	return strings.Contains(v.folded, l.text)
}

// fold makes texts that differ only in case equal. The long s is the one letter
// that a pattern without case takes for an ASCII letter and ToLower does not.
func fold(text string) string {
	return strings.ReplaceAll(strings.ToLower(text), "ſ", "s")
}
