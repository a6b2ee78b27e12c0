package sending

import (
	"sync"
	"time"
)

// Rest remembers until when a server wants to be left alone, so that nothing overtakes what it put off. The zero value is ready.
type Rest struct {
	mu    sync.Mutex
	until time.Time
}

// Want notes that the server wants to be left alone for so long from now on. A shorter wish does not take a longer one back.
func (r *Rest) Want(now time.Time, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if until := now.Add(wait); until.After(r.until) {
		r.until = until
	}
}

// Left is how long the server is still to be left alone; nothing or less: it may be asked.
func (r *Rest) Left(now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.until.Sub(now)
}
