package text

import (
	"math"
	"slices"
)

// Belongs is the confidence from which a text counts as belonging to a category where it may have several.
const Belongs = 0.5

// tallySeveral collects predictions for texts that may have several categories, or none.
type tallySeveral struct {
	tally
	pairs, given, both int
}

func newTallySeveral() *tallySeveral { return &tallySeveral{tally: *newTally()} }

// add counts a text. It is right when exactly its categories were given; each pair of text and category counts in the calibration.
func (t *tallySeveral) add(truth []string, ranked []Scored) {
	t.samples++
	exact := true
	for _, name := range truth {
		t.of(name).Samples++
		t.pairs++
	}
	for _, s := range ranked {
		belongs, given := slices.Contains(truth, s.Category), s.Confidence >= Belongs
		exact = exact && belongs == given
		bin := &t.bins[min(int(s.Confidence*calibrationBins), calibrationBins-1)]
		bin.count++
		bin.confidence += s.Confidence
		if belongs {
			bin.right++
		}
		if !given {
			continue
		}
		t.given++
		t.of(s.Category).Predicted++
		if belongs {
			t.both++
			t.of(s.Category).Right++
		}
	}
	if exact {
		t.right++
	}
	if len(truth) == 0 || slices.ContainsFunc(ranked[:min(3, len(ranked))], func(s Scored) bool { return slices.Contains(truth, s.Category) }) {
		t.top3++
	}
}

func (t *tallySeveral) report() (Report, float64) {
	r := t.tally.report()
	judged := 0
	r.CalibrationError = 0
	for _, bin := range t.bins {
		judged += bin.count
		r.CalibrationError += math.Abs(float64(bin.right) - bin.confidence)
	}
	r.CalibrationError /= float64(max(judged, 1))
	return r, ratio(2*t.both, t.pairs+t.given)
}
