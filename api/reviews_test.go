package api

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// withForm has every reply in service reviewed with a form.
func (h *house) withForm(t *testing.T) {
	t.Helper()
	made := h.do("root", post, "/v1/configuration", `{
		"forms": [{"name":"quality","questions":[{"id":"right","text":"Is it right?","critical":true},{"id":"tone","text":"Tone","most":4,"weight":2},{"id":"more","text":"More?","optional":true}]}],
		"review_policies": [{"name":"normal","queue":"service","floor":100,"rise":20,"form":"quality","deadline_seconds":600,"overdue":"release"}]}`)
	require.Equal(t, 200, made.status, made)
}

// A reviewer sees why the reply is his to judge, by when and by which form; what he answers is scored and summed up for both.
func TestAReviewWithAForm(t *testing.T) {
	h := newHouse(t)
	h.withForm(t)
	id, review := h.review("support", "ann")
	path := "/v1/reviews/" + string(review)
	seen := h.do("sue", get, path, "")
	require.Equal(t, 200, seen.status, seen)
	require.Equal(t, "normal", seen.body["drawn"].(map[string]any)["policy"])
	require.EqualValues(t, 100, seen.body["drawn"].(map[string]any)["rate"])
	require.Equal(t, "quality", seen.body["form"].(map[string]any)["name"])
	due, err := time.Parse(time.RFC3339Nano, seen.str("due_at"))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(10*time.Minute), due, time.Minute)

	for _, c := range []struct{ body, field string }{
		{`{"decision":"approve"}`, "evaluation.right"},
		{`{"decision":"approve","evaluation":{"right":2,"tone":4}}`, "evaluation.right"},
		{`{"decision":"approve","evaluation":{"right":1}}`, "evaluation.tone"},
		{`{"decision":"approve","evaluation":{"right":1,"tone":4,"other":1}}`, "evaluation.other"},
		{`{"decision":"return","evaluation":{"right":1,"tone":4}}`, "comment"},
		{fmt.Sprintf(`{"decision":"reassign","agent_id":"%s"}`, h.people["ann"].Agent), "agent_id"},
		{fmt.Sprintf(`{"decision":"reassign","agent_id":"%s"}`, h.people["ben"].Agent), "agent_id"},
		{fmt.Sprintf(`{"decision":"reassign","agent_id":"%s"}`, interaction.NewID()), "agent_id"},
	} {
		got := h.do("sue", post, path+"/decision", c.body)
		require.Equal(t, 422, got.status, got)
		require.Equal(t, c.field, got.str("field"), got)
	}
	to := h.do("sue", post, path+"/decision", fmt.Sprintf(`{"decision":"reassign","agent_id":"%s"}`, h.people["vic"].Agent))
	require.Equal(t, 204, to.status, to)
	reserved := h.do("sue", post, path+"/decision", `{"decision":"approve","evaluation":{"right":1,"tone":3}}`)
	require.Equal(t, 409, reserved.status, "it is for vic now: %s", reserved)
	done := h.do("vic", post, path+"/decision", `{"decision":"approve","text":"It comes on Friday.","evaluation":{"right":1,"tone":3}}`)
	require.Equal(t, 204, done.status, done)

	edits := h.do("ann", get, "/v1/interactions/"+string(id)+"/messages/2/edits", "").items()
	require.Len(t, edits, 1)
	require.Equal(t, string(h.people["vic"].Agent), edits[0]["reviewer_id"])
	require.Equal(t, "Answer", edits[0]["before"].(map[string]any)["text"])
	require.Equal(t, "It comes on Friday.", edits[0]["after"].(map[string]any)["text"])
	require.Equal(t, map[string]any{"op": "removed", "text": "Answer"}, edits[0]["text_diff"].([]any)[0])
	require.Equal(t, 404, h.do("ann", get, "/v1/interactions/"+string(id)+"/messages/9/edits", "").status)
	require.Empty(t, h.do("ann", get, "/v1/interactions/"+string(id)+"/messages/1/edits", "").items())

	_, second := h.review("support", "ann")
	require.Equal(t, 204, h.do("sue", post, "/v1/reviews/"+string(second)+"/decision", `{"decision":"return","comment":"No.","evaluation":{"right":0,"tone":4}}`).status)
	author := h.do("ann", get, "/v1/scorecards?agent=me", "").items()
	require.Len(t, author, 1)
	require.Subset(t, author[0], map[string]any{"login": "ann", "reviews": 2.0, "approved": 1.0, "edited": 1.0, "returned": 1.0, "scored": 2.0, "score": 41.7}, author)
	reviewers := h.do("vic", get, "/v1/scorecards?of=reviewers", "").items()
	require.Len(t, reviewers, 2)
	require.Empty(t, h.do("ben", get, "/v1/scorecards", "").items(), "a colleague's are not his to see")
	require.Empty(t, h.do("val", get, "/v1/scorecards", "").items(), "nor another group's")
	require.Equal(t, 400, h.do("vic", get, "/v1/scorecards?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "").status)
	rates := h.do("ann", get, "/v1/review-rates?agent=me", "").items()
	require.Len(t, rates, 1)
	require.Subset(t, rates[0], map[string]any{"policy": "normal", "rate": 100.0, "reason": "start"})
}
