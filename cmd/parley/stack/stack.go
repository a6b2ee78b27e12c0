// Package stack starts and keeps the servers that Parley stands on: a private PostgreSQL cluster and Temporal (the
// program in standalone/), both under one directory, PARLEY_HOME, both on loopback.
//
// A child that dies is started again on the same port, so clients reconnect by themselves. Children run in process
// groups of their own and outlive a kill -9 of Parley; the next start finds them by their pid files, checks by their
// command line that they are ours, and adopts them, or ends them when they no longer fit. A lock keeps two Parleys from
// one PARLEY_HOME. run.json there says who runs where at any time.
package stack

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
)

// Options say what to start and where.
type Options struct {
	Home        string       // PARLEY_HOME; created when missing
	DatabaseURL string       // a PostgreSQL server for Parley that is there already; empty: the private cluster
	Temporal    string       // host:port of a Temporal server that is there already; empty: the private one
	Namespace   string       // Temporal namespace to register; empty: "parley"
	Source      string       // directory of Parley's sources, to build Temporal from; empty: looked for (see FindSource)
	Binary      string       // a parley-temporal built elsewhere, instead of building one
	Ephemeral   bool         // children die with this process, where the system can do that; for test runs
	Out         io.Writer    // one line for each thing a user should know; nil: nowhere
	Logger      *slog.Logger // restarts of children; nil: nowhere
}

// Stack is what runs. Its addresses do not change until Down.
type Stack struct {
	opts     Options
	lock     *homeLock
	run      *runFile
	postgres *postgres // nil when both servers were there already
	temporal *temporal // nil when Temporal was there already
	downOnce sync.Once
	downErr  error
}

// Up starts what is missing and returns when all of it answers. ctx bounds the start only: Down ends the children. If
// Up fails, it has ended what it started.
func Up(ctx context.Context, opts Options) (*Stack, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	lock, err := lockHome(opts.Home)
	if err != nil {
		return nil, err
	}
	run, err := openRunFile(opts.Home)
	if err != nil {
		return nil, errors.Join(err, lock.release())
	}
	s := &Stack{opts: opts, lock: lock, run: run}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Down(context.WithoutCancel(ctx)))
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context) error {
	if err := s.run.update(func(info *RunInfo) { info.Parley = ParleyInfo{PID: os.Getpid()} }); err != nil {
		return err
	}
	if s.opts.Temporal != "" && s.opts.DatabaseURL != "" {
		return nil
	}
	var binary string
	if s.opts.Temporal == "" {
		var err error
		if binary, err = temporalBinary(ctx, s.opts); err != nil {
			return err
		}
	}
	var err error
	if s.postgres, err = newPostgres(ctx, s.opts, s.run); err != nil {
		return err
	}
	if err := s.postgres.up(ctx); err != nil {
		return err
	}
	if s.opts.Temporal != "" {
		return nil
	}
	s.temporal = newTemporal(s.opts, binary, s.postgres, s.run)
	return s.temporal.up(ctx)
}

// DatabaseURL is where Parley's own tables live.
func (s *Stack) DatabaseURL() string {
	if s.opts.DatabaseURL != "" {
		return s.opts.DatabaseURL
	}
	return s.postgres.url(databaseName)
}

// TemporalAddress is host:port of Temporal's frontend.
func (s *Stack) TemporalAddress() string {
	if s.temporal == nil {
		return s.opts.Temporal
	}
	return address(s.temporal.port)
}

// Namespace is the Temporal namespace to work in.
func (s *Stack) Namespace() string { return s.opts.Namespace }

// UIAddress is host:port of Temporal's Web UI; empty with a Temporal server that was there already.
func (s *Stack) UIAddress() string {
	if s.temporal == nil {
		return ""
	}
	return address(s.temporal.uiPort)
}

// SetParley notes in run.json where this process listens, as host:port each.
func (s *Stack) SetParley(httpAddress, smtpAddress string) error {
	return s.run.update(func(info *RunInfo) {
		info.Parley = ParleyInfo{
			PID: os.Getpid(), Port: portOf(httpAddress), HTTP: httpAddress, SMTPPort: portOf(smtpAddress), SMTP: smtpAddress,
		}
	})
}

// Down ends Temporal, then PostgreSQL, each in order within some seconds, by force when ctx ends first. Calling it
// again returns the first answer.
func (s *Stack) Down(ctx context.Context) error {
	s.downOnce.Do(func() {
		var errs []error
		if s.temporal != nil {
			errs = append(errs, s.temporal.down(ctx))
		}
		if s.postgres != nil {
			errs = append(errs, s.postgres.down(ctx))
		}
		errs = append(errs,
			s.run.update(func(info *RunInfo) { info.Parley.PID = 0 }),
			s.lock.release())
		s.downErr = errors.Join(errs...)
	})
	return s.downErr
}

func (o Options) withDefaults() (Options, error) {
	if o.Home == "" {
		return o, errors.New("no home: set PARLEY_HOME to a directory for Parley's state")
	}
	home, err := filepath.Abs(o.Home)
	if err != nil {
		return o, fmt.Errorf("PARLEY_HOME %s: %w", o.Home, err)
	}
	o.Home = home
	// Others may pass through, since PostgreSQL may run as another user; what is secret has its own mode.
	if err := os.MkdirAll(filepath.Join(home, "log"), 0o711); err != nil {
		return o, fmt.Errorf("PARLEY_HOME: %w", err)
	}
	if o.Namespace == "" {
		o.Namespace = "parley"
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// say tells the user one line.
func (o Options) say(format string, args ...any) {
	_, _ = fmt.Fprintf(o.Out, format+"\n", args...) // a closed terminal must not end the servers
}

// homeHash names a home where its path cannot be used.
func homeHash(home string) [sha256.Size]byte { return sha256.Sum256([]byte(home)) }
