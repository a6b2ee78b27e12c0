package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"parley/bench/house"
)

// Targets of one mail in, without Temporal (P3).
const (
	mostIntakeCPU     = 10 // milliseconds
	mostIntakeCommits = 4
	mostIntakeFlushes = 2
)

// intakeDatabase holds what only came in.
const intakeDatabase = "intake"

// intakeRows measure one mail in: accepted, parsed, its contact and thread found, stored; the roles that speak with Temporal do not run.
func intakeRows(ctx context.Context, s *session, t *table) (err error) {
	apart, err := s.house.StartApart(ctx, intakeDatabase, "api,adapters,intake")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, apart.Stop()) }()
	conn, err := pgx.Connect(ctx, apart.Database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	idle := s.idle
	s.apart = apart.PID()
	defer func() { s.apart, s.idle = 0, idle }()
	s.days++
	if err := takeIn(ctx, conn, apart.SMTP, s.runName()+"w", 20); err != nil {
		return err
	}
	if err := s.rest(ctx); err != nil {
		return err
	}
	c, err := s.explained(ctx, t, *mails, intakeDatabase, func() (cost, error) {
		return s.measure(ctx, *mails, func() (time.Duration, error) {
			begun := time.Now()
			err := takeIn(ctx, conn, apart.SMTP, s.runName(), *mails)
			return time.Since(begun), err
		})
	})
	if err != nil {
		return err
	}
	t.atMost("P3", "one mail in without Temporal: CPU", c.sum(partApart, partPostgres), "ms", mostIntakeCPU)
	t.show("P3", "of that, parley + PostgreSQL", fmt.Sprintf("%.1f + %.1f ms", c.cpu[partApart], c.cpu[partPostgres]))
	t.atMost("P3", "commits", c.ByDatabase[intakeDatabase], "", mostIntakeCommits)
	t.atMost("P3", "WAL flushes", c.Flushes, "", mostIntakeFlushes)
	t.show("P3", "mails in per second", fmt.Sprintf("%.0f", c.rate()))
	return nil
}

// takeIn sends mails, some sessions at once, and waits until the intake has settled them all.
func takeIn(ctx context.Context, conn *pgx.Conn, smtp, run string, mails int) error {
	var group errgroup.Group
	group.SetLimit(*inFlight)
	for n := range mails {
		group.Go(func() error { return house.Send(smtp, house.Question(run, n, house.Support)) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for {
		var waiting int
		if err := conn.QueryRow(ctx, `select count(*) from inbound where state = 'new'`).Scan(&waiting); err != nil || waiting == 0 {
			return err
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}
