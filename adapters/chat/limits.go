package chat

import (
	"net/http"
	"net/netip"
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

// remote is where a request comes from.
func remote(r *http.Request) netip.Addr {
	a, _ := netip.ParseAddrPort(r.RemoteAddr)
	return a.Addr()
}
