// Package text reads what customers write: it puts texts into categories and
// names their language.
//
// A text becomes hashed n-grams (words, pairs of words and pieces of words)
// weighted by TF-IDF. Heads score them: a linear support vector machine a
// category, and in the accurate profile small two-layer networks beside it,
// whose opinions are averaged. A temperature fitted on held-out texts turns the
// scores into confidences that hold what they say: of the texts given a
// category with confidence 0.8, about 80 % belong to it. All of it is plain Go,
// the same samples give the same model byte for byte, and a trained Model is
// safe for use by many goroutines.
//
// TrainSet makes a Model from labelled texts, CrossValidate, TryFolds and Try
// tell how good one is, WriteTo and ReadModel keep it, and Language names the
// language of a text with a model of the same make that is built in.
package text

import (
	"cmp"
	"math"
	"slices"
	"sync"
)

// Scored is a category and how sure the model is of it, from 0 to 1. The
// confidences of all categories of a model add up to 1, unless a text may have
// several categories: then each stands for itself.
type Scored struct {
	Category   string
	Confidence float64
}

// Model puts texts into categories. It is made by training or ReadModel and never
// changes.
type Model struct {
	shape       shape
	categories  []string // sorted
	vocabulary  *vocabulary
	heads       []head
	several     bool    // a text may have several categories, or none
	temperature float64 // scores are multiplied by it before they become confidences
	offset      float64 // and moved by it, where a text may have several
	fits        fits

	readers sync.Pool // of *scorer
}

// head is one opinion on a text.
type head struct {
	*layers
	temperature float64 // of this head alone
	weight      float64 // of its opinion among the others
}

// layers are the weights of a head. A linear one has only the first layer, as wide as there are categories.
type layers struct {
	width  int
	first  []float32 // row by row, all columns side by side; the last row is the bias
	second []float32 // unit by unit, all categories side by side, the last row is the bias; nil: the first layer gives the scores
}

// scorer is the scratch memory of one classification.
type scorer struct {
	*reader
	units  []float32
	scores []float32 // of one head
	sum    []float32 // of all heads
}

func (m *Model) init() *Model {
	width := 0
	for _, h := range m.heads {
		width = max(width, h.width)
	}
	m.readers.New = func() any { return m.newScorer(width) }
	return m
}

func (m *Model) newScorer(width int) *scorer {
	return &scorer{
		reader: newReader(m.shape, m.vocabulary), units: make([]float32, width),
		scores: make([]float32, len(m.categories)), sum: make([]float32, len(m.categories)),
	}
}

// Categories gives the names the model knows, sorted.
func (m *Model) Categories() []string { return slices.Clone(m.categories) }

// Several reports whether a text may have several categories, or none: then those count whose confidence is 0.5 and above.
func (m *Model) Several() bool { return m.several }

// Classify ranks all categories for a text, the likeliest first. Only the
// first MaxBytes of the options the model was trained with are read.
func (m *Model) Classify(text string) []Scored {
	return m.ClassifyInto(make([]Scored, 0, len(m.categories)), text)
}

// ClassifyInto is Classify into the memory of dst, which is overwritten; with
// room for all categories it allocates nothing.
func (m *Model) ClassifyInto(dst []Scored, text string) []Scored {
	ranked, _ := m.Judge(dst, text)
	return ranked
}

// Fits is how well a text must fit to be taken to belong to one of the categories.
const Fits = 0.5

// Judge is ClassifyInto and tells besides how well the text fits into any of the categories: from Fits on it is taken to belong to one of them. Of the
// texts like those the model was trained on, about one in twenty-five lies below.
func (m *Model) Judge(dst []Scored, text string) (ranked []Scored, fit float64) {
	s := m.readers.Get().(*scorer)
	defer m.readers.Put(s)
	v := s.read(text)
	raw := m.score(s, v)
	fit = m.fits.of(raw)
	if m.several {
		squash(s.sum, m.temperature, m.offset)
	} else {
		softmax(s.sum, m.temperature)
	}
	dst = dst[:0]
	for k, confidence := range s.sum {
		dst = append(dst, Scored{Category: m.categories[k], Confidence: float64(confidence)})
	}
	slices.SortStableFunc(dst, byConfidence)
	return dst, fit
}

// byConfidence puts the surest first.
func byConfidence(a, b Scored) int { return cmp.Compare(b.Confidence, a.Confidence) }

// score fills s.sum with what all heads think of the categories together, and gives what they think of the text as a whole.
func (m *Model) score(s *scorer, v vector) (raw float64) {
	if len(m.heads) == 1 {
		m.heads[0].scoreInto(s.sum, s.units, v, len(m.vocabulary.hashes))
		return float64(slices.Max(s.sum))
	}
	clear(s.sum)
	for _, h := range m.heads {
		h.scoreInto(s.scores, s.units, v, len(m.vocabulary.hashes))
		raw += h.weight * h.temperature * h.standout(s.scores, m.several)
		if m.several {
			addScaled(s.sum, s.scores, float32(h.weight*h.temperature))
			continue
		}
		normalise(s.scores, h.temperature)
		addScaled(s.sum, s.scores, float32(h.weight))
	}
	return raw
}

// standout is how far the best score stands out, which tells whether a text fits anywhere. A linear machine knows no from yes by itself, and so do scores of
// which each stands for itself; scores that compete mean something only against each other.
func (l *layers) standout(scores []float32, several bool) float64 {
	highest := float64(slices.Max(scores))
	if l.second == nil || several {
		return highest
	}
	var sum float64
	for _, score := range scores {
		sum += float64(score)
	}
	return highest - sum/float64(len(scores))
}

// scoreInto gives the score of each category: of a linear head the margin, above 0 where the machine says yes.
func (l *layers) scoreInto(scores, units []float32, v vector, bias int) {
	if l.second == nil {
		l.firstLayer(scores, v, bias)
		return
	}
	units = units[:l.width]
	l.firstLayer(units, v, bias)
	copy(scores, l.second[l.width*len(scores):])
	for j, unit := range units {
		if unit > 0 {
			addScaled(scores, l.second[j*len(scores):(j+1)*len(scores)], unit)
		}
	}
}

func (l *layers) firstLayer(out []float32, v vector, bias int) {
	copy(out, l.first[bias*l.width:])
	for n, row := range v.rows {
		addScaled(out, l.first[int(row)*l.width:int(row)*l.width+l.width], v.values[n])
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

// normalise turns scores into the logarithms of probabilities in place.
func normalise(scores []float32, temperature float64) {
	highest := slices.Max(scores)
	var sum float64
	for _, score := range scores {
		sum += math.Exp(temperature * float64(score-highest))
	}
	partition := float32(math.Log(sum))
	for k, score := range scores {
		scores[k] = float32(temperature)*(score-highest) - partition
	}
}

// squash turns each score into a probability of its own, in place.
func squash(scores []float32, temperature, offset float64) {
	for k, score := range scores {
		scores[k] = float32(1 / (1 + math.Exp(-temperature*float64(score)-offset)))
	}
}

// fits tells from the heads' highest score how well a text fits into any category: a logistic curve through 0.5 at the limit.
type fits struct{ limit, slope float64 }

func (f fits) of(raw float64) float64 { return 1 / (1 + math.Exp(-f.slope*(raw-f.limit))) }
