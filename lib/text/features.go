package text

import (
	"unicode"
	"unicode/utf8"
)

// Bounds on what one text may cost. A mail can be any size; what a category
// needs stands near its top.
const (
	defaultMaxBytes = 16 << 10 // bytes of a text that are looked at
	maxWordRunes    = 48       // a longer run of letters is cut into pieces
)

// The two kinds of features live in one hash space, told apart by their seed.
const (
	seedWord = 0x9e3779b97f4a7c15
	seedChar = 0xc2b2ae3d27d4eb4f
	hashStep = 0x100000001b3
)

// shape says which n-grams a text is turned into. It is part of a model: a
// text must be read in use as it was in training.
type shape struct {
	MaxBytes         int
	WordMax          int // word n-grams of 1..WordMax words
	CharMin, CharMax int // character n-grams within a word and its two borders
}

// extractor turns text into hashes of its n-grams. It owns scratch memory and
// is used by one goroutine at a time.
type extractor struct {
	shape
	word   []rune   // the current word between two spaces
	recent []uint64 // hashes of the last words, newest last
	words  []uint64 // found word n-grams, repeats included
	chars  []uint64 // found character n-grams, repeats included
}

func newExtractor(s shape) *extractor {
	return &extractor{shape: s, word: make([]rune, 0, maxWordRunes+2)}
}

// read fills words and chars from text. Letters are folded to lower case and
// every digit is the same digit, so that one order number is like another.
func (x *extractor) read(text string) {
	x.words, x.chars, x.recent = x.words[:0], x.chars[:0], x.recent[:0]
	if len(text) > x.MaxBytes {
		text = text[:x.MaxBytes]
	}
	x.word = append(x.word[:0], ' ')
	for i := 0; i < len(text); {
		r, n := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(text[i:])
		}
		i += n
		r = fold(r)
		if r == 0 {
			x.endWord()
			continue
		}
		x.word = append(x.word, r)
		if len(x.word) > maxWordRunes {
			x.endWord()
		}
	}
	x.endWord()
}

// fold gives the rune that counts for r, or 0 for a rune that parts words.
func fold(r rune) rune {
	switch {
	case 'a' <= r && r <= 'z':
		return r
	case 'A' <= r && r <= 'Z':
		return r + 'a' - 'A'
	case '0' <= r && r <= '9':
		return '0'
	case r == '\'' || r == '’':
		return '\''
	case r < utf8.RuneSelf:
		return 0
	case unicode.IsLetter(r) || unicode.IsMark(r):
		return unicode.ToLower(r)
	case unicode.IsDigit(r):
		return '0'
	}
	return 0
}

// endWord emits the n-grams that end with the word just read.
func (x *extractor) endWord() {
	if len(x.word) == 1 {
		return
	}
	h := uint64(seedWord)
	for _, r := range x.word[1:] {
		h = (h ^ uint64(r)) * hashStep
	}
	x.emitWords(h)
	x.word = append(x.word, ' ')
	x.emitChars()
	x.word = x.word[:1]
}

func (x *extractor) emitWords(newest uint64) {
	if len(x.recent) == x.WordMax {
		copy(x.recent, x.recent[1:])
		x.recent = x.recent[:x.WordMax-1]
	}
	x.recent = append(x.recent, newest)
	h := uint64(seedWord)
	for i := len(x.recent) - 1; i >= 0; i-- {
		h = mix(h*hashStep ^ x.recent[i])
		x.words = append(x.words, h)
	}
}

func (x *extractor) emitChars() {
	for start := range x.word {
		h := uint64(seedChar)
		end := min(start+x.CharMax, len(x.word))
		for i := start; i < end; i++ {
			h = (h ^ uint64(x.word[i])) * hashStep
			if i-start+1 >= x.CharMin {
				x.chars = append(x.chars, mix(h))
			}
		}
	}
}

// mix spreads the bits of a hash (the finaliser of MurmurHash3), so that its
// low bits serve as a place in a table.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
