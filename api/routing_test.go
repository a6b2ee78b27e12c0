package api

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Who would get a task now is told with everybody's reason; a supervisor reads it of the people of his groups, and the counts of all.
func TestWhoWouldGetIt(t *testing.T) {
	h := newHouse(t)
	id, task := h.arrive("support", "kettle")
	h.exec(`update agents set ready = false, reason = 'lunch'`)
	h.exec(`update agents set ready = true, reason = '' where login in ('ann', 'ben')`)
	h.exec(`update agents set capacity = '{"rules": [{"no": "email", "while": {"chat": 1}}]}', load = '{"chat": 1}', load_total = 1 where login = 'ann'`)

	got := h.do("vic", get, "/v1/tasks/"+string(task)+"/routing", "")
	require.Equal(t, 200, got.status, got)
	require.Equal(t, string(h.people["ben"].Agent), got.str("winner_id"))
	require.Equal(t, "longest_idle", got.str("choice"))
	require.Equal(t, map[string]any{"fits": 1.0, "capacity_rule": 1.0, "not_ready": 7.0}, got.body["counts"])
	why := map[string]any{}
	for _, c := range got.body["candidates"].([]any) {
		who := c.(map[string]any)
		why[who["name"].(string)] = who["why"]
	}
	require.Equal(t, map[string]any{"Ann": "capacity_rule", "Ben": "fits", "Sue": "not_ready", "Vic": "not_ready", "Dan": "not_ready"}, why, "Carl is of another group")

	list := h.do("vic", get, "/v1/interactions/"+string(id)+"/routing", "")
	require.Equal(t, 200, list.status, list)
	require.Len(t, list.items(), 1)
	require.Equal(t, string(task), list.items()[0]["task_id"])
	all := h.do("dan", get, "/v1/tasks/"+string(task)+"/routing", "")
	require.Len(t, all.body["candidates"], 9, "who configures sees all")

	h.exec(`update agents set load = '{}', load_total = 0`)
	require.Equal(t, 200, h.do("ben", post, "/v1/tasks/"+string(task)+"/claim", "").status)
	for path, code := range map[string]string{"/v1/tasks/" + string(task): "task_taken", "/v1/interactions/" + string(id): "nothing_waiting"} {
		held := h.do("vic", get, path+"/routing", "")
		require.Equal(t, 409, held.status, held)
		require.Equal(t, code, held.str("code"))
	}
}
