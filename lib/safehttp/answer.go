package safehttp

import (
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"
)

// NeverLeft tells of an error of Do whether surely nothing of the request has left: its address may not be reached, or no connection came about. A POST is never sent
// on to where an answer redirects to, so that this holds for the whole of it.
func NeverLeft(err error) bool {
	var dial *net.OpError
	return errors.Is(err, ErrForbidden) || errors.As(err, &dial) && dial.Op == "dial"
}

// longestWait is the longest wish to be left alone that is believed.
const longestWait = 24 * time.Hour

// RetryAfter reads how long a server wants to be left alone (RFC 9110 section 10.2.3: seconds, or a date), at most a day; zero where it does not say.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil || errors.Is(err, strconv.ErrRange) {
		return min(time.Duration(seconds)*time.Second, longestWait)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), longestWait)
	}
	return 0
}
