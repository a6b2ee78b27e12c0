package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

func TestErrorsBecomeProblems(t *testing.T) {
	secret := errors.New("dial tcp 10.0.0.1:5432: secret")
	tests := []struct {
		name   string
		err    error
		status int
		code   string
		check  func(t *testing.T, a answered)
	}{
		{"invalid", interaction.Invalid("bad_queue", "queue", "no"), 422, "bad_queue", func(t *testing.T, a answered) { require.Equal(t, "queue", a.str("field")) }},
		{"unknown", interaction.Unknown("task"), 404, "unknown_task", nil},
		{"forbidden", interaction.Forbidden("not_yours", "no"), 403, "not_yours", nil},
		{"conflict says who", interaction.Conflict("task_taken", "no").With("agent", "a1"), 409, "task_taken", func(t *testing.T, a answered) {
			require.Equal(t, "a1", a.str("agent"))
		}},
		{"a detail replaces nothing", interaction.Conflict("odd", "no").With("status", 200).With("code", "x"), 409, "odd", nil},
		{"stale", interaction.Stale(7), 412, "stale_version", func(t *testing.T, a answered) { require.EqualValues(t, 7, a.body["version"]) }},
		{"gone", &interaction.Error{Kind: interaction.KindGone, Code: "erased", Text: "erased"}, 410, "erased", nil},
		{"too many", &interaction.Error{Kind: interaction.KindTooMany, Code: "slow", Text: "slow", RetryAfter: 9}, 429, "slow", func(t *testing.T, a answered) {
			require.Equal(t, "9", a.header.Get("Retry-After"))
		}},
		{"full", &interaction.Error{Kind: interaction.KindFull, Code: "disk_full", Text: "full", Cause: secret}, 507, "disk_full", nil},
		{"unavailable", interaction.Unavailable("database_away", secret), 503, "database_away", nil},
		{"wrapped", fmt.Errorf("claim: %w", interaction.Unknown("task")), 404, "unknown_task", nil},
		{"of no kind", secret, 503, "unavailable", nil},
		{"a kind that nobody knows", &interaction.Error{Kind: "new", Code: "new", Text: "new"}, 503, "new", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log strings.Builder
			c := newCaller(t, &fake{claim: func(context.Context, interaction.Actor, interaction.ID) (interaction.Task, error) {
				return interaction.Task{}, tt.err
			}}, logTo(&log))
			got := c.do(post, "/v1/tasks/"+string(interaction.NewID())+"/claim", "")
			require.Equal(t, tt.status, got.status, got)
			require.Equal(t, tt.code, got.str("code"))
			require.NotContains(t, string(got.raw), "secret", "the cause is for the log only")
			require.Equal(t, errors.Is(tt.err, secret), strings.Contains(log.String(), "secret"), log.String())
			if tt.check != nil {
				tt.check(t, got)
			}
		})
	}
}

func TestEveryKindHasAStatus(t *testing.T) {
	for _, k := range []interaction.Kind{
		interaction.KindInvalid, interaction.KindUnknown, interaction.KindForbidden, interaction.KindConflict, interaction.KindStale,
		interaction.KindGone, interaction.KindTooMany, interaction.KindFull, interaction.KindUnavailable,
	} {
		require.NotZero(t, statuses[k], k)
	}
}

func TestAPanicIsAProblem(t *testing.T) {
	var log strings.Builder
	c := newCaller(t, &fake{claim: func(context.Context, interaction.Actor, interaction.ID) (interaction.Task, error) { panic("secret") }}, logTo(&log))
	got := c.do(post, "/v1/tasks/"+string(interaction.NewID())+"/claim", "", requestIDHeader, "my-call-1")
	require.Equal(t, 500, got.status)
	require.Equal(t, "internal", got.str("code"))
	require.Equal(t, "my-call-1", got.str("request_id"))
	require.NotContains(t, string(got.raw), "secret")
	require.Contains(t, log.String(), "my-call-1")
	require.Equal(t, 200, c.do(get, "/healthz", "").status, "the next call is not disturbed")
}

func TestNoPathAndNoMethod(t *testing.T) {
	c := newCaller(t, &fake{})
	for _, path := range []string{"/v1/nothing", "/v1/tasks/", "/v1", "/V1/tasks", "/v1//tasks"} {
		require.Equal(t, 404, c.do(get, path, "").status, path)
	}
	wrong := c.do(http.MethodPatch, "/v1/tasks", "")
	require.Equal(t, 405, wrong.status)
	require.Contains(t, wrong.header.Get("Allow"), http.MethodGet)
}

func TestEveryAnswerHasItsHeaders(t *testing.T) {
	c := newCaller(t, &fake{})
	for _, path := range []string{"/healthz", "/v1/nothing", "/v1/openapi.json"} {
		h := c.do(get, path, "").header
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), path)
		require.Contains(t, h.Get("Content-Security-Policy"), "default-src 'none'", path)
		require.NotEmpty(t, h.Get(requestIDHeader), path)
		require.Empty(t, h.Get("Access-Control-Allow-Origin"), path)
	}
	odd := c.do(get, "/healthz", "", requestIDHeader, `a"b<script>`)
	require.NotContains(t, odd.header.Get(requestIDHeader), "<")
}

// The description names every route that the engine serves, and no other.
func TestOpenAPICoversEveryRoute(t *testing.T) {
	s := newServer(Deps{Store: &fake{}})
	w := httptest.NewRecorder()
	s.engine.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/openapi.json", nil))
	require.Equal(t, 200, w.Code)
	var document struct {
		OpenAPI string                                `json:"openapi"`
		Paths   map[string]map[string]json.RawMessage `json:"paths"`
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &document))
	require.Equal(t, "3.1.0", document.OpenAPI)
	described := map[string]bool{}
	ids := map[string]bool{}
	for path, methods := range document.Paths {
		for method, raw := range methods {
			described[strings.ToUpper(method)+" "+path] = true
			var op struct {
				Summary     string `json:"summary"`
				OperationID string `json:"operationId"`
			}
			require.NoError(t, json.Unmarshal(raw, &op))
			require.NotEmpty(t, op.Summary, path)
			require.False(t, ids[op.OperationID], "%s twice", op.OperationID)
			ids[op.OperationID] = true
		}
	}
	for _, info := range s.engine.Routes() {
		r := s.routes[info.Method+" "+info.Path]
		name := r.method + " " + r.path
		require.True(t, described[name], "%s %s is served and not described", info.Method, info.Path)
		delete(described, name)
	}
	require.Empty(t, described, "described and not served")
	require.NotContains(t, w.Body.String(), "camelCase")
	for name := range jsonNames(t, w.Body.Bytes()) {
		require.Regexp(t, `^[a-z][a-z0-9_]*$`, name)
	}
}

// jsonNames gives the names of all fields of all schemas.
func jsonNames(t *testing.T, document []byte) map[string]bool {
	t.Helper()
	var d struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]json.RawMessage `json:"properties"`
			} `json:"schemas"`
		} `json:"components"`
	}
	require.NoError(t, json.Unmarshal(document, &d))
	names := map[string]bool{}
	for _, s := range d.Components.Schemas {
		for name := range s.Properties {
			names[name] = true
		}
	}
	require.NotEmpty(t, names)
	return names
}
