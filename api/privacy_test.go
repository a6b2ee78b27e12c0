package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// What is owed to people is for admins; rules of retention are configuration.
func init() {
	admins := row{own: allOf(403), foreign: allOf(403), designer: 403, admin: 200}
	of := func(object string, admin int) row {
		r := admins
		r.object, r.admin = object, admin
		return r
	}
	erasure, export := of("contact", 202), of("contact", 202)
	erasure.body = `{}`
	rolesTable["POST /v1/contacts/{id}/erasure"], rolesTable["POST /v1/contacts/{id}/exports"] = erasure, export
	rolesTable["GET /v1/erasures"], rolesTable["GET /v1/erasures/{id}"] = of("", 200), of("erasure", 200)
	rolesTable["GET /v1/exports/{id}"], rolesTable["GET /v1/exports/{id}/archive"] = of("export", 200), of("export", 200)
	rolesTable["GET /v1/retention"] = row{own: allOf(403), designer: 200, admin: 200}
	rolesTable["POST /v1/retention/try"] = row{own: allOf(403), designer: 200, admin: 200, body: `{"rules":[{"name":"raw","kind":"raw","days":30}]}`}
}

// Who was erased is gone for everybody who could know of him, and so is what he sent; a reply to him is refused as that.
func TestGoneIs410(t *testing.T) {
	h := newHouse(t)
	id, task := h.arrive("support", "gone")
	v, err := h.store.Interaction(t.Context(), interaction.System, id)
	require.NoError(t, err)
	claimed := h.do("ann", post, "/v1/tasks/"+string(task)+"/claim", "")
	require.Equal(t, http.StatusOK, claimed.status, claimed)
	exported := h.do("root", post, "/v1/contacts/"+string(v.Contact)+"/exports", "")
	require.Equal(t, http.StatusAccepted, exported.status, exported)

	bad := h.do("root", post, "/v1/contacts/"+string(v.Contact)+"/erasure", `{"reason":"Because he said so"}`)
	require.Equal(t, http.StatusUnprocessableEntity, bad.status, bad)
	erased := h.do("root", post, "/v1/contacts/"+string(v.Contact)+"/erasure", `{"reason":"asked_for"}`)
	require.Equal(t, http.StatusAccepted, erased.status, erased)
	for _, call := range []struct{ login, method, path, body string }{
		{"ann", get, "/v1/contacts/" + string(v.Contact), ""},
		{"ann", get, "/v1/contacts/" + string(v.Contact) + "/notes", ""},
		{"ann", post, "/v1/contacts/" + string(v.Contact) + "/notes", `{"text":"Rings back"}`},
		{"root", post, "/v1/contacts/" + string(v.Contact) + "/exports", ""},
		{"ann", post, "/v1/tasks/" + string(task) + "/reply", `{"text":"Hello"}`},
	} {
		got := h.do(call.login, call.method, call.path, call.body)
		require.Equal(t, http.StatusGone, got.status, "%s %s: %s", call.method, call.path, got)
	}
	stranger := h.do("carl", get, "/v1/contacts/"+string(v.Contact), "")
	require.Equal(t, http.StatusNotFound, stranger.status, "who may not know of him is not told that he was there")

	h.exec(`delete from raw_pieces where raw_id in (select raw_id from inbound where interaction_id = $1)`, id)
	raw := h.do("ann", get, "/v1/interactions/"+string(id)+"/messages/1/raw", "")
	require.Equal(t, http.StatusGone, raw.status, raw)
	require.Contains(t, raw.String(), "retention")
}

// A rule says how long, of what and where; what it says wrong is named.
func TestRetentionRules(t *testing.T) {
	h := newHouse(t)
	for body, field := range map[string]string{
		`{"kind":"raw","days":0}`:                          "days",
		`{"kind":"everything","days":3}`:                   "kind",
		`{"kind":"raw","channel":"fax","days":3}`:          "channel",
		`{"kind":"contacts","channel":"email","days":300}`: "channel",
	} {
		got := h.do("dan", put, "/v1/configuration/retention/rule", body)
		require.Equal(t, http.StatusUnprocessableEntity, got.status, "%s: %s", body, got)
		require.Contains(t, got.String(), field)
	}
	made := h.do("dan", put, "/v1/configuration/retention/rule", `{"kind":"raw","channel":"email","days":30}`)
	require.Equal(t, http.StatusOK, made.status, made)
	twice := h.do("dan", put, "/v1/configuration/retention/again", `{"kind":"raw","channel":"email","days":60}`)
	require.Equal(t, http.StatusUnprocessableEntity, twice.status, twice)
	told := h.do("dan", get, "/v1/retention", "")
	require.Equal(t, http.StatusOK, told.status, told)
	require.Contains(t, told.String(), `"things":0`)
}
