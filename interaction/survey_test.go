package interaction_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

func sheet() interaction.SurveySheet {
	return interaction.Survey{Questions: []interaction.SurveyQuestion{
		{Key: "how", Text: map[string]string{"en": "How?"}, Required: true},
		{Key: "again", Text: map[string]string{"en": "Again?"}, Least: 0, Most: 10},
		{Key: "why", Kind: interaction.SurveyChoice, Text: map[string]string{"en": "Why?"}, Choices: []string{"slow", "rude"}},
		{Key: "word", Kind: interaction.SurveyText, Text: map[string]string{"en": "More?"}},
	}}.Sheet("de-AT")
}

func TestAnswersOfASurveyAreRead(t *testing.T) {
	tests := []struct {
		name    string
		answers map[string]string
		kept    map[string]string
		score   float64
		wrong   string // field
	}{
		{"all of them", map[string]string{"how": "5", "again": "0", "why": "slow", "word": " Fine. "}, map[string]string{"how": "5", "again": "0", "why": "slow", "word": "Fine."}, 50, ""},
		{"what must be", map[string]string{"how": "1"}, map[string]string{"how": "1"}, 0, ""},
		{"blanks are none", map[string]string{"how": " 3 ", "word": "  "}, map[string]string{"how": "3"}, 50, ""},
		{"nothing", nil, nil, 0, "how"},
		{"a score above", map[string]string{"how": "6"}, nil, 0, "how"},
		{"a score below", map[string]string{"how": "0"}, nil, 0, "how"},
		{"half a score", map[string]string{"how": "2.5"}, nil, 0, "how"},
		{"no score", map[string]string{"how": "٣"}, nil, 0, "how"},
		{"a choice that there is not", map[string]string{"how": "3", "why": "Slow"}, nil, 0, "why"},
		{"a long word", map[string]string{"how": "3", "word": strings.Repeat("ä", 2001)}, nil, 0, "word"},
		{"a word of the longest", map[string]string{"how": "3", "word": strings.Repeat("ä", 2000)}, map[string]string{"how": "3", "word": strings.Repeat("ä", 2000)}, 50, ""},
		{"no text", map[string]string{"how": "3", "word": "a\x00b"}, nil, 0, "word"},
		{"bytes that are none", map[string]string{"how": "3", "word": "\xff"}, nil, 0, "word"},
		{"what nobody asked", map[string]string{"how": "3", "state": "stopped"}, nil, 0, "answers"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			kept, score, err := sheet().Read(tt.answers)
			if tt.wrong != "" {
				var e *interaction.Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, tt.wrong, e.Field)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.kept, kept)
			require.InDelta(t, tt.score, score, 0.001)
		})
	}
	words := interaction.SurveySheet{Questions: sheet().Questions[3:]}
	_, score, err := words.Read(map[string]string{"word": "Fine."})
	require.NoError(t, err)
	require.InDelta(t, -1, score, 0, "no score was asked for")
	_, _, err = words.Read(nil)
	require.Error(t, err, "an answer with nothing in it is none")
}

func TestASurveyIsChecked(t *testing.T) {
	question := func(q interaction.SurveyQuestion) interaction.Survey {
		if q.Key == "" {
			q.Key = "how"
		}
		if q.Text == nil {
			q.Text = map[string]string{"en": "How?"}
		}
		return interaction.Survey{Name: "after", Questions: []interaction.SurveyQuestion{q}}
	}
	percent := 101
	tests := []struct {
		name  string
		s     interaction.Survey
		field string
	}{
		{"right", question(interaction.SurveyQuestion{}), ""},
		{"no question", interaction.Survey{Name: "after"}, "questions"},
		{"a name that is no code", interaction.Survey{Name: "After that", Questions: question(interaction.SurveyQuestion{}).Questions}, "name"},
		{"a percentage", interaction.Survey{Name: "after", Percent: &percent, Questions: question(interaction.SurveyQuestion{}).Questions}, "percent"},
		{"a key", question(interaction.SurveyQuestion{Key: "How?"}), "questions[0].key"},
		{"no words", question(interaction.SurveyQuestion{Text: map[string]string{}}), "questions[0].text"},
		{"a kind", question(interaction.SurveyQuestion{Kind: "stars"}), "questions[0].kind"},
		{"too many scores", question(interaction.SurveyQuestion{Least: 0, Most: 11}), "questions[0].most"},
		{"the wrong way round", question(interaction.SurveyQuestion{Least: 5, Most: 1}), "questions[0].most"},
		{"no choices", question(interaction.SurveyQuestion{Kind: interaction.SurveyChoice}), "questions[0].choices"},
		{"one twice", question(interaction.SurveyQuestion{Kind: interaction.SurveyChoice, Choices: []string{"a", "a"}}), "questions[0].choices[1]"},
		{"choices of a score", question(interaction.SurveyQuestion{Choices: []string{"a", "b"}}), "questions[0].choices"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			faults := interaction.CheckSetup(interaction.Setup{Surveys: []interaction.Survey{tt.s}}, interaction.Setup{})
			var fields []string
			for _, f := range faults {
				fields = append(fields, f.Field)
			}
			if tt.field == "" {
				require.Empty(t, fields)
				return
			}
			require.Equal(t, []string{tt.field}, fields)
		})
	}
}

func TestInLanguage(t *testing.T) {
	words := map[string]string{"en": "yes", "de": "ja", "pt-BR": "sim"}
	for tag, want := range map[string]string{"de": "ja", "de-AT": "ja", "pt-BR": "sim", "pt": "yes", "": "yes", "xx": "yes"} {
		require.Equal(t, want, interaction.InLanguage(words, tag), tag)
	}
	require.Equal(t, "ja", interaction.InLanguage(map[string]string{"de": "ja", "fr": "oui"}, "it"), "the first by name")
	require.Empty(t, interaction.InLanguage(nil, "en"))
}
