// Package telegramtest is a server with Telegram's Bot API, as far as bots of ours use it, that can be told to misbehave.
package telegramtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fault is a wrong answer. The method's work is done unless Before says that the fault comes first.
type Fault struct {
	Before     bool
	Status     int    // of the answer; 0: 200
	Body       string // instead of the answer
	RetryAfter int    // in a proper refusal of the API
	Cut        bool   // the answer breaks off in the middle
	Drop       bool   // the connection ends without an answer
}

// Server is one bot's side of Telegram.
type Server struct {
	*httptest.Server
	Token    string
	Username string

	mu      sync.Mutex
	news    *sync.Cond
	next    int64
	pending []map[string]any
	repeat  bool
	sent    []map[string]any
	files   map[string][]byte
	webhook map[string]any
	calls   map[string]int
	fault   func(method string) *Fault
	closed  bool
}

// NewServer starts one for a token and a bot's name.
func NewServer(token, username string) *Server {
	s := &Server{Token: token, Username: username, next: 100, files: map[string][]byte{}, calls: map[string]int{}}
	s.news = sync.NewCond(&s.mu)
	s.Server = httptest.NewServer(s)
	return s
}

// Close ends waiting polls and the server.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.news.Broadcast()
	s.mu.Unlock()
	s.Server.Close()
}

// Misbehave has each call answered by what f says; nil is a good answer.
func (s *Server) Misbehave(f func(method string) *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// RepeatAll has updates given again and again although they were confirmed.
func (s *Server) RepeatAll(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repeat = on
	s.news.Broadcast()
}

// Put adds an update and gives its number. kind is message, edited_message, …
func (s *Server) Put(kind string, what any) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	s.pending = append(s.pending, map[string]any{"update_id": s.next, kind: what})
	s.news.Broadcast()
	return s.next
}

// Text is a private message.
func Text(chat, id int64, text string) map[string]any {
	return map[string]any{
		"message_id": id, "date": 1_770_000_000 + id, "text": text,
		"chat": map[string]any{"id": chat, "type": "private", "first_name": "Anna"},
		"from": map[string]any{"id": chat, "is_bot": false, "first_name": "Anna", "last_name": "Berg", "username": "anna_b"},
	}
}

// Add gives a file to be fetched.
func (s *Server) Add(id string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[id] = data
}

// Sent are the messages that the bot has sent.
func (s *Server) Sent() []map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

// Pending counts the updates that were not confirmed.
func (s *Server) Pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pending)
}

// Await waits until an update was confirmed, or until stop says that it will not be; it reports which.
func (s *Server) Await(update int64, stop func() bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		gone := !slices.ContainsFunc(s.pending, func(u map[string]any) bool { return u["update_id"] == update })
		if gone || stop() {
			return gone
		}
		s.news.Wait()
	}
}

// Ring wakes who waits in Await.
func (s *Server) Ring() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.news.Broadcast()
}

// Webhook is what setWebhook was last called with.
func (s *Server) Webhook() map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.webhook
}

// ServeHTTP answers a call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path, ok := strings.CutPrefix(r.URL.Path, "/file/bot"+s.Token+"/documents/"); ok {
		s.mu.Lock()
		data, there := s.files[path]
		s.mu.Unlock()
		if !there {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data)
		return
	}
	method, ok := strings.CutPrefix(r.URL.Path, "/bot"+s.Token+"/")
	if !ok {
		refuse(w, http.StatusUnauthorized, "Unauthorized", 0)
		return
	}
	var params map[string]any
	if err := json.NewDecoder(r.Body).Decode(&params); err != nil {
		refuse(w, http.StatusBadRequest, "Bad Request: can't parse", 0)
		return
	}
	s.mu.Lock()
	s.calls[method]++
	var f *Fault
	if s.fault != nil {
		f = s.fault(method)
	}
	s.mu.Unlock()
	if f != nil && f.Before {
		f.answer(w, nil)
		return
	}
	result, code, text := s.call(r, method, params)
	if r.Context().Err() != nil {
		return
	}
	if f != nil {
		body, _ := json.Marshal(map[string]any{"ok": true, "result": result})
		f.answer(w, body)
		return
	}
	if code != 0 {
		refuse(w, code, text, 0)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"ok": true, "result": result})
}

func (f *Fault) answer(w http.ResponseWriter, body []byte) {
	switch {
	case f.Drop:
		panic(http.ErrAbortHandler)
	case f.Cut:
		w.Header().Set("Content-Length", fmt.Sprint(len(body)+10))
		_, _ = w.Write(body[:len(body)/2])
		panic(http.ErrAbortHandler)
	case f.Body != "":
		w.WriteHeader(max(f.Status, http.StatusOK))
		_, _ = w.Write([]byte(f.Body))
	default:
		refuse(w, f.Status, http.StatusText(f.Status), f.RetryAfter)
	}
}

func refuse(w http.ResponseWriter, code int, text string, after int) {
	body := map[string]any{"ok": false, "error_code": code, "description": text}
	if after > 0 {
		body["parameters"] = map[string]any{"retry_after": after}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

// call does the work of a method. A code other than zero is a refusal.
func (s *Server) call(r *http.Request, method string, params map[string]any) (result any, code int, text string) {
	switch method {
	case "getMe":
		return map[string]any{"id": 77, "is_bot": true, "first_name": "Support", "username": s.Username}, 0, ""
	case "getUpdates":
		return s.updates(r, params)
	case "setWebhook", "deleteWebhook":
		s.mu.Lock()
		defer s.mu.Unlock()
		s.webhook = params
		return true, 0, ""
	case "getWebhookInfo":
		s.mu.Lock()
		defer s.mu.Unlock()
		return map[string]any{"url": s.webhook["url"], "pending_update_count": 0}, 0, ""
	case "getFile":
		return map[string]any{"file_id": params["file_id"], "file_path": "documents/" + params["file_id"].(string)}, 0, ""
	case "sendMessage":
		if text, _ := params["text"].(string); text == "" {
			return nil, http.StatusBadRequest, "Bad Request: message text is empty"
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.sent = append(s.sent, params)
		return map[string]any{"message_id": 5000 + len(s.sent), "date": 1_770_000_000, "chat": map[string]any{"id": params["chat_id"], "type": "private"}, "text": params["text"]}, 0, ""
	}
	return nil, http.StatusNotFound, "Not Found: method not found"
}

// updates forgets what is below the offset, and waits for what there is from there on.
func (s *Server) updates(r *http.Request, params map[string]any) (result any, code int, text string) {
	offset, _ := params["offset"].(float64)
	limit, _ := params["limit"].(float64)
	timeout, _ := params["timeout"].(float64)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		timer := time.NewTimer(time.Duration(timeout) * time.Second)
		defer timer.Stop()
		select {
		case <-r.Context().Done():
		case <-timer.C:
		case <-stop:
		}
		s.Ring()
	}()
	until := time.Now().Add(time.Duration(timeout) * time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.repeat {
		s.pending = slices.DeleteFunc(s.pending, func(u map[string]any) bool { return u["update_id"].(int64) < int64(offset) })
	}
	s.news.Broadcast()
	for len(s.pending) == 0 && r.Context().Err() == nil && time.Now().Before(until) && !s.closed {
		s.news.Wait()
	}
	return slices.Clone(s.pending[:min(len(s.pending), int(limit))]), 0, ""
}
