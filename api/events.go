package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"parley/interaction"
)

// Times of one stream.
const (
	heartbeat    = 15 * time.Second
	writeTime    = 10 * time.Second // a reader who takes nothing for so long is cut; he resumes where he was
	reconnectMsg = "retry: 1000\n\n"
)

// streamEvents sends what happens as server-sent events, from the place in Last-Event-ID or cursor on, or from now. Each carries
// its cursor as id, so a client that comes back misses nothing and gets nothing twice. The stream ends
// within a second after its token was revoked.
func (s *server) streamEvents(c *gin.Context) error {
	cursor, err := s.place(c)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	token := actorOf(ctx).Token
	me, err := s.stream.join(token)
	if err != nil {
		return err
	}
	defer s.stream.leave(me)
	first, until, err := s.stream.after(ctx, me, cursor) // a cursor that is none is refused before the answer begins
	if err != nil {
		return asMalformed(err)
	}
	h := c.Writer.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	c.Status(http.StatusOK)
	out := &eventWriter{c: c, control: http.NewResponseController(c.Writer)}
	if out.send(fmt.Sprintf("id: %s\n%s", cursor, reconnectMsg)) != nil {
		return nil
	}
	s.follow(ctx, out, me, cursor, first, until)
	return nil
}

// place is where the stream begins.
func (s *server) place(c *gin.Context) (string, error) {
	if err := singleParameters(c); err != nil {
		return "", err
	}
	for name := range c.Request.URL.Query() {
		if name != "cursor" {
			return "", malformed("unknown_parameter", clip(name), "there is no such parameter here")
		}
	}
	if last := c.GetHeader("Last-Event-ID"); last != "" {
		return last, nil
	}
	if cursor := c.Query("cursor"); cursor != "" {
		return cursor, nil
	}
	return s.LastCursor(c.Request.Context())
}

// follow sends page after page until the client, the token or the database is gone; then the client comes back with its place.
func (s *server) follow(ctx context.Context, out *eventWriter, me *reader, cursor string, page []interaction.StreamEvent, until wait) {
	tick := time.NewTimer(streamTick)
	defer tick.Stop()
	for {
		actor, good, err := s.stream.actor(ctx, s.Store, me.token)
		if err != nil || !good {
			return
		}
		for _, e := range page {
			cursor = e.Cursor
			if e.VisibleTo(actor) && out.event(e.Event) != nil {
				return
			}
		}
		if len(page) == 0 {
			if out.beat() != nil {
				return
			}
			tick.Reset(until.most)
			select {
			case <-ctx.Done():
				return
			case <-until.news:
			case <-tick.C:
			}
		}
		if page, until, err = s.stream.after(ctx, me, cursor); err != nil {
			return
		}
	}
}

// eventWriter writes server-sent events, each in its time or not at all.
type eventWriter struct {
	c       *gin.Context
	control *http.ResponseController
	last    time.Time
}

func (w *eventWriter) event(e interaction.Event) error {
	data, err := json.Marshal(eventView(e))
	if err != nil {
		return err
	}
	return w.send(fmt.Sprintf("id: %s\ndata: %s\n\n", e.Cursor, data))
}

// beat keeps the connection alive through proxies when nothing happens.
func (w *eventWriter) beat() error {
	if time.Since(w.last) < heartbeat {
		return nil
	}
	return w.send(": still here\n\n")
}

func (w *eventWriter) send(text string) error {
	w.last = time.Now()
	_ = w.control.SetWriteDeadline(w.last.Add(writeTime)) // not every writer of a test has deadlines
	if _, err := w.c.Writer.WriteString(text); err != nil {
		return err
	}
	return w.control.Flush()
}
