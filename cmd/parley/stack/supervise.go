package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Back-off between starts of a child that ends: doubled each time, from the least again once it ran for a while.
const (
	leastPause    = 100 * time.Millisecond
	longestPause  = 5 * time.Second
	stableAfter   = 10 * time.Second
	firstAttempts = 6 // starts in Up before it gives up: about 3 seconds of pauses
)

// adoptLimit is how long a child of an earlier run may take to answer before a new one takes its place.
const adoptLimit = 20 * time.Second

// server is one kind of child.
type server interface {
	// adopt returns the running child of a Parley before us if it fits, nil if there is none. One that does not fit
	// any more has been ended.
	adopt(ctx context.Context) (*process, error)
	// start launches the child. stable says that clients know its address already: it must not move.
	start(ctx context.Context, stable bool) (*process, error)
	// ready returns when the child answers, or with ctx.
	ready(ctx context.Context) error
	// note writes the child's pid, 0 for none, to run.json.
	note(pid int) error
	// stopping are the signals that end the child in order.
	stopping() []signalStep
}

// supervisor keeps one child running from up to down.
type supervisor struct {
	name   string // as a user reads it
	server server
	log    string // path of the child's log
	logger *slog.Logger

	cancel context.CancelFunc // ends keep; nil before up
	ended  chan struct{}      // closed when keep has returned
	force  context.Context    // ended: no more patience with the child
	hurry  context.CancelFunc // ends force
}

// up starts the child, or adopts it, and returns when it answers.
func (s *supervisor) up(ctx context.Context) error {
	lasting := context.WithoutCancel(ctx)
	s.force, s.hurry = context.WithCancel(lasting)
	child, err := s.first(ctx)
	if err != nil {
		return err
	}
	keep, cancel := context.WithCancel(lasting)
	s.cancel, s.ended = cancel, make(chan struct{})
	go func() {
		defer close(s.ended)
		s.keep(keep, child)
	}()
	return nil
}

// down ends the child in order, by force when ctx ends.
func (s *supervisor) down(ctx context.Context) error {
	if s.cancel == nil {
		return s.server.note(0)
	}
	stop := context.AfterFunc(ctx, s.hurry)
	defer stop()
	s.cancel()
	<-s.ended
	return s.server.note(0)
}

// first returns a child that answers.
func (s *supervisor) first(ctx context.Context) (*process, error) {
	child, err := s.server.adopt(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: adopt what still runs: %w", s.name, err)
	}
	if child != nil {
		adopting, cancel := context.WithTimeout(ctx, adoptLimit)
		err := s.untilReady(adopting, child)
		cancel()
		if err == nil {
			return child, nil
		}
		s.logger.Warn("server of an earlier run did not answer, starting a new one", "server", s.name, "cause", err)
	}
	pause := leastPause
	for attempt := 1; ; attempt++ {
		child, err := s.server.start(ctx, false)
		if err == nil {
			err = s.untilReady(ctx, child)
		}
		if err == nil {
			return child, nil
		}
		if ctx.Err() != nil || attempt == firstAttempts {
			return nil, fmt.Errorf("%s does not start: %w\n%s says:\n%s", s.name, err, s.log, logTail(s.log))
		}
		wait(ctx, pause)
		pause = min(2*pause, longestPause)
	}
}

// keep starts the child again whenever it ends, until ctx ends; then it ends the child.
func (s *supervisor) keep(ctx context.Context, child *process) {
	pause := leastPause
	for {
		since := time.Now()
		select {
		case <-child.done:
		case <-ctx.Done():
			s.end(child)
			return
		}
		if time.Since(since) > stableAfter {
			pause = leastPause
		}
		s.logger.Warn("server ended, starting it again", "server", s.name, "pid", child.pid, "cause", child.err, "log", s.log)
		for child = nil; child == nil; pause = min(2*pause, longestPause) {
			wait(ctx, pause)
			if ctx.Err() != nil {
				return
			}
			child = s.again(ctx)
		}
	}
}

// again starts the child once; nil if it does not come to answer.
func (s *supervisor) again(ctx context.Context) *process {
	started := time.Now()
	child, err := s.server.start(ctx, true)
	if err == nil {
		err = s.untilReady(ctx, child)
	}
	if err != nil {
		s.logger.Warn("server did not start", "server", s.name, "cause", err, "log", s.log)
		return nil
	}
	s.logger.Info("server answers again", "server", s.name, "pid", child.pid, "after", time.Since(started).Round(time.Millisecond))
	return child
}

// untilReady returns nil when the child answers. Otherwise the child has ended, by itself or by us.
func (s *supervisor) untilReady(ctx context.Context, child *process) error {
	if err := s.server.note(child.pid); err != nil {
		s.end(child)
		return err
	}
	ready, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-child.done:
			cancel(child.howItEnded())
		case <-ready.Done():
		}
	}()
	if err := s.server.ready(ready); err != nil {
		s.end(child)
		return errors.Join(context.Cause(ready), err)
	}
	return nil
}

func (s *supervisor) end(child *process) {
	if err := child.end(s.force, s.server.stopping()...); err != nil {
		s.logger.Error("server did not end", "server", s.name, "pid", child.pid, "cause", err)
	}
}

// wait waits for so long, or for ctx.
func wait(ctx context.Context, pause time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(pause):
	}
}
