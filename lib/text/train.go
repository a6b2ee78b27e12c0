package text

import (
	"errors"
	"fmt"
	"math"
	"runtime"
)

// Sample is a text and the category a person gave it. Categories form a tree
// when written as paths ("orders/cancel"); to the model each path is one
// category.
type Sample struct {
	Text     string
	Category string
}

// Profile says what training is to spend its time on.
type Profile string

// The profiles. The zero Profile is one linear machine a category over everything that a text holds.
const (
	Accurate Profile = "accurate" // the linear machines and several networks beside them: the best there is
	Fast     Profile = "fast"     // one linear machine a category over fewer features: trained in seconds, some 20 µs a text
)

// Options of training. A zero field means the default named with it, or what the profile wants.
type Options struct {
	Profile      Profile
	MaxBytes     int     // bytes of a text that are read; 16 KiB
	WordMax      int     // word n-grams up to this many words; 2
	CharMin      int     // shortest character n-gram; 2
	CharMax      int     // longest character n-gram; 5
	MinTexts     int     // a feature must stand in so many texts; 1
	Cost         float64 // of a sample on the wrong side; 1
	Epochs       int     // at most so many passes over the samples; 12
	Networks     int     // beside the linear machines; 0, accurate: 6
	Calibration  int     // folds, on as many of which as are needed the confidences are fitted; 3
	Workers      int     // goroutines; all processors. Does not change the result
	Seed         uint64  // of sample order and folds; 0 is a seed like any other
	MaxModelSize int     // bytes of weights that training may ask for; 1 GiB

	Progress func(done, of int) error // called after each part of the work; an error ends the training with it
	Stopped  func() error             // asked often; an error ends the training with it
}

func (o Options) withDefaults() Options {
	orInt := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	switch o.Profile {
	case Accurate:
		orInt(&o.Networks, 6)
		orInt(&o.Calibration, 5)
	case Fast:
		orInt(&o.CharMin, 3)
		orInt(&o.CharMax, 4)
		orInt(&o.MinTexts, 2)
		orInt(&o.Epochs, 8)
		orInt(&o.Calibration, 2)
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
	case o.Profile != "" && o.Profile != Accurate && o.Profile != Fast:
		err = errors.Join(err, fmt.Errorf("there is no profile %q, want %s or %s", o.Profile, Accurate, Fast))
	case o.Networks < 0 || o.Networks > maxHeads-1:
		err = errors.Join(err, fmt.Errorf("the option Networks is %d, want 0 to %d", o.Networks, maxHeads-1))
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
	return TrainSet(setOf(samples), opt)
}

// TrainSet is Train for texts that may have several categories, with texts beside them that fit nowhere.
func TrainSet(set Set, opt Options) (*Model, error) {
	opt = opt.withDefaults()
	if err := opt.validate(); err != nil {
		return nil, fmt.Errorf("training options: %w", err)
	}
	categories, err := set.categories()
	if err != nil {
		return nil, err
	}
	m := &Model{shape: opt.shape(), categories: categories, several: set.Several}
	m.vocabulary = learnVocabulary(set.texts(), opt.shape(), opt.MinTexts)
	if size := opt.size(len(m.vocabulary.hashes)+1, len(categories)); size > opt.MaxModelSize {
		return nil, fmt.Errorf("the model would hold %d MiB of weights, the limit is %d MiB: raise MinTexts or train on fewer samples",
			size>>20, opt.MaxModelSize>>20)
	}
	t := newTrainer(newProblem(m, set), opt)
	if err := t.calibrate(m); err != nil {
		return nil, err
	}
	layers, err := t.fit(all(len(t.problem.labels)))
	if err != nil {
		return nil, err
	}
	for i, l := range layers {
		m.heads[i].layers = l
	}
	return m.init(), nil
}

// size is how many bytes the weights of all heads take.
func (o Options) size(rows, classes int) int {
	hidden := units(o.Networks)
	return 4 * (rows*classes + rows*hidden + (hidden+o.Networks)*classes)
}
