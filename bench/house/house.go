// Package house runs a Parley to be measured: the same `parley run` that people start, with PostgreSQL, Temporal and every role, in a
// directory of its own, beside the programs that stand for the world outside: customers over SMTP, agents over REST, a sink for
// what is sent.
package house

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// House is one Parley and where it lives.
type House struct {
	Binary string // the parley program
	Source string // root of the source tree
	Home   string // PARLEY_HOME
	Setup  string // directory of its configuration
	Sink   *Sink  // its smart host

	cmd   *exec.Cmd
	ended chan error // gets the end of cmd
	said  *bytes.Buffer
	run   runInfo
}

// runInfo is what is read of $PARLEY_HOME/run.json.
type runInfo struct {
	Parley struct {
		PID  int    `json:"pid"`
		HTTP string `json:"http"`
		SMTP string `json:"smtp"`
	} `json:"parley"`
	Temporal struct {
		PID  int `json:"pid"`
		Port int `json:"port"`
	} `json:"temporal"`
	Postgres struct {
		PID  int    `json:"pid"`
		Port int    `json:"port"`
		Data string `json:"data"`
	} `json:"postgres"`
}

// Build compiles the parley program of the source tree into a directory.
func Build(ctx context.Context, source, into string) (string, error) {
	path := filepath.Join(into, "parley")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", path, "./cmd/parley")
	cmd.Dir = source
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build parley: %w:\n%s", err, output)
	}
	return path, nil
}

// New prepares a house in an empty directory; nothing runs yet but its sink.
func New(binary, source, home string) (*House, error) {
	h := &House{Binary: binary, Source: source, Home: filepath.Join(home, "home"), Setup: filepath.Join(home, "setup")}
	for _, directory := range []string{home, h.Home} {
		if err := os.MkdirAll(directory, 0o711); err != nil { // so that PostgreSQL's user can enter
			return nil, err
		}
		if err := os.Chmod(directory, 0o711); err != nil {
			return nil, err
		}
	}
	if err := WriteSetup(filepath.Join(source, "config", "demo"), h.Setup, Policy{}); err != nil {
		return nil, err
	}
	var err error
	h.Sink, err = NewSink()
	return h, err
}

// Start starts `parley run` and gives how long it took until /readyz answered 200.
func (h *House) Start(ctx context.Context) (time.Duration, error) {
	begun := time.Now()
	h.cmd, h.said = h.Command(context.WithoutCancel(ctx), "run"), &bytes.Buffer{} // Stop and Kill end it
	h.cmd.Stdout, h.cmd.Stderr = h.said, h.said
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt at the terminal is for us; we stop it in order
	if err := h.cmd.Start(); err != nil {
		return 0, err
	}
	h.ended = make(chan error, 1)
	go func(cmd *exec.Cmd, ended chan<- error) { ended <- cmd.Wait() }(h.cmd, h.ended)
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute) // the first start on a machine builds Temporal
	defer cancel()
	for !h.ready(ctx) {
		select {
		case err := <-h.ended:
			return 0, fmt.Errorf("parley run ended: %w\n%s", err, h.said)
		case <-ctx.Done():
			return 0, errors.Join(ctx.Err(), h.Stop())
		case <-time.After(10 * time.Millisecond):
		}
	}
	return time.Since(begun), nil
}

func (h *House) ready(ctx context.Context) bool {
	content, err := os.ReadFile(filepath.Join(h.Home, "run.json"))
	if err != nil || json.Unmarshal(content, &h.run) != nil || h.run.Parley.PID != h.cmd.Process.Pid || h.run.Parley.HTTP == "" {
		return false
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+h.run.Parley.HTTP+"/readyz", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	return errors.Join(response.Body.Close()) == nil && response.StatusCode == http.StatusOK
}

// Stop stops it in order, its servers too.
func (h *House) Stop() error {
	if h.cmd == nil {
		return nil
	}
	cmd := h.cmd
	h.cmd = nil
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case err := <-h.ended:
		return err
	case <-time.After(time.Minute):
		return errors.Join(errors.New("parley did not stop within a minute"), cmd.Process.Kill())
	}
}

// Kill ends parley as a crash would; its servers go on. It is an error if parley had ended by itself before.
func (h *House) Kill() error {
	_ = h.cmd.Process.Kill() // how it ended is seen below
	err := <-h.ended
	h.cmd = nil
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		if status, ok := ended.Sys().(syscall.WaitStatus); ok && status.Signal() == syscall.SIGKILL {
			return nil
		}
	}
	return fmt.Errorf("parley had ended before it was killed: %w\n%s", err, h.said)
}

// Close stops everything and the sink.
func (h *House) Close() error { return errors.Join(h.Stop(), h.Sink.Close()) }

// Command is a parley command with the house's environment.
func (h *House) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, h.Binary, args...)
	cmd.Dir = h.Source
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "PARLEY_") && !strings.HasPrefix(pair, "TEMPORAL_") {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	cmd.Env = append(cmd.Env, "PARLEY_HOME="+h.Home, "PARLEY_SETUP="+h.Setup, "PARLEY_HTTP=127.0.0.1:0", "PARLEY_SMTP=127.0.0.1:0",
		"PARLEY_SMARTHOST="+h.Sink.Address(), "PARLEY_SMARTHOST_TLS=none")
	return cmd
}

// Apply changes the house's configuration while it runs.
func (h *House) Apply(ctx context.Context, p Policy) error {
	if err := WriteSetup(filepath.Join(h.Source, "config", "demo"), h.Setup, p); err != nil {
		return err
	}
	database, err := h.DatabaseURL("parley")
	if err != nil {
		return err
	}
	cmd := h.Command(ctx, "apply", "-f", h.Setup)
	cmd.Env = append(cmd.Env, "PARLEY_DATABASE_URL="+database)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("parley apply: %w:\n%s", err, output)
	}
	return nil
}

// DatabaseURL is how to reach a database of the house's cluster.
func (h *House) DatabaseURL(name string) (string, error) {
	password, err := os.ReadFile(filepath.Join(h.Home, "postgres.password"))
	if err != nil {
		return "", err
	}
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword("parley", strings.TrimSpace(string(password))),
		Host: fmt.Sprintf("127.0.0.1:%d", h.run.Postgres.Port), Path: "/" + name, RawQuery: "sslmode=disable",
	}
	return u.String(), nil
}

// TemporalAddress is host:port of Temporal's frontend.
func (h *House) TemporalAddress() string { return fmt.Sprintf("127.0.0.1:%d", h.run.Temporal.Port) }

// URL is where its REST API is.
func (h *House) URL() string { return "http://" + h.run.Parley.HTTP }

// SMTP is host:port that takes its mail.
func (h *House) SMTP() string { return h.run.Parley.SMTP }

// PIDs of parley, Temporal and PostgreSQL's postmaster.
func (h *House) PIDs() (parley, temporal, postgres int) {
	return h.run.Parley.PID, h.run.Temporal.PID, h.run.Postgres.PID
}

// TemporalBinary is the file that Temporal runs from.
func (h *House) TemporalBinary() (string, error) {
	return os.Readlink(fmt.Sprintf("/proc/%d/exe", h.run.Temporal.PID))
}
