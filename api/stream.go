package api

import (
	"context"
	"sync"
	"time"

	"parley/interaction"
)

// Bounds of the stream of events.
const (
	streamPage = 500  // events of one look
	windowSize = 4096 // events that are remembered for all readers
	// streamTick is how often a reader looks without being woken, and how old what is known of its token may be at most.
	streamTick = 500 * time.Millisecond
)

// stream reads events once for all who listen. A reader whose place is in the window
// is served from memory; one that is further behind reads the store until he has come up to it.
// Nothing runs when nobody listens: the readers themselves look, one at a time.
type stream struct {
	events  Events
	changes func() <-chan struct{}

	mu     sync.Mutex
	start  string // the place before the first of the window
	window []interaction.StreamEvent
	places map[string]int // index behind the event of this cursor; counts from base
	base   int
	woken  <-chan struct{} // taken before the last look: not closed means that nothing has come since
	looked time.Time

	tokens  map[interaction.ID]int // how many streams each has
	actors  map[interaction.ID]interaction.Actor
	checked time.Time
}

func newStream(e Events, changes func() <-chan struct{}) *stream {
	return &stream{events: e, changes: changes, places: map[string]int{}, tokens: map[interaction.ID]int{}}
}

// after gives events behind the cursor, the cursor of the last that was looked at, and what to wait for when there is nothing.
func (s *stream) after(ctx context.Context, cursor string) ([]interaction.StreamEvent, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.look(ctx); err != nil {
		return nil, s.woken, err
	}
	if place, ok := s.places[cursor]; ok {
		rest := s.window[place-s.base:]
		return append([]interaction.StreamEvent(nil), rest[:min(len(rest), streamPage)]...), s.woken, nil
	}
	woken := s.woken
	s.mu.Unlock()
	page, err := s.events.Stream(ctx, cursor, streamPage) // behind the window: read alone
	s.mu.Lock()
	return page, woken, err
}

// look brings the window up to date, if something has come or some time has passed.
func (s *stream) look(ctx context.Context) error {
	select {
	case <-s.woken:
	default:
		if s.woken != nil && clock().Sub(s.looked) < streamTick {
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
		s.places[last] = s.base
	}
	for {
		page, err := s.events.Stream(ctx, s.end(), streamPage)
		if err != nil {
			return err
		}
		s.add(page)
		if len(page) < streamPage {
			break
		}
	}
	s.woken, s.looked = woken, clock()
	return nil
}

// end is the place of the newest event that was seen.
func (s *stream) end() string {
	if len(s.window) == 0 {
		return s.start
	}
	return s.window[len(s.window)-1].Cursor
}

func (s *stream) add(page []interaction.StreamEvent) {
	for _, e := range page {
		s.window = append(s.window, e)
		s.places[e.Cursor] = s.base + len(s.window)
	}
	if extra := len(s.window) - windowSize; extra > windowSize/4 {
		delete(s.places, s.start)
		for _, e := range s.window[:extra-1] {
			delete(s.places, e.Cursor)
		}
		s.start = s.window[extra-1].Cursor
		s.window = append([]interaction.StreamEvent(nil), s.window[extra:]...)
		s.base += extra
	}
}

// maxStreams is how many streams one token can have open.
const maxStreams = 10

// join counts a stream of the token.
func (s *stream) join(token interaction.ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tokens[token] >= maxStreams {
		return tooMany("too_many_streams", "this token has as many streams open as it may", 5)
	}
	s.tokens[token]++
	s.checked = time.Time{} // the newcomer is not among those that were asked for
	return nil
}

func (s *stream) leave(token interaction.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tokens[token]--; s.tokens[token] <= 0 {
		delete(s.tokens, token)
	}
}

// actor gives who the token belongs to as it is now, or false when it is over. One question serves all streams.
func (s *stream) actor(ctx context.Context, accounts Accounts, token interaction.ID) (interaction.Actor, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if clock().Sub(s.checked) >= streamTick*4/5 {
		ids := make([]interaction.ID, 0, len(s.tokens))
		for id := range s.tokens {
			ids = append(ids, id)
		}
		actors, err := accounts.Actors(ctx, ids)
		if err != nil {
			return interaction.Actor{}, false, err
		}
		s.actors, s.checked = actors, clock()
	}
	actor, ok := s.actors[token]
	return actor, ok, nil
}
