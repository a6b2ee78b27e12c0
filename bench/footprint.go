package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/bench/count"
	"parley/bench/house"
)

// What the whole house needs while it works (O3).
const (
	footprintRate  = 5 // mails a second
	footprintMails = 150
	footprint      = 1 << 30 // bytes
)

// footprintRows start everything again inside of a control group of 1 GiB and have it handle five mails a second. Where the machine allows no such group the memory is
// only summed up.
func footprintRows(ctx context.Context, s *session, t *table) (err error) {
	group, refused := count.NewGroup("parley-bench-"+s.seed, footprint)
	if refused != nil {
		t.note("O3: no control group here (%v): the memory under load is summed up instead", refused)
	} else {
		if err := s.again(ctx, group.Inside); err != nil {
			return errors.Join(err, group.Remove())
		}
		defer func() { err = errors.Join(err, s.again(ctx, nil), group.Remove()) }()
	}
	day := s.day(house.Support, footprintMails)
	day.Every, day.InFlight = time.Second/footprintRate, footprintMails
	watching, stop := context.WithCancel(ctx)
	most := make(chan int64, 1)
	go func() { most <- s.mostMemory(watching) }()
	played, err := s.house.Play(ctx, s.cluster.Conn(), day)
	stop()
	summed := <-most
	if err != nil {
		return err
	}
	t.atLeast("O3", "mails handled in a second, five coming in", float64(footprintMails)/played.Took.Seconds(), "", 0.9*footprintRate)
	t.atMost("O3", "most memory of everything meanwhile, what is shared counted once", float64(summed)/(1<<20), "MiB", footprint>>20)
	if refused != nil {
		return nil
	}
	used, err := group.Most()
	if err != nil {
		return err
	}
	killed, err := group.Killed()
	t.show("O3", "most memory of the control group of 1024 MiB, file cache included", fmt.Sprintf("%d MiB", used>>20))
	t.atMost("O3", "processes killed for want of memory", float64(killed), "", 0)
	return err
}

// again stops everything and starts it, by a way of its own if there is one.
func (s *session) again(ctx context.Context, by func(func() error) error) error {
	if err := errors.Join(s.cluster.Close(context.WithoutCancel(ctx)), s.house.Stop()); err != nil {
		return err
	}
	start := func() error {
		_, err := s.house.Start(ctx)
		return err
	}
	if by == nil {
		by = func(fn func() error) error { return fn() }
	}
	if err := by(start); err != nil {
		return err
	}
	database, err := s.house.DatabaseURL("parley")
	if err == nil {
		s.cluster, err = count.Connect(ctx, database)
	}
	return err
}

// mostMemory looks twice a second until it is told to stop.
func (s *session) mostMemory(ctx context.Context) (most int64) {
	for pause(ctx, 500*time.Millisecond) == nil {
		if now, err := s.memory(); err == nil { // a process may end between two looks
			most = max(most, now.parley+now.temporal+now.postgres)
		}
	}
	return most
}
