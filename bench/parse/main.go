// Command parse measures what reading a mail costs: its speed beside enmime's in one program, and its instructions under callgrind, which no neighbour on the
// machine can change. It is a module of its own, so that nobody who builds Parley downloads enmime.
//
// It prints one line, and keeps it in the file of results; a figure that falls short of its target, or an instruction count that is more than two percent above the
// last one kept, ends it with an error.
package main

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jhillyerd/enmime/v2"

	"parley/lib/mail"
)

// Targets.
const (
	leastSpeed = 0.9  // times enmime
	mostGrowth = 1.02 // times the instructions kept last
)

var (
	results = flag.String("results", "bench/results/parse.txt", "where the line is kept")
	leg     = flag.Duration("leg", time.Second, "how long each of the 36 legs lasts")
	only    = flag.Int("only", 0, "parse this often and end: the run that callgrind counts")
)

func main() {
	flag.Parse()
	if *only > 0 {
		raw := usual()
		for range *only {
			mail.Parse(raw)
		}
		return
	}
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	raw := usual()
	ratios, speed := beside(raw)
	instructions, err := counted(ctx)
	if err != nil {
		return err
	}
	last, err := kept()
	if err != nil {
		return err
	}
	line := fmt.Sprintf("%s a mail of %d bytes: %.2f times enmime (%.2f to %.2f), %.0f MB/s; %d instructions", time.Now().UTC().Format(time.RFC3339),
		len(raw), ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1], speed, instructions)
	fmt.Println(line)
	f, err := os.OpenFile(*results, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("keep the line: %w", err)
	}
	defer f.Close()
	if _, err := fmt.Fprintln(f, line); err != nil {
		return fmt.Errorf("keep the line: %w", err)
	}
	switch {
	case ratios[len(ratios)/2] < leastSpeed:
		return fmt.Errorf("it is slower than %v times enmime", leastSpeed)
	case last > 0 && float64(instructions) > mostGrowth*float64(last):
		return fmt.Errorf("it takes %.1f %% more instructions than the %d kept last: find out why, or say in the results that it is worth it", 100*float64(instructions)/float64(last)-100, last)
	}
	return nil
}

// beside gives our speed over enmime's for nine pairs in the order A B B A, sorted, and the median of ours in MB/s.
func beside(raw []byte) (ratios []float64, speed float64) {
	ours := func() { mail.Parse(raw) }
	theirs := func() {
		if _, err := enmime.ReadEnvelope(bytes.NewReader(raw)); err != nil {
			panic(err) // it is a mail without any fault
		}
	}
	var speeds []float64
	for range 9 {
		a, b, c, d := rate(ours, raw), rate(theirs, raw), rate(theirs, raw), rate(ours, raw)
		ratios, speeds = append(ratios, (a+d)/(b+c)), append(speeds, (a+d)/2)
	}
	slices.Sort(ratios)
	slices.Sort(speeds)
	return ratios, speeds[len(speeds)/2]
}

// rate runs a parser for one leg and gives MB/s.
func rate(parse func(), raw []byte) float64 {
	begun, n := time.Now(), 0
	for time.Since(begun) < *leg {
		parse()
		n++
	}
	return float64(n*len(raw)) / 1e6 / time.Since(begun).Seconds()
}

// counted gives the instructions of one parse: the difference of two runs of this program, so that its start does not count.
func counted(ctx context.Context) (int, error) {
	few, err := callgrind(ctx, 10)
	if err != nil {
		return 0, err
	}
	many, err := callgrind(ctx, 210)
	return (many - few) / 200, err
}

var refs = regexp.MustCompile(`I\s+refs:\s+([\d,]+)`)

// callgrind runs this program under it. One processor, no collector and no preemption by signal, which callgrind does not survive, make the count repeatable.
func callgrind(ctx context.Context, parses int) (int, error) {
	cmd := exec.CommandContext(ctx, "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", os.Args[0], "-only", strconv.Itoa(parses))
	cmd.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1", "GOMAXPROCS=1", "GOGC=off")
	out, err := cmd.CombinedOutput()
	found := refs.FindSubmatch(out)
	if found == nil {
		return 0, fmt.Errorf("count instructions with valgrind: %w", cmp.Or(err, fmt.Errorf("it printed none: %s", out)))
	}
	return strconv.Atoi(strings.ReplaceAll(string(found[1]), ",", ""))
}

// kept gives the instructions of the last line in the file of results; 0 without one.
func kept() (int, error) {
	old, err := os.ReadFile(*results)
	if os.IsNotExist(err) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the lines kept: %w", err)
	}
	counts := regexp.MustCompile(`(\d+) instructions`).FindAllSubmatch(old, -1)
	if len(counts) == 0 {
		return 0, nil
	}
	return strconv.Atoi(string(counts[len(counts)-1][1]))
}
