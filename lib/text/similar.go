package text

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxSimilarBytes = 16 << 10 // of a text that are compared
	stemRunes       = 6        // a word counts by its beginning, so that its endings do not matter
)

// Similar compares texts with a fixed list of others by the words that they share; rare words count for more (cosine of TF-IDF). It is safe for
// use by many goroutines.
type Similar struct {
	n        int
	postings map[string][]posting
	rarity   map[string]float64
}

type posting struct {
	text   int
	weight float64
}

// NewSimilar makes the list ready.
func NewSimilar(texts []string) *Similar {
	s := &Similar{n: len(texts), postings: map[string][]posting{}, rarity: map[string]float64{}}
	counts := make([]map[string]float64, len(texts))
	for n, text := range texts {
		counts[n] = stems(text)
		for stem := range counts[n] {
			s.rarity[stem]++
		}
	}
	for stem, in := range s.rarity {
		s.rarity[stem] = math.Log(1 + float64(len(texts))/in)
	}
	for n, count := range counts {
		norm := s.norm(count)
		for stem, times := range count {
			s.postings[stem] = append(s.postings[stem], posting{n, times * s.rarity[stem] / norm})
		}
	}
	return s
}

// Scores gives how similar a text is to each of the list, 0 to 1.
func (s *Similar) Scores(text string) []float64 {
	scores := make([]float64, s.n)
	count := stems(text)
	norm := s.norm(count)
	for stem, times := range count {
		for _, p := range s.postings[stem] {
			scores[p.text] += times * s.rarity[stem] / norm * p.weight
		}
	}
	return scores
}

// norm is the length of a text's vector. Words that the list does not have say nothing of what it is about.
func (s *Similar) norm(count map[string]float64) float64 {
	var sum float64
	for stem, times := range count {
		sum += times * times * s.rarity[stem] * s.rarity[stem]
	}
	return max(math.Sqrt(sum), 1e-9)
}

// stems counts the words of a text by their beginnings; a word that comes often counts by its logarithm.
func stems(text string) map[string]float64 {
	if len(text) > maxSimilarBytes {
		text = text[:maxSimilarBytes]
	}
	count := map[string]float64{}
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if utf8.RuneCountInString(word) < 2 {
			continue
		}
		end, runes := 0, 0
		for n := range word {
			if runes == stemRunes {
				break
			}
			runes, end = runes+1, n
		}
		_, size := utf8.DecodeRuneInString(word[end:])
		count[word[:end+size]]++
	}
	for stem, times := range count {
		count[stem] = 1 + math.Log(times)
	}
	return count
}
