package text

import (
	"math/rand/v2"
	"slices"
)

// problem is a training set as sparse vectors.
type problem struct {
	vectors []vector
	squares []float32 // squared length of each vector, bias included
	labels  []int     // 0..classes-1; none for a text that fits nowhere. Where there are several, the first
	sets    [][]int   // all classes of each, where there may be several; otherwise nil
	classes int
	rows    int // features; one more row, the last, is the bias
}

// none is the label of a text without a category.
const none = -1

func newProblem(m *Model, set Set) *problem {
	p := &problem{classes: len(m.categories), rows: len(m.vocabulary.hashes)}
	r := newReader(m.shape, m.vocabulary)
	for i, text := range set.texts() {
		v := r.read(text)
		square := float32(1) // the bias
		for _, value := range v.values {
			square += value * value
		}
		p.vectors = append(p.vectors, vector{rows: slices.Clone(v.rows), values: slices.Clone(v.values)})
		p.squares = append(p.squares, square)
		var classes []int
		if i < len(set.Texts) {
			for _, name := range set.Texts[i].Categories {
				class, _ := slices.BinarySearch(m.categories, name)
				classes = append(classes, class)
			}
		}
		label := none
		if len(classes) > 0 {
			label = classes[0]
		}
		p.labels = append(p.labels, label)
		if set.Several {
			p.sets = append(p.sets, classes)
		}
	}
	return p
}

// belongs reports whether a sample is of a class.
func (p *problem) belongs(sample, class int) bool {
	if p.sets != nil {
		return slices.Contains(p.sets[sample], class)
	}
	return p.labels[sample] == class
}

// blame turns the scores that a network gave a sample into how far each is too high. Where a sample has one class, the scores compete
// (cross entropy over all); a text that fits nowhere should look as much like each as like any other. Where there may be several, each stands for itself.
func (p *problem) blame(scores []float32, sample int, smoothing float32) {
	share := 1 / float32(len(scores))
	if p.sets != nil {
		squash(scores, 1, 0)
		for k := range scores {
			scores[k] -= smoothing * share
		}
		for _, class := range p.sets[sample] {
			scores[class] -= 1 - smoothing
		}
		return
	}
	softmax(scores, 1)
	label := p.labels[sample]
	if label == none {
		smoothing = 1
	}
	for k := range scores {
		scores[k] -= smoothing * share
	}
	if label != none {
		scores[label] -= 1 - smoothing
	}
}

// stratify deals the samples of each category evenly to folds, at random by
// the seed. fold[i] is the fold of sample i.
func stratify(labels []int, folds int, seed uint64) (fold []int) {
	random := rand.New(rand.NewPCG(seed, 1))
	fold = make([]int, len(labels))
	byLabel := make(map[int][]int)
	highest := 0
	for i, label := range labels {
		byLabel[label] = append(byLabel[label], i)
		highest = max(highest, label)
	}
	next := 0
	for label := none; label <= highest; label++ {
		members := byLabel[label]
		random.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		for _, i := range members {
			fold[i] = next % folds
			next++
		}
	}
	return fold
}

func all(n int) []int {
	indices := make([]int, n)
	for i := range indices {
		indices[i] = i
	}
	return indices
}
