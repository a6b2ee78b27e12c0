package main

import (
	"context"
	"fmt"
	"time"

	"parley/bench/claims"
	"parley/bench/count"
	"parley/store"
)

// What claims should reach beside their references (D1).
const (
	leastBesideA   = 4
	leastBesideB   = 0.4
	mostBesideLate = 5
)

// What a thousand agents may cost who wait for work (D3).
const (
	mostWaitingCommits = 1    // a second
	mostWaitingCPU     = 0.01 // of a core
)

// waitingRows has a thousand agents wait for work, each on a stream of events (D3).
func waitingRows(ctx context.Context, s *session, t *table) error {
	url, err := s.house.NewDatabase(ctx, "waiting")
	if err != nil {
		return err
	}
	if err := store.Migrate(ctx, url); err != nil {
		return err
	}
	size := claims.Full
	size.Tasks = 100
	h, err := claims.Open(ctx, url, size)
	if err != nil {
		return err
	}
	defer h.Close()
	cluster, err := count.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = cluster.Close(ctx) }()
	_, _, master := s.house.PIDs()
	alone, together, err := h.Waiting(ctx, cluster, cluster.Conn().Config().Database, master)
	if err != nil {
		return err
	}
	t.atMost("D3", "transactions/s that 1,000 waiting agents add", together.Commits-alone.Commits, "", mostWaitingCommits)
	t.atMost("D3", "CPU that they add, of a core", together.CPU-alone.CPU, "", mostWaitingCPU)
	return nil
}

// claimRows has a thousand agents claim the next task that suits them over HTTP, a hundred thousand waiting as rows without workflows, beside simpler
// statements in the same minutes (D1).
func claimRows(ctx context.Context, s *session, t *table) error {
	url, err := s.house.NewDatabase(ctx, "claims")
	if err != nil {
		return err
	}
	if err := store.Migrate(ctx, url); err != nil {
		return err
	}
	r, err := claims.Compare(ctx, url, claims.Full, *rounds)
	if err != nil {
		return err
	}
	rate := claims.Median(r.Claim)
	t.atLeast("D1", "claims/s beside claim A, 64 clients", rate/claims.Median(r.ClaimA), "x", leastBesideA)
	t.atLeast("D1", "claims/s beside claim B", rate/claims.Median(r.ClaimB), "x", leastBesideB)
	t.show("D1", "claims/s over HTTP; claim A, claim B, update by primary key", fmt.Sprintf("%.0f; %.0f, %.0f, %.0f", rate,
		claims.Median(r.ClaimA), claims.Median(r.ClaimB), claims.Median(r.Update)))
	t.show("D1", "claim A where nothing stands in front; claim B in one statement", fmt.Sprintf("%.0f; %.0f", claims.Median(r.Even), claims.Median(r.Brief)))
	t.atMost("D1", fmt.Sprintf("p99 of a claim at %d/s beside that of an update", claims.Full.Rate), r.ClaimP99.Seconds()/r.UpdateP99.Seconds(), "x", mostBesideLate)
	t.show("D1", "p99 of claim, update", fmt.Sprint(r.ClaimP99.Round(time.Microsecond), ", ", r.UpdateP99.Round(time.Microsecond)))
	if r.Unlucky > 0 {
		t.note("D1: %d claims were told that nothing waits", r.Unlucky)
	}
	return nil
}
