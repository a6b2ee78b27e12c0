package mastodon

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// bells are what the stream rings. They hold at most one ring each, and told a few: what is lost here is found by looking again.
type bells struct {
	news chan struct{} // there may be mentions
	up   chan struct{} // the stream is there again
	told chan event
	done sync.WaitGroup
}

// event is one of the stream's that has no list: an edit or a deletion.
type event struct {
	kind string // "delete", or "status.update"
	data string
}

func (b *bells) wait() { b.done.Wait() }

func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// listen keeps the stream open, again and again, until the context ends. An account is worked without it as well, from poll to poll.
func (a *Account) listen(ctx context.Context) *bells {
	b := &bells{news: make(chan struct{}, 1), up: make(chan struct{}, 1), told: make(chan event, 100)}
	b.done.Go(func() {
		pause := a.Pause
		for ctx.Err() == nil {
			begun := a.Clock()
			err := a.stream(ctx, b)
			if ctx.Err() != nil {
				return
			}
			if a.Clock().Sub(begun) > a.Quiet {
				pause = a.Pause
			}
			a.Log.Warn("stream waits", "error", err, "wait", pause)
			select {
			case <-ctx.Done():
			case <-time.After(max(pause, waitOf(err))):
			}
			pause = min(2*pause, a.Longest)
		}
	})
	return b
}

// maxEvent is how long a line of the stream may be.
const maxEvent = 1 << 20

// stream reads the account's stream until it ends or is silent for too long.
func (a *Account) stream(ctx context.Context, b *bells) error {
	base, err := a.streaming(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := api{base: base, token: a.Token}.request(ctx, http.MethodGet, "/api/v1/streaming/user", nil, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "text/event-stream")
	answer, err := a.Client.Open(r)
	if err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	defer answer.Body.Close()
	silence := time.AfterFunc(a.Quiet, cancel)
	defer silence.Stop()
	ring(b.up)
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(make([]byte, 0, 4096), maxEvent)
	var e event
	for lines.Scan() {
		silence.Reset(a.Quiet)
		field, value, _ := bytes.Cut(lines.Bytes(), []byte(":"))
		switch string(field) {
		case "event":
			e.kind = string(bytes.TrimSpace(value))
		case "data":
			e.data += string(bytes.TrimPrefix(value, []byte(" ")))
		case "": // the end of an event, or a beat
			if len(lines.Bytes()) == 0 {
				b.heard(e)
				e = event{}
			}
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	return fmt.Errorf("stream: the server ended it")
}

// heard rings for an event.
func (b *bells) heard(e event) {
	switch e.kind {
	case "notification", "conversation":
		ring(b.news)
	case "delete", "status.update":
		select {
		case b.told <- e:
		default: // the next look finds it
		}
	}
}

// streaming is where the stream is: as set, as the server says, or at the server itself.
func (a *Account) streaming(ctx context.Context) (string, error) {
	if a.Settings.Streaming != "" {
		return strings.TrimSuffix(a.Settings.Streaming, "/"), nil
	}
	var instance struct {
		Configuration struct {
			URLs struct {
				Streaming string `json:"streaming"`
			} `json:"urls"`
		} `json:"configuration"`
	}
	err := a.api.get(ctx, "/api/v2/instance", nil, &instance)
	if statusOf(err) == http.StatusNotFound {
		err = nil // an older server, or another program with the same API
	}
	base := strings.TrimSuffix(instance.Configuration.URLs.Streaming, "/")
	base = strings.Replace(strings.Replace(base, "wss://", "https://", 1), "ws://", "http://", 1)
	if base == "" {
		base = a.api.base
	}
	return base, err
}

// hear takes what the stream told of a mention that was taken.
func (w *work) hear(ctx context.Context, e event) (err error) {
	defer w.contain("event", e.kind, &err)
	id := strings.TrimSpace(e.data)
	if e.kind != "delete" {
		var s status
		if json.Unmarshal([]byte(e.data), &s) != nil {
			return nil
		}
		id = s.ID
	}
	if ours, err := w.concerns(ctx, id); err != nil || !ours {
		return err
	}
	if err := w.look(ctx, id); err != nil { // what the server says now counts, not what a stream said
		return err
	}
	return w.keep(ctx)
}
