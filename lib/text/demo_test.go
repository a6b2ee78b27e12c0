package text

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func demoSamples(t testing.TB, name string) []Sample {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "config", "demo", "training", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	samples, err := ReadSamples(f)
	if err != nil {
		t.Fatal(err)
	}
	return samples
}

// The demo's models are trained on one set of hand-written mails and judged on
// another that was written apart from it.
func TestDemoTrainingData(t *testing.T) {
	for _, language := range []string{"en", "de"} {
		t.Run(language, func(t *testing.T) {
			samples, heldOut := demoSamples(t, language+".csv"), demoSamples(t, "heldout-"+language+".csv")
			m := train(t, samples, Options{})
			for _, s := range heldOut {
				for _, seen := range samples {
					if strings.EqualFold(s.Text, seen.Text) {
						t.Errorf("%q is a training text", s.Text)
					}
				}
				if best := m.Classify(s.Text)[0]; best.Category != s.Category {
					t.Logf("%s taken for %s (%.2f): %.90q", s.Category, best.Category, best.Confidence, s.Text)
				}
			}
			report := Evaluate(m, heldOut)
			t.Logf("%d training texts, %d held out: accuracy %.3f, macro F1 %.3f, top 3 %.3f, calibration error %.3f",
				len(samples), report.Samples, report.Accuracy, report.MacroF1, report.Top3, report.CalibrationError)
			if report.Accuracy < 0.85 {
				t.Error("want an accuracy of at least 0.85")
			}
			sure, right := 0, 0
			for _, s := range heldOut {
				if best := m.Classify(s.Text)[0]; best.Confidence >= 0.7 {
					sure++
					if best.Category == s.Category {
						right++
					}
				}
			}
			t.Logf("with confidence of 0.7 and above: %d texts, %d right", sure, right)
			if float64(right) < 0.95*float64(sure) || sure < len(heldOut)/3 {
				t.Error("want at least a third of the texts that sure, and 95 % of those right")
			}
		})
	}
}
