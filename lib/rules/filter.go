package rules

import (
	"regexp/syntax"
	"strings"
)

// A literal is a folded text that a rule needs to find. The filter numbers the
// ones it looks for; shorter ones have the number none and are searched one by one.
type literal struct {
	text   string
	number int
}

// filter finds all literals of all rules in one pass over a text: each literal
// is known by three of its bytes, a bitmap that fits the nearest cache says
// where such three might stand, and only there the literals are compared.
type filter struct {
	literals []string
	numbers  map[string]int
	offsets  []int // where in the literal its three bytes are
	bitmap   [1 << 16 / 64]uint64
	byGram   map[uint16][]int // literals by the hash of their three bytes
}

const gramBytes = 3

// none is the number of a literal that the filter does not look for.
const none = -1

func newFilter() *filter {
	return &filter{numbers: make(map[string]int), byGram: make(map[uint16][]int)}
}

// add makes a literal of a folded text.
func (f *filter) add(text string) literal {
	if len(text) < gramBytes {
		return literal{text, none}
	}
	n, ok := f.numbers[text]
	if !ok {
		n = len(f.literals)
		f.numbers[text] = n
		f.literals = append(f.literals, text)
		offset := f.rarestGram(text)
		f.offsets = append(f.offsets, offset)
		h := gramHash(text[offset], text[offset+1], text[offset+2])
		f.bitmap[h/64] |= 1 << (h % 64)
		f.byGram[h] = append(f.byGram[h], n)
	}
	return literal{text, n}
}

// scan gives the bits of the literals that stand in a folded text.
func (f *filter) scan(text string) []uint64 {
	found := make([]uint64, (len(f.literals)+63)/64)
	for i := 0; i+gramBytes <= len(text); i++ {
		h := gramHash(text[i], text[i+1], text[i+2])
		if f.bitmap[h/64]&(1<<(h%64)) == 0 {
			continue
		}
		for _, n := range f.byGram[h] {
			if found[n/64]&(1<<(n%64)) != 0 {
				continue
			}
			if from := i - f.offsets[n]; from >= 0 && strings.HasPrefix(text[from:], f.literals[n]) {
				found[n/64] |= 1 << (n % 64)
			}
		}
	}
	return found
}

func gramHash(a, b, c byte) uint16 {
	return uint16((uint32(a)<<16 | uint32(b)<<8 | uint32(c)) * 0x9e3779b1 >> 16)
}

// rarestGram chooses the three bytes of a literal that common text is least
// likely to hold, and that few other literals are known by: of a thousand texts
// that begin alike, not all are compared wherever that beginning stands.
func (f *filter) rarestGram(text string) (offset int) {
	const frequent = "zqxjkvbpygfwmucldrhsnioate " // rarest first
	rarity := func(c byte) int {
		if at := strings.IndexByte(frequent, c); at >= 0 {
			return len(frequent) - at
		}
		return len(frequent) // digits, signs and other scripts
	}
	best := -1
	for i := 0; i+gramBytes <= len(text); i++ {
		users := len(f.byGram[gramHash(text[i], text[i+1], text[i+2])])
		if score := rarity(text[i]) * rarity(text[i+1]) * rarity(text[i+2]) / (1 + users); score > best {
			best, offset = score, i
		}
	}
	return offset
}

// required gives folded texts of which at least one stands, folded, in every
// text that the pattern matches; none if no such texts are known.
func required(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		text := string(re.Rune)
		if re.Flags&syntax.FoldCase != 0 {
			text = longestASCII(text) // beyond ASCII, folding has more than two forms
		}
		if text = fold(text); len(text) >= gramBytes {
			return []string{text}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min >= 1 {
			return required(re.Sub[0])
		}
	case syntax.OpConcat:
		var best []string
		for _, sub := range re.Sub {
			if texts := required(sub); shortest(texts) > shortest(best) {
				best = texts
			}
		}
		return best
	case syntax.OpAlternate:
		var texts []string
		for _, sub := range re.Sub {
			own := required(sub)
			if len(own) == 0 || len(texts)+len(own) > maxAlternatives {
				return nil
			}
			texts = append(texts, own...)
		}
		return texts
	}
	return nil
}

const maxAlternatives = 32

func shortest(texts []string) int {
	if len(texts) == 0 {
		return 0
	}
	n := len(texts[0])
	for _, text := range texts {
		n = min(n, len(text))
	}
	return n
}

func longestASCII(text string) (longest string) {
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r > 127 }) {
		if len(part) > len(longest) {
			longest = part
		}
	}
	return longest
}
