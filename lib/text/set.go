package text

import (
	"errors"
	"fmt"
	"slices"
)

// Set is what a model learns from or is judged on.
type Set struct {
	Texts   []Labelled // with one category each, unless Several
	Several bool       // some have several categories, or none
	Outside []string   // texts that fit nowhere
}

// NewSet sorts labelled texts: those of a category that means "none of these" go outside.
func NewSet(all []Labelled) Set {
	var s Set
	for _, l := range all {
		if len(l.Categories) == 1 && slices.Contains(OutOfScope, l.Categories[0]) {
			s.Outside = append(s.Outside, l.Text)
			continue
		}
		s.Texts = append(s.Texts, l)
		s.Several = s.Several || len(l.Categories) != 1
	}
	return s
}

func setOf(samples []Sample) Set {
	s := Set{Texts: make([]Labelled, len(samples))}
	for i, sample := range samples {
		s.Texts[i] = Labelled{sample.Text, []string{sample.Category}}
	}
	return s
}

// texts gives all texts, those that fit nowhere behind the others.
func (s Set) texts() []string {
	texts := make([]string, 0, len(s.Texts)+len(s.Outside))
	for _, l := range s.Texts {
		texts = append(texts, l.Text)
	}
	return append(texts, s.Outside...)
}

func (s Set) categories() ([]string, error) {
	var names []string
	for i, l := range s.Texts {
		if len(l.Categories) != 1 && !s.Several {
			return nil, fmt.Errorf("sample %d has %d categories, the set's texts have one each", i+1, len(l.Categories))
		}
		for _, name := range l.Categories {
			if name == "" || len(name) > maxCategoryBytes {
				return nil, fmt.Errorf("sample %d: a category is 1 to %d bytes long, this one is %d", i+1, maxCategoryBytes, len(name))
			}
			names = append(names, name)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) < 2 || len(names) > maxCategories {
		return nil, fmt.Errorf("the samples name %d categories, training wants 2 to %d", len(names), maxCategories)
	}
	return names, nil
}

// part gives the texts at the places, without those that fit nowhere.
func (s Set) part(places []int) Set {
	p := Set{Several: s.Several}
	for _, i := range places {
		p.Texts = append(p.Texts, s.Texts[i])
	}
	return p
}

// folds deals the texts of each category, the first where there are several, evenly to folds. It gives the fold of each.
func (s Set) folds(n int, seed uint64) ([]int, error) {
	if n < 2 || n > len(s.Texts) {
		return nil, fmt.Errorf("%d folds of %d samples: want at least 2, and a sample for each", n, len(s.Texts))
	}
	categories, err := s.categories()
	if err != nil {
		return nil, err
	}
	labels := make([]int, len(s.Texts))
	for i, l := range s.Texts {
		if len(l.Categories) > 0 {
			labels[i], _ = slices.BinarySearch(categories, l.Categories[0])
		}
	}
	return stratify(labels, n, seed), nil
}

// Split parts the texts evenly by category: one in so many goes into the second set, and so do as many of those that fit nowhere.
func (s Set) Split(n int) (learn, judge Set, err error) {
	fold, err := s.folds(n, 0)
	if err != nil {
		return learn, judge, err
	}
	var inside, outside []int
	for i, f := range fold {
		if f == 0 {
			outside = append(outside, i)
		} else {
			inside = append(inside, i)
		}
	}
	learn, judge = s.part(inside), s.part(outside)
	for i, text := range s.Outside {
		if i%n == 0 {
			judge.Outside = append(judge.Outside, text)
		} else {
			learn.Outside = append(learn.Outside, text)
		}
	}
	return learn, judge, nil
}

// cross trains a model for each fold on all others and gives it to judge with the places of the fold's texts.
func (s Set) cross(n int, seed uint64, opt Options, judge func(m *Model, places []int)) error {
	fold, err := s.folds(n, seed)
	if err != nil {
		return err
	}
	for f := range n {
		var inside, outside []int
		for i := range s.Texts {
			if fold[i] == f {
				outside = append(outside, i)
			} else {
				inside = append(inside, i)
			}
		}
		learn := s.part(inside)
		learn.Outside = s.Outside
		m, err := TrainSet(learn, opt)
		if err != nil {
			return errors.Join(fmt.Errorf("fold %d", f+1), err)
		}
		judge(m, outside)
	}
	return nil
}
