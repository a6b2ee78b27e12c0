// Package categorization tells the language of a text, and its category by the trained model of that language (mission E8).
package categorization

import (
	"bytes"
	"fmt"
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
	if !ok || len(strings.Fields(s)) < fewestWords {
		return understanding.Categorized{}
	}
	var out understanding.Categorized
	out.Model = m.id
	for _, scored := range m.model.Classify(s) {
		if len(out.Ranked) == 5 {
			break
		}
		out.Ranked = append(out.Ranked, interaction.RankedCategory{Category: scored.Category, Confidence: scored.Confidence})
	}
	if len(out.Ranked) == 0 {
		return out
	}
	best := out.Ranked[0]
	settings := state.categories[best.Category]
	if best.Confidence >= orDefault(settings.RouteThreshold, RouteThreshold) {
		out.Best = best.Category
		out.Certain = best.Confidence >= orDefault(settings.AutoThreshold, AutoThreshold)
	}
	return out
}

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
