package text

import (
	"math"
	"slices"
)

// linearWeight is how much the linear head's opinion counts beside one of all networks together.
const linearWeight = 0.15

// enoughHeldOut is how many texts tell all that the confidences are fitted to; of a large set not every fold is needed.
const enoughHeldOut = 1600

// rounds is on how many of the folds the confidences are fitted.
func (t *trainer) rounds() int {
	perFold := max(1, len(t.problem.labels)/t.opt.Calibration)
	return min(t.opt.Calibration, (enoughHeldOut+perFold-1)/perFold)
}

// calibrate finds what makes confidences honest: folds are scored by heads that did not see them, and the temperatures chosen are
// those under which the true categories of all these texts together are likeliest. The limit below which a text is taken to fit nowhere
// comes from the same scores.
func (t *trainer) calibrate(m *Model) error {
	held, err := t.holdOut(m)
	if err != nil {
		return err
	}
	for h := range m.heads {
		if len(m.heads) == 1 {
			m.heads[h].temperature = 1
			break
		}
		m.heads[h].temperature = t.likeliest(held.heads[h], held.samples)
	}
	scores, raws := held.combine(m)
	if m.several {
		m.temperature, m.offset = t.likeliestEach(scores, held.samples)
	} else {
		m.temperature = t.likeliest(scores, held.samples)
	}
	m.fits = t.limit(raws, held.samples)
	return nil
}

// heldOut are scores of samples by heads that did not learn from them: by head, sample by sample, all classes side by side.
type heldOut struct {
	classes int
	samples []int
	heads   [][]float32
	layers  []*layers // of the last heads that were held out from
}

func (t *trainer) holdOut(m *Model) (*heldOut, error) {
	p := t.problem
	held := &heldOut{classes: p.classes}
	fold := stratify(p.labels, t.opt.Calibration, t.opt.Seed)
	for f := range t.rounds() {
		var inside, outside []int
		for i := range p.labels {
			if fold[i] == f {
				outside = append(outside, i)
			} else {
				inside = append(inside, i)
			}
		}
		trained, err := t.fit(inside)
		if err != nil {
			return nil, err
		}
		if held.heads == nil {
			held.heads = make([][]float32, len(trained))
			m.heads = make([]head, len(trained))
			for h := range m.heads {
				m.heads[h].weight = (1 - linearWeight) / float64(max(len(trained)-1, 1))
			}
			m.heads[0].weight = linearWeight
		}
		held.samples, held.layers = append(held.samples, outside...), trained
		units := make([]float32, max(maxUnits, p.classes))
		for h, l := range trained {
			for _, i := range outside {
				scores := make([]float32, p.classes)
				l.scoreInto(scores, units, p.vectors[i], p.rows)
				held.heads[h] = append(held.heads[h], scores...)
			}
		}
	}
	return held, nil
}

// combine does with the held-out scores what Model.score does with a text.
func (o *heldOut) combine(m *Model) (sums []float32, raws []float64) {
	if len(m.heads) == 1 {
		sums = o.heads[0]
		for i := range o.samples {
			raws = append(raws, float64(slices.Max(sums[i*o.classes:(i+1)*o.classes])))
		}
		return sums, raws
	}
	sums = make([]float32, len(o.samples)*o.classes)
	raws = make([]float64, len(o.samples))
	for i := range o.samples {
		sum := sums[i*o.classes : (i+1)*o.classes]
		for h, head := range m.heads {
			scores := slices.Clone(o.heads[h][i*o.classes : (i+1)*o.classes])
			raws[i] += head.weight * head.temperature * o.layers[h].standout(scores, m.several)
			if m.several {
				addScaled(sum, scores, float32(head.weight*head.temperature))
				continue
			}
			normalise(scores, head.temperature)
			addScaled(sum, scores, float32(head.weight))
		}
	}
	return sums, raws
}

// likeliest minimises the negative log likelihood, which has one minimum
// in the temperature, by golden section. Samples without a category say nothing.
func (t *trainer) likeliest(scores []float32, samples []int) float64 {
	classes := t.problem.classes
	return golden(minTemperature, maxTemperature, func(temperature float64) float64 {
		var sum float64
		for n, sample := range samples {
			label := t.problem.labels[sample]
			if label == none {
				continue
			}
			own := scores[n*classes : (n+1)*classes]
			highest := float64(slices.Max(own))
			var partition float64
			for _, score := range own {
				partition += math.Exp(temperature * (float64(score) - highest))
			}
			sum += math.Log(partition) - temperature*(float64(own[label])-highest)
		}
		return sum
	})
}

// likeliestEach is the same where each category stands for itself, with an offset beside the temperature (Platt): one is fitted for each step of the other.
func (t *trainer) likeliestEach(scores []float32, samples []int) (temperature, offset float64) {
	classes := t.problem.classes
	loss := func(temperature, offset float64) (sum float64) {
		for n, sample := range samples {
			for k, score := range scores[n*classes : (n+1)*classes] {
				x := temperature*float64(score) + offset
				if t.problem.belongs(sample, k) {
					x = -x
				}
				sum += math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
			}
		}
		return sum
	}
	temperature = 1
	const rounds = 6
	for range rounds {
		offset = golden(-maxOffset, maxOffset, func(offset float64) float64 { return loss(temperature, offset) })
		temperature = golden(minTemperature, maxTemperature, func(temperature float64) float64 { return loss(temperature, offset) })
	}
	return temperature, offset
}

// golden finds where a function with one minimum between the bounds has it.
func golden(low, high float64, loss func(float64) float64) float64 {
	const ratio = 0.6180339887498949
	for high-low > 1e-3 {
		a, b := high-ratio*(high-low), low+ratio*(high-low)
		if loss(a) <= loss(b) {
			high = b
		} else {
			low = a
		}
	}
	return (low + high) / 2
}

// Scores differ by about 1, so outside of these bounds a temperature would say
// "anything" or "certain" of everything.
const (
	minTemperature, maxTemperature = 0.05, 30.0
	maxOffset                      = 10.0
)

// limit puts the middle of the curve where RefusedShare of the texts with a category lie below it, and its slope so that the best of them come near to 1.
func (t *trainer) limit(raws []float64, samples []int) fits {
	var inside []float64
	for n, sample := range samples {
		if t.problem.labels[sample] != none {
			inside = append(inside, raws[n])
		}
	}
	if len(inside) == 0 {
		return fits{slope: 1}
	}
	low, middle := refusing(inside, RefusedShare), refusing(inside, 0.5)
	const sure = 3 // logit of the middle text: 0.95
	return fits{limit: low, slope: min(sure/max(middle-low, 1e-3), 1e3)}
}
