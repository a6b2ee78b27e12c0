package understanding

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

type shelf struct {
	m     interaction.Material
	found interaction.Explained
}

func (s *shelf) Understand(_ context.Context, _ interaction.ID, _ string, _ int64, look func(interaction.Material) interaction.Explained) (interaction.Understood, error) {
	s.found = look(s.m)
	return s.found.Understood, nil
}

func (s *shelf) Material(context.Context, interaction.ID, int64) (interaction.Material, error) {
	return s.m, nil
}

type rulesSay Screened

func (r rulesSay) Screen(interaction.Material, string) Screened { return Screened(r) }

type modelSays struct {
	Categorized
	read *string
}

func (m modelSays) Language(string, string) string { return "en" }
func (m modelSays) Categorize(text, _ string) Categorized {
	*m.read = text
	return m.Categorized
}

func (m modelSays) Decide(ranked []interaction.RankedCategory) Categorized {
	return Categorized{Ranked: ranked, Best: ranked[0].Category, Certain: true}
}
func (m modelSays) Readable(text string) bool               { return len(text) > 3 }
func (m modelSays) Demand(category string) (string, string) { return "", "skill of " + category }

func TestUnderstandMessage(t *testing.T) {
	sure := Categorized{Best: "orders/status", Certain: true, Ranked: []interaction.RankedCategory{{Category: "orders/status", Confidence: 0.97}}}
	spam := Categorized{Best: interaction.CategorySpam, Certain: true, Ranked: []interaction.RankedCategory{{Category: interaction.CategorySpam, Confidence: 0.999}}}
	unsureSpam := Categorized{Best: interaction.CategorySpam, Ranked: []interaction.RankedCategory{{Category: interaction.CategorySpam, Confidence: 0.9}}}
	tests := []struct {
		name    string
		message interaction.Message
		rules   Screened
		model   Categorized
		request Request
		want    interaction.Understood
	}{
		{
			"the model is sure",
			interaction.Message{},
			Screened{},
			sure,
			Request{},
			interaction.Understood{Language: "en", Category: "orders/status", Confidence: 0.97, Certain: true, Skill: "skill of orders/status"},
		},
		{
			"a rule knows better",
			interaction.Message{},
			Screened{Category: "legal", Queue: "lawyers", NoAuto: true},
			sure,
			Request{},
			interaction.Understood{Language: "en", Category: "legal", Confidence: 1, Certain: true, NoAuto: true, Queue: "lawyers", Skill: "skill of legal"},
		},
		{
			"a supervisor knows best, and nothing is answered by itself",
			interaction.Message{},
			Screened{Category: "legal"},
			sure,
			Request{Category: "billing"},
			interaction.Understood{Language: "en", Category: "billing", Confidence: 1, Skill: "skill of billing"},
		},
		{
			"surely spam",
			interaction.Message{},
			Screened{},
			spam,
			Request{},
			interaction.Understood{Language: "en", Category: "spam", Confidence: 0.999, Certain: true, Spam: true, Skill: "skill of spam"},
		},
		{
			"perhaps spam is for people",
			interaction.Message{},
			Screened{},
			unsureSpam,
			Request{},
			interaction.Understood{Language: "en", Category: "spam", Confidence: 0.9, Skill: "skill of spam"},
		},
		{
			"a machine",
			interaction.Message{Machine: "dsn"},
			Screened{},
			sure,
			Request{},
			interaction.Understood{Language: "en", Category: "orders/status", Confidence: 0.97, Certain: true, Machine: true, Skill: "skill of orders/status"},
		},
		{
			"kept raw: nothing is looked at",
			interaction.Message{Problems: []string{interaction.ProblemKeptRaw}},
			Screened{Spam: true},
			sure,
			Request{},
			interaction.Understood{NoAuto: true},
		},
		{"what was found could not be kept", interaction.Message{}, Screened{Spam: true}, sure, Request{GiveUp: true}, interaction.Understood{NoAuto: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var read string
			a := &Activities{Store: &shelf{m: interaction.Material{Message: tt.message}}, Screener: rulesSay(tt.rules), Categorizer: modelSays{tt.model, &read}}
			got, err := a.UnderstandMessage(t.Context(), tt.request)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestOnlyWhatIsNewIsCategorised(t *testing.T) {
	var read string
	s := &shelf{m: interaction.Material{Message: interaction.Message{Subject: "Hello", Text: "New\n> old", ReplyText: "New"}}}
	_, err := (&Activities{Store: s, Screener: rulesSay{}, Categorizer: modelSays{read: &read}}).UnderstandMessage(t.Context(), Request{})
	require.NoError(t, err)
	require.Equal(t, "Hello\nNew", read)
}

type broken struct{}

func (broken) Screen(interaction.Material, string) Screened { panic("a rule broke") }

func TestAPanicIsContained(t *testing.T) {
	var read string
	s := &shelf{}
	got, err := (&Activities{Store: s, Screener: broken{}, Categorizer: modelSays{read: &read}}).UnderstandMessage(t.Context(), Request{})
	require.NoError(t, err)
	require.Equal(t, interaction.Understood{NoAuto: true}, got)
	require.Equal(t, "panicked", s.found.Failed)
}
