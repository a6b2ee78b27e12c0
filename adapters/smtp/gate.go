package smtp

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// gate knows how many connections each address has and how many it had lately. Addresses of one IPv6 network of 64 bits are one.
type gate struct {
	perAddress int // connections at a time
	perMinute  int // new ones
	trusted    []netip.Prefix

	mu    sync.Mutex
	known map[netip.Addr]*visitor
}

// visitor is what is known of an address: a bucket that fills by perMinute, and is full with as many.
type visitor struct {
	open   int
	tokens float64
	at     time.Time
}

// maxVisitors bounds what is remembered; who is here now, or was turned away lately, is kept.
const maxVisitors = 10_000

// enter counts a client in, or says why it may not come in now. leave must follow where it may.
func (g *gate) enter(from net.Addr, now time.Time) (refusal string) {
	key, ok := g.key(from)
	if !ok {
		return ""
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	v := g.known[key]
	if v == nil {
		g.forget(now)
		v = &visitor{tokens: float64(g.perMinute), at: now}
		g.known[key] = v
	}
	v.tokens = min(float64(g.perMinute), v.tokens+now.Sub(v.at).Minutes()*float64(g.perMinute))
	v.at = now
	switch {
	case v.open >= g.perAddress:
		return "421 4.7.0 Too many connections from your address, try again later\r\n"
	case v.tokens < 1:
		return "421 4.7.0 Too many connections from your address in a minute, try again later\r\n"
	}
	v.tokens--
	v.open++
	return ""
}

func (g *gate) leave(from net.Addr) {
	key, ok := g.key(from)
	if !ok {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if v := g.known[key]; v != nil && v.open > 0 {
		v.open--
	}
}

// forget drops those whose bucket is full again, when there are many.
func (g *gate) forget(now time.Time) {
	if g.known == nil {
		g.known = map[netip.Addr]*visitor{}
	}
	if len(g.known) < maxVisitors {
		return
	}
	for key, v := range g.known {
		if v.open == 0 && now.Sub(v.at) > time.Minute {
			delete(g.known, key)
		}
	}
}

// key is what an address is counted under; not ok for one that is trusted.
func (g *gate) key(from net.Addr) (netip.Addr, bool) {
	tcp, ok := from.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}, false
	}
	address := tcp.AddrPort().Addr().Unmap().WithZone("")
	for _, p := range g.trusted {
		if p.Contains(address) {
			return netip.Addr{}, false
		}
	}
	if address.Is6() {
		network, err := address.Prefix(64)
		if err != nil {
			return netip.Addr{}, false
		}
		return network.Addr(), true
	}
	return address, true
}

// Pauses before the answer to what is refused, for who is refused again and again: he guesses addresses, and has no time for that.
const (
	freeWrongs = 10 // refusals that are answered at once
	mostTarpit = 10 // pauses that one answer waits at most
)

// tarpit holds an answer back: one pause for each refusal beyond those that happen to anybody.
func (l *Listener) tarpit(wrongs int) {
	if wrongs <= freeWrongs || l.opts.Tarpit < 0 {
		return
	}
	pause := time.NewTimer(l.opts.Tarpit * time.Duration(min(wrongs-freeWrongs, mostTarpit)))
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-l.base.Done():
	}
}

// handover is where clients wait that have brought up TLS: a listener for the server that speaks with them.
type handover struct {
	queue chan net.Conn
	done  chan struct{}
	once  sync.Once
	addr  net.Addr
}

func newHandover(addr net.Addr) *handover {
	return &handover{queue: make(chan net.Conn), done: make(chan struct{}), addr: addr}
}

// hand gives a client on, and reports whether somebody took it.
func (h *handover) hand(c net.Conn) bool {
	select {
	case h.queue <- c:
		return true
	case <-h.done:
		return false
	}
}

// Accept waits for the next client.
func (h *handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.queue:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept. It may be called twice.
func (h *handover) Close() error {
	h.once.Do(func() { close(h.done) })
	return nil
}

// Addr is the address of the listener that they came by.
func (h *handover) Addr() net.Addr { return h.addr }

var errNotOurs = errors.New("not a connection of ours")
