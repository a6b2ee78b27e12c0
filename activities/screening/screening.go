// Package screening applies the screening rules of the house (mission E7) to a message.
package screening

import (
	"encoding/json"
	"fmt"
	"sync/atomic"

	"parley/activities/understanding"
	"parley/interaction"
	"parley/lib/rules"
)

// Screener holds the rules in use; Use changes them while messages are screened.
type Screener struct{ set atomic.Pointer[rules.Set] }

// Compile checks rules as they are stored and makes them ready. The error names each faulty rule and the position of its fault.
func Compile(stored []interaction.Rule) (*rules.Set, error) {
	list := make([]rules.Rule, len(stored))
	for i, r := range stored {
		if err := json.Unmarshal(r.Definition, &list[i]); err != nil {
			return nil, fmt.Errorf("rule %q: %w", r.Name, err)
		}
		list[i].ID, list[i].Enabled = r.Name, r.Enabled
	}
	return rules.Compile(list)
}

// Use puts other rules into force.
func (s *Screener) Use(set *rules.Set) { s.set.Store(set) }

// Screen runs the rules over a message in the language that it seems to be in.
func (s *Screener) Screen(m interaction.Material, language string) understanding.Screened {
	set := s.set.Load()
	if set == nil {
		return understanding.Screened{}
	}
	out := set.Evaluate(input(m, language))
	return understanding.Screened{
		Spam: out.Spam, NoAuto: out.NoAutoResponse, Category: out.Category, Language: out.Language, Queue: out.Queue,
		Priority: out.Priority, Data: out.Attach, Rules: out.Hits,
	}
}

func input(m interaction.Material, language string) rules.Input {
	in := rules.Input{
		Subject: m.Message.Subject, Body: m.Message.Text, Sender: m.Message.From.Address, Language: language, EntryPoint: m.EntryPoint,
		Data: m.Data, Headers: map[string][]string{},
	}
	for _, to := range append(append([]interaction.Address{}, m.Message.To...), m.Message.Cc...) {
		in.Recipients = append(in.Recipients, to.Address)
	}
	for _, h := range m.Message.Headers {
		in.Headers[h.Name] = append(in.Headers[h.Name], h.Value)
	}
	for _, f := range m.Message.Attachments {
		in.Attachments = append(in.Attachments, rules.Attachment{Name: f.Name, Type: f.Type})
	}
	return in
}
