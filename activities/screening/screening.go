// Package screening applies the screening rules of the house (mission E7) to a message.
package screening

import (
	"sync/atomic"

	"parley/activities/understanding"
	"parley/interaction"
	"parley/lib/rules"
)

// Screener holds the rules in use; Use changes them while messages are screened.
type Screener struct{ set atomic.Pointer[rules.Set] }

// Compile checks rules as they are stored and makes them ready. The error names each faulty rule and the position of its fault.
func Compile(stored []interaction.Rule) (*rules.Set, error) { return rules.CompileStored(stored) }

// Use puts other rules into force.
func (s *Screener) Use(set *rules.Set) { s.set.Store(set) }

// Screen runs the rules over a message in the language that it seems to be in.
func (s *Screener) Screen(m interaction.Material, language string) understanding.Screened {
	set := s.set.Load()
	if set == nil {
		return understanding.Screened{}
	}
	out := set.Evaluate(rules.InputOf(m, language))
	return understanding.Screened{
		Spam: out.Spam, NoAuto: out.NoAutoResponse, Category: out.Category, Language: out.Language, Queue: out.Queue,
		Priority: out.Priority, Data: out.Attach, Rules: out.Hits, Endless: out.Endless,
	}
}
