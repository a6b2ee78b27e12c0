package rules

// Condition is one node of a condition: exactly one of All, Any, Not or a
// comparison (Field and Op). The empty condition holds for every message.
type Condition struct {
	All []Condition `json:"all,omitempty" yaml:"all,omitempty"`
	Any []Condition `json:"any,omitempty" yaml:"any,omitempty"`
	Not *Condition  `json:"not,omitempty" yaml:"not,omitempty"`

	// Field is subject, body, text (subject and body), sender, recipients,
	// language, entry_point, attachment.name, attachment.type, header.NAME,
	// data.KEY or auth.METHOD. A field with several values fulfils a comparison
	// when one of them does.
	Field string `json:"field,omitempty" yaml:"field,omitempty"`
	Op    Op     `json:"op,omitempty" yaml:"op,omitempty"`
	Text  string `json:"text,omitempty" yaml:"text,omitempty"`
	// MatchCase tells upper and lower case apart.
	MatchCase bool `json:"match_case,omitempty" yaml:"match_case,omitempty"`
	// Attach names data that groups of a regex_find become: key to the group's
	// number or name. Named groups become data of their own name unasked.
	Attach map[string]string `json:"attach,omitempty" yaml:"attach,omitempty"`
}

// empty reports whether nothing is asked.
func (c *Condition) empty() bool {
	return c.All == nil && c.Any == nil && c.Not == nil && c.Field == "" && c.Op == "" && c.Text == ""
}

// Op is how a field is compared.
type Op string

// The comparisons.
const (
	Find       Op = "find"        // the text stands somewhere in the field
	Equals     Op = "equals"      // the field is the text
	RegexFind  Op = "regex_find"  // the pattern (RE2) matches somewhere; groups become attached data
	RegexMatch Op = "regex_match" // the pattern matches the whole field
	Exists     Op = "exists"      // the field has a value that is not empty
)

// node is a compiled condition. holds may note captured data; they count only
// if the whole condition holds.
type node interface {
	holds(m *message) bool
}

type (
	allOf  []node
	anyOf  []node
	noneOf struct{ inner node }
)

func (n allOf) holds(m *message) bool {
	for _, inner := range n {
		if !inner.holds(m) {
			return false
		}
	}
	return true
}

func (n anyOf) holds(m *message) bool {
	for _, inner := range n {
		before := len(m.captured)
		if inner.holds(m) {
			return true
		}
		m.captured = m.captured[:before]
	}
	return false
}

func (n noneOf) holds(m *message) bool {
	before := len(m.captured)
	held := n.inner.holds(m)
	m.captured = m.captured[:before]
	return !held
}
