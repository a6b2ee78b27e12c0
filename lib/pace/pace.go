// Package pace bounds how often strangers may do something, by the network address that they come from.
package pace

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxKnown bounds how many addresses are remembered at a time.
const maxKnown = 100_000

// Limits give each address a bucket of what it may do, which fills again. They are safe for concurrent use.
type Limits struct {
	perSecond rate.Limit
	burst     int

	mu    sync.Mutex
	known map[netip.Addr]*rate.Limiter
	swept time.Time
}

// New makes limits: burst at once, and perSecond in the long run.
func New(perSecond float64, burst int) *Limits {
	return &Limits{perSecond: rate.Limit(perSecond), burst: burst, known: map[netip.Addr]*rate.Limiter{}}
}

// Take counts one of an address, or says after how long it may be tried again.
func (l *Limits) Take(from netip.Addr, now time.Time) (wait time.Duration, ok bool) {
	one := l.of(from, now)
	if one.AllowN(now, 1) {
		return 0, true
	}
	missing := (1 - one.TokensAt(now)) / float64(l.perSecond)
	return time.Duration(missing * float64(time.Second)), false
}

// Spent reports whether an address has used up what it may, without counting.
func (l *Limits) Spent(from netip.Addr, now time.Time) bool { return l.of(from, now).TokensAt(now) < 1 }

// of gives the address's bucket. A full one says nothing of its address and is forgotten now and then; too many others are all forgotten at once.
func (l *Limits) of(from netip.Addr, now time.Time) *rate.Limiter {
	from = Subscriber(from)
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.swept) > time.Minute {
		l.swept = now
		for address, one := range l.known {
			if one.TokensAt(now) >= float64(l.burst) {
				delete(l.known, address)
			}
		}
	}
	one := l.known[from]
	if one == nil {
		if len(l.known) >= maxKnown {
			clear(l.known)
		}
		one = rate.NewLimiter(l.perSecond, l.burst)
		l.known[from] = one
	}
	return one
}

// Subscriber is what counts as one address: one of IPv4, or the /64 that one subscriber of IPv6 has whole.
func Subscriber(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if network, err := a.Prefix(64); a.Is6() && err == nil {
		return network.Addr()
	}
	return a
}
