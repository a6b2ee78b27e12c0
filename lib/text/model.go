// Package text reads what customers write: it puts texts into categories and
// names their language.
//
// A text becomes hashed n-grams (words and pieces of words) weighted by
// TF-IDF; one linear support vector machine a category scores them; and a
// temperature fitted on held-out folds turns the scores into confidences that
// hold what they say: of the texts given a category with confidence 0.8, about
// 80 % belong to it. All of it is plain Go, the same samples give the same
// model byte for byte, and a trained Model is safe for use by many goroutines.
//
// Train makes a Model from labelled samples, CrossValidate and Evaluate tell
// how good one is, WriteTo and ReadModel keep it, and Language names the
// language of a text with a model of the same make that is built in.
package text

import (
	"math"
	"slices"
	"sync"
)

// Scored is a category and how sure the model is of it, from 0 to 1. The
// confidences of all categories of a model add up to 1.
type Scored struct {
	Category   string
	Confidence float64
}

// Model puts texts into categories. It is made by Train or ReadModel and never
// changes.
type Model struct {
	shape       shape
	categories  []string // sorted
	vocabulary  *vocabulary
	weights     []float32 // row by row, all categories side by side; the last row is the bias
	temperature float64   // scores are multiplied by it before the softmax

	readers sync.Pool // of *scorer
}

// scorer is the scratch memory of one classification.
type scorer struct {
	*reader
	scores []float32
}

func (m *Model) init() *Model {
	m.readers.New = func() any {
		return &scorer{reader: newReader(m.shape, m.vocabulary), scores: make([]float32, len(m.categories))}
	}
	return m
}

// Categories gives the names the model knows, sorted.
func (m *Model) Categories() []string { return slices.Clone(m.categories) }

// Classify ranks all categories for a text, the likeliest first. Only the
// first MaxBytes of the options the model was trained with are read.
func (m *Model) Classify(text string) []Scored {
	return m.ClassifyInto(make([]Scored, 0, len(m.categories)), text)
}

// ClassifyInto is Classify into the memory of dst, which is overwritten; with
// room for all categories it allocates nothing.
func (m *Model) ClassifyInto(dst []Scored, text string) []Scored {
	s := m.readers.Get().(*scorer)
	defer m.readers.Put(s)
	m.score(s.scores, s.read(text))
	dst = dst[:0]
	for k, confidence := range softmax(s.scores, m.temperature) {
		dst = append(dst, Scored{Category: m.categories[k], Confidence: float64(confidence)})
	}
	slices.SortStableFunc(dst, byConfidence)
	return dst
}

func byConfidence(a, b Scored) int {
	switch {
	case a.Confidence > b.Confidence:
		return -1
	case a.Confidence < b.Confidence:
		return 1
	}
	return 0
}

// score gives the margin of each category: above 0 the machine says yes.
func (m *Model) score(scores []float32, v vector) {
	width := len(m.categories)
	copy(scores, m.weights[len(m.vocabulary.hashes)*width:])
	for n, row := range v.rows {
		addScaled(scores, m.weights[int(row)*width:int(row)*width+width], v.values[n])
	}
}

// softmax turns scores into probabilities in place.
func softmax(scores []float32, temperature float64) []float32 {
	highest := slices.Max(scores)
	var sum float64
	for k, score := range scores {
		e := math.Exp(temperature * float64(score-highest))
		scores[k] = float32(e)
		sum += e
	}
	for k := range scores {
		scores[k] = float32(float64(scores[k]) / sum)
	}
	return scores
}

// RollUp adds up confidences along a tree of categories written as paths: the
// result ranks every node of the given depth (1 is the root's children) by what
// stands at it and below it. So "orders" can be sure where "orders/status" and
// "orders/cancel" are not.
func RollUp(scored []Scored, depth int) []Scored {
	sums := make(map[string]int)
	var nodes []Scored
	for _, s := range scored {
		node := ancestor(s.Category, depth)
		at, ok := sums[node]
		if !ok {
			at = len(nodes)
			sums[node] = at
			nodes = append(nodes, Scored{Category: node})
		}
		nodes[at].Confidence += s.Confidence
	}
	slices.SortStableFunc(nodes, byConfidence)
	return nodes
}

func ancestor(category string, depth int) string {
	for i := range len(category) {
		if category[i] == '/' {
			if depth--; depth == 0 {
				return category[:i]
			}
		}
	}
	return category
}
