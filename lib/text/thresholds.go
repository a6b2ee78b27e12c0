package text

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// Precision that an automatic response asks for, and the recall below which a suggestion would be missed too often.
const (
	AutoPrecision    = 0.85
	SuggestionRecall = 0.95
)

// Mixed is the share of a category's texts from which on its confusion with another is pointed out: the two may be one, or their texts mislabelled.
const Mixed = 0.2

// Thresholds are confidences from which on a category may be used, as held-out texts suggest. 1.01 stands for never.
type Thresholds struct {
	Auto       float64 `json:"auto"`       // precision of AutoPrecision and above: an automatic response may be sent
	Route      float64 `json:"route"`      // precision and recall are nearest to each other
	Suggestion float64 `json:"suggestion"` // recall of SuggestionRecall is reached; never above Route
}

// Never is a threshold that no confidence reaches.
const Never = 1.01

// Point is one point of a curve: what is precise and found when only texts of this confidence and above count.
type Point struct {
	Confidence float64 `json:"confidence"`
	Precision  float64 `json:"precision"`
	Recall     float64 `json:"recall"`
}

// verdict is what was said of one text.
type verdict struct {
	given      string
	confidence float64
	right      bool
}

// curve walks down the confidences of verdicts, of which belonging texts are to be found.
func curve(verdicts []verdict, belonging int) []Point {
	sorted := slices.Clone(verdicts)
	slices.SortStableFunc(sorted, func(a, b verdict) int {
		return cmp.Or(cmp.Compare(b.confidence, a.confidence), strings.Compare(a.given, b.given))
	})
	var points []Point
	right := 0
	for n, v := range sorted {
		if v.right {
			right++
		}
		if n+1 < len(sorted) && sorted[n+1].confidence == v.confidence {
			continue
		}
		points = append(points, Point{v.confidence, ratio(right, n+1), ratio(right, belonging)})
	}
	return points
}

// fewest is how many texts must lie above a threshold that automatic responses are to rely on.
const fewest = 5

// thresholds reads them off a category's curve.
func thresholds(points []Point, belonging int) Thresholds {
	t := Thresholds{Auto: Never, Route: Never, Suggestion: 0}
	nearest, found := math.Inf(1), false
	for _, p := range points {
		above := p.Recall * float64(belonging) / max(p.Precision, 1e-9)
		if p.Precision >= AutoPrecision && above >= fewest {
			t.Auto = p.Confidence
		}
		if apart := math.Abs(p.Precision - p.Recall); p.Recall > 0 && apart <= nearest {
			nearest, t.Route = apart, p.Confidence
		}
		if p.Recall >= SuggestionRecall && !found {
			found, t.Suggestion = true, p.Confidence
		}
	}
	t.Suggestion = min(t.Suggestion, t.Route)
	return t
}

// thin keeps at most n points of a curve, evenly, the first and last among them.
func thin(points []Point, n int) []Point {
	if len(points) <= n {
		return points
	}
	kept := make([]Point, 0, n)
	for i := range n {
		kept = append(kept, points[i*(len(points)-1)/(n-1)])
	}
	return kept
}
