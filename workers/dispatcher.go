package workers

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"parley/interaction"
	"parley/routing"
)

// DispatchStore is what the dispatcher needs.
type DispatchStore interface {
	Lead(ctx context.Context, work func(context.Context) error) (bool, error)
	Tick(ctx context.Context, seen string) (interaction.Changes, error)
	Changed(ctx context.Context, seen string) (interaction.Changes, error)
	Again(ctx context.Context, tasks, agents []interaction.ID) (interaction.Changes, error)
	OpenLinks(ctx context.Context, list []interaction.Opening) error
	Offer(ctx context.Context, o interaction.Offer) (bool, error)
}

// Dispatcher does what happens to tasks by time, opens the links of their chains, and offers tasks of push queues to agents. It
// decides in memory, out of a routing.Book that it builds from the tables and keeps up to date, and confirms
// each decision by a conditional statement. One process leads; a second one at the same time does no harm.
type Dispatcher struct {
	Store DispatchStore
	Bell  Bell
	Log   *slog.Logger

	ring  Bell // Bell, or one of its own
	book  *routing.Book
	seen  string
	clock struct {
		base  time.Time   // the database's
		local time.Time   // ours at the same moment, at the latest
		tick  time.Time   // when the clocks ran last, ours
		built time.Time   // when the book was built, ours
		round time.Time   // when the last round began, ours
		alarm *time.Timer // rings when a link opens
	}
	worked map[interaction.ID]time.Time
}

const (
	candidacy  = 2 * time.Second       // how often one who does not lead tries to
	breath     = 40 * time.Millisecond // between two rounds, so that many commits are one look; offers are late by it at most
	rebuild    = 5 * time.Minute       // the book is built anew, should it ever have missed anything
	offerBatch = 64                    // decisions that are confirmed at once
	offerLanes = 8
)

// Run works until the context ends: it leads when it can and waits for its turn otherwise.
func (d *Dispatcher) Run(ctx context.Context) error {
	if d.ring = d.Bell; d.ring == nil {
		d.ring = NewBell()
	}
	return loop(ctx, d.Log, "dispatcher", nil, candidacy, func(ctx context.Context) (bool, error) {
		led, err := d.Store.Lead(ctx, d.lead)
		if led && err == nil && ctx.Err() == nil {
			d.Log.Warn("dispatcher lost its lead")
		}
		return false, err
	})
}

// lead dispatches until the context ends. What it knows it has from the tables, so a new leader begins where the last one stopped.
func (d *Dispatcher) lead(ctx context.Context) error {
	d.Log.Info("dispatcher leads")
	d.forget()
	defer func() {
		if d.clock.alarm != nil {
			d.clock.alarm.Stop()
		}
	}()
	return loop(ctx, d.Log, "dispatcher", d.ring, every, d.round)
}

func (d *Dispatcher) forget() { d.book, d.seen = nil, "" }

// round looks at what changed, opens links and makes offers, as many as one confirmation holds.
func (d *Dispatcher) round(ctx context.Context) (bool, error) {
	if err := d.pause(ctx); err != nil {
		return false, nil // the context has ended
	}
	if err := d.look(ctx); err != nil {
		return false, err
	}
	if err := d.openLinks(ctx); err != nil {
		return false, err
	}
	made, err := d.offer(ctx)
	if err != nil {
		return false, err
	}
	d.setAlarm()
	return made, nil
}

// pause gathers what is committed within a breath into one round.
func (d *Dispatcher) pause(ctx context.Context) error {
	wait := time.Until(d.clock.round.Add(breath))
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
	d.clock.round = time.Now()
	return ctx.Err()
}

// look brings the book up to date; once a second the clocks run on the way.
func (d *Dispatcher) look(ctx context.Context) error {
	if d.book != nil && time.Since(d.clock.built) > rebuild {
		d.forget()
	}
	look, tick := d.Store.Changed, time.Since(d.clock.tick) >= every-breath || d.book == nil
	if tick {
		look = d.Store.Tick
	}
	asked := time.Now()
	c, err := look(ctx, d.seen)
	if err != nil {
		return err
	}
	if tick {
		d.clock.tick = asked
	}
	if c.All {
		d.book, d.clock.built = routing.NewBook(), time.Now()
	}
	if d.worked == nil {
		d.worked = map[interaction.ID]time.Time{}
	}
	d.seen, d.clock.base, d.clock.local = c.Seen, c.At, time.Now()
	d.learn(c)
	return nil
}

func (d *Dispatcher) learn(c interaction.Changes) {
	for id, at := range c.Worked {
		d.worked[id] = at
	}
	for _, id := range c.Gone {
		d.book.DropTask(id)
	}
	for _, w := range c.Tasks {
		d.book.SetTask(w)
	}
	for _, id := range c.Away {
		d.book.DropAgent(id)
	}
	for _, a := range c.Agents {
		if at := d.worked[a.ID]; at.After(a.Since) {
			a.Since = at
		}
		d.book.SetAgent(a)
	}
}

// now is the database's time, or a little before it: a link that is opened too early would not be confirmed.
func (d *Dispatcher) now() time.Time { return d.clock.base.Add(time.Since(d.clock.local)) }

// openLinks writes the links that opened into the tasks' rows, for those who claim, and reads what became of them.
func (d *Dispatcher) openLinks(ctx context.Context) error {
	d.book.Advance(d.now())
	opened := d.book.Openings()
	for part := range slices.Chunk(opened, 500) {
		if err := d.Store.OpenLinks(ctx, part); err != nil {
			d.forget() // the openings were given once
			return err
		}
		ids := make([]interaction.ID, len(part))
		for n, o := range part {
			ids[n] = o.Task
		}
		c, err := d.Store.Again(ctx, ids, nil)
		if err != nil {
			d.forget()
			return err
		}
		d.learn(c)
	}
	return nil
}

// offer confirms decisions, several at a time, and reads again what could not be confirmed. True: there may be more to decide.
func (d *Dispatcher) offer(ctx context.Context) (bool, error) {
	var decided []interaction.Offer
	for len(decided) < offerBatch {
		o, found := d.book.Next(d.now())
		if !found {
			break
		}
		decided = append(decided, o)
	}
	if len(decided) == 0 {
		return false, nil
	}
	made, errs := make([]bool, len(decided)), make([]error, len(decided))
	var wg sync.WaitGroup
	lanes := make(chan struct{}, offerLanes)
	for n, o := range decided {
		lanes <- struct{}{}
		wg.Go(func() {
			defer func() { <-lanes }()
			made[n], errs[n] = d.Store.Offer(ctx, o)
		})
	}
	wg.Wait()
	var tasks, agents []interaction.ID
	var failed error
	for n, o := range decided {
		if errs[n] != nil {
			failed = errs[n]
		}
		if !made[n] {
			tasks, agents = append(tasks, o.Task), append(agents, o.Agent)
		}
	}
	if failed != nil {
		d.forget()
		return false, failed
	}
	if len(tasks) == 0 {
		return true, nil
	}
	c, err := d.Store.Again(ctx, tasks, agents)
	if err != nil {
		d.forget()
		return false, err
	}
	d.learn(c)
	return true, nil
}

// setAlarm rings the bell when time alone opens the next link, should that be before the next look.
func (d *Dispatcher) setAlarm() {
	if d.clock.alarm != nil {
		d.clock.alarm.Stop()
	}
	at, set := d.book.Alarm()
	if !set {
		return
	}
	if wait := max(at.Sub(d.now()), breath); wait < every {
		d.clock.alarm = time.AfterFunc(wait+time.Millisecond, d.ring.Ring)
	}
}
