package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"parley/bench/count"
	"parley/bench/house"
	"parley/interaction"
)

// session is one Parley that is measured, and what is needed to measure it.
type session struct {
	house    *house.House
	cluster  *count.Cluster
	temporal client.Client // that reads histories
	calls    *count.Calls  // of the twins' clients
	agents   []house.Person
	reviewer house.Person
	seed     string // names this run's mails
	days     int
	apart    int     // pid of a second parley, where one runs
	idle     reading // what everything does in a second when there is nothing to do

	freshStart  time.Duration // from an empty directory to /readyz
	firstAnswer time.Duration // and to the answer of the first mail
}

// open starts a Parley in an empty directory, has the first mail answered, and then sees what it does when idle.
func open(ctx context.Context, binary, source, directory, seed string) (*session, error) {
	h, err := house.New(binary, source, directory)
	if err != nil {
		return nil, err
	}
	s := &session{house: h, calls: &count.Calls{}, seed: seed}
	if err := s.begin(ctx); err != nil {
		return nil, errors.Join(err, s.close(ctx))
	}
	return s, nil
}

func (s *session) begin(ctx context.Context) (err error) {
	begun := time.Now()
	if s.freshStart, err = s.house.Start(ctx); err != nil {
		return err
	}
	database, err := s.house.DatabaseURL("parley")
	if err != nil {
		return err
	}
	if s.cluster, err = count.Connect(ctx, database); err != nil {
		return err
	}
	if *why {
		if err := s.loadStatements(ctx, database); err != nil {
			return err
		}
	}
	logins := make([]string, house.AgentCount)
	for n := range logins {
		logins[n] = house.Agent(n)
	}
	if s.agents, err = s.house.Hire(ctx, interaction.TokenAPI, logins...); err != nil {
		return err
	}
	senior, err := s.house.Hire(ctx, interaction.TokenAPI, "sue")
	if err != nil {
		return err
	}
	s.reviewer = senior[0]
	if _, err := s.house.Play(ctx, s.cluster.Conn(), s.day(house.Support, 1)); err != nil {
		return err
	}
	s.firstAnswer = time.Since(begun)
	if s.house.Sink.Got(house.Question(s.runName(), 0, "").From) != 1 {
		return errors.New("the first mail was not answered")
	}
	s.temporal, err = client.Dial(client.Options{
		HostPort: s.house.TemporalAddress(), Namespace: "parley", Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	return err
}

// loadStatements starts everything again with pg_stat_statements, where PostgreSQL runs without it.
func (s *session) loadStatements(ctx context.Context, database string) error {
	loaded, err := s.cluster.LoadStatements(ctx)
	if err != nil || loaded {
		return err
	}
	if err := errors.Join(s.cluster.Close(ctx), s.house.Stop()); err != nil {
		return err
	}
	if _, err := s.house.Start(ctx); err != nil {
		return err
	}
	s.cluster, err = count.Connect(ctx, database)
	return err
}

func (s *session) close(ctx context.Context) error {
	if s.temporal != nil {
		s.temporal.Close()
	}
	var err error
	if s.cluster != nil {
		err = s.cluster.Close(context.WithoutCancel(ctx))
	}
	return errors.Join(err, s.house.Close())
}

// day is the next day's work, 8 mails in flight and 8 agents.
func (s *session) day(to string, mails int) house.Day {
	s.days++
	return house.Day{Run: s.runName(), To: to, Mails: mails, InFlight: *inFlight, Agents: s.agents[:8], Reviewer: s.reviewer}
}

func (s *session) runName() string { return fmt.Sprintf("%s-%d", s.seed, s.days) }

// reading is the state of all counters, or the difference of two.
type reading struct {
	work  count.Work
	spent count.Spent
	cpu   map[string]float64 // milliseconds by part
}

// The parts that use CPU time.
const (
	partParley   = "parley"
	partTemporal = "Temporal"
	partPostgres = "PostgreSQL"
	partBench    = "bench"  // the load; for twins also their client and worker
	partApart    = "intake" // a second parley
)

func (s *session) read(ctx context.Context) (r reading, err error) {
	if r.work, err = s.cluster.Work(ctx); err != nil {
		return r, err
	}
	parley, temporal, postgres := s.house.PIDs()
	r.cpu = map[string]float64{}
	for part, used := range map[string]func() (time.Duration, error){
		partParley:   func() (time.Duration, error) { return count.CPU(parley) },
		partTemporal: func() (time.Duration, error) { return count.CPU(temporal) },
		partPostgres: func() (time.Duration, error) { return count.CPUOfTree(postgres, s.cluster.PID()) },
		partBench:    func() (time.Duration, error) { return count.CPU(os.Getpid()) },
		partApart: func() (time.Duration, error) {
			if s.apart == 0 {
				return 0, nil
			}
			return count.CPU(s.apart)
		},
	} {
		d, err := used()
		if err != nil {
			return r, fmt.Errorf("CPU of %s: %w", part, err)
		}
		r.cpu[part] = float64(d) / float64(time.Millisecond)
	}
	return r, nil
}

func (r reading) since(before reading) reading {
	d := reading{spent: r.work.Since(before.work), cpu: map[string]float64{}}
	for part, used := range r.cpu {
		d.cpu[part] = used - before.cpu[part]
	}
	return d
}

// cost is what one unit of work costs.
type cost struct {
	count.Spent
	cpu   map[string]float64 // milliseconds by part
	units int
	took  time.Duration // of the whole work
	calls float64       // gRPC calls of a twin's client and worker
}

// sum is the CPU time of the parts, in milliseconds.
func (c cost) sum(parts ...string) float64 {
	var sum float64
	for _, p := range parts {
		sum += c.cpu[p]
	}
	return sum
}

// rate is units in a second.
func (c cost) rate() float64 { return float64(c.units) / c.took.Seconds() }

// rest measures what everything does when idle.
func (s *session) rest(ctx context.Context) error {
	if err := pause(ctx, count.SettleTime); err != nil {
		return err
	}
	before, err := s.read(ctx)
	if err != nil {
		return err
	}
	if err := pause(ctx, count.SettleTime); err != nil {
		return err
	}
	after, err := s.read(ctx)
	s.idle = after.since(before)
	return err
}

// measure gives what a unit of the work costs. It waits until all counts are in.
func (s *session) measure(ctx context.Context, units int, work func() (time.Duration, error)) (cost, error) {
	before, err := s.read(ctx)
	if err != nil {
		return cost{}, err
	}
	calls := s.calls.Total()
	took, err := work()
	if err != nil {
		return cost{}, err
	}
	calls = s.calls.Total() - calls
	if err := pause(ctx, count.SettleTime); err != nil {
		return cost{}, err
	}
	after, err := s.read(ctx)
	if err != nil {
		return cost{}, err
	}
	d := after.since(before)
	c := cost{Spent: d.spent.Per(units, s.idle.spent), cpu: map[string]float64{}, units: units, took: took, calls: float64(calls) / float64(units)}
	for part, used := range d.cpu {
		c.cpu[part] = (used - s.idle.cpu[part]*d.spent.Seconds/s.idle.spent.Seconds) / float64(units)
	}
	return c, nil
}

// explained measures; asked why, it notes the statements behind the figures, of one database or (empty) of all.
func (s *session) explained(ctx context.Context, t *table, units int, database string, measure func() (cost, error)) (cost, error) {
	if !*why {
		return measure()
	}
	if err := s.cluster.WatchStatements(ctx); err != nil {
		return cost{}, err
	}
	c, err := measure()
	if err != nil {
		return c, err
	}
	statements, err := s.cluster.Statements(ctx, database, 90)
	for _, statement := range statements {
		t.note("%7.2f calls %6.2f ms  %-20s %s", statement.Calls/float64(units), statement.Milliseconds/float64(units), statement.Database, statement.Query)
	}
	return c, err
}

// mean joins the costs of several legs.
func mean(legs []cost) cost {
	all := cost{Spent: count.Spent{ByDatabase: map[string]float64{}}, cpu: map[string]float64{}}
	for _, c := range legs {
		all.units += c.units
		all.took += c.took
	}
	for _, c := range legs {
		share := float64(c.units) / float64(all.units)
		all.Commits += share * c.Commits
		all.Flushes += share * c.Flushes
		all.WALBytes += share * c.WALBytes
		all.calls += share * c.calls
		for part, v := range c.cpu {
			all.cpu[part] += share * v
		}
		for name, v := range c.ByDatabase {
			all.ByDatabase[name] += share * v
		}
	}
	return all
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
