package text

import (
	"math"
	"runtime"
	"slices"
	"time"
)

// Trial is what a model did with texts that it had not seen, in the numbers that two models are compared by. Numbers that the texts give no answer to
// are negative.
type Trial struct {
	Report                      // of the texts with categories
	MicroF1       float64       // where texts may have several categories: F1 over all pairs of text and category
	Refused       float64       // share of the texts with a category that lie below the limit of OutsideRecall
	OutsideRecall float64       // share of the texts that fit nowhere which are refused when at most RefusedShare of the others is
	P50           time.Duration // of one prediction
	Allocations   float64       // of one prediction
}

// RefusedShare is how many of the texts that have a category may be refused, wrongly, to find those that fit nowhere.
const RefusedShare = 0.04

// FalseSpam is the share of the other texts that were taken for spam; negative where spam is no category.
func (t Trial) FalseSpam() float64 {
	for _, c := range t.Categories {
		if c.Category == "spam" {
			return ratio(c.Predicted-c.Right, t.Samples-c.Samples)
		}
	}
	return -1
}

// Try judges a model on texts that it has not seen.
func Try(m *Model, set Set) Trial {
	j := newJudge(set)
	for i := range set.Texts {
		j.inside(m, i)
	}
	for _, text := range set.Outside {
		j.outside(m, text)
	}
	return j.trial(m)
}

// TryFolds trains folds models, each on all texts but one fold, and judges every text by the model that did not see it. The texts outside are refused or
// not by the last of them, which learns from the set's own texts outside.
func TryFolds(set Set, outside []string, folds int, opt Options) (Trial, error) {
	judged := set
	judged.Outside = outside
	j := newJudge(judged)
	var last *Model
	err := set.cross(folds, opt.Seed, opt, func(m *Model, places []int) {
		for _, i := range places {
			j.inside(m, i)
		}
		last = m
	})
	if err != nil {
		return Trial{}, err
	}
	for _, text := range outside {
		j.outside(last, text)
	}
	return j.trial(last), nil
}

// judge collects what models say of a set.
type judge struct {
	set          Set
	tally        *tally
	several      *tallySeveral
	ranked       []Scored
	fits, unfits []float64
}

func newJudge(set Set) *judge {
	return &judge{set: set, tally: newTally(), several: newTallySeveral()}
}

func (j *judge) inside(m *Model, i int) {
	l := j.set.Texts[i]
	var fit float64
	j.ranked, fit = m.Judge(j.ranked, l.Text)
	j.fits = append(j.fits, fit)
	if j.set.Several {
		j.several.add(l.Categories, j.ranked)
	} else {
		j.tally.add(l.Categories[0], j.ranked)
	}
}

func (j *judge) outside(m *Model, text string) {
	var fit float64
	j.ranked, fit = m.Judge(j.ranked, text)
	j.unfits = append(j.unfits, fit)
}

func (j *judge) trial(m *Model) Trial {
	t := Trial{Report: j.tally.report(), MicroF1: -1, OutsideRecall: -1}
	if j.set.Several {
		t.Report, t.MicroF1 = j.several.report()
	}
	if len(j.unfits) > 0 {
		limit := refusing(j.fits, RefusedShare)
		t.Refused, t.OutsideRecall = below(j.fits, limit), below(j.unfits, limit)
	}
	t.P50, t.Allocations = speed(m, j.set.Texts)
	return t
}

// refusing gives the limit below which at most the share of the values lies.
func refusing(values []float64, share float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}

func below(values []float64, limit float64) float64 {
	n := 0
	for _, v := range values {
		if v < limit {
			n++
		}
	}
	return ratio(n, len(values))
}

// speed measures Classify as a caller uses it: the median time and the mean number of allocations.
func speed(m *Model, texts []Labelled) (p50 time.Duration, allocations float64) {
	const most = 2000
	texts = texts[:min(len(texts), most)]
	if len(texts) == 0 {
		return 0, 0
	}
	times := make([]time.Duration, len(texts))
	for range 2 { // the first round warms up
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i, l := range texts {
			began := time.Now()
			m.Classify(l.Text)
			times[i] = time.Since(began)
		}
		runtime.ReadMemStats(&after)
		allocations = math.Round(float64(after.Mallocs-before.Mallocs) / float64(len(texts)))
	}
	slices.Sort(times)
	return times[len(times)/2], allocations
}
