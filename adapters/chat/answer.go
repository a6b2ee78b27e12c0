package chat

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"parley/interaction"
)

// statuses maps kinds of failure to HTTP for customers.
var statuses = map[interaction.Kind]int{
	interaction.KindInvalid: http.StatusUnprocessableEntity, interaction.KindUnknown: http.StatusNotFound, interaction.KindForbidden: http.StatusForbidden,
	interaction.KindConflict: http.StatusConflict, interaction.KindGone: http.StatusGone, interaction.KindTooMany: http.StatusTooManyRequests,
	interaction.KindFull: http.StatusInsufficientStorage,
}

// problem answers with an error (RFC 9457), without its cause.
func (a *Adapter) problem(w http.ResponseWriter, err error) {
	var e *interaction.Error
	if !errors.As(err, &e) {
		e = interaction.Unavailable("unavailable", err)
	}
	status, ok := statuses[e.Kind]
	if !ok {
		status = http.StatusServiceUnavailable
		a.log.Warn("chat request failed", "adapter", "chat", "error", err)
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(e.RetryAfter))
	}
	body := map[string]any{"type": "urn:parley:problem:" + e.Code, "title": http.StatusText(status), "status": status, "code": e.Code, "detail": e.Text}
	if e.Field != "" {
		body["field"] = e.Field
	}
	if limit, ok := e.Detail["limit"]; ok {
		body["limit"] = limit
	}
	write(w, "application/problem+json", status, body)
}

func answer(w http.ResponseWriter, status int, body any) {
	write(w, "application/json", status, body)
}

func write(w http.ResponseWriter, mediaType string, status int, body any) {
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that is gone needs no answer
}

// maxBody bounds a JSON request, in bytes.
const maxBody = 256 << 10

func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(into)
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return interaction.Invalid("too_long", "", "the request has up to %d bytes", maxBody)
	case err != nil:
		return interaction.Invalid("bad_json", "", "the body is no JSON object as it is asked for")
	}
	return nil
}

// mailbox gathers what a socket would have been sent, for one request.
type mailbox struct {
	mu     sync.Mutex
	frames []json.RawMessage
	size   int
	full   chan struct{} // closed when there is something
}

func newMailbox() *mailbox { return &mailbox{full: make(chan struct{})} }

// send takes a frame. What is more than a buffer holds is left for the next request, which says how far it has read.
func (b *mailbox) send(frame []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.size > 0 && b.size+len(frame) > maxBuffer {
		b.size = maxBuffer // nothing may follow what was left out
		return false
	}
	if len(b.frames) == 0 {
		close(b.full)
	}
	b.frames = append(b.frames, frame)
	b.size += len(frame)
	return true
}

func (b *mailbox) spare(ctx context.Context) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.size < maxBuffer && ctx.Err() == nil
}

// settle waits a moment for what comes along with the first.
func (b *mailbox) settle(ctx context.Context) {
	timer := time.NewTimer(20 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (b *mailbox) take() []json.RawMessage {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.size = maxBuffer
	if b.frames == nil {
		return []json.RawMessage{}
	}
	return b.frames
}

func (b *mailbox) revoked() {}
