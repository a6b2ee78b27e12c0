package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// downLimit is how long servers may take to stop before they are killed.
const downLimit = 30 * time.Second

// WithServices brings PostgreSQL and Temporal up, runs a command with PARLEY_TEST_DATABASE_URL and
// PARLEY_TEST_TEMPORAL_ADDRESS set, takes them down and returns the command's exit code. Without a home the servers live
// in a temporary one that is removed at the end. When ctx ends, the command gets SIGTERM.
func WithServices(ctx context.Context, opts Options, command []string) (code int, err error) {
	if len(command) == 0 {
		return 0, errors.New("no command: parley with-services -- command arguments…")
	}
	if opts.Home == "" {
		home, err := os.MkdirTemp("", "parley-services-")
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(home)) }()
		if err := os.Chmod(home, 0o711); err != nil { // so that PostgreSQL's user can enter
			return 0, err
		}
		opts.Home, opts.Ephemeral = home, true
	}
	services, err := Up(ctx, opts)
	if err != nil {
		return 0, err
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), downLimit)
		defer cancel()
		err = errors.Join(err, services.Down(stopping))
	}()
	return runCommand(ctx, command,
		"PARLEY_TEST_DATABASE_URL="+services.DatabaseURL(),
		"PARLEY_TEST_TEMPORAL_ADDRESS="+services.TemporalAddress())
}

func runCommand(ctx context.Context, command []string, env ...string) (int, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit) && exit.Exited():
		return exit.ExitCode(), nil
	case errors.As(err, &exit):
		return 1, fmt.Errorf("%s: %w", command[0], err)
	}
	return 127, fmt.Errorf("run %s: %w", command[0], err)
}
