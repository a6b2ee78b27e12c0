package workers

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"parley/interaction"
	"parley/routing"
)

// shard dispatches for a part of the groups, while this process leads it.
type shard struct {
	store  DispatchStore
	log    *slog.Logger
	number int
	of     int

	ring   Bell        // wakes it
	pushes atomic.Bool // some queue of the shard offers its tasks: what is committed counts at once

	book  *routing.Book
	look  interaction.Look
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

// hear is told of a commit. Where nothing is offered it can wait for the next look, which is within a second.
func (s *shard) hear() {
	if s.pushes.Load() {
		s.ring.Ring()
	}
}

// run leads when it can and waits for its turn otherwise, until the context ends.
func (s *shard) run(ctx context.Context) {
	_ = loop(ctx, s.log, "dispatcher", nil, candidacy, func(ctx context.Context) (bool, error) { // it ends with the context only
		led, err := s.store.Lead(ctx, s.number, s.lead)
		if led && err == nil && ctx.Err() == nil {
			s.log.Warn("dispatcher lost its lead")
		}
		return false, err
	})
}

// lead dispatches until the context ends. What it knows it has from the tables, so a new leader begins where the last one stopped.
func (s *shard) lead(ctx context.Context) error {
	s.log.Info("dispatcher leads")
	s.forget()
	defer func() {
		s.pushes.Store(false)
		if s.clock.alarm != nil {
			s.clock.alarm.Stop()
		}
	}()
	return loop(ctx, s.log, "dispatcher", s.ring, every, s.round)
}

// forget makes the next look read everything.
func (s *shard) forget() {
	s.book, s.look = nil, interaction.Look{Shard: s.number, Shards: s.of}
}

// round looks at what changed, opens links and makes offers, as many as one confirmation holds.
func (s *shard) round(ctx context.Context) (bool, error) {
	if err := s.pause(ctx); err != nil {
		return false, nil // the context has ended
	}
	if err := s.read(ctx); err != nil {
		return false, err
	}
	if err := s.openLinks(ctx); err != nil {
		return false, err
	}
	made, err := s.offer(ctx)
	if err != nil {
		return false, err
	}
	s.setAlarm()
	return made, nil
}

// pause gathers what is committed within a breath into one round.
func (s *shard) pause(ctx context.Context) error {
	wait := time.Until(s.clock.round.Add(breath))
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
	s.clock.round = time.Now()
	return ctx.Err()
}

// read brings the book up to date; once a second the clocks run on the way, in one of the shards.
func (s *shard) read(ctx context.Context) error {
	if s.book != nil && time.Since(s.clock.built) > rebuild {
		s.forget()
	}
	tick := time.Since(s.clock.tick) >= every-breath || s.book == nil
	s.look.Clocks = tick && s.number == 0
	asked := time.Now()
	c, err := s.store.Look(ctx, s.look)
	if err != nil {
		return err
	}
	if tick {
		s.clock.tick = asked
	}
	if c.All {
		s.book, s.clock.built = routing.NewBook(), time.Now()
		s.look.Lanes, s.look.Known = c.Lanes, s.book.Has
		s.pushes.Store(s.look.Pushes())
	}
	if s.worked == nil {
		s.worked = map[interaction.ID]time.Time{}
	}
	s.look.Seen, s.clock.base, s.clock.local = c.Seen, c.At, time.Now()
	s.learn(c)
	return nil
}

func (s *shard) learn(c interaction.Changes) {
	for id, at := range c.Worked {
		s.worked[id] = at
	}
	for _, id := range c.Gone {
		s.book.DropTask(id)
	}
	for _, w := range c.Tasks {
		s.book.SetTask(w)
	}
	for _, id := range c.Away {
		s.book.DropAgent(id)
	}
	for _, a := range c.Agents {
		if at := s.worked[a.ID]; at.After(a.Since) {
			a.Since = at
		}
		s.book.SetAgent(a)
	}
}

// now is the database's time, or a little before it: a link that is opened too early would not be confirmes.
func (s *shard) now() time.Time { return s.clock.base.Add(time.Since(s.clock.local)) }

// openLinks writes the links that opened into the tasks' rows, for those who claim, and reads what became of them.
func (s *shard) openLinks(ctx context.Context) error {
	s.book.Advance(s.now())
	opened := s.book.Openings()
	for part := range slices.Chunk(opened, 500) {
		if err := s.store.OpenLinks(ctx, part); err != nil {
			s.forget() // the openings were given once
			return err
		}
		ids := make([]interaction.ID, len(part))
		for n, o := range part {
			ids[n] = o.Task
		}
		c, err := s.store.Again(ctx, ids, nil)
		if err != nil {
			s.forget()
			return err
		}
		s.learn(c)
	}
	return nil
}

// offer confirms decisions, several at a time, and reads again what could not be confirmes. True: there may be more to decide.
func (s *shard) offer(ctx context.Context) (bool, error) {
	var decided []interaction.Offer
	for len(decided) < offerBatch {
		o, found := s.book.Next(s.now())
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
			made[n], errs[n] = s.store.Offer(ctx, o)
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
		s.forget()
		return false, failed
	}
	if len(tasks) == 0 {
		return true, nil
	}
	c, err := s.store.Again(ctx, tasks, agents)
	if err != nil {
		s.forget()
		return false, err
	}
	s.learn(c)
	return true, nil
}

// setAlarm rings the bell when time alone opens the next link, should that be before the next look.
func (s *shard) setAlarm() {
	if s.clock.alarm != nil {
		s.clock.alarm.Stop()
	}
	at, set := s.book.Alarm()
	if !set {
		return
	}
	if wait := max(at.Sub(s.now()), breath); wait < every {
		s.clock.alarm = time.AfterFunc(wait+time.Millisecond, s.ring.Ring)
	}
}
