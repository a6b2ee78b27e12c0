package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// listener is an open stream; its events come through ch, which is closed with it.
type listener struct {
	ch    chan Event
	ids   chan string
	close context.CancelFunc
}

func (h *house) listen(token, cursor string) *listener {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 30*time.Second)
	h.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.http.URL+"/v1/events", nil)
	require.NoError(h.t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	if cursor != "" {
		req.Header.Set("Last-Event-ID", cursor)
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(h.t, err)
	require.Equal(h.t, 200, res.StatusCode)
	require.Equal(h.t, "text/event-stream", res.Header.Get("Content-Type"))
	l := &listener{make(chan Event, 10000), make(chan string, 10000), cancel}
	go func() {
		defer close(l.ch)
		defer res.Body.Close()
		lines := bufio.NewScanner(res.Body)
		for lines.Scan() {
			if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
				l.ids <- id
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var e Event
				if json.Unmarshal([]byte(data), &e) == nil {
					l.ch <- e
				}
			}
		}
	}()
	<-l.ids // the place where it begins: it listens from here on
	return l
}

// until reads events until one fits.
func (l *listener) until(t *testing.T, fits func(Event) bool) []Event {
	t.Helper()
	var seen []Event
	for {
		select {
		case e, open := <-l.ch:
			require.True(t, open, "the stream ended after %v", seen)
			if seen = append(seen, e); fits(e) {
				return seen
			}
		case <-time.After(10 * time.Second):
			require.Fail(t, "nothing came", "%v", seen)
		}
	}
}

func ofTask(code string, task interaction.ID) func(Event) bool {
	return func(e Event) bool { return e.Code == code && e.TaskID == task }
}

func TestStreamTellsEachWhatHeMayKnow(t *testing.T) {
	h := newHouse(t)
	ann, carl, root := h.listen(h.tokens["ann"], ""), h.listen(h.tokens["carl"], ""), h.listen(h.tokens["root"], "")
	service, serviceTask := h.arrive("support", "service")
	sales, salesTask := h.arrive("offers", "sales")
	for _, e := range ann.until(t, ofTask("task.opened", serviceTask)) {
		require.NotEqual(t, sales, e.InteractionID)
	}
	for _, e := range carl.until(t, ofTask("task.opened", salesTask)) {
		require.NotEqual(t, service, e.InteractionID)
	}
	all := root.until(t, ofTask("task.opened", salesTask))
	require.Contains(t, all[len(all)-1].Cursor, ".")
}

// Whoever comes back with his place misses nothing and gets nothing twice, from memory and from the store.
func TestStreamResumes(t *testing.T) {
	h := newHouse(t)
	first := h.listen(h.tokens["ann"], "")
	var tasks []interaction.ID
	for range 5 {
		_, task := h.arrive("support", "x")
		tasks = append(tasks, task)
	}
	whole := first.until(t, ofTask("task.opened", tasks[4]))
	first.close()
	for cut := range whole {
		t.Run(fmt.Sprintf("behind %d", cut), func(t *testing.T) {
			rest := h.listen(h.tokens["ann"], whole[cut].Cursor)
			defer rest.close()
			if cut < len(whole)-1 {
				require.Equal(t, whole[cut+1:], rest.until(t, ofTask("task.opened", tasks[4])))
			}
		})
	}
	t.Run("by a process that has seen nothing", func(t *testing.T) {
		fresh := newStream(h.store, func() <-chan struct{} { return make(chan struct{}) })
		page, _, err := fresh.after(t.Context(), nil, whole[2].Cursor)
		require.NoError(t, err)
		var codes []string
		for _, e := range page {
			if e.VisibleTo(h.people["ann"]) {
				codes = append(codes, e.Cursor)
			}
		}
		require.Equal(t, whole[3].Cursor, codes[0])
	})
	for _, bad := range []string{"x", "1", "1.2.3x", "-1.5", "99999999999999999999.1"} {
		got := h.do("ann", get, "/v1/events?cursor="+bad, "")
		require.Equal(t, 400, got.status, got)
	}
	require.Equal(t, 400, h.do("ann", get, "/v1/events?since=1", "").status)
}

// Who begins between two events, or where there is none yet, is served from memory too: waiting for news reads nothing alone.
func TestStreamServesEveryPlaceFromMemory(t *testing.T) {
	log := []interaction.StreamEvent{{Event: interaction.Event{Cursor: "1.1"}}}
	events := &numbered{log: &log}
	s := newStream(events, func() <-chan struct{} { return make(chan struct{}) })
	for _, cursor := range []string{"1.1", "1.7", "2.0", "900.0", "18446744073709551615.0"} {
		page, _, err := s.after(t.Context(), nil, cursor)
		require.NoError(t, err)
		require.Empty(t, page)
	}
	require.Equal(t, 1, events.reads)
	_, _, err := s.after(t.Context(), nil, "0.5")
	require.NoError(t, err)
	require.Equal(t, 2, events.reads, "it was before the window")
}

// A window that has lost its oldest events still serves who is behind it.
func TestStreamWindowSlides(t *testing.T) {
	var log []interaction.StreamEvent
	events := &numbered{log: &log}
	s := newStream(events, func() <-chan struct{} { c := make(chan struct{}); close(c); return c })
	_, _, err := s.after(t.Context(), nil, "0.1")
	require.NoError(t, err)
	for n := range 3 * windowSize {
		log = append(log, interaction.StreamEvent{Event: interaction.Event{Cursor: fmt.Sprintf("%d.1", n+1)}})
	}
	cursor := "0.1"
	for n := 0; n < len(log); {
		page, _, err := s.after(t.Context(), nil, cursor)
		require.NoError(t, err)
		require.NotEmpty(t, page)
		for _, e := range page {
			n++
			require.Equal(t, fmt.Sprintf("%d.1", n), e.Cursor)
		}
		cursor = page[len(page)-1].Cursor
	}
	require.LessOrEqual(t, len(s.window), windowSize*2)
}

// numbered is a log whose cursors are numbers.
type numbered struct {
	log   *[]interaction.StreamEvent
	reads int
}

func (n *numbered) LastCursor(context.Context) (string, error) {
	return fmt.Sprintf("%d.1", len(*n.log)), nil
}

func (n *numbered) Stream(_ context.Context, cursor string, limit int) ([]interaction.StreamEvent, error) {
	n.reads++
	var at int
	if _, err := fmt.Sscan(cursor, &at); err != nil {
		return nil, err
	}
	rest := (*n.log)[at:]
	return rest[:min(limit, len(rest))], nil
}

func (n *numbered) Follow(ctx context.Context, cursor string, limit int, _ []interaction.ID) ([]interaction.StreamEvent, map[interaction.ID]interaction.Actor, error) {
	page, err := n.Stream(ctx, cursor, limit)
	return page, nil, err
}

func TestStreamEndsWithItsToken(t *testing.T) {
	h := newHouse(t)
	token := h.token("ann")
	l, stays := h.listen(token, ""), h.listen(h.tokens["ann"], "")
	require.Equal(t, 204, request(t, h.http.URL, token, del, "/v1/session", "").status)
	ended := time.Now()
	for range l.ch {
	}
	require.Less(t, time.Since(ended), time.Second)
	require.Equal(t, 401, request(t, h.http.URL, token, get, "/v1/agents/me", "").status)
	_, task := h.arrive("support", "x")
	stays.until(t, ofTask("task.opened", task))
}

func TestStreamsOfOneTokenAreBounded(t *testing.T) {
	h := newHouse(t)
	for range maxStreams {
		h.listen(h.tokens["ann"], "")
	}
	got := h.do("ann", get, "/v1/events", "")
	require.Equal(t, 429, got.status, got)
	require.Equal(t, "too_many_streams", got.str("code"))
	h.listen(h.tokens["ben"], "")
}
