// Package mastodontest is a server with Mastodon's API, as far as accounts of ours use it, that can be told to misbehave.
package mastodontest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"parley/adapters/adaptertest"
)

// Server is one account's side of Mastodon. The calls that it may answer wrongly are "notifications", "status", "post", "verify", "instance" and "stream"; its files
// are fetched under /files/NAME.
type Server struct {
	*httptest.Server
	adaptertest.StandIn
	Token string
	Acct  string

	mu            sync.Mutex
	next          int
	notifications []map[string]any // oldest first
	statuses      map[string]map[string]any
	posted        []map[string]any
	uploads       []Uploaded
	working       int                       // how many looks at a file it takes until it is done
	keys          map[string]map[string]any // posts by idempotency key
	streams       map[chan string]bool
	away          bool // the stream is refused
	asked         int  // how often the list was asked for
}

// NewServer starts one for a token and an account's name.
func NewServer(token, acct string) *Server {
	s := &Server{
		Token: token, Acct: acct, next: 1000, statuses: map[string]map[string]any{}, keys: map[string]map[string]any{}, streams: map[chan string]bool{},
	}
	s.Server = httptest.NewServer(s)
	return s
}

// Close ends streams and the server.
func (s *Server) Close() {
	s.StreamAway(true)
	s.Server.Close()
}

// StreamAway ends all streams and refuses new ones, or takes them again.
func (s *Server) StreamAway(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away = away; away {
		for c := range s.streams {
			close(c)
			delete(s.streams, c)
		}
	}
	s.Ring()
}

// Mention adds a post that mentions the account, tells the stream, and gives the post's id.
func (s *Server) Mention(author, visibility, html string, more map[string]any) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next += 2
	id := strconv.Itoa(s.next)
	post := map[string]any{
		"id": id, "created_at": "2026-03-01T09:30:00.000Z", "edited_at": nil, "visibility": visibility, "content": html, "spoiler_text": "", "in_reply_to_id": nil,
		"account": map[string]any{"id": "9" + author, "acct": author, "display_name": strings.ToUpper(author)}, "media_attachments": []any{},
	}
	for name, value := range more {
		post[name] = value
	}
	s.statuses[id] = post
	note := map[string]any{"id": strconv.Itoa(s.next + 1), "type": "mention", "status": post}
	s.notifications = append(s.notifications, note)
	s.tell("notification", note)
	return id
}

// Edit changes a post; the stream hears of it unless it is quiet.
func (s *Server) Edit(id, html, at string, quiet bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.statuses[id]["content"], s.statuses[id]["edited_at"] = html, at
	if !quiet {
		s.tell("status.update", s.statuses[id])
	}
}

// Delete takes a post away, with its notification; the stream hears of it unless it is quiet.
func (s *Server) Delete(id string, quiet bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.statuses, id)
	s.notifications = slices.DeleteFunc(s.notifications, func(n map[string]any) bool { return n["status"].(map[string]any)["id"] == id })
	if !quiet {
		s.tell("delete", id)
	}
}

// Noise tells the stream something by itself.
func (s *Server) Noise(kind string, payload any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tell(kind, payload)
}

func (s *Server) tell(kind string, payload any) {
	data, isText := payload.(string)
	if !isText {
		raw, _ := json.Marshal(payload)
		data = string(raw)
	}
	for c := range s.streams {
		select {
		case c <- fmt.Sprintf("event: %s\ndata: %s\n\n", kind, data):
		default:
		}
	}
	s.Ring()
}

// Posted are the posts that the account made.
func (s *Server) Posted() []map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.posted)
}

// Asked is how often mentions were listed.
func (s *Server) Asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// Streams is how many streams are open.
func (s *Server) Streams() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.streams)
}

// ServeHTTP answers a call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer s.Ring()
	if name, ok := strings.CutPrefix(r.URL.Path, "/files/"); ok {
		data, there := s.File(name)
		if !there || r.Header.Get("Authorization") != "" { // the token does not belong there
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data)
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+s.Token {
		answer(w, http.StatusUnauthorized, map[string]any{"error": "The access token is invalid"})
		return
	}
	what := s.what(r)
	f := s.Fault(what)
	if f != nil && f.Before {
		f.Answer(w, nil)
		return
	}
	if what == "stream" {
		s.stream(w, r)
		return
	}
	status, body := s.call(what, r)
	if f != nil {
		raw, _ := json.Marshal(body)
		f.Answer(w, raw)
		return
	}
	answer(w, status, body)
}

func (s *Server) what(r *http.Request) string {
	switch path := r.URL.Path; {
	case path == "/api/v1/accounts/verify_credentials":
		return "verify"
	case path == "/api/v2/instance":
		return "instance"
	case path == "/api/v1/notifications":
		return "notifications"
	case path == "/api/v1/streaming/user":
		return "stream"
	case path == "/api/v1/statuses" && r.Method == http.MethodPost:
		return "post"
	case strings.HasPrefix(path, "/api/v1/statuses/"):
		return "status"
	case path == "/api/v2/media" && r.Method == http.MethodPost:
		return "upload"
	case strings.HasPrefix(path, "/api/v1/media/"):
		return "media"
	}
	return ""
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (s *Server) call(what string, r *http.Request) (int, any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch what {
	case "verify":
		return http.StatusOK, s.account()
	case "instance":
		return http.StatusOK, map[string]any{"configuration": map[string]any{"urls": map[string]any{"streaming": strings.Replace(s.URL, "http://", "ws://", 1)}}}
	case "notifications":
		return http.StatusOK, s.list(r)
	case "status":
		if post, there := s.statuses[strings.TrimPrefix(r.URL.Path, "/api/v1/statuses/")]; there {
			return http.StatusOK, clone(post)
		}
		return http.StatusNotFound, map[string]any{"error": "Record not found"}
	case "post":
		return s.post(r)
	case "upload":
		return s.upload(r)
	case "media":
		return s.media(strings.TrimPrefix(r.URL.Path, "/api/v1/media/"), http.StatusPartialContent)
	}
	return http.StatusNotFound, map[string]any{"error": "Record not found"}
}

func (s *Server) account() map[string]any {
	return map[string]any{"id": "1", "acct": s.Acct, "display_name": "Support"}
}

func clone(m map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		out[k] = v
	}
	return out
}

// list gives notifications as Mastodon does: newest first, of those above min_id the lowest.
func (s *Server) list(r *http.Request) []any {
	s.asked++
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	limit = min(max(limit, 1), 80)
	above := -1
	if id := r.URL.Query().Get("min_id"); id != "" {
		above, _ = strconv.Atoi(id)
	}
	var page []any
	for _, n := range s.notifications {
		id, _ := strconv.Atoi(n["id"].(string))
		if id > above {
			n := clone(n)
			n["status"] = clone(n["status"].(map[string]any))
			page = append(page, n)
		}
	}
	if above < 0 {
		page = page[max(len(page)-limit, 0):]
	}
	page = page[:min(len(page), limit)]
	slices.Reverse(page)
	if page == nil {
		page = []any{}
	}
	return page
}

// post makes a post, or gives the one that the same key made.
func (s *Server) post(r *http.Request) (int, any) {
	var in map[string]any
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return http.StatusBadRequest, map[string]any{"error": "Bad request"}
	}
	key := r.Header.Get("Idempotency-Key")
	if had, there := s.keys[key]; there && key != "" {
		return http.StatusOK, had
	}
	text, _ := in["status"].(string)
	media, _ := in["media_ids"].([]any)
	if len(media) > 4 {
		return http.StatusUnprocessableEntity, map[string]any{"error": "Validation failed: Cannot attach more than 4 files"}
	}
	for _, id := range media {
		if status, _ := s.media(id.(string), http.StatusPartialContent); status != http.StatusOK {
			return http.StatusUnprocessableEntity, map[string]any{"error": "Cannot attach files that have not finished processing. Try again in a moment!"}
		}
	}
	if text == "" {
		return http.StatusUnprocessableEntity, map[string]any{"error": "Validation failed: Text can't be blank"}
	}
	if to, named := in["in_reply_to_id"].(string); named && s.statuses[to] == nil {
		return http.StatusNotFound, map[string]any{"error": "The post you are trying to reply to does not appear to exist."}
	}
	s.next += 2
	made := clone(in)
	made["id"], made["account"] = strconv.Itoa(s.next), s.account()
	s.posted = append(s.posted, made)
	s.statuses[strconv.Itoa(s.next)] = made
	s.keys[key] = made
	return http.StatusOK, made
}

// stream tells what happens until it is ended.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.away {
		s.mu.Unlock()
		answer(w, http.StatusServiceUnavailable, map[string]any{"error": "away"})
		return
	}
	events := make(chan string, 1000)
	s.streams[events] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.streams, events)
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = w.Write([]byte(":)\n"))
	w.(http.Flusher).Flush()
	s.Ring()
	beat := time.NewTicker(10 * time.Second)
	defer beat.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-beat.C:
			_, _ = w.Write([]byte(":thump\n"))
		case e, open := <-events:
			if !open {
				return
			}
			_, _ = w.Write([]byte(e))
		}
		w.(http.Flusher).Flush()
	}
}
