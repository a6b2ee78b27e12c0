package callback

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxKnown bounds how many addresses are remembered.
const maxKnown = 100_000

// limits counts what addresses do; one subscriber of IPv6 has a whole network.
type limits struct {
	perMinute int

	mu    sync.Mutex
	known map[netip.Addr]*rate.Limiter
}

func newLimits(perMinute int) *limits {
	return &limits{perMinute: perMinute, known: map[netip.Addr]*rate.Limiter{}}
}

// allow counts one thing and reports whether it is not too much.
func (l *limits) allow(from netip.Addr, now time.Time) bool {
	from = from.Unmap().WithZone("")
	if network, err := from.Prefix(64); from.Is6() && err == nil {
		from = network.Addr()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.known[from]
	if one == nil {
		if len(l.known) >= maxKnown {
			clear(l.known)
		}
		one = rate.NewLimiter(rate.Limit(float64(l.perMinute)/60), l.perMinute)
		l.known[from] = one
	}
	return one.AllowN(now, 1)
}
