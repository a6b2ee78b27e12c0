package calendar

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"parley/interaction"
)

// Shelf keeps compiled calendars by their definitions in JSON, so that each is compiled once. The zero Shelf is empty; it may be used
// by many goroutines.
type Shelf struct {
	mu   sync.Mutex
	kept map[string]*Calendar
}

// shelfSize bounds what is kept; a house has a handful.
const shelfSize = 1000

// Calendar gives the calendar of a definition; none for an empty one, which is always open.
func (s *Shelf) Calendar(definition []byte) (*Calendar, error) {
	if len(definition) == 0 {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.kept[string(definition)]; ok {
		return c, nil
	}
	var d interaction.Calendar
	if err := json.Unmarshal(definition, &d); err != nil {
		return nil, fmt.Errorf("read calendar: %w", err)
	}
	c, err := Compile(d)
	if err != nil {
		return nil, fmt.Errorf("calendar %q: %w", d.Name, err)
	}
	if s.kept == nil || len(s.kept) >= shelfSize {
		s.kept = map[string]*Calendar{}
	}
	s.kept[string(definition)] = c
	return c, nil
}

// Due gives when so much open time has passed since from; false when the calendar closes for good before.
func (s *Shelf) Due(definition []byte, from time.Time, open time.Duration) (time.Time, bool, error) {
	c, err := s.Calendar(definition)
	if err != nil {
		return time.Time{}, false, err
	}
	at, ok := c.Add(from, open)
	return at, ok, nil
}

// Open reports whether at is in open time; without a definition it always is.
func (s *Shelf) Open(definition []byte, at time.Time) (bool, error) {
	c, err := s.Calendar(definition)
	return err != nil || c.Open(at), err
}

// Between gives how much open time there is between two moments, by the calendar of this definition.
func (s *Shelf) Between(definition []byte, from, until time.Time) (time.Duration, error) {
	c, err := s.Calendar(definition)
	if err != nil {
		return 0, err
	}
	return c.Between(from, until), nil
}

// Hours gives the calendar of a definition as those see it who only ask when it is open.
func (s *Shelf) Hours(definition []byte) (interaction.OpenHours, error) {
	return s.Calendar(definition)
}
