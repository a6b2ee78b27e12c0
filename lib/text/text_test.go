package text

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// fruit is a small set that any sane classifier learns.
func fruit() []Sample {
	var samples []Sample
	for i := range 12 {
		samples = append(samples,
			Sample{fmt.Sprintf("the apple number %d is red and crisp", i), "fruit/apple"},
			Sample{fmt.Sprintf("a yellow banana, bent, bunch %d", i), "fruit/banana"},
			Sample{fmt.Sprintf("my car %d lost a wheel on the road", i), "car"})
	}
	return samples
}

func train(t testing.TB, samples []Sample, opt Options) *Model {
	t.Helper()
	m, err := Train(samples, opt)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func stored(t testing.TB, m *Model) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := m.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("WriteTo gave %d, %v and wrote %d bytes", n, err, b.Len())
	}
	return b.Bytes()
}

func TestClassify(t *testing.T) {
	m := train(t, fruit(), Options{})
	tests := []struct{ name, text, want string }{
		{"as trained", "the apple is red", "fruit/apple"},
		{"upper case", "A BENT BANANA!", "fruit/banana"},
		{"typo caught by character n-grams", "yelow bannana", "fruit/banana"},
		{"broken UTF-8 between", "car\xff\xfe wheel \xc3", "car"},
		{"right word far behind the limit of bytes", "wheel of a car " + strings.Repeat("- ", defaultMaxBytes) + strings.Repeat("banana ", 500), "car"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ranked := m.Classify(tt.text)
			if ranked[0].Category != tt.want {
				t.Errorf("got %v, want %s first", ranked, tt.want)
			}
		})
	}
}

func TestConfidenceOfUnknownTextIsLow(t *testing.T) {
	m := train(t, fruit(), Options{})
	known, unknown := m.Classify("a yellow bent banana")[0].Confidence, m.Classify("ζ")[0].Confidence
	if known < 0.8 || unknown > 0.6 {
		t.Errorf("confidence %.2f for a known text and %.2f for one without a known feature", known, unknown)
	}
}

func TestConfidencesAreRankedAndAddUpToOne(t *testing.T) {
	m := train(t, fruit(), Options{})
	rapid.Check(t, func(t *rapid.T) {
		var sum float64
		last := 1.0
		ranked := m.Classify(rapid.String().Draw(t, "text"))
		for _, s := range ranked {
			if s.Confidence > last || s.Confidence < 0 {
				t.Fatalf("not ranked: %v", ranked)
			}
			last = s.Confidence
			sum += s.Confidence
		}
		if math.Abs(sum-1) > 1e-4 {
			t.Fatalf("confidences add up to %v", sum)
		}
	})
}

func TestTrainIsDeterministic(t *testing.T) {
	one := stored(t, train(t, fruit(), Options{Workers: 1}))
	if !bytes.Equal(one, stored(t, train(t, fruit(), Options{Workers: 7}))) {
		t.Error("the number of workers changed the model")
	}
	if bytes.Equal(one, stored(t, train(t, fruit(), Options{Seed: 5}))) {
		t.Error("another seed gave the same model: is it used?")
	}
}

func TestTrainRefuses(t *testing.T) {
	two := fruit()
	tests := []struct {
		name    string
		samples []Sample
		opt     Options
		want    string
	}{
		{"no samples", nil, Options{}, "0 categories"},
		{"one category", two[:1], Options{}, "1 categories"},
		{"no name", append(fruit(), Sample{Text: "x"}), Options{}, "sample 37"},
		{"a name too long", append(fruit(), Sample{"x", strings.Repeat("n", 513)}), Options{}, "sample 37"},
		{"n-grams upside down", two, Options{CharMin: 4, CharMax: 3}, "character n-grams of 4 to 3"},
		{"cost below zero", two, Options{Cost: -1}, "Cost"},
		{"one fold", two, Options{Calibration: 1}, "Calibration"},
		{"no epochs", two, Options{Epochs: -1}, "Epochs"},
		{"too large a model", two, Options{MaxModelSize: 100}, "raise MinTexts"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Train(tt.samples, tt.opt)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestTrainTakesOddSamples(t *testing.T) {
	m := train(t, []Sample{{"", "empty"}, {"word", "lonely"}}, Options{})
	if got := m.Classify("word")[0].Category; got != "lonely" {
		t.Errorf("got %s", got)
	}
}

func TestClassifyIntoAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("SKIPPED: the race detector makes pools forget on purpose; run it without -race")
	}
	m := train(t, fruit(), Options{})
	dst := make([]Scored, 0, 3)
	text := strings.Repeat("the red apple and the yellow banana ", 20)
	if n := testing.AllocsPerRun(200, func() { dst = m.ClassifyInto(dst, text) }); n > 0 {
		t.Errorf("%v allocations a prediction", n)
	}
}

func TestModelSurvivesStorage(t *testing.T) {
	m := train(t, fruit(), Options{})
	bytesOfIt := stored(t, m)
	again, err := ReadModel(iotest.OneByteReader(bytes.NewReader(bytesOfIt)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytesOfIt, stored(t, again)) {
		t.Error("read and written again, the bytes differ")
	}
	if diff := cmp.Diff(m.Classify("a red apple in a car"), again.Classify("a red apple in a car")); diff != "" {
		t.Error(diff)
	}
}

func TestReadModelRefusesDamage(t *testing.T) {
	good := stored(t, train(t, fruit(), Options{}))
	t.Run("cut short anywhere", func(t *testing.T) {
		for n := 0; n < len(good); n += 1 + n/50 {
			if _, err := ReadModel(bytes.NewReader(good[:n])); !errors.Is(err, ErrBadModel) {
				t.Fatalf("%d of %d bytes: %v", n, len(good), err)
			}
		}
	})
	t.Run("one bit changed", func(t *testing.T) {
		for n := 0; n < len(good); n += 1 + n/50 {
			bad := bytes.Clone(good)
			bad[n] ^= 4
			if _, err := ReadModel(bytes.NewReader(bad)); !errors.Is(err, ErrBadModel) {
				t.Fatalf("byte %d: %v", n, err)
			}
		}
	})
	t.Run("huge claim, few bytes", func(t *testing.T) {
		bad := bytes.Clone(good[:64])
		binary.LittleEndian.PutUint64(bad[len(magic)+2:], 3<<30)
		if _, err := ReadModel(bytes.NewReader(bad)); !errors.Is(err, ErrBadModel) {
			t.Fatal(err)
		}
	})
	t.Run("the reader's own fault is told apart", func(t *testing.T) {
		broken := errors.New("disk on fire")
		if _, err := ReadModel(iotest.ErrReader(broken)); !errors.Is(err, broken) || errors.Is(err, ErrBadModel) {
			t.Fatal(err)
		}
	})
}

// FuzzReadModel feeds bodies with a right checksum, so that the checks behind
// it are reached: whatever is accepted must classify and be written again.
func FuzzReadModel(f *testing.F) {
	small := train(f, []Sample{{"a b", "x"}, {"c d", "y"}}, Options{})
	body := small.encode()
	f.Add(body)
	f.Add(body[:40])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		file := append([]byte(magic), modelVersion, 0)
		file = binary.LittleEndian.AppendUint64(file, uint64(len(body)))
		file = append(file, body...)
		sum := sha256.Sum256(file)
		m, err := ReadModel(bytes.NewReader(append(file, sum[:]...)))
		if err != nil {
			if !errors.Is(err, ErrBadModel) {
				t.Fatal(err)
			}
			return
		}
		for _, s := range m.Classify("a b c d e") {
			if math.IsNaN(s.Confidence) {
				t.Fatal("confidence is not a number")
			}
		}
		if !bytes.Equal(m.encode(), body) {
			t.Fatal("accepted, but written otherwise")
		}
	})
}

func TestEvaluateCounts(t *testing.T) {
	ranked := func(names ...string) (r []Scored) {
		for i, name := range names {
			r = append(r, Scored{name, []float64{0.9, 0.06, 0.03, 0.01}[i]})
		}
		return r
	}
	counts := newTally()
	counts.add("a", ranked("a", "b", "c", "d"))
	counts.add("a", ranked("b", "c", "a", "d"))
	counts.add("b", ranked("b", "a", "c", "d"))
	counts.add("unknown", ranked("a", "b", "c", "d"))
	want := Report{
		Samples: 4, Accuracy: 0.5, Top3: 0.75, CalibrationError: 0.4,
		MacroF1: (0.5 + 2.0/3 + 0) / 3,
		Categories: []CategoryReport{
			{Category: "a", Samples: 2, Predicted: 2, Right: 1, Precision: 0.5, Recall: 0.5, F1: 0.5},
			{Category: "b", Samples: 1, Predicted: 2, Right: 1, Precision: 0.5, Recall: 1, F1: 2.0 / 3},
			{Category: "unknown", Samples: 1},
		},
		Confusion: []Confusion{{"a", "b", 1, 0.5}, {"unknown", "a", 1, 1}},
	}
	near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-9 })
	got := counts.report()
	got.Curve, got.Reliability = nil, nil // tested beside the thresholds
	for i := range got.Categories {
		got.Categories[i].Thresholds = Thresholds{}
	}
	if diff := cmp.Diff(want, got, near); diff != "" {
		t.Error(diff)
	}
}

func TestCrossValidateJudgesEachSampleOnce(t *testing.T) {
	report, err := CrossValidate(fruit(), 4, 1, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if report.Samples != 36 || report.Accuracy != 1 {
		t.Errorf("%d samples, accuracy %v", report.Samples, report.Accuracy)
	}
	if _, err := CrossValidate(fruit(), 37, 1, Options{}); err == nil {
		t.Error("37 folds of 36 samples were accepted")
	}
}

func TestReadSamples(t *testing.T) {
	tests := []struct {
		name, csv string
		want      []Sample
		err       string
	}{
		{"columns in any order", "category,note,text\na,x,\"one, two\nthree\"\n", []Sample{{"one, two\nthree", "a"}}, ""},
		{"no header", "", nil, "header"},
		{"wrong header", "txt,category\n", nil, "must name the columns"},
		{"no category", "text,category\nx,a\ny,\n", nil, "line 3"},
		{"ragged", "text,category\nx\n", nil, "line 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ReadSamples(strings.NewReader(tt.csv))
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("error %v, want one with %q", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func BenchmarkClassify(b *testing.B) {
	m := train(b, fruit(), Options{})
	text := "Hello, my apple is not red at all, what can I do about it? Thanks"
	dst := make([]Scored, 0, 3)
	b.ReportAllocs()
	for b.Loop() {
		dst = m.ClassifyInto(dst, text)
	}
}
