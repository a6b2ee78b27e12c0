// Package test runs the whole of Parley, as a user does: the program itself with its own PostgreSQL and Temporal, mail by SMTP, people over
// REST, and a smart host at the far end. Nothing is asked of the tables.
package test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/test/wire"
)

// source is the repository, as seen from this package.
const source = ".."

// support is the demo's entry point.
const support = "support@example.test"

// Limits of waits. They are far above what is usual: a test that runs into one has failed.
const (
	startLimit = 2 * time.Minute
	stopLimit  = 40 * time.Second
	stepLimit  = 45 * time.Second // for one step of a story, of a server that is well
)

// needStack skips a test that runs the whole product where that was not asked for.
func needStack(t *testing.T) {
	t.Helper()
	if os.Getenv("PARLEY_TEST_STACK") != "1" {
		t.Skip("SKIPPED: this test runs the whole product with servers of its own; set PARLEY_TEST_STACK=1, as make test does")
	}
}

// program builds a command once for all tests of a run and gives its path.
func program(t *testing.T, pkg string, flags ...string) string {
	t.Helper()
	built.Lock()
	defer built.Unlock()
	key := pkg + strings.Join(flags, " ")
	if path, ok := built.paths[key]; ok {
		return path
	}
	directory, err := os.MkdirTemp("", "parley-test-")
	require.NoError(t, err)
	path := filepath.Join(directory, filepath.Base(pkg))
	build := exec.CommandContext(t.Context(), "go", append(append([]string{"build", "-o", path}, flags...), pkg)...)
	build.Dir = source
	output, err := build.CombinedOutput()
	require.NoError(t, err, string(output))
	built.paths[key] = path
	return path
}

var built = struct {
	sync.Mutex
	paths map[string]string
}{paths: map[string]string{}}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, path := range built.paths {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// product is one installation of Parley.
type product struct {
	t       *testing.T
	program string
	home    string
	http    string // host:port
	smtp    string
	sink    *wire.Sink // nil: outgoing mail is caught under home/outbox
	env     []string
	command *exec.Cmd
	ended   chan struct{} // closed when the command has ended
}

// newProduct prepares an installation with a sink as its smart host; nothing runs yet. It ends with the test.
func newProduct(t *testing.T, env ...string) *product {
	t.Helper()
	sink, err := wire.NewSink(t.Context(), "127.0.0.1:0", nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = sink.Close() })
	p := bareProduct(t, append(env, "PARLEY_SMARTHOST="+sink.Address(), "PARLEY_SMARTHOST_TLS=none")...)
	p.sink = sink
	return p
}

// bareProduct prepares an installation without a sink.
func bareProduct(t *testing.T, env ...string) *product {
	t.Helper()
	needStack(t)
	ports, err := wire.Ports(t.Context(), 2)
	require.NoError(t, err)
	home, err := os.MkdirTemp("", "parley-home-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(home, 0o755)) // PostgreSQL's user passes through
	p := &product{t: t, program: program(t, "./cmd/parley"), home: home, http: ports[0], smtp: ports[1], env: env}
	t.Cleanup(p.clean)
	return p
}

// start runs the program and returns when it is ready.
func (p *product) start() {
	p.t.Helper()
	p.launch()
	p.ready()
}

// launch runs the program.
func (p *product) launch() {
	p.t.Helper()
	log, err := os.OpenFile(filepath.Join(p.home, "run.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(p.t, err)
	defer log.Close()
	command := exec.Command(p.program, "run") // it ends with the test, in clean, in order
	command.Dir, command.Stdout, command.Stderr = source, log, log
	command.Env = append(os.Environ(), "PARLEY_HOME="+p.home, "PARLEY_HTTP="+p.http, "PARLEY_SMTP="+p.smtp,
		"PARLEY_DATABASE_URL=", "TEMPORAL_ADDRESS=", "PARLEY_ROLE=") // it brings its own servers
	command.Env = append(command.Env, p.env...)
	command.SysProcAttr = dieWithTest()
	require.NoError(p.t, command.Start())
	ended := make(chan struct{})
	p.command, p.ended = command, ended
	go func() {
		defer close(ended)
		_ = command.Wait() // how it ended is in its log
	}()
}

// ready waits until everything is well.
func (p *product) ready() {
	p.t.Helper()
	p.await(startLimit, "Parley to be ready", func(ctx context.Context) error {
		if p.over() {
			return fmt.Errorf("parley has ended:\n%s", p.log("run.log"))
		}
		return wire.Client{Address: p.http}.Ready(ctx)
	})
}

// over reports whether the program has ended.
func (p *product) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// stop ends the program as Ctrl-C does and checks that it ends in order and leaves nothing behind.
func (p *product) stop() {
	p.t.Helper()
	info := p.pids()
	require.NoError(p.t, p.command.Process.Signal(os.Interrupt))
	p.await(stopLimit, "Parley to end", func(context.Context) error {
		if !p.over() {
			return fmt.Errorf("it still runs")
		}
		return nil
	})
	require.Zero(p.t, p.command.ProcessState.ExitCode(), "it did not end in order:\n%s", p.log("run.log"))
	for _, pid := range []int{info.Temporal.PID, info.Postgres.PID} {
		require.False(p.t, alive(pid), "process %d was left behind", pid)
	}
}

// runInfo is run.json, as far as tests look at it.
type runInfo struct {
	Parley   struct{ PID int }
	Temporal struct {
		PID    int
		UIPort int `json:"ui_port"`
	}
	Postgres struct{ PID, Port int }
}

// pids reads who runs; zeros when nobody ever did.
func (p *product) pids() (info runInfo) {
	content, err := os.ReadFile(filepath.Join(p.home, "run.json"))
	if err == nil {
		_ = json.Unmarshal(content, &info) // written as a whole; an empty answer is seen by whoever asks
	}
	return info
}

// database is how a database of the house's own cluster is reached, for tests that look for what must not be there.
func (p *product) database(name string) string {
	password := strings.TrimSpace(p.log("postgres.password"))
	return fmt.Sprintf("postgres://parley:%s@127.0.0.1:%d/%s?sslmode=disable", password, p.pids().Postgres.Port, name)
}

// clean ends whatever still runs, shows the log if the test has failed, and removes the home.
func (p *product) clean() {
	if p.command != nil && !p.over() {
		_ = p.command.Process.Signal(os.Interrupt)
		select {
		case <-p.ended:
		case <-time.After(stopLimit):
			_ = p.command.Process.Kill()
			<-p.ended
		}
	}
	info := p.pids()
	for _, pid := range []int{info.Temporal.PID, info.Postgres.PID} {
		if alive(pid) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	if p.t.Failed() {
		p.t.Logf("%s:\n%s", p.home, tail(p.log("run.log")+p.log("log/parley.log"), 6000))
		if os.Getenv("PARLEY_KEEP") != "" {
			return
		}
	}
	_ = wire.Within(context.WithoutCancel(p.t.Context()), stopLimit, func(context.Context) error { return os.RemoveAll(p.home) })
}

// log reads a file below the home.
func (p *product) log(name string) string {
	content, _ := os.ReadFile(filepath.Join(p.home, name))
	return string(content)
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

func alive(pid int) bool {
	return pid > 0 && syscall.Kill(pid, 0) == nil && state(pid) != "Z"
}

// await waits for a condition; the test ends when it does not come true in time.
func (p *product) await(limit time.Duration, what string, holds func(ctx context.Context) error) {
	p.t.Helper()
	if err := wire.Within(p.t.Context(), limit, holds); err != nil {
		require.NoError(p.t, err, "waited %v for %s", limit, what)
	}
}

// person gives the client of one of the demo's people, by the variable of demo.env.
func (p *product) person(variable string) wire.Client {
	p.t.Helper()
	for line := range strings.Lines(p.log("demo.env")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && name == variable {
			return wire.Client{Address: p.http, Token: value}
		}
	}
	require.Fail(p.t, "demo.env has no "+variable)
	return wire.Client{}
}

// mail sends a mail to the demo's entry point and insists on the yes.
func (p *product) mail(from string, m wire.Mail) {
	p.t.Helper()
	m.To = support
	require.NoError(p.t, wire.Post(p.t.Context(), p.smtp, from, support, m.Bytes()))
}

// find waits for the interaction of a subject.
func (p *product) find(by wire.Client, subject string) (found wire.Interaction) {
	p.t.Helper()
	p.await(stepLimit, "an interaction of "+subject, func(ctx context.Context) error {
		all, err := wire.List[wire.Interaction](ctx, by, "/v1/interactions", nil)
		for _, i := range all {
			if i.Subject == subject {
				found = i
				return nil
			}
		}
		if err == nil {
			err = fmt.Errorf("not among %d", len(all))
		}
		return err
	})
	return found
}
