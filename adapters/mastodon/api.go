package mastodon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"parley/interaction"
	"parley/lib/safehttp"
)

// api calls the server.
type api struct {
	base, token string
	http        *safehttp.Client
	clock       func() time.Time
}

// refusal is the server's no.
type refusal struct {
	Status int
	Text   string
	Wait   time.Duration // how long it wants to be left alone
}

// Error gives status and text.
func (r *refusal) Error() string { return fmt.Sprintf("the server says %d: %s", r.Status, r.Text) }

// errGarbled says that the answer is not the API's.
var errGarbled = errors.New("the answer cannot be read")

func (a api) request(ctx context.Context, method, path string, query url.Values, body any) (*http.Request, error) {
	address := a.base + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer "+a.token)
	return r, nil
}

// post makes a request with a body of another type than JSON.
func (a api) post(ctx context.Context, path, contentType string, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Authorization", "Bearer "+a.token)
	return r, nil
}

// get reads something into result.
func (a api) get(ctx context.Context, path string, query url.Values, result any) error {
	r, err := a.request(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return err
	}
	answer, err := a.http.Do(r)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := a.judge(answer, result); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// judge reads an answer.
func (a api) judge(answer safehttp.Answer, result any) error {
	if answer.Status == http.StatusOK {
		var problem struct {
			Error string `json:"error"`
		}
		if json.Unmarshal(answer.Body, &problem) == nil && problem.Error != "" { // a yes that says no
			return &refusal{Status: http.StatusUnprocessableEntity, Text: problem.Error}
		}
		if err := json.Unmarshal(answer.Body, result); err != nil {
			return fmt.Errorf("%w: %w", errGarbled, err)
		}
		return nil
	}
	return a.refused(answer.Status, answer.Header, answer.Body)
}

// refused reads an answer other than 200.
func (a api) refused(status int, header http.Header, body []byte) *refusal {
	no := &refusal{Status: status, Text: http.StatusText(status)}
	var problem struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &problem) == nil && problem.Error != "" {
		no.Text = problem.Error
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		no.Wait = waitIn(header, a.clock())
	}
	return no
}

// waitIn reads how long the server wants to be left alone: as HTTP says it, or as Mastodon does, until a moment.
func waitIn(header http.Header, now time.Time) time.Duration {
	if wait := safehttp.RetryAfter(header, now); wait > 0 {
		return wait
	}
	if at, err := time.Parse(time.RFC3339, header.Get("X-RateLimit-Reset")); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// waitOf is how long the server wants to be left alone after an error; zero where it did not say.
func waitOf(err error) time.Duration {
	var no *refusal
	if errors.As(err, &no) {
		return no.Wait
	}
	return 0
}

// statusOf is the HTTP status of an error, zero where there was none.
func statusOf(err error) int {
	var no *refusal
	if errors.As(err, &no) {
		return no.Status
	}
	var stream *safehttp.StatusError
	if errors.As(err, &stream) {
		return stream.Status
	}
	return 0
}

// stateOf tells whether somebody must do something, or it comes right by itself.
func stateOf(err error) interaction.LinkState {
	if status := statusOf(err); status == http.StatusUnauthorized || status == http.StatusForbidden || errors.Is(err, errNotOurs) {
		return interaction.LinkFault
	}
	return interaction.LinkAway
}
