package text

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
	"unicode"
)

// Undetermined is the tag (BCP 47) of a text whose language cannot be told.
const Undetermined = "und"

// A text with fewer letters than this, with a verdict less sure than this, or
// made of pieces of words of which fewer are known than this, is undetermined:
// a wrong language sends a customer the wrong words. Of the eight languages
// sentences never seen have 77 to 95 % known pieces; Czech, Finnish, Turkish
// or a line of base64 have less (Swedish has more, and may be taken for
// German: nothing here has learned it).
const (
	minLetters            = 12
	minLanguageConfidence = 0.6
	minKnownPieces        = 0.74
	languageBytes         = 2 << 10 // of a text that are looked at
)

//go:embed languages.txt
var languageSentences string

// languages trains the built-in model at its first use, some 50 ms of CPU. Its
// sentences are part of the program, so a fault in them is a fault of the build.
var languages = sync.OnceValue(func() *Model {
	samples, err := parseLanguages(languageSentences)
	if err != nil {
		panic("built-in language samples: " + err.Error())
	}
	m, err := Train(samples, Options{MaxBytes: languageBytes, WordMax: 1, CharMin: 1, CharMax: 4, Cost: 4})
	if err != nil {
		panic("built-in language model: " + err.Error())
	}
	return m
})

// parseLanguages reads sentences, one a line, under lines of "[tag]". Empty
// lines and lines that begin with # say nothing.
func parseLanguages(file string) ([]Sample, error) {
	var samples []Sample
	tag := ""
	for n, line := range strings.Split(file, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			tag = strings.Trim(line, "[]")
		case tag == "":
			return nil, fmt.Errorf("line %d stands under no language", n+1)
		default:
			samples = append(samples, Sample{Text: line, Category: tag})
		}
	}
	return samples, nil
}

// Language names the language of a text as a BCP 47 tag (en, de, fr, es, it,
// nl, pt or pl) and how sure that is, or Undetermined for a text that is too
// short, unclear or mostly not in Latin letters.
func Language(text string) (tag string, confidence float64) {
	if latin, other := letters(text); latin < minLetters || other > latin {
		return Undetermined, 0
	}
	m := languages()
	best := m.Classify(text)[0]
	if best.Confidence < minLanguageConfidence || m.knownPieces(text) < minKnownPieces {
		return Undetermined, best.Confidence
	}
	return best.Category, best.Confidence
}

// knownPieces gives the share of the text's character n-grams that stood in
// the training set.
func (m *Model) knownPieces(text string) float64 {
	s := m.readers.Get().(*scorer)
	defer m.readers.Put(s)
	s.x.read(text)
	known := 0
	for _, h := range s.x.chars {
		if _, ok := m.vocabulary.row(h); ok {
			known++
		}
	}
	return ratio(known, len(s.x.chars))
}

// letters counts the letters that Language looks at, by script.
func letters(text string) (latin, other int) {
	if len(text) > languageBytes {
		text = text[:languageBytes]
	}
	for _, r := range text {
		switch {
		case !unicode.IsLetter(r):
		case unicode.Is(unicode.Latin, r):
			latin++
		default:
			other++
		}
	}
	return latin, other
}
