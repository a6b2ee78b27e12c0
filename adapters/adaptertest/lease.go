package adaptertest

import (
	"context"
	"encoding/json"
	"sync"

	"parley/interaction"
)

// Lease is a lease in memory. What Told is set to hears each state that is told; it must not block.
type Lease struct {
	Of   interaction.Link
	Told func(state interaction.LinkState, detail string)

	mu       sync.Mutex
	position []byte
	lost     bool
	moves    int
}

var _ interaction.Lease = (*Lease)(nil)

// Link gives what it was made with.
func (l *Lease) Link() interaction.Link { return l.Of }

// Epoch is always the first.
func (l *Lease) Epoch() int64 { return 1 }

// Position reads what was kept last.
func (l *Lease) Position(_ context.Context, into any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.position == nil {
		return nil
	}
	return json.Unmarshal(l.position, into)
}

// Move keeps a position, unless the lease was lost.
func (l *Lease) Move(_ context.Context, position any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost {
		return interaction.Conflict("lease_lost", "another process has it")
	}
	raw, err := json.Marshal(position)
	if err == nil {
		l.position = raw
		l.moves++
	}
	return err
}

// Tell passes the state on.
func (l *Lease) Tell(_ context.Context, state interaction.LinkState, detail string) {
	if l.Told != nil {
		l.Told(state, detail)
	}
}

// Lose gives the lease to another process.
func (l *Lease) Lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = true
}

// Moves counts how often the position moved.
func (l *Lease) Moves() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.moves
}
