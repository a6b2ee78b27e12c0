package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/lib/auth"
	"parley/store/storetest"
)

// keeper is what tests need of the store beside what the API uses.
type keeper interface {
	NextCall(ctx context.Context, id interaction.ID, step string) (interaction.NextCall, error)
	Store
	Accept(ctx context.Context, in interaction.Inbound) (interaction.Receipt, error)
	Take(ctx context.Context, limit int) ([]interaction.Taken, error)
	Settle(ctx context.Context, in interaction.Taken, p interaction.Parsed) error
	OpenTask(ctx context.Context, a interaction.Ask) (interaction.ID, error)
	OpenReview(ctx context.Context, id interaction.ID, step string, message int64, author interaction.ID, cycles int) (interaction.Review, error)
	SetEnabled(ctx context.Context, by interaction.Actor, agent interaction.ID, enabled bool) error
	WorkSelections(ctx context.Context) (bool, error)
	WorkExports(ctx context.Context) (bool, error)
	Count(ctx context.Context) (int, error)
	Apply(ctx context.Context, by interaction.Actor, setup interaction.Setup) error
	OpenChat(ctx context.Context, c interaction.NewChat) (interaction.ChatTicket, error)
	Tick(ctx context.Context, seen string) (interaction.Changes, error)
}

// house is the API over a real store with the people of storetest.House, each with a token.
type house struct {
	t      *testing.T
	store  keeper
	server *server
	http   *httptest.Server
	people map[string]interaction.Actor
	tokens map[string]string
	exec   func(statement string, args ...any)
	madeOf func(inbound interaction.ID) interaction.ID // the interaction
}

func newHouse(t *testing.T, change ...func(*Deps)) *house {
	t.Helper()
	wake := &bell{}
	s := storetest.Waking(t, wake.ring)
	h := &house{t: t, store: s, people: map[string]interaction.Actor{}, tokens: map[string]string{}}
	h.exec = func(statement string, args ...any) {
		t.Helper()
		_, err := s.Pool().Exec(t.Context(), statement, args...)
		require.NoError(t, err)
	}
	h.madeOf = func(inbound interaction.ID) (id interaction.ID) {
		t.Helper()
		require.NoError(t, s.Pool().QueryRow(t.Context(), `select interaction_id from inbound where id = $1`, inbound).Scan(&id))
		return id
	}
	setup := storetest.House()
	setup.EntryPoints = append(setup.EntryPoints, interaction.EntryPoint{
		Name: "offers", Channel: interaction.Email, Address: "offers@example.test", Workflow: interaction.WorkflowEmail, Queue: "sales",
	})
	setup.Agents = append(setup.Agents,
		interaction.NewAgent{Login: "sam", Name: "Sam", Role: interaction.RoleSenior, Groups: []string{"sales"}},
		interaction.NewAgent{Login: "val", Name: "Val", Role: interaction.RoleSupervisor, Groups: []string{"sales"}})
	setup.Categories = []interaction.CategorySetup{{Name: "billing", Title: "Billing", Queue: "service"}}
	setup.Responses = []interaction.Answer{
		{Name: "invoice", Category: "billing", Language: "en", Usage: interaction.UseSuggestion, State: interaction.ResponseActive, Subject: "Your invoice", Text: "It is attached."},
		{Name: "unfinished", Category: "billing", Language: "en", Usage: interaction.UseSuggestion, Text: "Not yet."},
		{Name: "greeting", Category: "billing", Language: "de", Usage: interaction.UseSnippet, State: interaction.ResponseActive, Text: "Guten Tag"},
	}
	require.NoError(t, s.Apply(t.Context(), interaction.System, setup))
	deps := Deps{
		Store: s, Once: storetest.Once, Changes: wake.wait, Log: slog.New(slog.NewTextHandler(testLog{t}, nil)),
		Part:   func(_ interaction.Channel, raw []byte, part int) ([]byte, error) { return raw[part:], nil },
		Checks: []Check{{"database", s.Ping}}, RatePerSecond: 10000, Burst: 10000,
	}
	for _, c := range change {
		c(&deps)
	}
	h.server = newServer(deps)
	h.http = httptest.NewServer(h.server.engine)
	t.Cleanup(h.http.Close)
	for _, a := range setup.Agents {
		h.people[a.Login] = storetest.Person(t, s, a.Login)
		h.tokens[a.Login] = h.token(a.Login)
	}
	return h
}

// token makes one more token for a login.
func (h *house) token(login string) string {
	token, hash := auth.NewToken()
	_, err := h.store.CreateToken(h.t.Context(), interaction.System, interaction.NewToken{
		Agent: h.people[login].Agent, Kind: interaction.TokenAPI, Hash: hash[:],
	})
	require.NoError(h.t, err)
	return token
}

// arrive makes an interaction with one message and a waiting task, in the queue of the entry point.
func (h *house) arrive(entryPoint, subject string) (id, task interaction.ID) {
	h.t.Helper()
	ctx := h.t.Context()
	raw := "From: customer@customer.test\r\nSubject: " + subject + "\r\n\r\nHello " + string(interaction.NewID())
	receipt, err := h.store.Accept(ctx, interaction.Inbound{
		Channel: interaction.Email, Targets: []interaction.Target{{EntryPoint: entryPoint, Address: entryPoint + "@example.test"}},
		Identity: sha256.Sum256([]byte(raw)), Raw: strings.NewReader(raw), Size: int64(len(raw)),
	})
	require.NoError(h.t, err)
	taken, err := h.store.Take(ctx, 10)
	require.NoError(h.t, err)
	for _, in := range taken {
		require.NoError(h.t, h.store.Settle(ctx, in, interaction.Parsed{
			Message: interaction.Message{
				Subject: subject, Text: "Hello", From: interaction.Address{Address: entryPoint + "@customer.test"}, MessageID: string(in.ID) + "@customer.test",
				Attachments: []interaction.File{{Name: "päper\r\n.html", Type: "text/html", Size: 5, Part: 6}},
			},
			Name: "Customer", Identities: []interaction.Attribute{{Kind: "email", Value: entryPoint + "@customer.test"}},
		}))
	}
	id = h.madeOf(receipt.ID)
	task, err = h.store.OpenTask(ctx, interaction.Ask{Interaction: id, Step: "handle-1", Kind: interaction.TaskHandle, Message: 1})
	require.NoError(h.t, err)
	return id, task
}

// review makes an interaction whose reply, written by ann or carl, waits for review.
func (h *house) review(entryPoint, author string) (id, review interaction.ID) {
	h.t.Helper()
	ctx := h.t.Context()
	id, task := h.arrive(entryPoint, "to review")
	_, err := h.store.Claim(ctx, h.people[author], task)
	require.NoError(h.t, err)
	m, err := h.store.Reply(ctx, h.people[author], task, 0, interaction.Reply{Text: "Answer"})
	require.NoError(h.t, err)
	r, err := h.store.OpenReview(ctx, id, "review-1", m.Number, h.people[author].Agent, 0)
	require.NoError(h.t, err)
	require.True(h.t, r.Needed)
	return id, r.Task
}

// workSelections does all that selections have to do.
func (h *house) workSelections() {
	h.t.Helper()
	for worked := true; worked; {
		h.exec(`update selections set next_at = now()`)
		var err error
		worked, err = h.store.WorkSelections(h.t.Context())
		require.NoError(h.t, err)
	}
}

// answered is what a call was answered with.
type answered struct {
	status int
	header http.Header
	raw    []byte
	body   map[string]any
}

func (a answered) String() string { return fmt.Sprintf("%d %s", a.status, a.raw) }

func (a answered) str(name string) string {
	s, _ := a.body[name].(string)
	return s
}

func (a answered) items() []map[string]any {
	list, _ := a.body["items"].([]any)
	out := make([]map[string]any, len(list))
	for n, i := range list {
		out[n], _ = i.(map[string]any)
	}
	return out
}

// do makes a call as login; headers come in pairs.
func (h *house) do(login, method, path, body string, headers ...string) answered {
	h.t.Helper()
	return request(h.t, h.http.URL, h.tokens[login], method, path, body, headers...)
}

func request(t *testing.T, url, token, method, path, body string, headers ...string) answered {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url+path, bytes.NewReader([]byte(body)))
	require.NoError(t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for n := 0; n < len(headers); n += 2 {
		req.Header.Set(headers[n], headers[n+1])
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	a := answered{status: res.StatusCode, header: res.Header, raw: raw}
	if strings.Contains(res.Header.Get("Content-Type"), "json") {
		require.NoError(t, json.Unmarshal(raw, &a.body), "%s %s: %s", method, path, raw)
	}
	if res.StatusCode >= 400 {
		checkProblem(t, a, method+" "+path)
	}
	return a
}

// checkProblem holds every error to the same form.
func checkProblem(t *testing.T, a answered, call string) {
	t.Helper()
	require.Equal(t, problemType, a.header.Get("Content-Type"), "%s: %s", call, a)
	require.Equal(t, "urn:parley:problem:"+a.str("code"), a.str("type"), call)
	require.NotEmpty(t, a.str("code"), call)
	require.NotEmpty(t, a.str("title"), call)
	require.NotEmpty(t, a.str("detail"), call)
	require.EqualValues(t, a.status, a.body["status"], call)
	require.Equal(t, a.header.Get(requestIDHeader), a.str("request_id"), call)
	if a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable {
		require.NotEmpty(t, a.header.Get("Retry-After"), call)
	}
}

// bell wakes everybody who waits.
type bell struct {
	mu sync.Mutex
	ch chan struct{}
}

func (b *bell) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}

// testLog writes the log to the test's.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	if l.t.Context().Err() == nil {
		l.t.Log(strings.TrimSpace(string(p)))
	}
	return len(p), nil
}
