package house

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"parley/interaction"
	"parley/lib/auth"
	"parley/store"
)

// Person is somebody who works by REST.
type Person struct {
	ID    interaction.ID
	Login string
	Token string
}

// Hire makes a token of a kind for each of the logins. The tokens of `parley run` are for the demo's own people.
func (h *House) Hire(ctx context.Context, kind string, logins ...string) ([]Person, error) {
	address, err := h.DatabaseURL("parley")
	if err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, address, store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	people := make([]Person, len(logins))
	for n, login := range logins {
		id, err := s.AgentByLogin(ctx, login)
		if err != nil {
			return nil, err
		}
		token, hash := auth.NewToken()
		if _, err := s.CreateToken(ctx, interaction.System, interaction.NewToken{Agent: id, Kind: kind, Label: "bench", Hash: hash[:]}); err != nil {
			return nil, err
		}
		people[n] = Person{ID: id, Login: login, Token: token}
	}
	return people, nil
}

// Answer is what a call was answered.
type Answer struct {
	Status     int
	RetryAfter string
	Body       []byte
}

// OK says whether the call was done.
func (a Answer) OK() bool { return a.Status >= 200 && a.Status < 300 }

// web keeps connections open as a browser does.
var web = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 128}}

// Call makes one REST call; an answer of any status is no error.
func (h *House) Call(ctx context.Context, p Person, method, path string, body any) (Answer, error) {
	var content io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return Answer{}, err
		}
		content = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, h.URL()+path, content)
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+p.Token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	response, err := web.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	return Answer{Status: response.StatusCode, RetryAfter: response.Header.Get("Retry-After"), Body: raw}, err
}

// Do makes a call that has to succeed.
func (h *House) Do(ctx context.Context, p Person, method, path string, body any) error {
	a, err := h.Call(ctx, p, method, path, body)
	if err == nil && !a.OK() {
		err = fmt.Errorf("%s %s: %d %s", method, path, a.Status, bytes.TrimSpace(a.Body))
	}
	return err
}
