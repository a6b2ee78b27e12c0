package text

import (
	"math"
	"math/bits"
)

// A vocabulary numbers the features that training kept (rows 0..n-1, in the
// order of their first appearance) and knows how rare each is.
type vocabulary struct {
	hashes  []uint64
	idf     []float32
	unknown float32  // weight of a feature that training did not keep
	slots   []uint32 // open addressing: row+1, or 0 for an empty slot
	mask    uint64
}

func newVocabulary(hashes []uint64, idf []float32, unknown float32) *vocabulary {
	v := &vocabulary{hashes: hashes, idf: idf, unknown: unknown}
	size := 1 << bits.Len(uint(2*len(hashes)+1))
	v.slots, v.mask = make([]uint32, size), uint64(size-1)
	for row, h := range hashes {
		at := h & v.mask
		for v.slots[at] != 0 {
			at = (at + 1) & v.mask
		}
		v.slots[at] = uint32(row + 1)
	}
	return v
}

// row finds a feature; ok is false for one that training did not keep.
func (v *vocabulary) row(h uint64) (row uint32, ok bool) {
	for at := h & v.mask; ; at = (at + 1) & v.mask {
		slot := v.slots[at]
		if slot == 0 {
			return 0, false
		}
		if v.hashes[slot-1] == h {
			return slot - 1, true
		}
	}
}

// A vector is a text as sparse features: rows and their weights.
type vector struct {
	rows   []uint32
	values []float32
}

// A reader turns texts into vectors. It owns scratch memory and is used by one
// goroutine at a time.
type reader struct {
	x      *extractor
	v      *vocabulary
	counts []uint16 // by row; all zero between calls
	vec    vector
}

func newReader(s shape, v *vocabulary) *reader {
	return &reader{x: newExtractor(s), v: v, counts: make([]uint16, len(v.hashes))}
}

// read gives the text's vector, valid until the next call: TF-IDF with a
// logarithmic term frequency, words and characters each scaled to length 1 so
// that the many character n-grams do not drown the few words. What training
// did not know counts in that length and nowhere else: a text of which little
// is known gets a short vector and thereby a low confidence.
func (r *reader) read(text string) vector {
	r.x.read(text)
	r.vec.rows, r.vec.values = r.vec.rows[:0], r.vec.values[:0]
	r.block(r.x.words)
	r.block(r.x.chars)
	return r.vec
}

func (r *reader) block(hashes []uint64) {
	from := len(r.vec.rows)
	var square float32
	for _, h := range hashes {
		row, ok := r.v.row(h)
		if !ok {
			square += r.v.unknown * r.v.unknown
			continue
		}
		if r.counts[row] == 0 {
			r.vec.rows = append(r.vec.rows, row)
		}
		if r.counts[row] < math.MaxUint16 {
			r.counts[row]++
		}
	}
	for _, row := range r.vec.rows[from:] {
		value := termFrequency(r.counts[row]) * r.v.idf[row]
		r.counts[row] = 0
		r.vec.values = append(r.vec.values, value)
		square += value * value
	}
	if square == 0 {
		return
	}
	scale := float32(1 / math.Sqrt(float64(square)))
	for i := from; i < len(r.vec.values); i++ {
		r.vec.values[i] *= scale
	}
}

func termFrequency(count uint16) float32 {
	if count == 1 {
		return 1
	}
	return float32(1 + math.Log(float64(count)))
}

// learnVocabulary reads all texts once and keeps the features found in at
// least minTexts of them.
func learnVocabulary(texts []string, s shape, minTexts int) *vocabulary {
	x := newExtractor(s)
	number := make(map[uint64]int)
	var hashes []uint64
	var found, last []int32 // texts with the feature; the last of them
	note := func(text int, h uint64) {
		n, ok := number[h]
		if !ok {
			n = len(hashes)
			number[h] = n
			hashes, found, last = append(hashes, h), append(found, 0), append(last, -1)
		}
		if last[n] != int32(text) {
			last[n] = int32(text)
			found[n]++
		}
	}
	for i, text := range texts {
		x.read(text)
		for _, h := range x.words {
			note(i, h)
		}
		for _, h := range x.chars {
			note(i, h)
		}
	}
	kept := hashes[:0]
	var idf []float32
	for n, h := range hashes {
		if int(found[n]) >= minTexts {
			kept = append(kept, h)
			idf = append(idf, rarity(len(texts), int(found[n])))
		}
	}
	return newVocabulary(kept, idf, rarity(len(texts), 0))
}

// rarity is the inverse document frequency, smoothed as if one more text held
// every feature.
func rarity(texts, found int) float32 {
	return float32(1 + math.Log(float64(1+texts)/float64(1+found)))
}
