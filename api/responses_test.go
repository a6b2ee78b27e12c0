package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A response's life: written with a file, tried on a real interaction, approved, activated, suggested, used, changed, compared and removed.
func TestTheLifeOfAResponse(t *testing.T) {
	h := newHouse(t)
	id, task := h.arrive("support", "Invoice")
	h.exec(`update interactions set category = 'billing', language = 'en' where id = $1`, id)

	body, kind := form(t, "file", "terms.pdf", "the terms")
	file := h.do("dan", post, "/v1/responses/files", body, "Content-Type", kind)
	require.Equal(t, 201, file.status, file)
	path := "/v1/configuration/responses/reminder"
	content := `{"language":"en","usage":"suggestion","category":"billing","subject":"{{ interaction.subject }}","text":"Dear {{ contact.name }}, pay.","html":"<p onclick=\"x()\">{{ contact.email }}</p>",
		"attachments":[{"name":"terms.pdf","sha256":"` + file.str("sha256") + `"}]}`
	made := h.do("dan", put, path, content)
	require.Equal(t, 200, made.status, made)
	require.Equal(t, "draft", made.str("state"))

	drafts := h.do("dan", get, "/v1/responses?state=draft&q=reminder", "")
	require.Len(t, drafts.items(), 1, drafts)
	response := drafts.items()[0]["id"].(string)
	require.Empty(t, h.do("ann", get, "/v1/responses?q=reminder", "").items(), "a draft is nobody's")
	require.Equal(t, 403, h.do("ann", get, "/v1/responses?state=draft", "").status)
	require.Equal(t, 404, h.do("ann", get, "/v1/responses/"+response, "").status)
	require.Equal(t, 404, h.do("ann", get, "/v1/responses/"+response+"/attachments/1", "").status)
	require.Equal(t, 404, h.do("ann", post, "/v1/responses/preview", `{"interaction_id":"`+string(id)+`","response_id":"`+response+`"}`).status)

	tried := h.do("root", post, "/v1/responses/preview", `{"interaction_id":"`+string(id)+`","response_id":"`+response+`"}`)
	require.Equal(t, 200, tried.status, tried)
	require.Equal(t, "Dear Customer, pay.", tried.str("text"))
	require.Equal(t, "Invoice", tried.str("subject"))
	require.Equal(t, `<p onclick="x()">support@customer.test</p>`, tried.str("html"))
	require.NotContains(t, tried.str("safe_html"), "onclick")
	require.Len(t, tried.body["attachments"], 1)

	one := h.do("dan", get, "/v1/responses/"+response, "")
	require.Equal(t, 409, h.do("dan", post, "/v1/responses/"+response+"/activate", "").status, "not before it is approved")
	approved := h.do("dan", post, "/v1/responses/"+response+"/approve", "", "If-Match", one.header.Get("ETag"))
	require.Equal(t, 200, approved.status, approved)
	require.Equal(t, "approved", approved.str("state"))
	require.Equal(t, 412, h.do("dan", post, "/v1/responses/"+response+"/activate", "", "If-Match", one.header.Get("ETag")).status)
	again := h.do("dan", post, "/v1/responses/"+response+"/activate", "", "Idempotency-Key", "k1")
	require.Equal(t, 200, again.status, again)
	require.Equal(t, 200, h.do("dan", post, "/v1/responses/"+response+"/activate", "", "Idempotency-Key", "k1").status, "asked again under its key it is the first answer")
	require.Len(t, h.do("dan", get, "/v1/responses?state=active&category=billing&language=en&usage=suggestion", "").items(), 1, "in the place of the one before")

	require.Equal(t, 200, h.do("ann", post, "/v1/tasks/"+string(task)+"/claim", "").status)
	opened := h.do("ann", get, "/v1/tasks/"+string(task), "")
	first := opened.body["suggestions"].([]any)[0].(map[string]any)
	require.Equal(t, response, first["id"], opened)
	require.NotEmpty(t, first["filled"].(map[string]any)["text"])
	attached := first["attachments"].([]any)[0].(map[string]any)
	got := h.do("ann", get, "/v1/responses/"+response+"/attachments/1", "")
	require.Equal(t, 200, got.status)
	require.Equal(t, "the terms", string(got.raw))
	replied := h.do("ann", post, "/v1/tasks/"+string(task)+"/reply", `{"text":"Dear Customer, please pay.","responses":["`+response+`"],"attachments":["`+attached["upload"].(string)+`"]}`)
	require.Equal(t, 201, replied.status, replied)
	for _, c := range h.do("dan", get, "/v1/responses/statistics", "").items() {
		if c["name"] == "reminder" {
			require.EqualValues(t, 1, c["chosen"], c)
			require.NotZero(t, c["change"], c)
		}
	}

	changed := h.do("dan", put, path, strings.ReplaceAll(content, "pay.", "settle your account."))
	require.Equal(t, "draft", changed.str("state"), "other words need another approval")
	versions := h.do("dan", get, "/v1/responses/"+response+"/versions", "")
	require.Len(t, versions.items(), 2, versions)
	require.NotEmpty(t, versions.items()[1]["approver_id"])
	require.Empty(t, versions.items()[0]["approved_at"])
	differs := h.do("dan", get, "/v1/responses/"+response+"/diff", "")
	require.Contains(t, string(differs.raw), `{"op":"removed","text":"pay."},{"op":"added","text":"settle your account."}`)
	require.Equal(t, 400, h.do("dan", get, "/v1/responses/"+response+"/diff?from=7", "").status)
	require.Equal(t, http.StatusNoContent, h.do("dan", del, path, "").status)
	require.Equal(t, 404, h.do("dan", get, "/v1/responses/"+response, "").status)
	require.Len(t, h.do("dan", get, "/v1/responses/"+response+"/versions", "").items(), 2, "what was said stays known")
}

// What answers by itself is not removed, and the refusal says by what it is needed.
func TestAnActiveAutomaticResponseIsInUse(t *testing.T) {
	h := newHouse(t)
	path := "/v1/configuration/responses/auto"
	require.Equal(t, 200, h.do("dan", put, path, `{"language":"en","usage":"auto_response","category":"billing","state":"active","text":"So."}`).status)
	used := h.do("dan", del, path, "")
	require.Equal(t, 409, used.status, used)
	require.Equal(t, "in_use", used.str("code"))
	list := h.do("dan", get, "/v1/responses?state=active&q=auto", "").items()
	uses := h.do("dan", get, "/v1/responses/"+list[0]["id"].(string)+"/uses", "")
	require.Equal(t, "categories", uses.items()[0]["by"], uses)
	require.Equal(t, "billing", uses.items()[0]["name"], uses)
	require.Equal(t, 200, h.do("dan", post, "/v1/responses/"+list[0]["id"].(string)+"/withdraw", "").status)
	require.Equal(t, http.StatusNoContent, h.do("dan", del, path, "").status)
}

// A preview names the field and the place of what is wrong, and what says nothing for this customer.
func TestPreviewNamesTheFault(t *testing.T) {
	h := newHouse(t)
	id, _ := h.arrive("support", "Invoice")
	for _, c := range []struct {
		name, body, field, detail string
		status                    int
	}{
		{"an unknown field", `{"interaction_id":"$","text":"Dear\n{{ contact.nmae }}"}`, "text", "line 2, column 4", 422},
		{"an unknown field in the HTML", `{"interaction_id":"$","text":"x","html":"{{ x }}"}`, "html", "line 1, column 4", 422},
		{"nothing to fill in", `{"interaction_id":"$"}`, "response_id", "", 422},
		{"two things to fill in", `{"interaction_id":"$","text":"x","response_id":"$"}`, "response_id", "", 422},
		{"no interaction", `{"interaction_id":"none","text":"x"}`, "interaction_id", "", 422},
		{"somebody else's interaction", `{"interaction_id":"01990000-0000-7000-8000-000000000001","text":"x"}`, "", "", 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := h.do("ann", post, "/v1/responses/preview", strings.ReplaceAll(c.body, "$", string(id)))
			require.Equal(t, c.status, got.status, got)
			require.Equal(t, c.field, got.str("field"), got)
			require.Contains(t, string(got.raw), c.detail)
		})
	}
	got := h.do("ann", post, "/v1/responses/preview", `{"interaction_id":"`+string(id)+`","text":"{{ interaction.category | default: 'none' }} {{ contact.name }}"}`)
	require.Equal(t, "none Customer", got.str("text"), got)
	require.Equal(t, []any{"interaction.category"}, got.body["empty"])
}
