package adaptertest

import (
	"context"
	"encoding/json"
	"sync"

	"parley/interaction"
)

// Place is a link's row in memory: its position moves for the newest holder only. The zero value was never worked on.
type Place struct {
	mu     sync.Mutex
	epoch  int64
	kept   []byte
	moves  int
	states []interaction.LinkState
	told   []string
	heard  func(interaction.LinkState, string)
}

// Held gives a lease of a place of its own. heard, where there is one, hears each state that is told; it must not block.
func Held(heard func(state interaction.LinkState, detail string)) interaction.Lease {
	return (&Place{heard: heard}).Take(interaction.Link{})
}

// Take gives a lease that ends the one before.
func (p *Place) Take(link interaction.Link) interaction.Lease {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.epoch++
	return &lease{p, link, p.epoch}
}

// Moves is how often the position moved.
func (p *Place) Moves() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.moves
}

// State is what was told last; empty before anything was.
func (p *Place) State() (state interaction.LinkState, detail string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.states) == 0 {
		return "", ""
	}
	return p.states[len(p.states)-1], p.told[len(p.told)-1]
}

// Told is all that was told, in its order.
func (p *Place) Told() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.told...)
}

// lease is one holder's.
type lease struct {
	*Place
	link interaction.Link
	mine int64
}

func (l *lease) Link() interaction.Link { return l.link }
func (l *lease) Epoch() int64           { return l.mine }

func (l *lease) Position(_ context.Context, into any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept == nil {
		return nil
	}
	return json.Unmarshal(l.kept, into)
}

func (l *lease) Move(_ context.Context, position any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mine != l.epoch {
		return interaction.Conflict("lease_lost", "another has it")
	}
	l.moves++
	var err error
	l.kept, err = json.Marshal(position)
	return err
}

func (l *lease) Tell(_ context.Context, state interaction.LinkState, detail string) {
	l.mu.Lock()
	l.states, l.told = append(l.states, state), append(l.told, detail)
	l.mu.Unlock()
	if l.heard != nil {
		l.heard(state, detail)
	}
}
