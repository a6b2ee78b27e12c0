package text

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSimilar(t *testing.T) {
	s := NewSimilar([]string{
		"Your order is on its way; the tracking number is in the mail.",
		"Put the article into its box with the return slip.",
		"Um Ihr Passwort zurückzusetzen, öffnen Sie die Seite.",
		"",
	})
	tests := []struct {
		name, text string
		best       int // -1: none
	}{
		{"the same words", "Where is my order? I have no tracking number", 0},
		{"other endings", "returning two articles in boxes", 1},
		{"letters beyond ASCII", "PASSWORT ZURÜCKSETZEN", 2},
		{"nothing in common", "zebra", -1},
		{"nothing at all", "", -1},
		{"a broken text", "\xff\xfe order", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			scores := s.Scores(tt.text)
			require.Len(t, scores, 4)
			best, most := -1, 0.0
			for n, score := range scores {
				require.False(t, math.IsNaN(score))
				require.LessOrEqual(t, score, 1+1e-9)
				if score > most {
					best, most = n, score
				}
			}
			require.Equal(t, tt.best, best, scores)
		})
	}
	require.InDelta(t, 1, s.Scores("Put the article into its box with the return slip.")[1], 1e-9, "a text is most similar to itself")
	require.Empty(t, NewSimilar(nil).Scores("order"))
}

func FuzzSimilar(f *testing.F) {
	s := NewSimilar([]string{"your order is on its way", "zurück"})
	f.Add("order ZURÜCK")
	f.Add("\xc3")
	f.Fuzz(func(t *testing.T, text string) {
		for _, score := range s.Scores(text) {
			if math.IsNaN(score) || score < 0 || score > 1+1e-9 {
				t.Fatalf("%q scores %v", text, score)
			}
		}
	})
}

func BenchmarkSimilar(b *testing.B) {
	var texts []string
	for n := range 500 {
		texts = append(texts, strings.Repeat("your order number is on its way to you ", 5)+strings.Repeat("x", n%7)+" answer")
	}
	s := NewSimilar(texts)
	question := strings.Repeat("where is my order and when does it come ", 20)
	b.ReportAllocs()
	for b.Loop() {
		s.Scores(question)
	}
}
