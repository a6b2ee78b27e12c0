// Package categorization tells the language of a text, and its category by the trained model of that language (mission E8).
package categorization

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"parley/activities/understanding"
	"parley/interaction"
	"parley/lib/text"
)

// Thresholds where configuration sets none: for an automatic response, and to route by the category.
const (
	AutoThreshold  = 0.85
	RouteThreshold = 0.5
)

// sureLanguage is the confidence from which the text's own language counts against the entry point's.
const sureLanguage = 0.5

// most is how many categories of a ranking are kept.
const most = 5

// fewestWords is what a text must have to be categorised: of "hi" nothing can be known.
const fewestWords = 3

// Categorizer holds the models and thresholds in use; Use changes them while texts are categorised.
type Categorizer struct{ state atomic.Pointer[State] }

// State is what a categorizer works with.
type State struct {
	models     map[string]loaded // by language
	categories map[string]interaction.CategorySetup
}

type loaded struct {
	id    interaction.ID
	model *text.Model
}

// Load makes models and settings ready.
func Load(models []interaction.Model, categories []interaction.CategorySetup) (*State, error) {
	s := &State{models: map[string]loaded{}, categories: map[string]interaction.CategorySetup{}}
	for _, m := range models {
		model, err := text.ReadModel(bytes.NewReader(m.Data))
		if err != nil {
			return nil, fmt.Errorf("model %s for %s: %w", m.ID, m.Language, err)
		}
		s.models[m.Language] = loaded{m.ID, model}
	}
	for _, c := range categories {
		s.categories[c.Name] = c
	}
	return s, nil
}

// Use puts other models and settings into force.
func (c *Categorizer) Use(s *State) { c.state.Store(s) }

// Language tells the language of a text; where that is unclear, the expected one.
func (c *Categorizer) Language(s, expected string) string {
	tag, confidence := text.Language(s)
	if tag == text.Undetermined || confidence < sureLanguage {
		return expected
	}
	return tag
}

// Categorize ranks the categories for a text. Without a model for its language nothing is said.
func (c *Categorizer) Categorize(s, language string) understanding.Categorized {
	state := c.state.Load()
	if state == nil {
		return understanding.Categorized{}
	}
	m, ok := state.models[language]
	if !ok || !c.Readable(s) {
		return understanding.Categorized{}
	}
	scored, fit := m.model.Judge(nil, s)
	var ranked []interaction.RankedCategory
	for _, c := range scored[:min(most, len(scored))] {
		ranked = append(ranked, interaction.RankedCategory{Category: c.Category, Confidence: c.Confidence})
	}
	out := state.decide(ranked)
	out.Model = m.id
	if m.model.Several() {
		state.several(&out)
	}
	if out.Unfit = !m.model.Several() && fit < text.Fits; out.Unfit {
		// Where the category is certain the text is unlike those learned from rather than of another category: people get it by the category, and no machine answers it.
		if !out.Certain {
			out.Best = ""
		}
		out.Certain = false
	}
	return out
}

// Decide holds somebody else's ranking, best first, against the same thresholds.
func (c *Categorizer) Decide(ranked []interaction.RankedCategory) understanding.Categorized {
	state := c.state.Load()
	if state == nil {
		return understanding.Categorized{}
	}
	return state.decide(ranked[:min(most, len(ranked))])
}

// decide takes the best category, if it is above its thresholds.
func (s *State) decide(ranked []interaction.RankedCategory) understanding.Categorized {
	out := understanding.Categorized{Ranked: ranked}
	if len(ranked) == 0 {
		return out
	}
	best := ranked[0]
	settings := s.categories[best.Category]
	if best.Confidence >= orDefault(settings.RouteThreshold, RouteThreshold) {
		out.Best, out.Threshold = best.Category, orDefault(settings.AutoThreshold, AutoThreshold)
		out.Certain = best.Confidence >= out.Threshold
	}
	return out
}

// several takes all categories that are above their thresholds. Who asks for several things at once is not answered by the response to one of them.
func (s *State) several(out *understanding.Categorized) {
	for _, c := range out.Ranked {
		if c.Confidence >= orDefault(s.categories[c.Category].RouteThreshold, RouteThreshold) {
			out.Several = append(out.Several, c)
		}
	}
	if len(out.Several) > 1 {
		out.Certain = false
	}
	if out.Best == "" && len(out.Several) > 0 { // the surest has a higher threshold than this one
		best := out.Several[0]
		out.Best, out.Certain = best.Category, len(out.Several) == 1 && best.Confidence >= orDefault(s.categories[best.Category].AutoThreshold, AutoThreshold)
	}
}

// Names gives the names of the category tree, sorted.
func (c *Categorizer) Names() []string {
	state := c.state.Load()
	if state == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(state.categories))
}

// Readable reports whether a text has enough words for something to be known of it.
func (c *Categorizer) Readable(s string) bool { return len(strings.Fields(s)) >= fewestWords }

// Demand tells where a category's tasks go and which skill they ask for.
func (c *Categorizer) Demand(category string) (queue, skill string) {
	state := c.state.Load()
	if state == nil {
		return "", ""
	}
	return state.categories[category].Queue, state.categories[category].Skill
}

func orDefault(v *float64, otherwise float64) float64 {
	if v == nil {
		return otherwise
	}
	return *v
}
