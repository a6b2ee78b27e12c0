package categorization

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/lib/text"
)

// tiny is a model of two categories.
func tiny(t *testing.T) interaction.Model {
	t.Helper()
	var samples []text.Sample
	for i := range 60 {
		samples = append(samples,
			text.Sample{Category: "password", Text: []string{"I forgot my password", "please reset my password", "I cannot sign in", "help me with my password"}[i%4] + []string{" for the account", ", please reset it", " since yesterday"}[i%3]},
			text.Sample{Category: "order", Text: []string{"where is the parcel", "my order has not arrived", "when will the parcel come", "I never got my order"}[i%4] + []string{" that I ordered", " that I paid", " this week"}[i%3]})
	}
	return trained(t, samples)
}

func trained(t *testing.T, samples []text.Sample) interaction.Model {
	t.Helper()
	m, err := text.Train(samples, text.Options{})
	require.NoError(t, err)
	var out bytes.Buffer
	_, err = m.WriteTo(&out)
	require.NoError(t, err)
	return interaction.Model{ID: interaction.NewID(), Language: "en", Data: out.Bytes()}
}

func TestThresholds(t *testing.T) {
	never, always := 2.0, 0.0
	model := tiny(t)
	tests := []struct {
		name     string
		category interaction.CategorySetup
		text     string
		language string
		best     string
		certain  bool
	}{
		{"certain", interaction.CategorySetup{Name: "password", AutoThreshold: &always}, "I forgot my password, please reset it", "en", "password", true},
		{"good enough to route", interaction.CategorySetup{Name: "password", AutoThreshold: &never, RouteThreshold: &always}, "I forgot my password, please reset it", "en", "password", false},
		{"not good enough", interaction.CategorySetup{Name: "password", RouteThreshold: &never}, "I forgot my password, please reset it", "en", "", false},
		{"too short to know anything", interaction.CategorySetup{Name: "password", AutoThreshold: &always}, "password", "en", "", false},
		{"no model for the language", interaction.CategorySetup{Name: "password", AutoThreshold: &always}, "I forgot my password, please reset it", "fr", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			state, err := Load([]interaction.Model{model}, []interaction.CategorySetup{tt.category})
			require.NoError(t, err)
			var c Categorizer
			require.Empty(t, c.Categorize(tt.text, "en").Best, "before anything is loaded nothing is known")
			c.Use(state)
			got := c.Categorize(tt.text, tt.language)
			require.Equal(t, tt.best, got.Best)
			require.Equal(t, tt.certain, got.Certain)
			if got.Best != "" {
				require.Equal(t, model.ID, got.Model)
			}
		})
	}
}

func TestABrokenModelIsRefused(t *testing.T) {
	_, err := Load([]interaction.Model{{Language: "en", Data: []byte("not a model")}}, nil)
	require.ErrorIs(t, err, text.ErrBadModel)
}

func TestLanguageOfTheEntryPointWhereTheTextIsUnclear(t *testing.T) {
	var c Categorizer
	require.Equal(t, "de", c.Language("ok", "de"))
	require.Equal(t, "en", c.Language("Good morning, I would like to know where my order is and when it will arrive.", "de"))
}
