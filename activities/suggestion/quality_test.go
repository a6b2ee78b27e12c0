package suggestion

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/lib/text"
)

// TestTheRightResponseIsAmongThree: a library with a response for each category of a public set, and questions that the model has not seen. The
// categories of the set that end up among the first three decide; responses with words of their own must not push the right ones away.
func TestTheRightResponseIsAmongThree(t *testing.T) {
	root := os.Getenv("PARLEY_CORPORA")
	if root == "" {
		t.Skip("SKIPPED: PARLEY_CORPORA is not set, so the quality of suggestions is not measured")
	}
	f, err := os.Open(filepath.Join(root, "banking77", "train.csv"))
	require.NoError(t, err)
	defer f.Close()
	all, err := text.ReadLabelled(f, text.SplitTrain)
	require.NoError(t, err)
	learn, judge, err := text.NewSet(all).Split(5)
	require.NoError(t, err)
	model, err := text.TrainSet(learn, text.Options{Profile: text.Fast})
	require.NoError(t, err)

	library := []interaction.LibraryText{ // answers of no category whose words are those of many questions
		{ID: "hours", Language: "en", Text: "Our bank is open from nine to five. You can use your card and your account in the app at any time."},
		{ID: "thanks", Language: "en", Text: "Thank you for your question about your card, your money or your account. We will help you."},
	}
	for _, category := range model.Categories() {
		library = append(library, interaction.LibraryText{
			ID: interaction.ID(category), Category: category, Language: "en",
			Text: "Dear {{ contact.name }}, thank you for your question about " + strings.ReplaceAll(category, "_", " ") + ". Here is what you can do in the app.",
		})
	}
	s := &Suggester{}
	s.Use(library)
	right, alone, shown := 0, 0, 0
	for _, l := range judge.Texts {
		var ranked []interaction.RankedCategory
		for _, c := range model.Classify(l.Text)[:5] { // as many as understanding keeps
			ranked = append(ranked, interaction.RankedCategory{Category: c.Category, Confidence: c.Confidence})
		}
		ids := s.Suggest(l.Text, "en", "", ranked)
		shown += len(ids)
		if slices.Contains(ids, interaction.ID(l.Categories[0])) {
			right++
		}
		if slices.ContainsFunc(ranked[:3], func(r interaction.RankedCategory) bool { return r.Category == l.Categories[0] }) {
			alone++
		}
	}
	n := float64(len(judge.Texts))
	t.Logf("%d questions, %d responses: the right one among three for %.2f %% (the model's first three: %.2f %%), %.2f shown", len(judge.Texts), len(library), 100*float64(right)/n, 100*float64(alone)/n, float64(shown)/n)
	require.GreaterOrEqual(t, float64(right)/n, 0.95)
	require.GreaterOrEqual(t, right, alone-len(judge.Texts)/50, "what the texts add takes hardly anything away")
}
