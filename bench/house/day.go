package house

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"parley/interaction"
)

// Day is a number of mails and what people do with them until the last interaction has stopped.
type Day struct {
	Run      string // names the mails; each day another
	To       string // entry point: Support or Reviewed
	Mails    int
	Every    time.Duration // between two mails; 0: as soon as there is room for one in flight
	InFlight int           // mails between the customer's SMTP session and the end of their interaction
	Transfer bool          // the first agent hands the task on
	Agents   []Person
	Reviewer Person

	Letter *Mail  // instead of the usual question
	Text   string // instead of the usual answer
}

// Played is what became of a day.
type Played struct {
	Interactions []string
	Took         time.Duration
}

// look is how often the driver looks for tasks. Real agents hear of them by events; the driver looks on a connection of its own, so
// that what looking costs is not mixed with what is measured.
const look = 15 * time.Millisecond

// stall is how long nothing may happen before a day is given up.
const stall = time.Minute

// Play plays a day. It watches in one transaction (so it commits once) on a connection whose CPU time the caller leaves out.
func (h *House) Play(ctx context.Context, watch *pgx.Conn, d Day) (Played, error) {
	begun := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	p := &player{house: h, day: d, group: group, watch: watch, slots: make(chan struct{}, d.InFlight), seen: map[seenTask]bool{}, open: map[string]bool{}}
	group.Go(func() error { return p.customers(ctx) })
	group.Go(func() error { return p.people(ctx) })
	err := group.Wait()
	return Played{Interactions: p.all, Took: time.Since(begun)}, err
}

type player struct {
	house *House
	day   Day
	group *errgroup.Group
	watch *pgx.Conn
	slots chan struct{}
	seen  map[seenTask]bool
	open  map[string]bool // interactions that have not stopped
	all   []string
	next  int
}

// seenTask is a task each time it becomes free.
type seenTask struct {
	ID        interaction.ID
	Transfers int
}

type task struct {
	seenTask
	Kind        interaction.TaskKind
	Interaction interaction.ID
	Reserved    interaction.ID
}

// customers send the mails, each in a session of its own, not more in flight than the day allows.
func (p *player) customers(ctx context.Context) error {
	begun := time.Now()
	for n := range p.day.Mails {
		if wait := time.Until(begun.Add(time.Duration(n) * p.day.Every)); wait > 0 {
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		letter := Question(p.day.Run, n, p.day.To)
		if p.day.Letter != nil {
			letter = *p.day.Letter
		}
		p.group.Go(func() error { return Send(p.house.SMTP(), letter) })
	}
	return nil
}

// people look for tasks and for interactions that have stopped, until all have.
func (p *player) people(ctx context.Context) (err error) {
	tx, err := p.watch.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tx.Commit(context.WithoutCancel(ctx))) }()
	tick := time.NewTicker(look)
	defer tick.Stop()
	moved, before := time.Now(), 0
	for len(p.all) < p.day.Mails || len(p.open) > 0 {
		if sum := len(p.seen) - len(p.open); sum != before {
			moved, before = time.Now(), sum
		}
		if time.Since(moved) > stall {
			return fmt.Errorf("nothing happens: %d of %d mails have become tasks, %d of them have not stopped", len(p.all), p.day.Mails, len(p.open))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if err := p.tasks(ctx, tx); err != nil {
			return err
		}
		if err := p.stopped(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

func (p *player) tasks(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `select id, transfers, kind, interaction_id, reserved_for from tasks where state = 'queued'`)
	if err != nil {
		return err
	}
	tasks, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t task, err error) {
		return t, row.Scan(&t.ID, &t.Transfers, &t.Kind, &t.Interaction, &t.Reserved)
	})
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if p.seen[t.seenTask] {
			continue
		}
		p.seen[t.seenTask] = true
		if id := string(t.Interaction); !p.open[id] && t.Kind == interaction.TaskHandle && t.Transfers == 0 {
			p.open[id] = true
			p.all = append(p.all, id)
		}
		first, second := p.day.Agents[p.next%len(p.day.Agents)], p.day.Agents[(p.next+1)%len(p.day.Agents)]
		p.next++
		for _, a := range p.day.Agents {
			if a.ID == t.Reserved {
				first = a
			}
		}
		p.group.Go(func() error { return p.work(ctx, t, first, second) })
	}
	return nil
}

// work is what a person does with a task.
func (p *player) work(ctx context.Context, t task, by, colleague Person) error {
	h := p.house
	if t.Kind == interaction.TaskReview {
		return h.Do(ctx, p.day.Reviewer, http.MethodPost, "/v1/reviews/"+string(t.ID)+"/decision", map[string]any{"decision": "approve"})
	}
	path := "/v1/tasks/" + string(t.ID)
	if err := h.Do(ctx, by, http.MethodPost, path+"/claim", nil); err != nil {
		return err
	}
	if p.day.Transfer && t.Transfers == 0 {
		return h.Do(ctx, by, http.MethodPost, path+"/transfer", map[string]any{"agent_id": colleague.ID, "note": "yours"})
	}
	text := p.day.Text
	if text == "" {
		text = "Dear customer,\n\nthank you for asking. Your parcel is on its way and should be with you in two days.\n\nKind regards\n" + by.Login
	}
	return h.Do(ctx, by, http.MethodPost, path+"/reply", map[string]any{"text": text})
}

func (p *player) stopped(ctx context.Context, tx pgx.Tx) error {
	if len(p.open) == 0 {
		return nil
	}
	ids := make([]string, 0, len(p.open))
	for id := range p.open {
		ids = append(ids, id)
	}
	rows, err := tx.Query(ctx, `select id::text from closed_interactions where id = any($1::uuid[])`, ids)
	if err != nil {
		return err
	}
	gone, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, id := range gone {
		delete(p.open, id)
		<-p.slots
	}
	return err
}
