// Package wire is how the end-to-end tests and the checker touch Parley: by HTTP and SMTP, like anybody outside. It
// imports none of Parley's packages, so that it sees what a client sees and nothing else.
package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Interaction is an interaction as the API shows it, as far as tests look at it.
type Interaction struct {
	ID        string    `json:"id"`
	ThreadID  string    `json:"thread_id"`
	ContactID string    `json:"contact_id"`
	ParentID  string    `json:"parent_id"`
	Subject   string    `json:"subject"`
	State     string    `json:"state"`
	Category  string    `json:"category"`
	Reason    string    `json:"reason"`
	OpenedAt  time.Time `json:"opened_at"`
	Tasks     []Task    `json:"tasks"`
}

// Task is a task of a person.
type Task struct {
	ID            string `json:"id"`
	InteractionID string `json:"interaction_id"`
	Kind          string `json:"kind"`
	State         string `json:"state"`
	AgentID       string `json:"agent_id"`
	AuthorID      string `json:"author_id"`
	Message       int64  `json:"message"`
	Note          string `json:"note"`
	Queue         string `json:"queue"`
	Cycles        int    `json:"cycles"`
	Transfers     int    `json:"transfers"`
}

// Message is one text of an interaction.
type Message struct {
	Number    int64    `json:"number"`
	Kind      string   `json:"kind"` // in, reply, auto or note
	Subject   string   `json:"subject"`
	Text      string   `json:"text"`
	MessageID string   `json:"message_id"`
	Problems  []string `json:"problems"`
	Machine   string   `json:"machine"`
	Send      *struct {
		State    string `json:"state"`
		Attempts int    `json:"attempts"`
		Receipt  string `json:"receipt"`
	} `json:"send"`
}

// Event is one line of the audit.
type Event struct {
	At      time.Time `json:"at"`
	Code    string    `json:"code"`
	ActorID string    `json:"actor_id"`
	TaskID  string    `json:"task_id"`
	From    string    `json:"from"`
	To      string    `json:"to"`
}

// Agent is a person who works at Parley.
type Agent struct {
	ID    string         `json:"id"`
	Login string         `json:"login"`
	Load  map[string]int `json:"load"`
}

// Client calls the API with one person's token.
type Client struct {
	Address string // host:port
	Token   string
}

// Refusal is an answer of the API that is not a yes.
type Refusal struct {
	Status     int
	Code       string `json:"code"`
	Detail     string `json:"detail"`
	RetryAfter time.Duration
}

// Error gives status, code and text.
func (r *Refusal) Error() string { return fmt.Sprintf("%d %s: %s", r.Status, r.Code, r.Detail) }

// Refused gives the refusal in an error; nil when there was no answer at all.
func Refused(err error) *Refusal {
	var r *Refusal
	errors.As(err, &r)
	return r
}

// Final reports whether asking again would give the same: an answer that is neither a trouble of the server nor "slow down".
func Final(err error) bool {
	r := Refused(err)
	return err == nil || r != nil && r.Status < 500 && r.Status != http.StatusTooManyRequests
}

// callTime bounds one call: a server that was killed in the middle never answers.
const callTime = 15 * time.Second

var transport = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, ResponseHeaderTimeout: callTime}, Timeout: callTime}

// Call makes one call and decodes the answer into out, which may be nil. key is the Idempotency-Key; it may be empty.
func (c Client) Call(ctx context.Context, method, path, key string, in, out any) error {
	var body io.Reader
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+c.Address+path, body)
	if err != nil {
		return err
	}
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	request.Header.Set("Authorization", "Bearer "+c.Token)
	answer, err := transport.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	return decode(answer, content, out)
}

func decode(answer *http.Response, content []byte, out any) error {
	if answer.StatusCode >= 300 {
		r := &Refusal{Status: answer.StatusCode}
		_ = json.Unmarshal(content, r) // a refusal without a problem in it has its status
		if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil {
			r.RetryAfter = time.Duration(seconds) * time.Second
		}
		return r
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = content
		return nil
	}
	if out == nil || len(content) == 0 {
		return nil
	}
	return json.Unmarshal(content, out)
}

// Insist repeats a call under its key until it has a final answer.
func (c Client) Insist(ctx context.Context, method, path, key string, in, out any) error {
	var err error
	waited := Until(ctx, func(ctx context.Context) error {
		if err = c.Call(ctx, method, path, key, in, out); Final(err) {
			return nil
		}
		return err
	})
	if waited != nil {
		return waited
	}
	return err
}

// List reads all pages of a list, insisting on each.
func List[T any](ctx context.Context, c Client, path string, query url.Values) ([]T, error) {
	var all []T
	asked := url.Values{}
	for name, values := range query {
		asked[name] = values
	}
	for {
		var page struct {
			Items []T    `json:"items"`
			Next  string `json:"next_cursor"`
		}
		if err := c.Insist(ctx, http.MethodGet, path+"?"+asked.Encode(), "", nil, &page); err != nil {
			return nil, fmt.Errorf("GET %s: %w", path, err)
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, nil
		}
		asked.Set("cursor", page.Next)
	}
}

// Messages reads the messages of an interaction.
func (c Client) Messages(ctx context.Context, interaction string) ([]Message, error) {
	return List[Message](ctx, c, "/v1/interactions/"+interaction+"/messages", nil)
}

// Events reads the audit of an interaction.
func (c Client) Events(ctx context.Context, interaction string) ([]Event, error) {
	return List[Event](ctx, c, "/v1/interactions/"+interaction+"/events", nil)
}

// Raw reads the bytes of a message as they came.
func (c Client) Raw(ctx context.Context, interaction string, number int64) ([]byte, error) {
	var raw []byte
	err := c.Insist(ctx, http.MethodGet, fmt.Sprintf("/v1/interactions/%s/messages/%d/raw", interaction, number), "", nil, &raw)
	return raw, err
}

// Ready reports whether everything is well, and what is not.
func (c Client) Ready(ctx context.Context) error {
	return c.Call(ctx, http.MethodGet, "/readyz", "", nil, nil)
}
