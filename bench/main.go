// Command bench measures Parley beside its targets and prints a table. It starts `parley run` itself, in a directory of its own, and
// drives it as the world does: mail over SMTP, agents over REST, replies to a sink.
//
// Counts and ratios to the twins (package twins) are what matters: they stay the same on a busy machine. Rates and times are printed
// with the load average beside them and decide nothing but their own line.
//
//	go run ./bench                  everything
//	go run ./bench -rows mail,p6    some of it
//	go run ./bench -mails 1000      longer
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"parley/bench/count"
	"parley/bench/house"
)

var (
	mails           = flag.Int("mails", 300, "mails of the mail rows, half of them before and half after the twins")
	inFlight        = flag.Int("in-flight", 8, "mails, or twins, at once")
	rounds          = flag.Int("rounds", 1, "how often mails and twins take turns")
	rows            = flag.String("rows", "", "only these rows: "+strings.Join(names(), ", "))
	chats           = flag.Int("chats", 200, "conversations of the chat rows")
	seconds         = flag.Int("chat-seconds", 8, "how long they talk")
	opens           = flag.Int("chat-opens", 0, "conversations that are opened and ended besides, a second; their workflows do not run here")
	overloadSeconds = flag.Int("overload-seconds", 10, "how long each of the four parts of the overload rows lasts")
	parked          = flag.Int("parked", 2000, "mails that wait in the rows of parked mails")
	seed            = flag.String("seed", "", "names this run's mails; a new one when empty")
	parley          = flag.String("parley", "", "the parley program to measure; built when empty")
	echo            = flag.String("echo", "", "be the bare echo server that chats are measured beside, at this address")
	why             = flag.Bool("why", false, "print the statements behind the counts; the table is not kept then")
)

// part is one part of the table.
type part struct {
	name string
	run  func(context.Context, *session, *table) error
}

// parts are in the order in which they disturb each other least: what leaves work behind comes last.
func partList() []part {
	return []part{
		{"start", startRows},
		{"mail", mailRows},
		{"a5", contentRows},
		{"p6", claimRow},
		{"p8", tokenRow},
		{"p3", intakeRows},
		{"b1", acceptRows},
		{"d1", claimRows},
		{"d3", waitingRows},
		{"e2", memoryRows},
		{"chat", chatRows},
		{"e5", slowRows},
		{"o3", footprintRows},
		{"p5", killRows},
		{"k3", overloadRows},
		{"j", parkedRows},
	}
}

func names() []string {
	var list []string
	for _, p := range partList() {
		list = append(list, p.name)
	}
	return list
}

func main() {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *echo != "" {
		if err := serveEcho(ctx, *echo); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(2)
		}
		return
	}
	ok, err := bench(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

// bench measures the chosen parts and says whether every target was met.
func bench(ctx context.Context) (ok bool, err error) {
	chosen, err := choose(*rows)
	if err != nil {
		return false, err
	}
	source, err := findSource()
	if err != nil {
		return false, err
	}
	directory, err := os.MkdirTemp("", "parley-bench-")
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(directory)) }()
	if *seed == "" {
		*seed = strconv.FormatInt(time.Now().UnixMilli(), 36)
	}
	load := count.Load()
	if *parley == "" {
		if *parley, err = house.Build(ctx, source, directory); err != nil {
			return false, err
		}
	}
	s, err := open(ctx, *parley, source, directory, *seed)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	t := &table{}
	for _, p := range chosen {
		fmt.Fprintf(os.Stderr, "%s: load %s\n", p.name, count.Load())
		if err := p.run(ctx, s, t); err != nil {
			return false, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	about := facts(*seed, load)
	fmt.Printf("\n%s\n%s", about, t)
	if *why { // pg_stat_statements costs a little itself
		return !t.missed(), nil
	}
	return !t.missed(), keep(filepath.Join(source, "bench", "results"), about, t.String())
}

func choose(names string) ([]part, error) {
	all := partList()
	if names == "" {
		return all, nil
	}
	var chosen []part
	for name := range strings.SplitSeq(names, ",") {
		n := slices.IndexFunc(all, func(p part) bool { return p.name == strings.TrimSpace(name) })
		if n < 0 {
			return nil, fmt.Errorf("-rows: there is no %q", name)
		}
		chosen = append(chosen, all[n])
	}
	return chosen, nil
}

// findSource is the root of the source tree, from the working directory upwards.
func findSource() (string, error) {
	directory, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(directory, "standalone", "go.mod")); err == nil {
			return directory, nil
		}
		if directory == filepath.Dir(directory) {
			return "", errors.New("run it inside Parley's source tree")
		}
		directory = filepath.Dir(directory)
	}
}
