package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"parley/bench/count"
)

// row is one line of the table.
type row struct {
	goal, what, figure, target string
	verdict                    string
}

// The verdicts. A figure without a target is only printed.
const (
	met     = "met"
	missed  = "MISSED"
	noisy   = "noisy" // neither: the reference itself did not stay the same
	printed = ""
)

// table is what is printed at the end.
type table struct {
	rows  []row
	notes []string
}

// atMost adds a figure that should not be larger than the target.
func (t *table) atMost(goal, what string, figure float64, unit string, target float64) {
	t.add(goal, what, fmt.Sprintf("%.4g %s", figure, unit), fmt.Sprintf("≤ %g", target), verdict(figure <= target))
}

// atLeast adds a figure that should not be smaller than the target.
func (t *table) atLeast(goal, what string, figure float64, unit string, target float64) {
	t.add(goal, what, fmt.Sprintf("%.4g %s", figure, unit), fmt.Sprintf("≥ %g", target), verdict(figure >= target))
}

// show adds a figure without a target.
func (t *table) show(goal, what, figure string) { t.add(goal, what, figure, "", printed) }

func (t *table) add(goal, what, figure, target, verdict string) {
	t.rows = append(t.rows, row{goal, what, figure, target, verdict})
	fmt.Fprintln(os.Stderr, " ", goal, what, figure, target, verdict)
}

// noisyUnless takes back what the goal's figures so far seemed to show, unless their reference was steady.
func (t *table) noisyUnless(steady bool, goal string) {
	for n := range t.rows {
		if r := &t.rows[n]; !steady && r.goal == goal && r.verdict != printed {
			r.verdict = noisy
		}
	}
}

// note adds a line below the table.
func (t *table) note(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

func verdict(ok bool) string {
	if ok {
		return met
	}
	return missed
}

// missed says whether a target was missed, or could not be shown to be met.
func (t *table) missed() bool {
	for _, r := range t.rows {
		if r.verdict == missed || r.verdict == noisy {
			return true
		}
	}
	return false
}

// String is the table with its notes.
func (t *table) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "goal\twhat\tfigure\ttarget\t") // a builder takes everything
	for _, r := range t.rows {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.goal, r.what, r.figure, r.target, r.verdict)
	}
	_ = w.Flush()
	for _, n := range t.notes {
		b.WriteString(n + "\n")
	}
	return b.String()
}

// facts is what has to be known to read the figures.
func facts(seed, loadAtStart string) string {
	return fmt.Sprintf("%s · load %s at the start, %s at the end · %d CPUs (%s), %s of memory · %s · seed %s",
		time.Now().UTC().Format(time.RFC3339), loadAtStart, count.Load(), runtime.NumCPU(), processor(), memory(), runtime.Version(), seed)
}

func processor() string { return procLine("/proc/cpuinfo", "model name") }

func memory() string { return procLine("/proc/meminfo", "MemTotal") }

func procLine(path, name string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(content)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// keep appends the table to this month's file of results.
func keep(directory, facts, table string) error {
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(directory, time.Now().UTC().Format("2006-01")+".txt"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s\n%s\n", facts, table)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
