// Package metatest is a Graph API, as far as businesses of ours use it, that can be told to misbehave; and Meta's side of the webhook.
package metatest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"

	"parley/adapters/adaptertest"
)

// Graph is the API. It may answer a "message" wrongly.
type Graph struct {
	*httptest.Server
	adaptertest.StandIn
	Token string

	mu      sync.Mutex
	sent    []map[string]any // with "path"
	uploads []Uploaded
}

// NewGraph starts one.
func NewGraph(token string) *Graph {
	g := &Graph{Token: token}
	g.Server = httptest.NewServer(g)
	return g
}

// Sent are the messages that it took.
func (g *Graph) Sent() []map[string]any {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.sent)
}

// ServeHTTP answers a call.
func (g *Graph) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+g.Token {
		refuse(w, http.StatusUnauthorized, `{"error":{"message":"Error validating access token","type":"OAuthException","code":190}}`)
		return
	}
	if r.Method == http.MethodGet {
		g.give(w, strings.TrimPrefix(r.URL.Path, "/"))
		return
	}
	what := "message"
	if uploading(r) {
		what = "file"
	}
	f := g.Fault(what)
	if f != nil && f.Before {
		f.Answer(w, nil)
		return
	}
	if uploading(r) {
		if f == nil {
			g.upload(w, r)
		} else {
			f.Answer(w, []byte(`{"id":"lost"}`))
		}
		return
	}
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		refuse(w, http.StatusBadRequest, `{"error":{"message":"Invalid parameter","code":100}}`)
		return
	}
	body["path"] = r.URL.Path
	g.sent = append(g.sent, body)
	id := fmt.Sprint("id.", len(g.sent))
	answer, _ := json.Marshal(map[string]any{"messaging_product": "whatsapp", "messages": []any{map[string]string{"id": id}}})
	if body["messaging_product"] == nil {
		answer, _ = json.Marshal(map[string]any{"recipient_id": "1", "message_id": id})
	}
	if f != nil {
		f.Answer(w, answer)
		return
	}
	_, _ = w.Write(answer)
}

func refuse(w http.ResponseWriter, status int, body string) {
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// give tells the URL of a file, and gives it there.
func (g *Graph) give(w http.ResponseWriter, path string) {
	id, whole := strings.CutPrefix(path, "files/")
	data, there := g.File(id)
	if there && whole {
		_, _ = w.Write(data)
		return
	}
	if !there {
		refuse(w, http.StatusNotFound, `{"error":{"message":"Unsupported get request","code":100}}`)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"id": path, "url": g.URL + "/files/" + path})
}

// Sign makes the header X-Hub-Signature-256 of a body.
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// Call posts a body to a webhook as Meta does.
func Call(ctx context.Context, address, secret string, body []byte) (status int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Hub-Signature-256", Sign(secret, body))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, nil
}

// WhatsApp is the body of a call with messages for a number of ours; each message is a JSON object, or what is to be in the place of one.
func WhatsApp(account string, messages ...any) []byte {
	return whatsApp(map[string]any{
		"metadata": map[string]string{"phone_number_id": account, "display_phone_number": "15550001"},
		"contacts": []any{map[string]any{"wa_id": "491701234567", "profile": map[string]string{"name": "Anna Berg"}}}, "messages": messages,
	})
}

// Statuses is the body of a call with statuses of messages of ours.
func Statuses(account string, statuses ...any) []byte {
	return whatsApp(map[string]any{"metadata": map[string]string{"phone_number_id": account}, "statuses": statuses})
}

func whatsApp(value map[string]any) []byte {
	value["messaging_product"] = "whatsapp"
	return write(map[string]any{
		"object": "whatsapp_business_account", "entry": []any{map[string]any{"id": "102290129340398", "changes": []any{map[string]any{"field": "messages", "value": value}}}},
	})
}

// Text is a message of Anna's.
func Text(id, text string) map[string]any {
	return map[string]any{"from": "491701234567", "id": id, "timestamp": "1770000000", "type": "text", "text": map[string]string{"body": text}}
}

// Page is the body of a call with events of a page.
func Page(account string, events ...any) []byte {
	return write(map[string]any{"object": "page", "entry": []any{map[string]any{"id": account, "time": 1, "messaging": events}}})
}

func write(body any) []byte {
	raw, err := json.Marshal(body)
	if err != nil {
		panic(err) // a test's own mistake
	}
	return raw
}
