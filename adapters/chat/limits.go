package chat

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// bucket bounds how often something may be done. It is not safe for concurrent use beside what rate.Limiter gives.
type bucket struct{ *rate.Limiter }

func newBucket(perSecond float64, burst int) *bucket {
	return &bucket{rate.NewLimiter(rate.Limit(perSecond), burst)}
}

// take counts one, or says how many seconds to wait.
func (b *bucket) take(now time.Time) (wait float64, ok bool) {
	if b.AllowN(now, 1) {
		return 0, true
	}
	return (1 - b.TokensAt(now)) / float64(b.Limit()), false
}

// addresses bounds what each network address may do.
type addresses struct {
	perSecond float64
	burst     int

	mu    sync.Mutex
	known map[netip.Addr]*bucket
	swept time.Time
}

func newAddresses(perSecond float64, burst int) *addresses {
	return &addresses{perSecond: perSecond, burst: burst, known: map[netip.Addr]*bucket{}}
}

// take counts one of the address, or says how many seconds to wait.
func (a *addresses) take(from netip.Addr, now time.Time) (wait float64, ok bool) {
	return a.of(from, now).take(now)
}

// spent reports whether the address has used up what it may, without counting.
func (a *addresses) spent(from netip.Addr, now time.Time) bool {
	return a.of(from, now).TokensAt(now) < 1
}

func (a *addresses) of(from netip.Addr, now time.Time) *bucket {
	if from.Is6() && !from.Is4In6() { // one subscriber has a whole network
		if p, err := from.Prefix(64); err == nil {
			from = p.Addr()
		}
	}
	from = from.Unmap()
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Sub(a.swept) > time.Minute {
		a.swept = now
		for address, b := range a.known {
			if b.TokensAt(now) >= float64(a.burst) {
				delete(a.known, address)
			}
		}
	}
	b := a.known[from]
	if b == nil {
		b = newBucket(a.perSecond, a.burst)
		a.known[from] = b
	}
	return b
}

// remote is where a request comes from.
func remote(r *http.Request) netip.Addr {
	a, _ := netip.ParseAddrPort(r.RemoteAddr)
	return a.Addr()
}
