package api

import (
	"context"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"parley/interaction"
)

// Bounds of the stream of events.
const (
	streamPage = 500  // events of one look
	windowSize = 4096 // events that are remembered for all readers
	// streamTick is how often somebody looks for all readers without being woken, in case word of a change was lost, and asks whether their tokens are still good: one that ended is heard of as
	// any change is, one that runs out is not. That is all that waiting for news costs.
	streamTick = 3 * time.Second
	// streamSoon is when somebody looks again who was woken and found nothing: what is committed can be read once older transactions are over.
	streamSoon = 50 * time.Millisecond
	soonLooks  = 4
)

// stream reads events once for all who listen. A reader whose place is in the window
// is served from memory; one that is further behind reads the store until he has come up to it.
// Nothing runs when nobody listens: one of the readers looks for all, and tells the others when there is something; another takes over when he leaves.
type stream struct {
	events  Events
	changes func() <-chan struct{}

	mu     sync.Mutex
	start  string // the place before the first of the window
	window []interaction.StreamEvent
	woken  <-chan struct{} // taken before the last look: not closed means that nothing has come since
	looked time.Time
	vain   int // looks since something came that was not found yet; 0: nothing is to be found

	leader *reader       // who looks
	told   chan struct{} // closed when the others shall look at the window

	tokens  map[interaction.ID]int // how many streams each has
	actors  map[interaction.ID]interaction.Actor
	checked time.Time // zero: tokens are to be asked for now
}

func newStream(e Events, changes func() <-chan struct{}) *stream {
	return &stream{events: e, changes: changes, told: make(chan struct{}), tokens: map[interaction.ID]int{}}
}

// reader is one stream.
type reader struct{ token interaction.ID }

// wait is what a reader waits for whom there is nothing: that the channel is closed, for so long at most.
type wait struct {
	news <-chan struct{}
	most time.Duration
}

// after gives events behind the cursor, and what to wait for when there are none.
func (s *stream) after(ctx context.Context, r *reader, cursor string) ([]interaction.StreamEvent, wait, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.look(ctx); err != nil {
		return nil, wait{}, err
	}
	until := s.until(r)
	if place, known := s.place(cursor); known {
		rest := s.window[place:]
		return append([]interaction.StreamEvent(nil), rest[:min(len(rest), streamPage)]...), until, nil
	}
	s.mu.Unlock()
	page, err := s.events.Stream(ctx, cursor, streamPage) // behind the window: read alone
	s.mu.Lock()
	return page, until, err
}

// until is what a reader waits for: who looks, for changes and the next look; the others for him.
func (s *stream) until(r *reader) wait {
	if s.leader == nil || s.leader == r {
		s.leader = r
		return wait{s.woken, s.rest()}
	}
	return wait{s.told, heartbeat}
}

// tell has all readers look at the window.
func (s *stream) tell() {
	close(s.told)
	s.told = make(chan struct{})
}

// place is the index in the window of the first event behind the cursor; false for one that is before the window, or none.
func (s *stream) place(cursor string) (int, bool) {
	at, good := parsePlace(cursor)
	start, _ := parsePlace(s.start)
	if !good || at.before(start) {
		return 0, false
	}
	return sort.Search(len(s.window), func(n int) bool {
		there, _ := parsePlace(s.window[n].Cursor)
		return at.before(there)
	}), true
}

// streamPlace is a cursor of the stream, which is ordered by both numbers.
type streamPlace struct{ transaction, position uint64 }

func (p streamPlace) before(o streamPlace) bool {
	return p.transaction < o.transaction || p.transaction == o.transaction && p.position < o.position
}

func parsePlace(cursor string) (streamPlace, bool) {
	transaction, position, _ := strings.Cut(cursor, ".")
	t, err := strconv.ParseUint(transaction, 10, 64)
	p, wrong := strconv.ParseUint(position, 10, 64)
	return streamPlace{t, p}, err == nil && wrong == nil
}

// look brings the window up to date, if something has come or some time has passed.
func (s *stream) look(ctx context.Context) error {
	came := false
	select {
	case <-s.woken:
		came = true
	default:
		if s.woken != nil && clock().Sub(s.looked) < s.rest() {
			return nil
		}
	}
	woken := s.changes()
	if s.end() == "" {
		last, err := s.events.LastCursor(ctx)
		if err != nil {
			return err
		}
		s.start = last
	}
	found := false
	for {
		page, err := s.page(ctx, came || s.vain > 0)
		if err != nil {
			return err
		}
		s.add(page)
		found = found || len(page) > 0
		if len(page) < streamPage {
			break
		}
	}
	switch {
	case found:
		s.tell()
		s.vain = 0
	case came:
		s.vain = 1
	case s.vain > 0:
		s.vain = (s.vain + 1) % (soonLooks + 1)
	}
	s.woken, s.looked = woken, clock()
	return nil
}

// rest is how long nobody need look who is not woken.
func (s *stream) rest() time.Duration {
	if s.vain > 0 {
		return streamSoon
	}
	return streamTick
}

// page reads what is behind the window, and when it is time whose tokens are still good, which costs no transaction of its own then. It is time sooner when something
// happened: that may be the end of a token, whose event cannot be read yet.
func (s *stream) page(ctx context.Context, happened bool) ([]interaction.StreamEvent, error) {
	every := streamTick
	if happened {
		every = 2 * streamSoon
	}
	if len(s.tokens) == 0 || clock().Sub(s.checked) < every {
		return s.events.Stream(ctx, s.end(), streamPage)
	}
	page, actors, err := s.events.Follow(ctx, s.end(), streamPage, s.listening())
	if err == nil {
		s.actors, s.checked = actors, clock()
		if len(actors) < len(s.tokens) {
			s.tell() // somebody's is over
		}
	}
	return page, err
}

// listening are the tokens of all streams.
func (s *stream) listening() []interaction.ID { return slices.Collect(maps.Keys(s.tokens)) }

// end is the place of the newest event that was seen.
func (s *stream) end() string {
	if len(s.window) == 0 {
		return s.start
	}
	return s.window[len(s.window)-1].Cursor
}

func (s *stream) add(page []interaction.StreamEvent) {
	for _, e := range page {
		if strings.HasPrefix(e.Code, "token.") || strings.HasPrefix(e.Code, "agent.") {
			s.checked = time.Time{}
		}
		s.window = append(s.window, e)
	}
	if extra := len(s.window) - windowSize; extra > windowSize/4 {
		s.start = s.window[extra-1].Cursor
		s.window = append([]interaction.StreamEvent(nil), s.window[extra:]...)
	}
}

// maxStreams is how many streams one token can have open.
const maxStreams = 10

// join counts a stream of the token.
func (s *stream) join(token interaction.ID) (*reader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tokens[token] >= maxStreams {
		return nil, tooMany("too_many_streams", "this token has as many streams open as it may", 5)
	}
	s.tokens[token]++
	s.checked = time.Time{} // the newcomer is not among those that were asked for
	return &reader{token}, nil
}

func (s *stream) leave(r *reader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tokens[r.token]--; s.tokens[r.token] <= 0 {
		delete(s.tokens, r.token)
	}
	if s.leader == r {
		s.leader = nil
		s.tell() // the first who hears it looks from now on
	}
}

// actor gives who the token belongs to as it is now, or false when it is over. One question serves all streams.
func (s *stream) actor(ctx context.Context, accounts Accounts, token interaction.ID) (interaction.Actor, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if clock().Sub(s.checked) >= 2*streamTick { // a newcomer; otherwise looking for events keeps it up to date
		actors, err := accounts.Actors(ctx, s.listening())
		if err != nil {
			return interaction.Actor{}, false, err
		}
		s.actors, s.checked = actors, clock()
	}
	actor, ok := s.actors[token]
	return actor, ok, nil
}
