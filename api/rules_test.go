package api

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

const refundRule = `{"name":"refund","expression":"text.find(\"refund\") && text.regexFind(r\"order (?P<order>\\d+)\") && auth.spf.equals(\"pass\")","then":{"priority":7,"queue":"sales"}}`

// A rule is tried on a pasted or a stored message before it is there or enabled; nothing is kept.
func TestRulesAreTried(t *testing.T) {
	h := newHouse(t)
	const pasted = `{"subject":"refund","text":"for order 4711","from":"c@d.test","data":{"auth.spf":"pass"}}`
	tried := h.do("dan", post, "/v1/rules/try", fmt.Sprintf(`{"rules":[%s],"message":%s}`, refundRule, pasted))
	require.Equal(t, 200, tried.status, tried)
	require.Equal(t, []any{"refund"}, tried.body["hits"])
	require.Equal(t, map[string]any{"order": "4711"}, tried.body["data"])
	require.EqualValues(t, 7, tried.body["priority"])
	require.Equal(t, 404, h.do("root", get, "/v1/configuration/rules/refund", "").status, "it was only tried")

	stored := h.do("root", put, "/v1/configuration/rules/hello", `{"name":"hello","enabled":false,"expression":"subject.exists()","then":{"attach":{"seen":"yes"}}}`)
	require.Equal(t, 200, stored.status, stored)
	require.Equal(t, "subject.exists()", h.do("root", get, "/v1/configuration/rules/hello", "").str("expression"))
	both := h.do("root", post, "/v1/rules/try", fmt.Sprintf(`{"message":%s}`, pasted))
	require.Empty(t, both.body["hits"], "what is not enabled does not apply")

	id, _ := h.arrive("support", "tried")
	rule := `{"name":"any","expression":"sender.exists()","then":{"spam":true}}`
	mine := h.do("root", post, "/v1/rules/try", fmt.Sprintf(`{"rules":[%s],"alone":true,"stored":{"interaction_id":"%s"}}`, rule, id))
	require.Equal(t, 200, mine.status, mine)
	require.Equal(t, true, mine.body["spam"])
	hidden := h.do("dan", post, "/v1/rules/try", fmt.Sprintf(`{"rules":[%s],"stored":{"interaction_id":"%s"}}`, rule, id))
	require.Equal(t, 404, hidden.status, "who may not read the message may not try rules on it")
}

// What does not compile is refused with the place of the fault, when it is tried and when it is kept.
func TestFaultyRulesAreRefused(t *testing.T) {
	h := newHouse(t)
	for name, c := range map[string]struct {
		rule, path string
		offset     int
	}{
		"an unknown field":    {`{"name":"bad","expression":"subject.exists() && betreff.find(\"x\")"}`, "expression", 20},
		"a broken pattern":    {`{"name":"bad","when":{"field":"body","op":"regex_find","text":"ab("}}`, "when.text", 0},
		"a field that is not": {`{"name":"bad","when":{"all":[{"field":"x","op":"exists"}]}}`, "when.all[0].field", 0},
	} {
		t.Run(name, func(t *testing.T) {
			refused := h.do("dan", post, "/v1/rules/try", `{"rules":[`+c.rule+`],"message":{"text":"x"}}`)
			require.Equal(t, 422, refused.status, refused)
			require.Equal(t, "bad_rule", refused.str("code"))
			require.Equal(t, "bad", refused.str("rule"))
			require.Equal(t, c.path, refused.str("path"))
			require.EqualValues(t, c.offset, refused.body["offset"], refused)
		})
	}
	none := h.do("dan", post, "/v1/rules/try", `{}`)
	require.Equal(t, 422, none.status, none)
}

// The report counts what the audit says, rules that never applied included.
func TestRuleHitsAreCounted(t *testing.T) {
	h := newHouse(t)
	require.Equal(t, 200, h.do("dan", put, "/v1/configuration/rules/often", `{"name":"often","enabled":true,"expression":"true"}`).status)
	require.Equal(t, 200, h.do("dan", put, "/v1/configuration/rules/never", `{"name":"never","enabled":true,"expression":"false"}`).status)
	for range 3 {
		h.exec(`insert into events (code, data) values ('interaction.understood', '{"rules": ["often", "gone"]}')`)
	}
	h.exec(`insert into events (code, data) values ('interaction.understood', '{"rules": []}')`)
	got := h.do("dan", get, "/v1/rules/hits", "")
	require.Equal(t, 200, got.status, got)
	items := got.body["items"].([]any)
	require.Len(t, items, 2)
	often, never := items[0].(map[string]any), items[1].(map[string]any)
	require.Equal(t, "often", often["rule"])
	require.EqualValues(t, 3, often["hits"])
	require.EqualValues(t, 0.75, often["share"])
	require.EqualValues(t, 0, never["hits"])
	require.NotContains(t, never, "last_at")
	require.Equal(t, 400, h.do("dan", get, "/v1/rules/hits?from=2026-02-02T00:00:00Z&until=2026-01-01T00:00:00Z", "").status)
}
