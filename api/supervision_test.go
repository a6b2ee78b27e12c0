package api

import (
	"encoding/csv"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// The rows of what supervisors do; selections are their author's, and figures those of one's own groups.
func init() {
	maps.Copy(rolesTable, map[string]row{
		"GET /v1/selections":              supervisors(200, "", ""),
		"POST /v1/selections":             {own: [3]int{403, 403, 201}, designer: 403, admin: 201, object: "interaction", path: "/v1/selections", body: `{"order":{"name":"hold"},"filter":{"state":["waiting"]}}`},
		"GET /v1/selections/{id}":         supervisors(200, "selection", ""),
		"GET /v1/selections/{id}/items":   supervisors(200, "selection", ""),
		"POST /v1/selections/{id}/run":    supervisors(200, "selection", ""),
		"POST /v1/selections/{id}/cancel": supervisors(200, "selection", ""),
		"POST /v1/selections/{id}/undo":   supervisors(409, "selection", ""), // it has not run
		"GET /v1/team":                    supervisors(200, "", ""),
		"POST /v1/agents/{id}/take-back":  {own: [3]int{403, 403, 200}, foreign: unknown, designer: 403, admin: 200, object: "agent", body: `{}`},
		"GET /v1/audit":                   supervisors(200, "", ""),
		"GET /v1/audit/verification":      {own: allOf(403), designer: 403, admin: 200},

		"GET /v1/statistics/live":        {own: allOf(200), designer: 403, admin: 200},
		"GET /v1/statistics/live/stream": {own: allOf(200), designer: 403, admin: 200},
		"GET /v1/statistics/report":      supervisors(200, "", "/v1/statistics/report?from=2026-01-01T00:00:00Z&until=2026-02-01T00:00:00Z"),
		"GET /v1/statistics/report.csv":  supervisors(200, "", "/v1/statistics/report.csv?from=2026-01-01T00:00:00Z&until=2026-02-01T00:00:00Z"),
		"GET /metrics":                   {own: allOf(200), designer: 200, admin: 200},
	})
}

// supervisors is for supervisors by role; an object is of those of its own group.
func supervisors(status int, object, path string) row {
	return row{own: [3]int{403, 403, status}, foreign: [3]int{403, 403, 404}, designer: 403, admin: status, object: object, path: path}
}

// A supervisor's way with a selection: dry run with what would change and what stands in the way, run, undo.
func TestASelectionOverREST(t *testing.T) {
	h := newHouse(t)
	free, _ := h.arrive("support", "free")
	held, task := h.arrive("support", "held")
	h.arrive("offers", "foreign")
	require.Equal(t, 200, h.do("ben", post, fmt.Sprintf("/v1/tasks/%s/claim", task), "").status)

	made := h.do("vic", post, "/v1/selections", `{"order":{"name":"hold","reason":"outage"},"filter":{"state":["waiting"]}}`, "Idempotency-Key", "k1")
	require.Equal(t, 201, made.status, made)
	require.EqualValues(t, 2, made.body["total"], "the interactions of other groups are not meant")
	again := h.do("vic", post, "/v1/selections", `{"order":{"name":"hold","reason":"outage"},"filter":{"state":["waiting"]}}`, "Idempotency-Key", "k1")
	require.Equal(t, made.str("id"), again.str("id"))
	path := made.header.Get("Location")
	h.workSelections()
	got := h.do("vic", get, path, "")
	require.Equal(t, []any{"checked", 1.0, 1.0, 0.0}, []any{got.body["state"], got.body["planned"], got.body["refused"], got.body["done"]})
	planned := h.do("vic", get, path+"/items?state=planned", "").items()
	require.Len(t, planned, 1)
	require.Equal(t, string(free), planned[0]["interaction_id"])
	require.Equal(t, []any{map[string]any{"field": "state", "before": "waiting", "after": "on_hold"}}, planned[0]["changes"])
	refused := h.do("vic", get, path+"/items?state=refused&limit=1", "").items()
	require.Equal(t, string(held), refused[0]["interaction_id"])
	require.Equal(t, "task_held", refused[0]["refusal"].(map[string]any)["code"])

	require.Equal(t, 200, h.do("vic", post, path+"/run", "").status)
	h.workSelections()
	require.Equal(t, "done", h.do("vic", get, path, "").str("state"))
	require.Equal(t, "on_hold", h.do("vic", get, "/v1/interactions/"+string(free), "").str("state"))
	undo := h.do("vic", post, path+"/undo", "")
	require.Equal(t, 201, undo.status, undo)
	h.workSelections()
	require.Equal(t, 200, h.do("vic", post, undo.header.Get("Location")+"/run", "").status)
	h.workSelections()
	require.Equal(t, "waiting", h.do("vic", get, "/v1/interactions/"+string(free), "").str("state"))
	require.Len(t, h.do("vic", get, "/v1/selections", "").items(), 2)
	require.Empty(t, h.do("val", get, "/v1/selections", "").items())

	for body, field := range map[string]string{
		`{"order":{"name":"stop"},"filter":{}}`:                       "order.reason",
		`{"order":{"name":"move"},"filter":{}}`:                       "order.queue",
		`{"order":{"name":"hold"}}`:                                   "ids",
		`{"order":{"name":"hold"},"ids":["x"]}`:                       "ids",
		`{"order":{"name":"hold"},"filter":{"contact_id":"x"}}`:       "filter.contact_id",
		`{"order":{"name":"reassign","agent_id":"me"},"filter":{}}`:   "agent_id",
		`{"order":{"name":"hold"},"filter":{},"per_second":100000.0}`: "per_second",
	} {
		bad := h.do("vic", post, "/v1/selections", body)
		require.GreaterOrEqual(t, bad.status, 400, body)
		require.Contains(t, bad.String(), field, body)
	}
}

// Work is taken back from an absent agent: all of it or one task, to its queue, another one, or another agent; nobody else's, and not what is of other groups.
func TestWorkIsTakenBack(t *testing.T) {
	h := newHouse(t)
	take := func(body string) answered {
		return h.do("vic", post, "/v1/agents/"+string(h.people["ben"].Agent)+"/take-back", body)
	}
	hold := func() interaction.ID {
		_, task := h.arrive("support", "held")
		require.Equal(t, 200, h.do("ben", post, fmt.Sprintf("/v1/tasks/%s/claim", task), "").status)
		return task
	}
	first, second := hold(), hold()
	require.Equal(t, 200, h.do("ben", put, "/v1/agents/me/state", `{"ready":true}`).status)
	_, err := h.store.Count(t.Context())
	require.NoError(t, err)
	var holds []any
	for _, m := range h.do("vic", get, "/v1/team", "").items() {
		if m["login"] == "ben" {
			holds = m["holds"].([]any)
			require.EqualValues(t, map[string]any{"email": 2.0}, m["load"])
		}
		require.NotEqual(t, "carl", m["login"])
	}
	require.Len(t, holds, 2)

	one := take(fmt.Sprintf(`{"task_ids":["%s"],"to_agent_id":"%s","stay_ready":true,"reason":"ann knows this"}`, first, h.people["ann"].Agent))
	require.Equal(t, 200, one.status, one)
	v := h.do("vic", get, "/v1/tasks/"+string(first), "")
	require.Equal(t, []any{"queued", string(h.people["ann"].Agent)}, []any{v.body["state"], v.body["reserved_for"]})
	require.Equal(t, 409, take(fmt.Sprintf(`{"task_ids":["%s"]}`, first)).status, "he does not have it any more")
	require.Equal(t, 422, take(`{"queue":"sales"}`).status, "a queue of another group")
	require.Equal(t, 422, take(fmt.Sprintf(`{"to_agent_id":"%s"}`, h.people["ben"].Agent)).status)

	all := take(`{}`)
	require.Equal(t, []any{string(second)}, all.body["task_ids"])
	me := h.do("ben", get, "/v1/agents/me", "")
	require.Equal(t, []any{false, "absent"}, []any{me.body["ready"], me.body["reason"]})
	require.Empty(t, me.body["load"].(map[string]any)["total"])

	third := hold()
	moved := h.do("root", post, "/v1/agents/"+string(h.people["ben"].Agent)+"/take-back", `{"queue":"sales"}`)
	require.Equal(t, 200, moved.status, moved)
	require.Equal(t, "sales", h.do("root", get, "/v1/tasks/"+string(third), "").str("queue"))
	lines := h.do("root", get, "/v1/audit?code=agent.work_taken_back", "").items()
	require.Len(t, lines, 3)
	require.Equal(t, map[string]any{"word": "ann knows this"}, lines[2]["after"])
}

// The audit tells supervisors of their groups, with before and after; admins check its chain.
func TestTheAuditOverREST(t *testing.T) {
	h := newHouse(t)
	service, _ := h.arrive("support", "service")
	sales, _ := h.arrive("offers", "sales")
	for login, id := range map[string]interaction.ID{"vic": service, "val": sales} {
		require.Equal(t, 200, h.do(login, post, fmt.Sprintf("/v1/interactions/%s/priority", id), `{"priority":4,"reason":"a promise"}`).status)
	}
	lines := h.do("vic", get, "/v1/audit?code=order.", "").items()
	require.Len(t, lines, 1)
	require.Equal(t, string(service), lines[0]["interaction_id"])
	require.Equal(t, []any{0.0, 4.0, "a promise"}, []any{
		lines[0]["before"].(map[string]any)["Priority"], lines[0]["after"].(map[string]any)["Priority"], lines[0]["after"].(map[string]any)["Word"],
	})
	require.Len(t, h.do("root", get, "/v1/audit?code=order.", "").items(), 2)
	require.Len(t, h.do("root", get, "/v1/audit?code=order.&actor_id="+string(h.people["val"].Agent), "").items(), 1)
	require.Empty(t, h.do("vic", get, "/v1/audit?interaction_id="+string(sales), "").items())
	all, cursor := 0, ""
	for {
		page := h.do("root", get, "/v1/audit?limit=3&cursor="+cursor, "")
		require.Equal(t, 200, page.status, page)
		all += len(page.items())
		if cursor = page.str("next_cursor"); cursor == "" {
			break
		}
	}
	require.Greater(t, all, 6)
	check := h.do("root", get, "/v1/audit/verification", "")
	require.Equal(t, true, check.body["whole"])
	require.EqualValues(t, all, check.body["unsealed"])
	require.Equal(t, false, h.do("root", get, "/v1/audit/verification?head=1:00", "").body["whole"])
}

// Real-time figures and reports show one's own groups; the sheet's cells are no formulas.
func TestStatisticsOverREST(t *testing.T) {
	h := newHouse(t)
	_, task := h.arrive("support", "one")
	h.arrive("support", "two")
	h.arrive("offers", "three")
	require.Equal(t, 200, h.do("ann", post, fmt.Sprintf("/v1/tasks/%s/claim", task), "").status)
	require.Equal(t, 204, h.do("ann", post, fmt.Sprintf("/v1/tasks/%s/complete", task), `{"disposition":"no_answer_needed"}`).status)
	require.Eventually(t, func() bool {
		_, err := h.store.Count(t.Context())
		require.NoError(t, err)
		queues, _ := h.do("ann", get, "/v1/statistics/live", "").body["queues"].([]any)
		return len(queues) == 1 && queues[0].(map[string]any)["handled"] == 1.0
	}, time.Minute, 10*time.Millisecond)
	live := h.do("ann", get, "/v1/statistics/live", "")
	queue := live.body["queues"].([]any)[0].(map[string]any)
	require.Equal(t, []any{"service", "email", 1.0, 0.0, 2.0, 2.0, 1.0, 0.0, 1.0}, []any{
		queue["queue"], queue["channel"], queue["waiting"], queue["held"], queue["received"], queue["offered_to_people"], queue["taken"], queue["abandoned"], queue["service_level"],
	})
	for _, state := range live.body["agents"].([]any) {
		require.Equal(t, "service", state.(map[string]any)["group"])
	}
	require.Len(t, h.do("root", get, "/v1/statistics/live", "").body["queues"], 2)

	during := fmt.Sprintf("from=%s&until=%s", time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	rows := h.do("vic", get, "/v1/statistics/report?interval=total&by=queue,agent&"+during, "")
	require.Equal(t, 200, rows.status, rows)
	handled := 0.0
	for _, r := range rows.items() {
		require.Equal(t, "service", r["queue"])
		if r["agent_id"] == string(h.people["ann"].Agent) {
			handled += r["handled"].(float64)
		}
	}
	require.EqualValues(t, 1, handled)
	h.exec(`update facts set category = '=HYPERLINK("http://evil.test")'`)
	csvAnswer := h.do("vic", get, "/v1/statistics/report.csv?interval=total&by=category&"+during, "")
	require.Equal(t, 200, csvAnswer.status, csvAnswer)
	require.Contains(t, csvAnswer.header.Get("Content-Type"), "text/csv")
	lines, err := csv.NewReader(strings.NewReader(string(csvAnswer.raw))).ReadAll()
	require.NoError(t, err)
	require.Len(t, lines, 2)
	require.Equal(t, `'=HYPERLINK("http://evil.test")`, lines[1][3])
	require.Equal(t, "2", lines[1][5])

	for query, field := range map[string]string{
		"from=2026-01-01T00:00:00Z&until=2026-01-01T00:00:00Z":                "until",
		"from=2020-01-01T00:00:00Z&until=2026-01-01T00:00:00Z":                "until",
		"from=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z&zone=Moon/Base": "zone",
		"until=2026-01-01T00:00:00Z":                                          "from",
	} {
		bad := h.do("vic", get, "/v1/statistics/report?"+query, "")
		require.Equal(t, 400, bad.status, query)
		require.Contains(t, bad.String(), field)
	}

	text := string(h.do("vic", get, "/metrics", "").raw)
	require.Contains(t, text, `parley_tasks{channel="email",group="service",queue="service",state="queued"} 1`)
	require.Contains(t, text, `parley_facts_total{channel="email",fact="handled",group="service",queue="service"} 1`)
	require.NotContains(t, text, `queue="sales"`)
}

func TestACellIsNoFormula(t *testing.T) {
	for in, out := range map[string]string{"": "", "billing": "billing", "=1+1": "'=1+1", "+49": "'+49", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "＝1": "'＝1"} {
		require.Equal(t, out, cell(in))
	}
}
