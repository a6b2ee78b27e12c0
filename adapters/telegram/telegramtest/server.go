// Package telegramtest is a server with Telegram's Bot API, as far as bots of ours use it, that can be told to misbehave.
package telegramtest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"parley/adapters/adaptertest"
)

// Server is one bot's side of Telegram. The calls that it may answer wrongly have the methods' names; a fault with a status and no body is a proper refusal.
type Server struct {
	*httptest.Server
	adaptertest.StandIn
	Token    string
	Username string

	mu      sync.Mutex
	next    int64
	pending []map[string]any
	repeat  bool
	sent    []map[string]any
	webhook map[string]any
	closed  bool
}

// NewServer starts one for a token and a bot's name.
func NewServer(token, username string) *Server {
	s := &Server{Token: token, Username: username, next: 100}
	s.Server = httptest.NewServer(s)
	return s
}

// Close ends waiting polls and the server.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.Ring()
	s.mu.Unlock()
	s.Server.Close()
}

// RepeatAll has updates given again and again although they were confirmed.
func (s *Server) RepeatAll(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repeat = on
	s.Ring()
}

// Put adds an update and gives its number. kind is message, edited_message, …
func (s *Server) Put(kind string, what any) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	s.pending = append(s.pending, map[string]any{"update_id": s.next, kind: what})
	s.Ring()
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

// Confirmed reports whether the bot has asked for what comes behind an update.
func (s *Server) Confirmed(update int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !slices.ContainsFunc(s.pending, func(u map[string]any) bool { return u["update_id"] == update })
}

// TooMany is the API's wish to be left alone for some seconds.
func TooMany(seconds int) *adaptertest.Fault {
	return &adaptertest.Fault{Before: true, Status: http.StatusTooManyRequests, Body: refusal(http.StatusTooManyRequests, "Too Many Requests", seconds)}
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
		data, there := s.File(path)
		if !there {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data)
		return
	}
	method, ok := strings.CutPrefix(r.URL.Path, "/bot"+s.Token+"/")
	if !ok {
		refuse(w, http.StatusUnauthorized, "Unauthorized")
		return
	}
	params, err := read(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "Bad Request: can't parse")
		return
	}
	f := s.Fault(method)
	if f != nil && f.Body == "" && f.Status != 0 {
		proper := *f
		proper.Body = refusal(f.Status, http.StatusText(f.Status), 0)
		f = &proper
	}
	if f != nil && f.Before {
		f.Answer(w, nil)
		return
	}
	result, code, text := s.call(r, method, params)
	if r.Context().Err() != nil {
		return
	}
	if f != nil {
		body, _ := json.Marshal(map[string]any{"ok": true, "result": result})
		f.Answer(w, body)
		return
	}
	if code != 0 {
		refuse(w, code, text)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"ok": true, "result": result})
}

func refuse(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, refusal(code, text, 0))
}

// refusal is the body of the API's no, which may say for how many seconds it wants to be left alone.
func refusal(code int, text string, after int) string {
	body := map[string]any{"ok": false, "error_code": code, "description": text}
	if after > 0 {
		body["parameters"] = map[string]any{"retry_after": after}
	}
	raw, _ := json.Marshal(body)
	return string(raw)
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
	case "sendPhoto", "sendDocument", "sendMediaGroup":
		return s.sendFiles(method, params)
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
	over := time.NewTimer(time.Duration(timeout) * time.Second)
	defer over.Stop()
	s.mu.Lock()
	if !s.repeat {
		s.pending = slices.DeleteFunc(s.pending, func(u map[string]any) bool { return u["update_id"].(int64) < int64(offset) })
	}
	s.mu.Unlock()
	s.Ring()
	for ended := false; ; {
		next := s.Next()
		s.mu.Lock()
		page := slices.Clone(s.pending[:min(len(s.pending), int(limit))])
		ended = ended || s.closed
		s.mu.Unlock()
		if ended || len(page) > 0 {
			return page, 0, ""
		}
		select {
		case <-next:
		case <-r.Context().Done():
			ended = true
		case <-over.C:
			ended = true
		}
	}
}
