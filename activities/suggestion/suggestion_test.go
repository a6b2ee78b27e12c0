package suggestion

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

func TestSuggest(t *testing.T) {
	s := &Suggester{}
	require.Empty(t, s.Suggest("where is my order", "en", "orders/status", nil), "no library yet")
	s.Use([]interaction.LibraryText{
		{ID: "status", Category: "orders/status", Language: "en", Text: "Your order is on its way; the tracking number is in the mail, {{ contact.name }}."},
		{ID: "cancel", Category: "orders/cancel", Language: "en", Text: "We have cancelled your order and you get the money back."},
		{ID: "return", Category: "returns/how-to", Language: "en", Text: "Put the article into its box with the return slip."},
		{ID: "hours", Language: "en", Text: "The shop opens at nine."},
		{ID: "german", Category: "orders/status", Language: "de", Text: "Ihre Bestellung ist unterwegs."},
	})
	ranked := func(pairs ...any) (list []interaction.RankedCategory) {
		for n := 0; n < len(pairs); n += 2 {
			list = append(list, interaction.RankedCategory{Category: pairs[n].(string), Confidence: pairs[n+1].(float64)})
		}
		return list
	}
	tests := []struct {
		name, words, language, category string
		ranked                          []interaction.RankedCategory
		want                            []interaction.ID
	}{
		{"of its category first, then what is like it", "Where is my order? I want my money back.", "en", "orders/status", ranked("orders/status", 0.9), []interaction.ID{"status", "cancel"}},
		{"by the ranks where no category is sure", "Something", "en", "", ranked("orders/cancel", 0.4, "orders/status", 0.3, "returns/how-to", 0.1), []interaction.ID{"cancel", "status", "return"}},
		{"by the text alone", "When does the shop open?", "en", "", nil, []interaction.ID{"hours"}},
		{"a rule's category counts for more than the ranks", "Hello", "en", "returns/how-to", ranked("orders/status", 0.9), []interaction.ID{"return", "status"}},
		{"field codes are not the response's words", "contact name", "en", "", nil, []interaction.ID{}},
		{"in its language only", "Wo ist meine Bestellung?", "de", "orders/status", nil, []interaction.ID{"german"}},
		{"no responses in the language", "Où est ma commande ?", "fr", "orders/status", nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, s.Suggest(tt.words, tt.language, tt.category, tt.ranked))
		})
	}
	s.Use(nil)
	require.Empty(t, s.Suggest("where is my order", "en", "orders/status", nil), "the library was emptied")
}
