package screening

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

func rule(name, definition string) interaction.Rule {
	return interaction.Rule{Name: name, Enabled: true, Definition: json.RawMessage(definition)}
}

func TestScreen(t *testing.T) {
	set, err := Compile([]interaction.Rule{
		rule("order", `{"when": {"field": "text", "op": "regex_find", "text": "order (?P<order_number>\\d+)"}, "then": {"queue": "orders"}}`),
		rule("list", `{"when": {"field": "header.List-Id", "op": "exists"}, "then": {"no_auto_response": true}}`),
		{Name: "off", Definition: json.RawMessage(`{"when": {}, "then": {"spam": true}}`)},
	})
	require.NoError(t, err)
	var s Screener
	m := interaction.Material{Message: interaction.Message{
		Subject: "Question", Text: "Where is order 4711?", Headers: []interaction.Header{{Name: "List-ID", Value: "<news.example.test>"}},
	}}
	require.Empty(t, s.Screen(m, "en").Rules, "before rules are in force nothing is said")
	s.Use(set)
	got := s.Screen(m, "en")
	require.Equal(t, []string{"order", "list"}, got.Rules)
	require.Equal(t, "4711", got.Data["order_number"])
	require.Equal(t, "orders", got.Queue)
	require.True(t, got.NoAuto)
	require.False(t, got.Spam, "a rule that is off does nothing")
}

func TestAFaultyRuleIsNamed(t *testing.T) {
	_, err := Compile([]interaction.Rule{rule("bad", `{"when": {"field": "text", "op": "regex_find", "text": "("}, "then": {}}`)})
	require.ErrorContains(t, err, "bad")
	_, err = Compile([]interaction.Rule{rule("broken", `{`)})
	require.ErrorContains(t, err, "broken")
}
