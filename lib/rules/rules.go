// Package rules decides by screening rules what happens to a message before a
// person or a model has looked at it: which data are attached, which category,
// priority, language or queue it gets, whether it is spam, and whether it may
// be answered automatically.
//
// A Rule is a condition over the message's fields and an action. Compile turns
// an ordered list of rules into a Set once, refusing with the position of the
// fault what is wrong or too costly; Evaluate runs a Set over an Input and is
// bounded whatever the message holds: patterns are RE2 and take time linear in
// the text, each field is read up to MaxText, and one pass over a text finds
// out which rules can match at all. A Set is safe for use by many goroutines.
package rules

import (
	"maps"
	"slices"
)

// Input is what rules can look at. Nothing in it is changed.
type Input struct {
	Subject     string
	Body        string // the text a person would read
	Sender      string
	Recipients  []string
	Headers     map[string][]string // names in any case
	Attachments []Attachment
	Language    string // BCP 47 tag as detected, may be empty
	EntryPoint  string
	Data        map[string]string // attached data known so far
	Auth        map[string]string // results by method: spf, dkim, dmarc
}

// Attachment is what rules can see of an attached file.
type Attachment struct {
	Name string
	Type string // media type
}

// Rule is one screening rule as it is stored.
type Rule struct {
	ID          string    `json:"id" yaml:"id"`
	Name        string    `json:"name,omitempty" yaml:"name,omitempty"`
	Enabled     bool      `json:"enabled" yaml:"enabled"`
	Languages   []string  `json:"languages,omitempty" yaml:"languages,omitempty"`       // none: all
	EntryPoints []string  `json:"entry_points,omitempty" yaml:"entry_points,omitempty"` // none: all
	When        Condition `json:"when,omitzero" yaml:"when,omitempty"`
	Expression  string    `json:"expression,omitempty" yaml:"expression,omitempty"` // the condition in CEL, instead of When
	Then        Action    `json:"then" yaml:"then"`
}

// Action is what a rule does when its condition holds. Empty fields change
// nothing.
type Action struct {
	Attach         map[string]string `json:"attach,omitempty" yaml:"attach,omitempty"`
	Category       string            `json:"category,omitempty" yaml:"category,omitempty"`
	Priority       *int              `json:"priority,omitempty" yaml:"priority,omitempty"`
	Language       string            `json:"language,omitempty" yaml:"language,omitempty"`
	Queue          string            `json:"queue,omitempty" yaml:"queue,omitempty"`
	Spam           bool              `json:"spam,omitempty" yaml:"spam,omitempty"`
	NoAutoResponse bool              `json:"no_auto_response,omitempty" yaml:"no_auto_response,omitempty"`
	Stop           bool              `json:"stop,omitempty" yaml:"stop,omitempty"`   // no rule after this one is looked at
	Again          bool              `json:"again,omitempty" yaml:"again,omitempty"` // all rules are looked at again, with what this one has changed
}

// Outcome is what all rules that hit did together. Where two rules set the
// same thing, the later one is in it.
type Outcome struct {
	Attach         map[string]string // nil if nothing is attached
	Category       string
	Priority       *int
	Language       string
	Queue          string
	Spam           bool
	NoAutoResponse bool
	StopProcessing bool
	Hits           []string // ids of the rules that hit, each once, in order
	Endless        string   // id of the rule that wanted all to be looked at again once too often
}

// MaxRounds is how often rules may have all rules looked at again for one message; what would go on for ever ends there.
const MaxRounds = 10

// Evaluate runs the enabled rules in order. A rule sees the data and the
// language that rules before it have set.
func (s *Set) Evaluate(in Input) Outcome {
	var out Outcome
	m := newMessage(in, s.filter)
	for range MaxRounds {
		out.Endless = s.round(m, &out)
		if out.Endless == "" {
			break
		}
	}
	return out
}

// round looks at all rules once and gives the id of the one that wants them looked at again.
func (s *Set) round(m *message, out *Outcome) (again string) {
	for _, r := range s.rules {
		if !r.appliesTo(m) {
			continue
		}
		m.captured = m.captured[:0]
		if r.when != nil && !r.when.holds(m) {
			continue
		}
		if !slices.Contains(out.Hits, r.ID) {
			out.Hits = append(out.Hits, r.ID)
		}
		changed := out.apply(r.Then, m)
		switch {
		case r.Then.Stop:
			out.StopProcessing = true
			return ""
		case r.Then.Again && changed:
			return r.ID
		}
	}
	return ""
}

// apply does what a rule wants and reports whether that changed anything that a rule can see.
func (out *Outcome) apply(a Action, m *message) (changed bool) {
	for _, c := range m.captured {
		changed = out.attach(c.key, c.value, m) || changed
	}
	for key, value := range a.Attach {
		changed = out.attach(key, value, m) || changed
	}
	if a.Category != "" {
		out.Category = a.Category
	}
	if a.Priority != nil {
		priority := *a.Priority
		out.Priority = &priority
	}
	if a.Language != "" {
		changed = changed || m.language != a.Language
		out.Language = a.Language
		m.language = a.Language
	}
	if a.Queue != "" {
		out.Queue = a.Queue
	}
	out.Spam = out.Spam || a.Spam
	out.NoAutoResponse = out.NoAutoResponse || a.NoAutoResponse
	return changed
}

func (out *Outcome) attach(key, value string, m *message) (changed bool) {
	if out.Attach == nil {
		out.Attach = make(map[string]string)
		m.data = maps.Clone(m.data)
		if m.data == nil {
			m.data = make(map[string]string)
		}
	}
	before, there := m.data[key]
	out.Attach[key] = value
	m.data[key] = value
	return !there || before != value
}
