package stack

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
)

// temporalLimit bounds a start of Temporal, its schema included.
const temporalLimit = 2 * time.Minute

// temporal is the private Temporal, the program in standalone/.
type temporal struct {
	supervisor
	opts     Options
	run      *runFile
	binary   string
	postgres *postgres
	port     int // both set by adopt or start, fixed when up has returned
	uiPort   int
}

func newTemporal(opts Options, binary string, postgres *postgres, run *runFile) *temporal {
	t := &temporal{opts: opts, run: run, binary: binary, postgres: postgres}
	t.supervisor = supervisor{
		name: "Temporal", server: t, log: filepath.Join(opts.Home, "log", "temporal.log"), logger: opts.Logger,
	}
	return t
}

// adopt takes over a Temporal that runs exactly as we would start it: same program, same ports, same PostgreSQL.
func (t *temporal) adopt(ctx context.Context) (*process, error) {
	last := t.run.read().Temporal
	t.port, t.uiPort = last.Port, last.UIPort
	pid, commandLine, found := t.orphan()
	if !found {
		return nil, nil
	}
	child := adoptProcess(pid, commandLine)
	if commandLine != strings.Join(append([]string{t.binary}, t.args()...), " ") {
		return nil, child.end(ctx, t.stopping()...)
	}
	return child, nil
}

func (t *temporal) start(ctx context.Context, stable bool) (*process, error) {
	// Two servers on the same databases would take each other's shards.
	if pid, commandLine, found := t.orphan(); found {
		if err := adoptProcess(pid, commandLine).end(ctx, t.stopping()...); err != nil {
			return nil, err
		}
	}
	if !stable {
		var err error
		if t.port, err = pickPort(t.port, t.opts.Home, "temporal"); err != nil {
			return nil, err
		}
		if t.uiPort, err = pickPort(t.uiPort, t.opts.Home, "temporal web ui"); err != nil {
			return nil, err
		}
	}
	cmd := exec.Command(t.binary, t.args()...) // it outlives ctx
	cmd.Dir = t.opts.Home
	cmd.Env = append(os.Environ(), "PARLEY_TEMPORAL_PASSWORD="+t.postgres.password)
	child, err := startProcess(cmd, t.log, t.opts.Ephemeral)
	if err != nil {
		return nil, err
	}
	// The program writes this too, but takes a while to come to it; we may be killed meanwhile.
	if err := writeFile(t.pidFile(), []byte(strconv.Itoa(child.pid)+"\n"), 0o644); err != nil {
		return nil, errors.Join(err, child.end(ctx, t.stopping()...))
	}
	return child, nil
}

func (t *temporal) orphan() (pid int, commandLine string, found bool) {
	return orphan(t.pidFile(), "-pid-file", t.pidFile())
}

func (t *temporal) args() []string {
	return []string{
		"-database", address(t.postgres.port), "-user", userName,
		"-port", strconv.Itoa(t.port), "-ui-port", strconv.Itoa(t.uiPort),
		"-namespace", t.opts.Namespace, "-pid-file", t.pidFile(),
	}
}

// ready asks for the namespace, the last thing that the program sets up.
func (t *temporal) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, temporalLimit)
	defer cancel()
	namespaces, err := client.NewNamespaceClient(client.Options{
		HostPort: address(t.port), Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return err
	}
	defer namespaces.Close()
	for {
		asking, cancel := context.WithTimeout(ctx, time.Second)
		_, err := namespaces.Describe(asking, t.opts.Namespace)
		cancel()
		if err == nil {
			return nil
		}
		wait(ctx, 50*time.Millisecond)
		if ctx.Err() != nil {
			return err
		}
	}
}

func (t *temporal) note(pid int) error {
	return t.run.update(func(info *RunInfo) {
		info.Temporal = TemporalInfo{PID: pid, Port: t.port, UIPort: t.uiPort}
	})
}

func (t *temporal) stopping() []signalStep { return []signalStep{{syscall.SIGTERM, 10 * time.Second}} }

func (t *temporal) pidFile() string { return filepath.Join(t.opts.Home, "temporal.pid") }
