package text

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
)

// Sample is a text and the category a person gave it. Categories form a tree
// when written as paths ("orders/cancel"); to the model each path is one
// category, and RollUp sums them.
type Sample struct {
	Text     string
	Category string
}

// Options of training. A zero field means the default named with it.
type Options struct {
	MaxBytes     int     // bytes of a text that are read; 16 KiB
	WordMax      int     // word n-grams up to this many words; 2
	CharMin      int     // shortest character n-gram; 2
	CharMax      int     // longest character n-gram; 5
	MinTexts     int     // a feature must stand in so many texts; 1
	Cost         float64 // of a sample on the wrong side; 1
	Epochs       int     // at most so many passes over the samples; 12
	Calibration  int     // folds that the confidences are fitted on; 3
	Workers      int     // goroutines; all processors. Does not change the result
	Seed         uint64  // of sample order and folds; 0 is a seed like any other
	MaxModelSize int     // bytes of weights that training may ask for; 1 GiB
}

func (o Options) withDefaults() Options {
	orInt := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	orInt(&o.MaxBytes, defaultMaxBytes)
	orInt(&o.WordMax, 2)
	orInt(&o.CharMin, 2)
	orInt(&o.CharMax, 5)
	orInt(&o.MinTexts, 1)
	orInt(&o.Epochs, 12)
	orInt(&o.Calibration, 3)
	orInt(&o.Workers, runtime.GOMAXPROCS(0))
	orInt(&o.MaxModelSize, 1<<30)
	if o.Cost == 0 {
		o.Cost = 1
	}
	return o
}

// validate bounds what options may ask for and what a stored model may say.
func (s shape) validate() error {
	var errs []error
	if s.MaxBytes < 1 || s.MaxBytes > 16<<20 {
		errs = append(errs, fmt.Errorf("the option MaxBytes is %d, want 1 to 16 MiB", s.MaxBytes))
	}
	if s.WordMax < 1 || s.WordMax > 5 {
		errs = append(errs, fmt.Errorf("the option WordMax is %d, want 1 to 5", s.WordMax))
	}
	if s.CharMin < 1 || s.CharMax < s.CharMin || s.CharMax > 10 {
		errs = append(errs, fmt.Errorf("character n-grams of %d to %d, want 1 to 10 and the lower first", s.CharMin, s.CharMax))
	}
	return errors.Join(errs...)
}

func (o Options) validate() error {
	err := o.shape().validate()
	switch {
	case o.MinTexts < 1, o.Epochs < 1, o.Workers < 1, o.MaxModelSize < 1:
		err = errors.Join(err, errors.New("MinTexts, Epochs, Workers and MaxModelSize must be at least 1"))
	case o.Calibration < 2:
		err = errors.Join(err, fmt.Errorf("the option Calibration is %d folds, want at least 2", o.Calibration))
	case o.Cost < 0 || math.IsNaN(o.Cost) || math.IsInf(o.Cost, 0):
		err = errors.Join(err, fmt.Errorf("the option Cost is %v, want a number above 0", o.Cost))
	}
	return err
}

func (o Options) shape() shape {
	return shape{MaxBytes: o.MaxBytes, WordMax: o.WordMax, CharMin: o.CharMin, CharMax: o.CharMax}
}

// Train makes a model from samples. The same samples in the same order with
// the same options give the same model, byte for byte, on one processor
// architecture (some round a multiplication and addition once, others twice).
// It fails when there are fewer than two categories, when a category has no name
// or too long a one, or when the model would be larger than the options allow.
func Train(samples []Sample, opt Options) (*Model, error) {
	opt = opt.withDefaults()
	if err := opt.validate(); err != nil {
		return nil, fmt.Errorf("training options: %w", err)
	}
	categories, err := categoriesOf(samples)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(samples))
	for i, s := range samples {
		texts[i] = s.Text
	}
	m := &Model{shape: opt.shape(), categories: categories, vocabulary: learnVocabulary(texts, opt.shape(), opt.MinTexts)}
	if size := 4 * (len(m.vocabulary.hashes) + 1) * len(categories); size > opt.MaxModelSize {
		return nil, fmt.Errorf("the model would hold %d MiB of weights, the limit is %d MiB: raise MinTexts or train on fewer samples",
			size>>20, opt.MaxModelSize>>20)
	}
	p := newProblem(m, samples)
	s := solver{cost: opt.Cost, maxEpochs: opt.Epochs, tolerance: 0.1, seed: opt.Seed, workers: opt.Workers}
	m.temperature = calibrate(p, s, opt.Calibration)
	m.weights = s.train(p, all(len(samples)))
	return m.init(), nil
}

func categoriesOf(samples []Sample) ([]string, error) {
	var names []string
	for i, s := range samples {
		if s.Category == "" || len(s.Category) > maxCategoryBytes {
			return nil, fmt.Errorf("sample %d: a category is 1 to %d bytes long, this one is %d", i+1, maxCategoryBytes, len(s.Category))
		}
		names = append(names, s.Category)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) < 2 || len(names) > maxCategories {
		return nil, fmt.Errorf("the samples name %d categories, training wants 2 to %d", len(names), maxCategories)
	}
	return names, nil
}

func newProblem(m *Model, samples []Sample) *problem {
	p := &problem{classes: len(m.categories), rows: len(m.vocabulary.hashes)}
	r := newReader(m.shape, m.vocabulary)
	for _, s := range samples {
		v := r.read(s.Text)
		label, _ := slices.BinarySearch(m.categories, s.Category)
		square := float32(1) // the bias
		for _, value := range v.values {
			square += value * value
		}
		p.vectors = append(p.vectors, vector{rows: slices.Clone(v.rows), values: slices.Clone(v.values)})
		p.squares = append(p.squares, square)
		p.labels = append(p.labels, label)
	}
	return p
}

// calibrate finds the temperature that makes confidences honest: each fold is
// scored by machines that did not see it, and the temperature chosen is the
// one under which the true categories of all folds together are likeliest.
func calibrate(p *problem, s solver, folds int) float64 {
	fold := stratify(p.labels, folds, s.seed)
	scores := make([]float32, len(p.labels)*p.classes)
	for f := range folds {
		var inside, outside []int
		for i := range p.labels {
			if fold[i] == f {
				outside = append(outside, i)
			} else {
				inside = append(inside, i)
			}
		}
		weights := s.train(p, inside)
		for _, i := range outside {
			own := scores[i*p.classes : (i+1)*p.classes]
			copy(own, weights[p.rows*p.classes:])
			for n, row := range p.vectors[i].rows {
				addScaled(own, weights[int(row)*p.classes:(int(row)+1)*p.classes], p.vectors[i].values[n])
			}
		}
	}
	return bestTemperature(scores, p.labels, p.classes)
}

// bestTemperature minimises the negative log likelihood, which has one minimum
// in the temperature, by golden section.
func bestTemperature(scores []float32, labels []int, classes int) float64 {
	loss := func(temperature float64) float64 {
		var sum float64
		for i, label := range labels {
			own := scores[i*classes : (i+1)*classes]
			highest := float64(slices.Max(own))
			var partition float64
			for _, score := range own {
				partition += math.Exp(temperature * (float64(score) - highest))
			}
			sum += math.Log(partition) - temperature*(float64(own[label])-highest)
		}
		return sum
	}
	low, high := minTemperature, maxTemperature
	const golden = 0.6180339887498949
	for high-low > 1e-3 {
		a, b := high-golden*(high-low), low+golden*(high-low)
		if loss(a) <= loss(b) {
			high = b
		} else {
			low = a
		}
	}
	return (low + high) / 2
}

// Scores differ by about 1, so outside of these bounds a temperature would say
// "anything" or "certain" of everything.
var minTemperature, maxTemperature = 0.05, 30.0

// stratify deals the samples of each category evenly to folds, at random by
// the seed. fold[i] is the fold of sample i.
func stratify(labels []int, folds int, seed uint64) (fold []int) {
	random := rand.New(rand.NewPCG(seed, 1))
	fold = make([]int, len(labels))
	byLabel := make(map[int][]int)
	highest := 0
	for i, label := range labels {
		byLabel[label] = append(byLabel[label], i)
		highest = max(highest, label)
	}
	next := 0
	for label := range highest + 1 {
		members := byLabel[label]
		random.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		for _, i := range members {
			fold[i] = next % folds
			next++
		}
	}
	return fold
}

func all(n int) []int {
	indices := make([]int, n)
	for i := range indices {
		indices[i] = i
	}
	return indices
}
