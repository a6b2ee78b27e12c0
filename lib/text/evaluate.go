package text

import (
	"math"
	"slices"
	"strings"
)

// Report tells how well a model did on samples that it had not seen.
type Report struct {
	Samples          int              `json:"samples"`
	Accuracy         float64          `json:"accuracy"` // share with the right category first
	Top3             float64          `json:"top3"`     // share with the right category among the first three
	MacroF1          float64          `json:"macro_f1"` // mean of F1 over the categories that occur in the samples
	CalibrationError float64          `json:"ece"`      // mean distance between confidence and accuracy, 15 bins
	Categories       []CategoryReport `json:"categories"`
	Confusion        []Confusion      `json:"confusion"` // what was taken for what, the most frequent first
	Curve            []Point          `json:"curve"`     // of all categories together, the surest texts first
	Reliability      []Reliability    `json:"reliability"`
}

// CategoryReport is one category's part of a Report.
type CategoryReport struct {
	Category  string  `json:"category"`
	Samples   int     `json:"samples"`   // that belong to it
	Predicted int     `json:"predicted"` // that were given to it
	Right     int     `json:"right"`     // both
	Precision float64 `json:"precision"` // 0 if nothing was given to it
	Recall    float64 `json:"recall"`    // 0 if nothing belongs to it
	F1        float64 `json:"f1"`

	Thresholds Thresholds `json:"thresholds"`
}

// Reliability tells how often texts given with about this confidence were right.
type Reliability struct {
	Confidence float64 `json:"confidence"` // mean of the bin
	Right      float64 `json:"right"`      // share
	Samples    int     `json:"samples"`
}

// Mixed gives the confusions that are worth a look: a category of which more than the share is taken for another.
func (r Report) Mixed() (mixed []Confusion) {
	for _, c := range r.Confusion {
		if c.Share > Mixed {
			mixed = append(mixed, c)
		}
	}
	return mixed
}

// Confusion counts samples of one category that were given another. Share is
// that count over the samples of the true category.
type Confusion struct {
	True  string  `json:"true"`
	Given string  `json:"given"`
	Count int     `json:"count"`
	Share float64 `json:"share"`
}

const calibrationBins = 15

// tally collects predictions until a report is asked for.
type tally struct {
	samples, right, top3 int
	byCategory           map[string]*CategoryReport
	confused             map[[2]string]int
	verdicts             []verdict
	bins                 [calibrationBins]struct {
		count, right int
		confidence   float64
	}
}

func newTally() *tally {
	return &tally{byCategory: make(map[string]*CategoryReport), confused: make(map[[2]string]int)}
}

func (t *tally) of(category string) *CategoryReport {
	c := t.byCategory[category]
	if c == nil {
		c = &CategoryReport{Category: category}
		t.byCategory[category] = c
	}
	return c
}

func (t *tally) add(truth string, ranked []Scored) {
	t.samples++
	t.of(truth).Samples++
	given := ranked[0]
	t.of(given.Category).Predicted++
	t.verdicts = append(t.verdicts, verdict{given.Category, given.Confidence, given.Category == truth})
	bin := &t.bins[min(int(given.Confidence*calibrationBins), calibrationBins-1)]
	bin.count++
	bin.confidence += given.Confidence
	if given.Category == truth {
		t.right++
		t.of(truth).Right++
		bin.right++
	} else {
		t.confused[[2]string{truth, given.Category}]++
	}
	if slices.ContainsFunc(ranked[:min(3, len(ranked))], func(s Scored) bool { return s.Category == truth }) {
		t.top3++
	}
}

func (t *tally) report() Report {
	r := Report{Samples: t.samples}
	if t.samples == 0 {
		return r
	}
	n := float64(t.samples)
	r.Accuracy, r.Top3 = float64(t.right)/n, float64(t.top3)/n
	for _, bin := range t.bins {
		r.CalibrationError += math.Abs(float64(bin.right)-bin.confidence) / n
		if bin.count > 0 {
			r.Reliability = append(r.Reliability, Reliability{bin.confidence / float64(bin.count), ratio(bin.right, bin.count), bin.count})
		}
	}
	const curvePoints = 200
	r.Curve = thin(curve(t.verdicts, t.samples), curvePoints)
	byCategory := map[string][]verdict{}
	for _, v := range t.verdicts {
		byCategory[v.given] = append(byCategory[v.given], v)
	}
	occurring := 0
	for _, c := range t.byCategory {
		c.Precision, c.Recall = ratio(c.Right, c.Predicted), ratio(c.Right, c.Samples)
		c.F1 = ratio(2*c.Right, c.Predicted+c.Samples)
		c.Thresholds = thresholds(curve(byCategory[c.Category], c.Samples), c.Samples)
		r.Categories = append(r.Categories, *c)
	}
	slices.SortFunc(r.Categories, func(a, b CategoryReport) int { return strings.Compare(a.Category, b.Category) })
	for _, c := range r.Categories {
		if c.Samples > 0 {
			r.MacroF1 += c.F1
			occurring++
		}
	}
	r.MacroF1 /= float64(occurring)
	for pair, count := range t.confused {
		r.Confusion = append(r.Confusion, Confusion{
			True: pair[0], Given: pair[1], Count: count,
			Share: ratio(count, t.byCategory[pair[0]].Samples),
		})
	}
	slices.SortFunc(r.Confusion, func(a, b Confusion) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		if a.True != b.True {
			return strings.Compare(a.True, b.True)
		}
		return strings.Compare(a.Given, b.Given)
	})
	return r
}

// Evaluate classifies every sample and reports. A sample of a category that
// the model does not know counts as wrong.
func Evaluate(m *Model, samples []Sample) Report {
	t := newTally()
	ranked := make([]Scored, 0, len(m.categories))
	for _, s := range samples {
		ranked = m.ClassifyInto(ranked, s.Text)
		t.add(s.Category, ranked)
	}
	return t.report()
}

// CrossValidate trains folds models, each on all samples but one fold, and
// reports on every sample as judged by the model that did not see it.
func CrossValidate(samples []Sample, folds int, seed uint64, opt Options) (Report, error) {
	t := newTally()
	var ranked []Scored
	err := setOf(samples).cross(folds, seed, opt, func(m *Model, places []int) {
		for _, i := range places {
			ranked = m.ClassifyInto(ranked, samples[i].Text)
			t.add(samples[i].Category, ranked)
		}
	})
	return t.report(), err
}

func ratio(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
