// Package suggestion chooses the standard responses that are shown to the agent who opens a task: those of the categories that the message may belong
// to, and those whose texts are like it (mission E10).
package suggestion

import (
	"cmp"
	"regexp"
	"slices"
	"sync/atomic"

	"parley/interaction"
	"parley/lib/text"
)

const (
	most      = 3    // suggestions
	leastLike = 0.12 // similarity from which a response of another category is worth showing
	leastSure = 0.02 // confidence in a category from which its responses are
	likeness  = 0.1  // how much similarity counts beside confidence: measured, more of it pushes right responses out (docs/responses.md)
)

// Suggester holds the library in use; Use changes it while texts are compared.
type Suggester struct{ library atomic.Pointer[library] }

type library struct {
	byLanguage map[string]*shelf
}

type shelf struct {
	texts []interaction.LibraryText
	like  *text.Similar
}

// fieldCode is what Liquid fills in; the words in it are not the response's.
var fieldCode = regexp.MustCompile(`(?s)\{\{.*?\}\}|\{%.*?%\}`)

// Use puts another library into force.
func (s *Suggester) Use(texts []interaction.LibraryText) {
	l := &library{byLanguage: map[string]*shelf{}}
	for _, t := range texts {
		if l.byLanguage[t.Language] == nil {
			l.byLanguage[t.Language] = &shelf{}
		}
		of := l.byLanguage[t.Language]
		of.texts = append(of.texts, t)
	}
	for _, of := range l.byLanguage {
		plain := make([]string, len(of.texts))
		for n, t := range of.texts {
			plain[n] = fieldCode.ReplaceAllString(t.Text, " ")
		}
		of.like = text.NewSimilar(plain)
	}
	s.library.Store(l)
}

// Suggest gives up to three responses in the text's language, best first. category is the one that it counts as, whatever the model ranked.
func (s *Suggester) Suggest(words, language, category string, ranked []interaction.RankedCategory) []interaction.ID {
	l := s.library.Load()
	if l == nil || l.byLanguage[language] == nil {
		return nil
	}
	of := l.byLanguage[language]
	confidence := map[string]float64{}
	for _, r := range ranked {
		confidence[r.Category] = r.Confidence
	}
	if category != "" {
		confidence[category] = 1
	}
	type scored struct {
		id    interaction.ID
		score float64
	}
	var found []scored
	for n, like := range of.like.Scores(words) {
		sure := confidence[of.texts[n].Category]
		if of.texts[n].Category == "" {
			sure = 0
		}
		if sure >= leastSure || like >= leastLike {
			found = append(found, scored{of.texts[n].ID, sure + likeness*like})
		}
	}
	slices.SortStableFunc(found, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	ids := make([]interaction.ID, 0, most)
	for _, f := range found[:min(most, len(found))] {
		ids = append(ids, f.id)
	}
	return ids
}
