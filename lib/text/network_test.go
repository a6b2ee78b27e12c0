package text

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// small is the accurate profile with as many networks as a test has time for.
var small = Options{Profile: Accurate, Networks: 2}

func TestNetworksLearnAndSurviveStorage(t *testing.T) {
	m := train(t, fruit(), small)
	if len(m.heads) != 3 {
		t.Fatalf("%d heads, want the linear one and two networks", len(m.heads))
	}
	raw := stored(t, m)
	again, err := ReadModel(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"A BENT BANANA!": "fruit/banana", "wheel of a car": "car", "the aple is red": "fruit/apple"} {
		ranked := again.Classify(text)
		if ranked[0].Category != want || ranked[0].Confidence < 0.5 {
			t.Errorf("%q: %v", text, ranked)
		}
		if !slices.Equal(ranked, m.Classify(text)) {
			t.Errorf("%q is judged otherwise after storage", text)
		}
	}
	if !bytes.Equal(raw, stored(t, again)) {
		t.Error("read and written again, the bytes differ")
	}
}

func TestNetworksAreDeterministic(t *testing.T) {
	opt := small
	opt.Workers = 1
	one := stored(t, train(t, fruit(), opt))
	opt.Workers = 5
	if !bytes.Equal(one, stored(t, train(t, fruit(), opt))) {
		t.Error("the number of workers changed the model")
	}
}

// What a network is told to move by is the slope of its loss: checked against small differences, with nothing left out.
func TestNetworkMovesAgainstTheSlope(t *testing.T) {
	for _, several := range []bool{false, true} {
		t.Run(fmt.Sprintf("several %v", several), func(t *testing.T) {
			p := &problem{classes: 3, rows: 4, labels: []int{1}, vectors: []vector{{[]uint32{0, 2}, []float32{0.6, 0.8}}}}
			if several {
				p.sets = [][]int{{1, 2}}
			}
			l := network{hidden: 6, epochs: 1, rate: 1, seed: 3}.begin(p)
			loss := func() (sum float64) {
				l.forward(p.vectors[0], p.rows)
				scores := slices.Clone(l.scores)
				if !several {
					return -math.Log(float64(softmax(scores, 1)[1]))
				}
				squash(scores, 1, 0)
				for k, s := range scores {
					if p.belongs(0, k) {
						sum -= math.Log(float64(s))
					} else {
						sum -= math.Log(1 - float64(s))
					}
				}
				return sum
			}
			before := loss()
			for range 40 {
				l.step(p, 0, 0.01)
			}
			if after := loss(); !(after < 0.85*before) {
				t.Errorf("the loss went from %.3f to %.3f in 40 small steps", before, after)
			}
		})
	}
}

func TestSeveralCategories(t *testing.T) {
	var set Set
	set.Several = true
	for i := range 12 {
		set.Texts = append(set.Texts,
			Labelled{fmt.Sprintf("cancel my booking number %d", i), []string{"cancel", "booking"}},
			Labelled{fmt.Sprintf("change my booking to day %d", i), []string{"booking", "change"}},
			Labelled{fmt.Sprintf("cancel the card %d", i), []string{"card", "cancel"}},
			Labelled{fmt.Sprintf("good morning to all %d of you", i), nil})
	}
	for _, opt := range []Options{{}, small} {
		m, err := TrainSet(set, opt)
		if err != nil {
			t.Fatal(err)
		}
		if !m.Several() {
			t.Fatal("the model takes a text to have one category")
		}
		for text, want := range map[string][]string{"please cancel my booking": {"booking", "cancel"}, "good morning": nil, "change the booking": {"booking", "change"}} {
			var got []string
			for _, s := range m.Classify(text) {
				if s.Confidence >= Belongs {
					got = append(got, s.Category)
				}
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("%d networks, %q: %v, want %v", opt.Networks, text, m.Classify(text), want)
			}
		}
	}
}

func TestTextsOutsideAreRefused(t *testing.T) {
	set := setOf(fruit())
	for _, opt := range []Options{{}, small} {
		m, err := TrainSet(set, opt)
		if err != nil {
			t.Fatal(err)
		}
		trial := Try(m, Set{Texts: set.Texts, Outside: []string{"quarterly dividend statement", "wie spät ist es", "ζ"}})
		if trial.OutsideRecall < 0.99 || trial.Refused > RefusedShare {
			t.Errorf("%d networks: %.2f of the texts outside refused with %.2f of the others", opt.Networks, trial.OutsideRecall, trial.Refused)
		}
		if trial.Accuracy < 0.99 || trial.P50 <= 0 {
			t.Errorf("accuracy %v, %v", trial.Accuracy, trial.P50)
		}
	}
}

func TestOutsideIsLearned(t *testing.T) {
	set := setOf(fruit())
	trap := "the apple store opens a shop for phones on the road"
	fit := func(set Set) float64 {
		m, err := TrainSet(set, Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, fit := m.Judge(nil, trap)
		return fit
	}
	without := fit(set)
	for i := range 10 {
		set.Outside = append(set.Outside, fmt.Sprintf("the apple store %d opens a shop for phones", i))
	}
	if with := fit(set); with >= without {
		t.Errorf("the text fits by %.3f, and by %.3f where ones like it were shown to fit nowhere", without, with)
	}
}

func TestTrainingCanBeStopped(t *testing.T) {
	stop := errors.New("enough")
	opt := small
	var told []string
	opt.Progress = func(done, of int) error {
		told = append(told, fmt.Sprint(done, "/", of))
		if done == 2 {
			return stop
		}
		return nil
	}
	if _, err := Train(fruit(), opt); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	if got := strings.Join(told, " "); got != "1/6 2/6" {
		t.Errorf("told %s", got)
	}
}

func TestNewSet(t *testing.T) {
	s := NewSet([]Labelled{{"x", []string{"a"}}, {"y", []string{"oos"}}, {"z", []string{"out_of_scope"}}})
	if s.Several || len(s.Texts) != 1 || !slices.Equal(s.Outside, []string{"y", "z"}) {
		t.Errorf("%+v", s)
	}
	if s = NewSet([]Labelled{{"x", []string{"a"}}, {"y", nil}}); !s.Several || len(s.Texts) != 2 {
		t.Errorf("%+v", s)
	}
}

// Scores that compete say nothing by their height: the same number added to all of them changes no confidence, so it must not change the fit.
func TestStandoutOfANetworkIsNotItsHeight(t *testing.T) {
	net := &layers{second: []float32{0}}
	low, high := net.standout([]float32{1, 2, 6}, false), net.standout([]float32{11, 12, 16}, false)
	if low != 3 || high != 3 {
		t.Errorf("%v and %v, want 3 for both", low, high)
	}
	if got := (&layers{}).standout([]float32{-1, -0.5}, false); got != -0.5 {
		t.Errorf("the margin of a linear head is %v", got)
	}
}

// Of the public set's texts that fit nowhere most are refused when one in 25 of the others is.
func TestTextsOutsideOfAPublicSetAreRefused(t *testing.T) {
	if raceEnabled {
		t.Skip("SKIPPED: training takes fifteen times as long under the race detector; run it without -race")
	}
	f, err := os.Open(filepath.Join(corpus(t, "clinc150"), "data_train_val.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := ReadLabelled(f, SplitTrain)
	if err != nil {
		t.Fatal(err)
	}
	set := NewSet(all)
	samples := make([]Sample, len(set.Texts))
	for i, l := range set.Texts {
		samples[i] = Sample{l.Text, l.Categories[0]}
	}
	inside, outside := oneFold(firstCategories(samples, 40), 5)
	m := train(t, inside, small)
	trial := Try(m, Set{Texts: setOf(outside).Texts, Outside: set.Outside})
	t.Logf("accuracy %.3f, %.3f of the texts outside refused with %.3f of the others", trial.Accuracy, trial.OutsideRecall, trial.Refused)
	if trial.OutsideRecall < 0.7 {
		t.Error("want at least 0.7 of the texts outside refused")
	}
}
