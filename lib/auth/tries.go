package auth

import (
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Tries counts failed sign-ins: ten a minute for one address, and ten a minute for one account. So that
// nobody can lock another out by failing in his name, the account's count holds for addresses
// that are strange to it; an address from which its owner has signed in has a count of its own.
// The zero value is ready.
type Tries struct {
	mu       sync.Mutex
	failures map[string]window
	known    map[string]time.Time // account and address of a sign-in that went well
	swept    time.Time
}

// perMinute is how many failures one account or address has.
const perMinute = 10

// familiar is how long an address counts as its account's own.
const familiar = 30 * 24 * time.Hour

// maxKnown bounds the memory of good addresses; when full, strangers' rules hold for newcomers.
const maxKnown = 100_000

type window struct {
	until time.Time
	count int
}

// Begin counts a try as failed until Succeed says otherwise, so that many at once are counted too. When there were
// too many it counts nothing and tells how long to wait.
func (t *Tries) Begin(account string, from netip.Addr, now time.Time) (wait time.Duration, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep(now)
	keys := t.keys(account, from)
	for _, key := range keys {
		if w := t.failures[key]; w.count >= perMinute && now.Before(w.until) {
			return w.until.Sub(now), false
		}
	}
	for _, key := range keys {
		w := t.failures[key]
		if !now.Before(w.until) {
			w = window{until: now.Add(time.Minute)}
		}
		w.count++
		t.failures[key] = w
	}
	return 0, true
}

// Succeed takes the try back and remembers the address as the account's own.
func (t *Tries) Succeed(account string, from netip.Addr, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range t.keys(account, from) {
		if w, counted := t.failures[key]; counted && w.count > 0 {
			w.count--
			t.failures[key] = w
		}
	}
	if len(t.known) < maxKnown {
		t.known[pair(account, from)] = now
	}
}

// keys are what a try counts on.
func (t *Tries) keys(account string, from netip.Addr) []string {
	own := pair(account, from)
	if _, known := t.known[own]; known {
		return []string{"own " + own}
	}
	return []string{"address " + network(from), "account " + strings.ToLower(account)}
}

// sweep forgets what is over, once a minute.
func (t *Tries) sweep(now time.Time) {
	if t.failures == nil {
		t.failures, t.known = map[string]window{}, map[string]time.Time{}
	}
	if now.Before(t.swept.Add(time.Minute)) {
		return
	}
	t.swept = now
	for key, w := range t.failures {
		if !now.Before(w.until) {
			delete(t.failures, key)
		}
	}
	for key, at := range t.known {
		if now.Sub(at) > familiar {
			delete(t.known, key)
		}
	}
}

func pair(account string, from netip.Addr) string {
	return strings.ToLower(account) + " " + network(from)
}

// network is what counts as one address: an IPv4 address, or the /64 that one IPv6 customer has.
func network(a netip.Addr) string {
	a = a.Unmap()
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
