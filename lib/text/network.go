package text

import (
	"math"
	"math/rand/v2"
)

// network says how a two-layer network is trained: sparse features, one hidden layer of rectified units, one score a class. Features and
// units are left out at random while it learns, so that it must not lean on single words, and the truth it is taught is smoothed a little.
type network struct {
	hidden    int
	epochs    int
	rate      float64 // of learning in the first epoch; it falls to 0 along a line
	dropInput float64 // share of a text's features that are left out
	dropUnits float64 // share of the hidden units that are left out
	smoothing float64 // share of the truth that is spread over all classes
	seed      uint64
}

// biasRate is how much slower the biases learn than the rest.
const biasRate = 0.01

// learner is a network while it learns. Steps are scaled by the squares of all gradients so far (AdaGrad): one number for each feature, one for
// each weight of the second layer.
type learner struct {
	network
	*layers
	classes   int
	random    *rand.Rand
	inputSum  []float32
	outputSum []float32
	units     []float32 // of the text at hand
	blame     []float32 // of the units
	scores    []float32
	kept      []uint32
	keptBy    []float32
}

// train fits a network to the chosen samples. Stopped between, it is no use.
func (n network) train(p *problem, chosen []int, stopped func() bool) *layers {
	l := n.begin(p)
	order := append([]int(nil), chosen...)
	for epoch := range n.epochs {
		if stopped() {
			return l.layers
		}
		l.random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		rate := float32(n.rate * (1 - float64(epoch)/float64(n.epochs)))
		for _, sample := range order {
			l.step(p, sample, rate)
		}
	}
	return l.layers
}

func (n network) begin(p *problem) *learner {
	l := &learner{
		network: n, classes: p.classes, random: rand.New(rand.NewPCG(n.seed, 2)),
		layers: &layers{
			width: n.hidden, first: make([]float32, (p.rows+1)*n.hidden), second: make([]float32, (n.hidden+1)*p.classes),
		},
		inputSum: make([]float32, p.rows), outputSum: make([]float32, n.hidden*p.classes),
		units: make([]float32, n.hidden), blame: make([]float32, n.hidden), scores: make([]float32, p.classes),
	}
	spread := float32(1 / math.Sqrt(float64(n.hidden)))
	for _, weights := range [][]float32{l.first[:p.rows*n.hidden], l.second[:n.hidden*p.classes]} {
		for i := range weights {
			weights[i] = spread * float32(l.random.NormFloat64())
		}
	}
	return l
}

// step learns from one sample.
func (l *learner) step(p *problem, sample int, rate float32) {
	v := l.sift(p.vectors[sample])
	scaleUnits := l.forward(v, p.rows)
	p.blame(l.scores, sample, float32(l.smoothing))
	l.backOutput(rate, scaleUnits)
	l.backInput(v, p.rows, rate)
}

// sift leaves features out; what is left is scaled up to carry the same weight.
func (l *learner) sift(v vector) vector {
	scale := float32(1 / (1 - l.dropInput))
	l.kept, l.keptBy = l.kept[:0], l.keptBy[:0]
	for n, row := range v.rows {
		if l.random.Float64() >= l.dropInput {
			l.kept, l.keptBy = append(l.kept, row), append(l.keptBy, v.values[n]*scale)
		}
	}
	return vector{l.kept, l.keptBy}
}

// forward fills units and scores, units left out at random, and gives the factor by which those left are scaled up.
func (l *learner) forward(v vector, bias int) (scale float32) {
	width := l.hidden
	copy(l.units, l.first[bias*width:])
	for n, row := range v.rows {
		addScaled(l.units, l.first[int(row)*width:int(row)*width+width], v.values[n])
	}
	scale = float32(1 / (1 - l.dropUnits))
	copy(l.scores, l.second[width*l.classes:])
	for j, unit := range l.units {
		if unit <= 0 || l.random.Float64() < l.dropUnits {
			l.units[j] = 0
			continue
		}
		l.units[j] = unit * scale
		addScaled(l.scores, l.second[j*l.classes:(j+1)*l.classes], l.units[j])
	}
	return scale
}

// backOutput moves the second layer by the scores' blame and passes the blame on to the units.
func (l *learner) backOutput(rate, scaleUnits float32) {
	for j, unit := range l.units {
		l.blame[j] = 0
		if unit == 0 {
			continue
		}
		weights, sums := l.second[j*l.classes:(j+1)*l.classes], l.outputSum[j*l.classes:(j+1)*l.classes]
		var blame float32
		for k, g := range l.scores {
			blame += g * weights[k]
			g *= unit
			sums[k] += g * g
			weights[k] -= rate * g / (float32(math.Sqrt(float64(sums[k]))) + 1e-4)
		}
		l.blame[j] = blame * scaleUnits
	}
	addScaled(l.second[l.hidden*l.classes:], l.scores, -rate*biasRate)
}

// backInput moves the first layer's rows of the features that were seen.
func (l *learner) backInput(v vector, bias int, rate float32) {
	width := l.hidden
	var square float32
	for _, b := range l.blame {
		square += b * b
	}
	square /= float32(width)
	addScaled(l.first[bias*width:], l.blame, -rate*biasRate)
	for n, row := range v.rows {
		x := v.values[n]
		l.inputSum[row] += square * x * x
		addScaled(l.first[int(row)*width:int(row)*width+width], l.blame, -rate*x/(float32(math.Sqrt(float64(l.inputSum[row])))+1e-5))
	}
}
