package text

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestThresholdsAreReadOffTheCurve(t *testing.T) {
	var verdicts []verdict
	for i := range 20 { // the ten surest are right, of the others every second is
		verdicts = append(verdicts, verdict{"a", 1 - float64(i)/25, i < 10 || i%2 == 0})
	}
	points := curve(verdicts, 15)
	if len(points) != 20 || points[9].Precision != 1 || math.Abs(points[19].Recall-1) > 1e-9 {
		t.Fatalf("%v", points)
	}
	got := thresholds(points, 15)
	near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-9 })
	// After 14 texts 12 are right (0.857), after 15 it is 13 of 15 (0.867), after 17 it is 14 of 17 (0.824).
	if want := (Thresholds{Auto: 1 - 14.0/25, Route: 1 - 14.0/25, Suggestion: 1 - 18.0/25}); !cmp.Equal(got, want, near) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := thresholds(curve(verdicts, 20), 20); got.Suggestion != 0 {
		t.Errorf("a quarter of the texts is never found: all is suggested, got %+v", got)
	}
	if got := thresholds(curve(verdicts[:3], 16), 16); got.Auto != Never {
		t.Errorf("three texts are too few to answer by, got %+v", got)
	}
	if got := thresholds(nil, 5); got.Auto != Never || got.Route != Never {
		t.Errorf("nothing was given: %+v", got)
	}
}

func TestMixedCategoriesArePointedOut(t *testing.T) {
	counts := newTally()
	for i := range 10 {
		given := "a"
		if i < 3 {
			given = "b"
		}
		counts.add("a", []Scored{{given, 0.6}})
		counts.add("b", []Scored{{"b", 0.9}})
	}
	mixed := counts.report().Mixed()
	if len(mixed) != 1 || mixed[0].True != "a" || mixed[0].Given != "b" || mixed[0].Share != 0.3 {
		t.Errorf("%+v", mixed)
	}
}
