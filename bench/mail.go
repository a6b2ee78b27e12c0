package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"parley/bench/count"
	"parley/bench/house"
	"parley/bench/twins"
)

// Targets of a mail's whole path (A1 to A3).
const (
	mostOfPath     = 1.25 // CPU beside the path twin
	mostOfNaive    = 0.4  // and beside the naive one
	mostCommits    = 76
	mostEvents     = 30
	mostHistory    = 10 << 10
	mostReview     = 6 // events that a review adds
	leastPathSpeed = 0.8
)

// mailRows measures handled mails beside the twins, leg by leg: A B C C B A.
func mailRows(ctx context.Context, s *session, t *table) error {
	if _, err := s.house.Play(ctx, s.cluster.Conn(), s.day(house.Support, 100)); err != nil { // caches and pools get warm: each connection plans each statement once
		return err
	}
	if err := s.rest(ctx); err != nil {
		return err
	}
	legs := map[string][]cost{}
	var played []string
	order := []string{"mail", twins.Path, twins.Naive, twins.Naive, twins.Path, "mail"}
	for range *rounds {
		for _, leg := range order {
			var c cost
			var err error
			if leg == "mail" {
				c, err = s.explained(ctx, t, *mails/2, "", func() (cost, error) {
					return s.mails(ctx, s.day(house.Support, *mails/2), &played)
				})
			} else {
				c, err = s.twin(ctx, leg, *mails/2)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", leg, err)
			}
			legs[leg] = append(legs[leg], c)
		}
	}
	mail, path, naive := mean(legs["mail"]), mean(legs[twins.Path]), mean(legs[twins.Naive])
	plain, err := count.Histories(ctx, s.temporal, played)
	if err != nil {
		return err
	}
	cpuRows(t, mail, path, naive, legs)
	countRows(t, mail, plain)
	t.atLeast("A3", "mails/s beside the path twin", mail.rate()/path.rate(), "x", leastPathSpeed)
	t.noisyUnless(steady(legs[twins.Path], cost.rate), "A3")
	t.show("A3", "mails/s; path, naive twin", fmt.Sprintf("%.1f; %.1f, %.1f", mail.rate(), path.rate(), naive.rate()))
	t.note("twin path: %.1f commits, %.1f flushes, %.0f gRPC calls, %.1f kB WAL; naive: %.1f, %.1f, %.0f, %.1f", path.Commits, path.Flushes, path.calls, path.WALBytes/1000,
		naive.Commits, naive.Flushes, naive.calls, naive.WALBytes/1000)
	if err := s.stages(ctx, t, played); err != nil {
		return err
	}
	if err := addedRows(ctx, s, t, plain); err != nil {
		return err
	}
	return acknowledgedRow(ctx, s, t, mail)
}

// mails plays a day and gives what one mail costs.
func (s *session) mails(ctx context.Context, d house.Day, played *[]string) (cost, error) {
	return s.measure(ctx, d.Mails, func() (time.Duration, error) {
		p, err := s.house.Play(ctx, s.cluster.Conn(), d)
		*played = append(*played, p.Interactions...)
		return p.Took, err
	})
}

// twin runs a twin as often as there were mails.
func (s *session) twin(ctx context.Context, name string, times int) (cost, error) {
	b, err := twins.Start(s.house.TemporalAddress(), "parley", s.calls.Intercept)
	if err != nil {
		return cost{}, err
	}
	defer b.Stop()
	if _, err := b.Run(ctx, name, 10, *inFlight); err != nil {
		return cost{}, err
	}
	if err := pause(ctx, count.SettleTime); err != nil { // the warming's counts are not this leg's
		return cost{}, err
	}
	return s.measure(ctx, times, func() (time.Duration, error) {
		begun := time.Now()
		_, err := b.Run(ctx, name, times, *inFlight)
		return time.Since(begun), err
	})
}

func cpuRows(t *table, mail, path, naive cost, legs map[string][]cost) {
	ours := []string{partParley, partTemporal, partPostgres}
	theirs := []string{partBench, partTemporal, partPostgres}
	t.atMost("A1", "CPU of a mail beside the path twin", mail.sum(ours...)/path.sum(theirs...), "x", mostOfPath)
	t.atMost("A1", "CPU of a mail beside the naive twin", mail.sum(ours...)/naive.sum(theirs...), "x", mostOfNaive)
	t.noisyUnless(steady(legs[twins.Path], func(c cost) float64 { return c.sum(theirs...) }), "A1")
	t.show("A1", "CPU ms of a mail: parley + Temporal + PostgreSQL", parts(mail, ours))
	t.show("A1", "CPU ms of path: client and worker + Temporal + PostgreSQL", parts(path, theirs))
	t.show("A1", "CPU ms of naive: the same", parts(naive, theirs))
	t.show("A1", "CPU ms of the load itself, not counted", fmt.Sprintf("%.1f", mail.cpu[partBench]))
	var pairs []string
	for n, m := range legs["mail"] {
		a, b := m.sum(ours...), legs[twins.Path][n].sum(theirs...)
		pairs = append(pairs, fmt.Sprintf("%.1f/%.1f = %.2f", a, b, a/b))
	}
	t.note("CPU ms of mail/path, pair by pair: %s", strings.Join(pairs, ", "))
}

// steady says whether the reference itself stayed within a factor of two: otherwise a ratio to it means nothing.
func steady(reference []cost, figure func(cost) float64) bool {
	least, most := figure(reference[0]), figure(reference[0])
	for _, c := range reference {
		least, most = min(least, figure(c)), max(most, figure(c))
	}
	return most <= 2*least
}

func parts(c cost, names []string) string {
	figures := make([]string, len(names))
	for n, name := range names {
		figures[n] = fmt.Sprintf("%.1f", c.cpu[name])
	}
	return fmt.Sprintf("%s = %.1f", strings.Join(figures, " + "), c.sum(names...))
}

// countRows are the figures that no busy machine changes; the test of this package gates on them.
func countRows(t *table, mail cost, plain count.History) {
	t.atMost("A2", "commits of a mail", mail.Commits, "", mostCommits)
	t.show("A2", "commits by database", byDatabase(mail))
	t.atMost("A2", "history events of a mail", plain.Events, "", mostEvents)
	t.atMost("A2", "history of a mail", plain.Bytes, "bytes", mostHistory)
	t.show("A2", "longest of one mail", fmt.Sprintf("%d events, %d bytes", plain.MostEvents, plain.Longest))
	t.show("A2", "WAL flushes, WAL kB of a mail", fmt.Sprintf("%.1f, %.0f", mail.Flushes, mail.WALBytes/1000))
}

func byDatabase(c cost) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(c.ByDatabase)) {
		if c.ByDatabase[name] > 0.05 {
			list = append(list, fmt.Sprintf("%s %.1f", name, c.ByDatabase[name]))
		}
	}
	return strings.Join(list, ", ")
}

// addedRows are the history events that a review and a transfer add.
func addedRows(ctx context.Context, s *session, t *table, plain count.History) error {
	reviewed := s.day(house.Reviewed, 20)
	transferred := s.day(house.Support, 20)
	transferred.Transfer = true
	transferred.Run = s.runName() + "t"
	for _, d := range []struct {
		what string
		day  house.Day
		most float64
	}{{"events that a review adds", reviewed, mostReview}, {"events that a transfer adds", transferred, 0}} {
		p, err := s.house.Play(ctx, s.cluster.Conn(), d.day)
		if err != nil {
			return fmt.Errorf("%s: %w", d.what, err)
		}
		h, err := count.Histories(ctx, s.temporal, p.Interactions)
		if err != nil {
			return err
		}
		// Means of histories that differ by a whole workflow task now and then: rounded to what the shape adds.
		t.atMost("A2", d.what, max(0, float64(int(h.Events-plain.Events+0.5))), "", d.most)
	}
	return nil
}

// acknowledgedRow reports what a mail costs whose customer gets an acknowledgement.
func acknowledgedRow(ctx context.Context, s *session, t *table, plain cost) error {
	if err := s.house.Apply(ctx, house.Policy{Acknowledge: true}); err != nil {
		return err
	}
	var played []string
	c, err := s.mails(ctx, s.day(house.Support, max(20, *mails/4)), &played)
	if err != nil {
		return err
	}
	h, err := count.Histories(ctx, s.temporal, played)
	if err != nil {
		return err
	}
	parts := []string{partParley, partTemporal, partPostgres}
	t.show("A1", "with an acknowledgement: CPU ms, commits, events", fmt.Sprintf("%.1f (+%.1f), %.1f (+%.1f), %.1f",
		c.sum(parts...), c.sum(parts...)-plain.sum(parts...), c.Commits, c.Commits-plain.Commits, h.Events))
	return s.house.Apply(ctx, house.Policy{})
}

// stages says which stages the mails went through, by their audit.
func (s *session) stages(ctx context.Context, t *table, interactions []string) error {
	rows, err := s.cluster.Conn().Query(ctx, `select code, count(*) from events where interaction_id = any($1::uuid[]) group by code order by min(position)`, interactions)
	if err != nil {
		return err
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var code string
		var n int
		if err := rows.Scan(&code, &n); err != nil {
			return err
		}
		list = append(list, fmt.Sprintf("%s %d", code, n))
	}
	t.note("stages of the %d mails, from their audit: %s", len(interactions), strings.Join(list, ", "))
	return rows.Err()
}
