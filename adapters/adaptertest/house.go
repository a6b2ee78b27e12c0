package adaptertest

import (
	"context"
	"errors"
	"io"
	"sync"

	"pgregory.net/rapid"

	"parley/interaction"
)

// House is an Inbox like the real one: it takes an identity once, and reads what it took.
type House struct {
	Parser interaction.Parser
	Fail   func() (before, behind error) // optional: what goes wrong at the next arrival, before its commit or behind it
	Ring   func()                        // optional: is told of every arrival

	mu   sync.Mutex
	all  []interaction.Parsed
	seen map[[32]byte]bool
}

// Accept takes what arrives, unless it is to fail.
func (h *House) Accept(_ context.Context, in interaction.Inbound) (interaction.Receipt, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	raw, err := io.ReadAll(in.Raw)
	if err != nil {
		return interaction.Receipt{}, err
	}
	var behind error
	if h.Fail != nil {
		var before error
		if before, behind = h.Fail(); before != nil {
			return interaction.Receipt{}, before
		}
	}
	if h.seen == nil {
		h.seen = map[[32]byte]bool{}
	}
	repeat := h.seen[in.Identity]
	if h.seen[in.Identity] = true; !repeat {
		h.all = append(h.all, h.Parser.Parse(raw, in.Facts))
	}
	if h.Ring != nil {
		h.Ring()
	}
	return interaction.Receipt{ID: interaction.NewID(), Repeat: repeat}, behind
}

// All is what it took, in its order.
func (h *House) All() []interaction.Parsed {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]interaction.Parsed(nil), h.all...)
}

// Texts are those of the messages that it took; what was done to an earlier one begins with what that is: "edited Hello!".
func (h *House) Texts() (list []string) {
	for _, p := range h.All() {
		text := p.Message.Text
		if p.Amendment != nil {
			text = string(p.Amendment.Kind) + " " + text
		}
		list = append(list, text)
	}
	return list
}

// Draw gives numbers below of, by chance that can be repeated.
type Draw func(of int, label string) int

// Drawing draws from any goroutine: stand-ins and houses do it while they are called.
func Drawing(r *rapid.T) Draw {
	var mu sync.Mutex
	return func(of int, label string) int {
		mu.Lock()
		defer mu.Unlock()
		return rapid.IntRange(0, of-1).Draw(r, label)
	}
}

// Failures has a house fail now and then, fewer than most times.
func (draw Draw) Failures(most int) func() (before, behind error) {
	left, away := draw(most, "failures of the house"), interaction.Unavailable("store_away", errors.New("planted"))
	return func() (before, behind error) {
		if left == 0 {
			return nil, nil
		}
		left--
		return []error{nil, away, nil}[draw(3, "before")], []error{nil, nil, away}[draw(3, "behind")]
	}
}

// Faults has a stand-in misbehave now and then, fewer than most times: of is how many kinds there are, fault makes one of them.
func (draw Draw) Faults(most, of int, fault func(kind int, what string) *Fault) func(what string) *Fault {
	left := draw(most, "faults")
	return func(what string) *Fault {
		if left == 0 {
			return nil
		}
		left--
		return fault(draw(of, what), what)
	}
}
