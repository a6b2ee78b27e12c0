package api

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUploadAndAttach(t *testing.T) {
	h := newHouse(t)
	body, kind := form(t, "file", "../../päper.html", "%PDF-1.7 really")
	up := h.do("ann", post, "/v1/attachments", body, "Content-Type", kind, "Idempotency-Key", "up-1")
	require.Equal(t, 201, up.status, up)
	require.Equal(t, "päper.html", up.str("name"))
	require.Equal(t, "application/pdf", up.str("type"), "the content tells, not the name")
	body, kind = form(t, "file", "../../päper.html", "%PDF-1.7 really")
	again := h.do("ann", post, "/v1/attachments", body, "Content-Type", kind, "Idempotency-Key", "up-1")
	require.Equal(t, up.str("id"), again.str("id"), "another boundary is the same request")
	require.Equal(t, "true", again.header.Get("Idempotency-Replayed"))

	id, task := h.arrive("support", "x")
	require.Equal(t, 200, h.do("ann", post, "/v1/tasks/"+string(task)+"/claim", "").status)
	draft := h.do("ann", put, "/v1/tasks/"+string(task)+"/draft", `{"text":"x","attachments":["`+up.str("id")+`"]}`)
	require.Equal(t, 200, draft.status, draft)
	require.Equal(t, 204, h.do("ann", post, "/v1/tasks/"+string(task)+"/release", "").status)
	require.Equal(t, 200, h.do("ben", post, "/v1/tasks/"+string(task)+"/claim", "").status)
	reply := h.do("ben", post, "/v1/tasks/"+string(task)+"/reply", `{"text":"x","attachments":["`+up.str("id")+`"]}`)
	require.Equal(t, 201, reply.status, "a file in the draft of a task that he holds: %s", reply)

	_, other := h.arrive("support", "y")
	require.Equal(t, 200, h.do("ben", post, "/v1/tasks/"+string(other)+"/claim", "").status)
	foreign := h.do("ben", post, "/v1/tasks/"+string(other)+"/reply", `{"text":"x","attachments":["`+up.str("id")+`"]}`)
	require.Equal(t, 422, foreign.status, foreign)

	file := h.do("sue", get, "/v1/interactions/"+string(id)+"/messages/2/attachments/1", "")
	require.Equal(t, 200, file.status, file)
	require.Equal(t, "%PDF-1.7 really", string(file.raw))
	require.Equal(t, "application/pdf", file.header.Get("Content-Type"))
	require.Equal(t, 404, h.do("sue", get, "/v1/interactions/"+string(id)+"/messages/2/raw", "").status, "what we wrote has no raw form")
	require.Equal(t, 404, h.do("carl", get, "/v1/interactions/"+string(id)+"/messages/2/attachments/1", "").status)
}

func TestBadUploads(t *testing.T) {
	c := newCaller(t, accepting())
	tests := []struct {
		name, field, content string
		status               int
		code                 string
	}{
		{"another field", "picture", "x", 400, "unknown_field"},
		{"empty", "file", "", 422, "empty_file"},
		{"too large", "file", strings.Repeat("x", maxUpload+1), 413, "too_large"},
		{"far too large", "file", strings.Repeat("x", 2*maxUpload), 413, "too_large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body, kind := form(t, tt.field, "a.txt", tt.content)
			got := c.do(post, "/v1/attachments", body, "Content-Type", kind)
			require.Equal(t, tt.status, got.status, got)
			require.Equal(t, tt.code, got.str("code"))
		})
	}
	body, kind := form(t, "file", "a.txt", "x")
	require.Equal(t, 400, c.do(post, "/v1/attachments", body[:len(body)-20], "Content-Type", kind).status, "cut")
	require.Equal(t, 415, c.do(post, "/v1/attachments", `{}`).status)
}
