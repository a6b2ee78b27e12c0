package house

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Apart is a second Parley process with some roles only, on a database of its own in the house's cluster.
type Apart struct {
	Database string // how to reach it
	HTTP     string // host:port of its API and entry points
	SMTP     string // host:port that takes its mail
	cmd      *exec.Cmd
	command  func(args ...string) *exec.Cmd
}

// StartApart makes the database, configures it as the house is and starts the roles. Without the roles relay and worker nothing
// reaches Temporal.
func (h *House) StartApart(ctx context.Context, name, roles string) (*Apart, error) {
	database, err := h.NewDatabase(ctx, name)
	if err != nil {
		return nil, err
	}
	command := func(args ...string) *exec.Cmd {
		cmd := h.Command(context.WithoutCancel(ctx), args...)
		cmd.Env = append(cmd.Env, "PARLEY_DATABASE_URL="+database, "TEMPORAL_ADDRESS="+h.TemporalAddress(), "PARLEY_ROLE="+roles,
			"PARLEY_HOME="+filepath.Join(h.Home, name))
		return cmd
	}
	for _, args := range [][]string{{"migrate"}, {"apply", "-f", h.Setup}} {
		if output, err := command(args...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("parley %s: %w:\n%s", args[0], err, output)
		}
	}
	a := &Apart{Database: database, cmd: command("up"), command: command}
	return a, a.start()
}

// NewDatabase makes an empty database in the house's cluster and tells how to reach it.
func (h *House) NewDatabase(ctx context.Context, name string) (string, error) {
	own, err := h.DatabaseURL("parley")
	if err != nil {
		return "", err
	}
	if err := createDatabase(ctx, own, name); err != nil {
		return "", err
	}
	return h.DatabaseURL(name)
}

func createDatabase(ctx context.Context, at, name string) error {
	conn, err := pgx.Connect(ctx, at)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "create database "+pgx.Identifier{name}.Sanitize())
	return errors.Join(err, conn.Close(ctx))
}

// Another starts one more process with the same roles on the same database, with these variables.
func (a *Apart) Another(env ...string) (*Apart, error) {
	b := &Apart{Database: a.Database, cmd: a.command("up"), command: a.command}
	b.cmd.Env = append(b.cmd.Env, env...)
	return b, b.start()
}

// upLine is what `parley up` logs when it listens.
var upLine = regexp.MustCompile(`parley is up.* http=(\S+) smtp=(\S+)`)

func (a *Apart) start() error {
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log, err := a.cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := a.cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(log)
	said := ""
	for lines.Scan() {
		said += lines.Text() + "\n"
		if found := upLine.FindStringSubmatch(lines.Text()); found != nil {
			a.HTTP, a.SMTP = found[1], found[2]
			go func() {
				for lines.Scan() { // it must not stop at a full pipe
				}
			}()
			return nil
		}
	}
	return fmt.Errorf("parley up ended: %w\n%s", a.cmd.Wait(), said)
}

// PID is its process.
func (a *Apart) PID() int { return a.cmd.Process.Pid }

// Stop stops it in order.
func (a *Apart) Stop() error {
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	kill := time.AfterFunc(30*time.Second, func() { _ = a.cmd.Process.Kill() })
	defer kill.Stop()
	return a.cmd.Wait()
}
