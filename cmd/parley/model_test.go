package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/lib/text"
)

// labelled writes a file of texts that are easily told apart.
func labelled(t *testing.T, header, form string, from, to int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(header)
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, form, fmt.Sprintf("my card number %d has not arrived", i), "arrival")
		fmt.Fprintf(&b, form, fmt.Sprintf("what does transfer %d cost", i), "fees")
		fmt.Fprintf(&b, form, fmt.Sprintf("close the account %d at once", i), "close")
	}
	path := filepath.Join(t.TempDir(), "texts")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestModelEvalPrintsItsNumbers(t *testing.T) {
	train, err := readSet([]string{labelled(t, "text,category\n", "%s,%s\n", 0, 12)}, text.SplitTrain)
	if err != nil {
		t.Fatal(err)
	}
	test, err := readSet([]string{labelled(t, "", "%[2]s\t%[1]s\n", 20, 25)}, text.SplitTest)
	if err != nil {
		t.Fatal(err)
	}
	test.Outside = []string{"is there snow in the mountains"}
	for _, c := range []modelEvalCommand{{Profile: text.Accurate}, {Profile: text.Fast}, {Profile: text.Fast, Folds: 3}} {
		t.Run(fmt.Sprintf("%s, %d folds", c.Profile, c.Folds), func(t *testing.T) {
			got, err := c.judge(train, test)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			if err := got.print(&out, true); err != nil {
				t.Fatal(err)
			}
			var printed map[string]float64
			if err := json.Unmarshal([]byte(out.String()), &printed); err != nil {
				t.Fatalf("%v: %s", err, out.String())
			}
			if printed["accuracy"] != 1 || printed["top3"] != 1 || printed["macro_f1"] != 1 || printed["oos_recall"] != 1 {
				t.Errorf("printed %s", out.String())
			}
			for _, name := range []string{"ece", "train_cpu_seconds", "predict_us_p50", "predict_allocs"} {
				if _, ok := printed[name]; !ok {
					t.Errorf("%s is missing in %s", name, out.String())
				}
			}
		})
	}
}

func TestModelEvalRefuses(t *testing.T) {
	good := labelled(t, "text,category\n", "%s,%s\n", 0, 3)
	bad := labelled(t, "text,category\n", "%s %s\n", 0, 3)
	tests := []struct{ name, args, want string }{
		{"nothing to be judged on", "--train " + good, "--test FILE or --folds N"},
		{"both", "--train " + good + " --folds 3 --test " + good, "--test FILE or --folds N"},
		{"a broken file", "--train " + bad + " --test " + good, bad + ": reading labelled texts: record on line 2"},
		{"no such file", "--train /nowhere.csv --test " + good, "nowhere.csv"},
		{"no such profile", "--train " + good + " --test " + good + " --profile best", "no profile"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stderr strings.Builder
			code := command(t.Context(), append([]string{"model", "eval"}, strings.Fields(tt.args)...), &stderr)
			if code != exitConfig || !strings.Contains(stderr.String(), tt.want) {
				t.Errorf("exit code %d: %s; want one with %q", code, stderr.String(), tt.want)
			}
		})
	}
}
