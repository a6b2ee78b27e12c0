package adaptertest

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"parley/interaction"
	"parley/lib/safehttp"
)

// Loopback is a client that reaches stand-ins. It is more patient than any of them.
func Loopback() *safehttp.Client {
	return safehttp.New(safehttp.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Timeout: 40 * time.Second, MaxBody: 1 << 20})
}

// Agree is the commit of an attempt that nobody else makes.
func Agree(context.Context) error { return nil }

// OnlyEntryPoint is a house with one entry point: every address belongs to it.
type OnlyEntryPoint string

// EntryPoint is always the same.
func (o OnlyEntryPoint) EntryPoint(context.Context, interaction.Channel, string) (string, error) {
	return string(o), nil
}

// Addressed is a sender to whom the suite's customer has an address of the protocol's: the suite only knows one of mail.
type Addressed struct {
	interaction.Sender
	Customer string
}

// Send writes the customer's address anew, with whatever the suite hung on to it.
func (a Addressed) Send(ctx context.Context, out interaction.Outbound, commit func(context.Context) error) interaction.Outcome {
	out.To = []interaction.Address{{Address: strings.Replace(out.To[0].Address, Example().To[0].Address, a.Customer, 1)}}
	return a.Sender.Send(ctx, out, commit)
}

// Called is the Adapter of the suite for what is called over HTTP and has no life of its own: once it was stopped nobody calls it.
type Called struct{ over atomic.Bool }

var _ interaction.Adapter = (*Called)(nil)

// Start has nothing to do.
func (c *Called) Start(context.Context) error { return nil }

// Stop ends the calls.
func (c *Called) Stop(context.Context) error {
	c.over.Store(true)
	return nil
}

// Stopped reports whether Stop was called.
func (c *Called) Stopped() bool { return c.over.Load() }

// OfStatus is what an answer over HTTP meant.
func OfStatus(status int) Answer {
	switch status {
	case http.StatusOK:
		return Yes
	case http.StatusServiceUnavailable:
		return Later
	}
	return No
}

// Receipts keeps in memory what was said of messages of ours.
type Receipts struct {
	Err error // what it answers; set between calls

	mu  sync.Mutex
	all []interaction.Receipted
}

// Receipt keeps one; the message is always known.
func (r *Receipts) Receipt(_ context.Context, word interaction.Receipted) (known bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, word)
	return true, r.Err
}

// All is what was said, in its order.
func (r *Receipts) All() []interaction.Receipted {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]interaction.Receipted(nil), r.all...)
}

// Heard keeps what a link told last, see Held.
type Heard struct {
	Ring func() // wakes who waits for it

	mu     sync.Mutex
	state  interaction.LinkState
	detail string
}

// Tell keeps it.
func (h *Heard) Tell(state interaction.LinkState, detail string) {
	h.mu.Lock()
	h.state, h.detail = state, detail
	h.mu.Unlock()
	h.Ring()
}

// Forget forgets it.
func (h *Heard) Forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.state, h.detail = "", ""
}

// Last is what was told since it last forgot; empty before anything was.
func (h *Heard) Last() (state interaction.LinkState, detail string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.state, h.detail
}
