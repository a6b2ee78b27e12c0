package understanding

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// elsewhere is a classifier outside that answers so.
type elsewhere struct {
	ranked  []interaction.RankedCategory
	err     error
	resting bool
	asked   *string
}

func (e elsewhere) Name() string { return "classifier.example.test" }
func (e elsewhere) Ready() bool  { return !e.resting }
func (e elsewhere) Classify(_ context.Context, text, _ string) ([]interaction.RankedCategory, error) {
	*e.asked = text
	return e.ranked, e.err
}

func TestTheClassifierOutside(t *testing.T) {
	own := Categorized{Best: "own", Ranked: []interaction.RankedCategory{{Category: "own", Confidence: 0.6}}}
	theirs := []interaction.RankedCategory{{Category: "theirs", Confidence: 0.9}}
	person := interaction.Message{Subject: "Question", Text: "where is it"}
	for name, c := range map[string]struct {
		message  interaction.Message
		rules    Screened
		outside  elsewhere
		request  Request
		asks     bool
		category string
		fallback string
	}{
		"is asked":                          {message: person, outside: elsewhere{ranked: theirs}, asks: true, category: "theirs"},
		"has no answer":                     {message: person, outside: elsewhere{err: interaction.Unavailable("timeout", nil)}, asks: true, category: "own", fallback: "timeout"},
		"rests":                             {message: person, outside: elsewhere{resting: true}, category: "own", fallback: "resting"},
		"could not be asked":                {message: person, request: Request{Alone: true}, category: "own", fallback: "not_asked"},
		"a rule has decided":                {message: person, rules: Screened{Category: "legal"}, category: "legal"},
		"a rule says spam":                  {message: person, rules: Screened{Spam: true}, category: "own"},
		"a supervisor has decided":          {message: person, request: Request{Category: "billing"}, category: "billing"},
		"a machine wrote":                   {message: interaction.Message{Text: "returned to sender", Machine: "dsn"}, category: "own"},
		"there is nothing to read":          {message: interaction.Message{Text: "?"}, category: "own"},
		"what is kept raw is not looked at": {message: interaction.Message{Text: "where is it", Problems: []string{interaction.ProblemKeptRaw}}},
	} {
		t.Run(name, func(t *testing.T) {
			var read, asked string
			c.outside.asked = &asked
			s := &shelf{m: interaction.Material{Message: c.message}}
			a := &Activities{Store: s, Screener: rulesSay(c.rules), Categorizer: modelSays{own, &read}, Outside: c.outside}
			seen, err := a.UnderstandMessage(t.Context(), c.request)
			require.NoError(t, err)
			require.Equal(t, c.asks, seen.AskOutside)
			require.Empty(t, asked, "nobody is asked inside of a transaction")
			if c.asks {
				require.Empty(t, read, "the own model waits for the answer")
				seen, err = a.AskOutside(t.Context(), c.request)
				require.NoError(t, err)
				require.False(t, seen.AskOutside)
				require.Equal(t, "Question\nwhere is it", asked)
			}
			require.Equal(t, c.category, seen.Category)
			require.Equal(t, c.fallback, s.found.Fallback)
			require.Equal(t, c.category == "theirs", s.found.Outside == "classifier.example.test", "what was asked is kept with what was found")
		})
	}
}
