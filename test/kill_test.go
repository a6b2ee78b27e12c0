package test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/test/wire"
)

// victim is what is killed at one moment.
type victim string

const (
	parley     victim = "parley"
	postgres   victim = "PostgreSQL"
	temporal   victim = "Temporal"
	everything victim = "all at once"
)

// shares is how many of a hundred kills each gets.
var shares = []struct {
	victim victim
	share  int
}{{parley, 40}, {postgres, 30}, {temporal, 20}, {everything, 10}}

// victims draws n of them in their shares, in any order.
func victims(n int, dice *rand.Rand) []victim {
	var list []victim
	for sum, i := 0, 0; i < len(shares); i++ {
		sum += shares[i].share
		for len(list) < (n*sum+50)/100 {
			list = append(list, shares[i].victim)
		}
	}
	dice.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

func TestVictimsAreDrawnInTheirShares(t *testing.T) {
	count := map[victim]int{}
	for _, v := range victims(50, rand.New(rand.NewPCG(1, 1))) {
		count[v]++
	}
	require.Equal(t, map[victim]int{parley: 20, postgres: 15, temporal: 10, everything: 5}, count)
}

// kills is how many there are in an ordinary run of the tests; PARLEY_KILLS asks for another number and makes it the long form.
const kills = 50

// TestNothingIsLostWhateverIsKilled kills parley, PostgreSQL and Temporal again and again, without warning, while customers write and people work,
// and has the checker judge what is left.
func TestNothingIsLostWhateverIsKilled(t *testing.T) {
	needStack(t)
	n, long := kills, os.Getenv("PARLEY_KILLS")
	if long != "" {
		var err error
		n, err = strconv.Atoi(long)
		require.NoError(t, err, "PARLEY_KILLS")
	}
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("PARLEY_SEED"); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		require.NoError(t, err, "PARLEY_SEED")
	}
	t.Logf("%d kills, PARLEY_SEED=%d", n, seed)
	verdict, err := storm{
		build: program(t, "./cmd/parley"), checker: []string{"-open", "100", "-drain", "3m"},
		kill: victims(n, rand.New(rand.NewPCG(seed, 0))), dice: rand.New(rand.NewPCG(seed, 1)),
	}.run(t)
	t.Log(verdict)
	if long != "" {
		note(t, n, seed, verdict, err)
	}
	require.NoError(t, err, "the checker found something wrong")
}

// note appends the result of a long form to bench/results.
func note(t *testing.T, n int, seed uint64, verdict string, wrong error) {
	t.Helper()
	word := "passed"
	if wrong != nil {
		word = "FAILED"
	}
	writeDown(t, "kills.txt", fmt.Sprintf("kills=%d seed=%d %s: %s", n, seed, word, strings.Join(strings.Split(strings.TrimSpace(verdict), "\n"), " | ")))
}

// writeDown appends a line to a file of bench/results.
func writeDown(t *testing.T, name, line string) {
	t.Helper()
	path := filepath.Join(source, "bench", "results", name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	require.NoError(t, err)
	_, err = fmt.Fprintf(file, "%s %s\n", time.Now().UTC().Format(time.DateTime), line)
	require.NoError(t, errors.Join(err, file.Close()))
}

// storm is a build of parley under the checker, and what is killed meanwhile.
type storm struct {
	build    string
	env      []string // of parley
	checker  []string // flags of the checker
	kill     []victim
	dice     *rand.Rand // chooses the moments
	afterYes bool       // at each moment, wait until parley has just said yes to a mail
}

// run gives the checker's lines and its verdict.
func (s storm) run(t *testing.T) (string, error) {
	t.Helper()
	ports, err := wire.Ports(t.Context(), 1)
	require.NoError(t, err)
	p := bareProduct(t, append(s.env, "PARLEY_SMARTHOST="+ports[0], "PARLEY_SMARTHOST_TLS=none")...)
	p.program = s.build
	judge := newChecker(t, p, ports[0], s.checker...)
	p.start()
	judge.yes(1)
	for n, v := range s.kill {
		wait := time.Duration(500+s.dice.IntN(5500)) * time.Millisecond
		p.letPass(wait)
		if s.afterYes {
			judge.yes(judge.count() + 1)
		}
		p.kill(v)
		t.Logf("%d. %s killed after %v", n+1, v, wait)
	}
	p.letPass(3 * time.Second) // a storm without kills at its end, so that all parts meet what the last one left
	p.ready()
	return judge.verdict()
}

// letPass lets the storm go on for so long; parley is started again whenever it was killed.
func (p *product) letPass(d time.Duration) {
	p.t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}

// kill ends a victim by SIGKILL. The product starts its own servers again; parley itself is started again here.
func (p *product) kill(v victim) {
	p.t.Helper()
	info := p.pids()
	pids := map[victim][]int{
		parley: {p.command.Process.Pid}, postgres: {info.Postgres.PID}, temporal: {info.Temporal.PID},
		everything: {p.command.Process.Pid, info.Temporal.PID, info.Postgres.PID},
	}[v]
	for _, pid := range pids {
		if pid > 0 {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may be down already, from the kill before
		}
	}
	if v == parley || v == everything {
		<-p.ended
		p.launch()
	} else if p.over() {
		require.Fail(p.t, "parley ended by itself", p.log("run.log"))
	}
}

// checker is the judge, a process of its own.
type checker struct {
	t       *testing.T
	command *exec.Cmd
	stop    io.Closer
	output  bytes.Buffer
	ledger  string
}

// newChecker starts the checker, whose smart host listens when this returns.
func newChecker(t *testing.T, p *product, sink string, flags ...string) *checker {
	t.Helper()
	c := &checker{t: t, ledger: filepath.Join(t.TempDir(), "ledger")}
	c.command = exec.CommandContext(t.Context(), program(t, "./test/checker"), append(flags,
		"-http", p.http, "-smtp", p.smtp, "-tokens", filepath.Join(p.home, "demo.env"), "-sink", sink, "-ledger", c.ledger)...)
	c.command.Stdout, c.command.Stderr = &c.output, os.Stderr
	c.command.SysProcAttr = dieWithTest()
	stop, err := c.command.StdinPipe()
	require.NoError(t, err)
	c.stop = stop
	require.NoError(t, c.command.Start())
	p.await(stepLimit, "the checker's smart host", func(ctx context.Context) error {
		s, err := wire.Dial(ctx, sink)
		if err == nil {
			s.Close()
		}
		return err
	})
	return c
}

// count is how many mails were acknowledged so far.
func (c *checker) count() int {
	c.t.Helper()
	content, err := os.ReadFile(c.ledger)
	require.NoError(c.t, err)
	return bytes.Count(content, []byte(`"what":"yes"`))
}

// yes waits until so many mails were acknowledged.
func (c *checker) yes(n int) {
	c.t.Helper()
	require.NoError(c.t, wire.Within(c.t.Context(), startLimit, func(context.Context) error {
		if have := c.count(); have < n {
			return fmt.Errorf("%d mails of %d were acknowledged", have, n)
		}
		return nil
	}))
}

// verdict ends the storm, waits for the checker to come to its end, and gives what it said; an error says that something is wrong.
func (c *checker) verdict() (string, error) {
	c.t.Helper()
	require.NoError(c.t, c.stop.Close())
	err := c.command.Wait()
	return c.output.String(), err
}
