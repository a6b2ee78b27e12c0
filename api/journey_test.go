package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// A mail is claimed, drafted, consulted on, answered, returned by the reviewer, answered again and approved: all by REST.
func TestAnsweringByREST(t *testing.T) {
	h := newHouse(t)
	id, task := h.arrive("support", "Where is my invoice?")
	h.exec(`update interactions set category = 'billing', language = 'en' where id = $1`, id)

	list := h.do("ann", get, "/v1/tasks?state=queued&kind=handle&queue=service", "")
	require.Equal(t, 200, list.status, list)
	require.Len(t, list.items(), 1)
	require.Equal(t, string(task), list.items()[0]["id"])

	held := h.do("ann", post, "/v1/tasks/claim-next", `{"queue":"service"}`)
	require.Equal(t, 200, held.status, held)
	require.Equal(t, string(task), held.str("id"))
	require.Equal(t, "held", held.str("state"))
	require.Equal(t, string(h.people["ann"].Agent), held.str("agent_id"))

	late := h.do("ben", post, "/v1/tasks/"+string(task)+"/claim", "")
	require.Equal(t, 409, late.status, late)
	require.Equal(t, "task_taken", late.str("code"))
	require.Equal(t, string(h.people["ann"].Agent), late.str("agent"))

	one := h.do("ann", get, "/v1/tasks/"+string(task), "")
	require.Equal(t, 200, one.status, one)
	require.Equal(t, held.header.Get("ETag"), one.header.Get("ETag"))
	require.Len(t, one.body["suggestions"], 1)
	require.Empty(t, one.body["consults"])

	draft := h.do("ann", put, "/v1/tasks/"+string(task)+"/draft", `{"text":"Dear"}`)
	require.Equal(t, 200, draft.status, draft)
	stale := h.do("ann", put, "/v1/tasks/"+string(task)+"/draft", `{"text":"Dear"}`, "If-Match", `"9"`)
	require.Equal(t, 412, stale.status, stale)
	require.EqualValues(t, 1, stale.body["version"])

	asked := h.do("ann", post, "/v1/tasks/"+string(task)+"/consult", `{"agent_id":"`+string(h.people["ben"].Agent)+`","question":"Which number?"}`)
	require.Equal(t, 201, asked.status, asked)
	require.Equal(t, 200, h.do("ben", post, "/v1/tasks/"+asked.str("id")+"/claim", "").status)
	require.Equal(t, 204, h.do("ben", post, "/v1/tasks/"+asked.str("id")+"/complete", `{"answer":"42"}`).status)
	one = h.do("ann", get, "/v1/tasks/"+string(task), "")
	consults, _ := one.body["consults"].([]any)
	require.Len(t, consults, 1)
	require.Subset(t, consults[0], map[string]any{"question": "Which number?", "answer": "42", "state": "done"})
	require.NotNil(t, one.body["draft"])

	old := h.do("ann", post, "/v1/tasks/"+string(task)+"/reply", `{"text":"It is 42."}`, "If-Match", held.header.Get("ETag"))
	require.Equal(t, 412, old.status, old)
	require.Equal(t, "stale_version", old.str("code"))

	reply := h.do("ann", post, "/v1/tasks/"+string(task)+"/reply", `{"text":"It is 42."}`, "If-Match", one.header.Get("ETag"), "Idempotency-Key", "reply-1")
	require.Equal(t, 201, reply.status, reply)
	require.EqualValues(t, 2, reply.body["number"])
	require.Equal(t, "Re: Where is my invoice?", reply.str("subject"))
	again := h.do("ann", post, "/v1/tasks/"+string(task)+"/reply", `{"text":"It is 42."}`, "If-Match", one.header.Get("ETag"), "Idempotency-Key", "reply-1")
	require.Equal(t, 201, again.status, again)
	require.Equal(t, "true", again.header.Get("Idempotency-Replayed"))
	require.EqualValues(t, 2, again.body["number"])
	other := h.do("ann", post, "/v1/tasks/"+string(task)+"/reply", `{"text":"It is 43."}`, "Idempotency-Key", "reply-1")
	require.Equal(t, 409, other.status, other)
	require.Equal(t, "key_reused", other.str("code"))

	r, err := h.store.OpenReview(t.Context(), id, "review-1", 2, h.people["ann"].Agent, 0)
	require.NoError(t, err)
	review := string(r.Task)
	require.Len(t, h.do("sue", get, "/v1/reviews", "").items(), 1)
	seen := h.do("sue", get, "/v1/reviews/"+review, "")
	require.Equal(t, 200, seen.status, seen)
	require.Subset(t, seen.body["reply"], map[string]any{"text": "It is 42."})
	require.Subset(t, seen.body["answers"], map[string]any{"text": "Hello"})
	require.Equal(t, 422, h.do("sue", post, "/v1/reviews/"+review+"/decision", `{"decision":"return"}`).status)
	done := h.do("sue", post, "/v1/reviews/"+review+"/decision", `{"decision":"approve","text":"It is forty-two."}`, "If-Match", seen.header.Get("ETag"))
	require.Equal(t, http.StatusNoContent, done.status, done)

	messages := h.do("ann", get, "/v1/interactions/"+string(id)+"/messages", "")
	require.Len(t, messages.items(), 2)
	require.Equal(t, "It is forty-two.", messages.items()[1]["text"])
	events := h.do("ann", get, "/v1/interactions/"+string(id)+"/events", "")
	codes := []any{}
	for _, e := range events.items() {
		codes = append(codes, e["code"])
	}
	require.Subset(t, codes, []any{"interaction.received", "task.opened", "task.claimed", "task.consulted", "task.done", "reply.edited"})
}
