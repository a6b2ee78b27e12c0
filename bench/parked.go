package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"parley/bench/count"
	"parley/bench/house"
	"parley/bench/twins"
)

// What a mail that waits for people costs (J1 to J3).
const (
	parkedFew        = 1000
	parkedTwins      = 1000
	mostParkedBytes  = 1.25 // times the bare parked workflow's
	mostParkedMemory = 300  // MiB of parley
	mostParkedGrowth = 1.10 // times what it was with the few
	mostParkedCPU    = 0.03 // of a core
	mostFirstClaim   = 5    // seconds from the start
	mostSlowerClaim  = 1.3  // times the p99 with the few
	claimsMeasured   = 300
)

// parkedRows park mails, few and then many, and measure what a waiting one takes on disk beside the bare parked workflow, and whether many of them make Parley larger, busier, or slower
// to claim from and to start.
func parkedRows(ctx context.Context, s *session, t *table) error {
	few, many := min(parkedFew, *parked), *parked
	s.days++
	before, err := s.disk(ctx)
	if err != nil {
		return err
	}
	atFew, err := s.parkTo(ctx, 0, few)
	if err != nil {
		return err
	}
	atMany, err := s.parkTo(ctx, few, many)
	if err != nil {
		return err
	}
	after, err := s.disk(ctx)
	if err != nil {
		return err
	}
	bare, err := s.bareParked(ctx, after)
	if err != nil {
		return err
	}
	mail := float64(after.sum()-before.sum()) / float64(many)
	t.atMost("J1", "disk of a parked mail, its texts and files apart, beside a bare parked workflow", mail/bare.sumPer(parkedTwins), "x", mostParkedBytes)
	t.show("J1", "of that, kB: parley + Temporal + its visibility; bare", fmt.Sprintf("%.1f + %.1f + %.1f; %.1f",
		float64(after.parley-before.parley)/float64(many)/1e3, float64(after.temporal-before.temporal)/float64(many)/1e3,
		float64(after.visibility-before.visibility)/float64(many)/1e3, bare.sumPer(parkedTwins)/1e3))
	t.show("J1", "kB of a mail's texts and files", fmt.Sprintf("%.1f", float64(after.content-before.content)/float64(many)/1e3))
	t.atMost("J2", fmt.Sprintf("memory of parley with %d parked", many), atMany.memory, "MiB", mostParkedMemory)
	t.atMost("J2", fmt.Sprintf("of that with %d", few), atMany.memory/atFew.memory, "x", mostParkedGrowth)
	t.atMost("J2", "CPU of parley meanwhile, of a core", atMany.parley, "", mostParkedCPU)
	t.show("J2", "of everything", fmt.Sprintf("%.4f", atMany.all))
	t.atMost("J3", fmt.Sprintf("p99 of a claim with %d parked beside that with %d", many, few), float64(atMany.p99)/float64(atFew.p99), "x", mostSlowerClaim)
	t.show("J3", "p99 of a claim: few, many", fmt.Sprintf("%v, %v", atFew.p99.Round(time.Microsecond), atMany.p99.Round(time.Microsecond)))
	var begun time.Time
	if err := s.again(ctx, func(start func() error) error {
		begun = time.Now()
		return start()
	}); err != nil {
		return err
	}
	ready := time.Since(begun)
	if err := s.firstClaim(ctx); err != nil {
		return err
	}
	t.atMost("J2", "from the start of everything to the first claim", time.Since(begun).Seconds(), "s", mostFirstClaim)
	t.show("J2", "of that, until /readyz was 200", fmt.Sprintf("%.2f s", ready.Seconds()))
	return nil
}

// rested is how things are while mails wait.
type rested struct {
	p99         time.Duration // of a claim
	memory      float64       // of parley, MiB
	parley, all float64       // CPU, of a core
}

// parkTo has mails come until so many wait, and then looks.
func (s *session) parkTo(ctx context.Context, from, to int) (r rested, err error) {
	group, sending := errgroup.WithContext(ctx)
	group.SetLimit(*inFlight)
	for n := from; n < to && sending.Err() == nil; n++ {
		group.Go(func() error { return house.Send(s.house.SMTP(), house.Question(s.runName(), n, house.Support)) })
	}
	if err := group.Wait(); err != nil {
		return r, err
	}
	for have := 0; have < to; {
		if err := s.cluster.Conn().QueryRow(ctx, `select count(*) from tasks where state = 'queued'`).Scan(&have); err != nil {
			return r, err
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return r, err
		}
	}
	if r.p99, err = s.claimTime(ctx); err != nil {
		return r, err
	}
	if err := s.rest(ctx); err != nil {
		return r, err
	}
	seconds := count.SettleTime.Seconds() * 1e3
	r.parley, r.all = s.idle.cpu[partParley]/seconds, (s.idle.cpu[partParley]+s.idle.cpu[partTemporal]+s.idle.cpu[partPostgres])/seconds
	held, err := s.memory()
	r.memory = float64(held.parley) / (1 << 20)
	return r, err
}

// claimTime is the 99th percentile of the time that claiming the next task takes, which is given back each time.
func (s *session) claimTime(ctx context.Context) (time.Duration, error) {
	took := make([]time.Duration, claimsMeasured)
	for n := range took {
		by := s.agents[n%len(s.agents)]
		begun := time.Now()
		task, err := s.claimNext(ctx, by)
		if err != nil {
			return 0, err
		}
		took[n] = time.Since(begun)
		if err := s.house.Do(ctx, by, http.MethodPost, "/v1/tasks/"+task+"/release", nil); err != nil {
			return 0, err
		}
	}
	slices.Sort(took)
	return took[len(took)*99/100], nil
}

func (s *session) claimNext(ctx context.Context, by house.Person) (task string, err error) {
	a, err := s.house.Call(ctx, by, http.MethodPost, "/v1/tasks/claim-next", map[string]any{})
	if err != nil {
		return "", err
	}
	var claimed struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(a.Body, &claimed); err != nil || !a.OK() {
		return "", errors.Join(fmt.Errorf("claim the next: %d %s", a.Status, a.Body), err)
	}
	return claimed.ID, nil
}

// firstClaim claims as soon as it is possible.
func (s *session) firstClaim(ctx context.Context) error {
	for {
		_, refused := s.claimNext(ctx, s.agents[0])
		if refused == nil {
			return nil
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return errors.Join(err, refused)
		}
	}
}

// stored is what lies on disk behind a VACUUM, in bytes.
type stored struct {
	parley, temporal, visibility int64
	content                      int64 // texts and files of mails, not in parley
}

func (d stored) sum() int64 { return d.parley + d.temporal + d.visibility }

func (d stored) sumPer(units int) float64 { return float64(d.sum()) / float64(units) }

// disk measures what lies on disk now.
func (s *session) disk(ctx context.Context) (d stored, err error) {
	for name, into := range map[string]*int64{"parley": &d.parley, "temporal": &d.temporal, "temporal_visibility": &d.visibility} {
		if *into, err = s.size(ctx, name, `relname !~ '^(raw_pieces|messages)'`); err != nil {
			return d, err
		}
	}
	d.content, err = s.size(ctx, "parley", `relname ~ '^(raw_pieces|messages)'`)
	return d, err
}

func (s *session) size(ctx context.Context, database, which string) (bytes int64, err error) {
	address, err := s.house.DatabaseURL(database)
	if err != nil {
		return 0, err
	}
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	if _, err := conn.Exec(ctx, `vacuum`); err != nil {
		return 0, err
	}
	err = conn.QueryRow(ctx, `select coalesce(sum(pg_total_relation_size(oid)), 0)::bigint from pg_class
		where relkind in ('r', 'm') and relnamespace = 'public'::regnamespace and `+which).Scan(&bytes)
	return bytes, err
}

// bareParked parks the twin that does nothing else, and gives what they take beyond what there was.
func (s *session) bareParked(ctx context.Context, before stored) (d stored, err error) {
	b, err := twins.Start(s.house.TemporalAddress(), "parley", s.calls.Intercept)
	if err != nil {
		return d, err
	}
	defer b.Stop()
	ids, err := b.Park(ctx, parkedTwins, *inFlight)
	if err != nil {
		return d, err
	}
	if err := pause(ctx, count.SettleTime); err != nil { // visibility follows
		return d, err
	}
	after, err := s.disk(ctx)
	if err != nil {
		return d, err
	}
	return stored{temporal: after.temporal - before.temporal, visibility: after.visibility - before.visibility}, b.End(ctx, ids, *inFlight)
}
