package text

import (
	"math"
	"math/rand/v2"
	"sync"
)

// solver holds what the dual coordinate descent is told.
type solver struct {
	cost      float64
	maxEpochs int
	tolerance float32
	seed      uint64
	workers   int
	stopped   func() bool
}

// classesAtATime is how many classes one pass over the samples serves. A row
// of weights holds all classes side by side, so that one look at a feature's
// place in memory pays for all of them.
const classesAtATime = 32

// train fits one linear machine a class against the rest, on the samples
// chosen: L2-regularised squared hinge loss, solved in its dual one coordinate
// at a time (Hsieh et al. 2008, the method of LIBLINEAR). The classes do not
// know of each other and see the samples in one order, so the result does not
// depend on the number of workers. weights[row*classes+class].
func (s solver) train(p *problem, chosen []int) (weights []float32) {
	weights = make([]float32, (p.rows+1)*p.classes)
	var group sync.WaitGroup
	free := make(chan struct{}, s.workers)
	for low := 0; low < p.classes; low += classesAtATime {
		high := min(low+classesAtATime, p.classes)
		free <- struct{}{}
		group.Go(func() {
			s.trainClasses(p, chosen, weights, low, high)
			<-free
		})
	}
	group.Wait()
	return weights
}

// trainClasses fits classes low..high-1 and writes only their weights.
func (s solver) trainClasses(p *problem, chosen []int, weights []float32, low, high int) {
	width := high - low
	block := make([]float32, (p.rows+1)*width) // packed copy: other classes' weights stay out of the cache
	alphas := make([]float32, len(chosen)*width)
	resting := make([]bool, len(chosen)) // far on the right side for all classes here
	order := make([]int, len(chosen))
	for i := range order {
		order[i] = i
	}
	random := rand.New(rand.NewPCG(s.seed, 0))
	c := coordinate{diagonal: float32(1 / (2 * s.cost)), scores: make([]float32, width), steps: make([]float32, width)}
	for epoch := range s.maxEpochs {
		if s.stopped() {
			return
		}
		random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		lookAtAll := epoch%restEpochs == 0
		var violation float32
		for _, i := range order {
			if resting[i] && !lookAtAll {
				continue
			}
			sample := chosen[i]
			worst, rest := c.step(p, sample, block, alphas[i*width:(i+1)*width], low)
			resting[i] = rest
			violation = max(violation, worst)
		}
		if violation < s.tolerance && lookAtAll {
			break
		}
	}
	for row := range p.rows + 1 {
		copy(weights[row*p.classes+low:row*p.classes+high], block[row*width:(row+1)*width])
	}
}

// A sample that is well inside the right side of every class of a block is
// looked at in every restEpochs-th epoch only.
const (
	restEpochs = 4
	restMargin = 0.3
)

// coordinate does the descent's one step and owns its scratch memory.
type coordinate struct {
	diagonal      float32
	scores, steps []float32
}

// step improves the dual variables of one sample for all classes of the block
// and gives the largest violation of optimality that it met; rest is true when
// the sample supports none of the classes and is not near to doing so.
func (c *coordinate) step(p *problem, sample int, block, alphas []float32, low int) (worst float32, rest bool) {
	v, width := p.vectors[sample], len(alphas)
	scores := c.scores[:width]
	copy(scores, block[p.rows*width:]) // the bias, a feature of value 1
	for n, row := range v.rows {
		addScaled(scores, block[int(row)*width:int(row)*width+width], v.values[n])
	}
	moved, rest := false, true
	curvature := p.squares[sample] + c.diagonal
	for k, alpha := range alphas {
		sign := float32(-1)
		if p.belongs(sample, low+k) {
			sign = 1
		}
		gradient := sign*scores[k] - 1 + c.diagonal*alpha
		c.steps[k] = 0
		if alpha == 0 && gradient >= 0 {
			rest = rest && gradient > restMargin
			continue
		}
		rest = false
		worst = max(worst, float32(math.Abs(float64(gradient))))
		next := max(alpha-gradient/curvature, 0)
		if next != alpha {
			c.steps[k] = sign * (next - alpha)
			alphas[k] = next
			moved = true
		}
	}
	if moved {
		addScaled(block[p.rows*width:p.rows*width+width], c.steps, 1)
		for n, row := range v.rows {
			addScaled(block[int(row)*width:int(row)*width+width], c.steps, v.values[n])
		}
	}
	return worst, rest
}

// addScaled adds factor times from to each element of to, the loop that all
// the time is spent in.
func addScaled(to, from []float32, factor float32) {
	from = from[:len(to)]
	i := 0
	for ; i+4 <= len(to); i += 4 {
		t, f := to[i:i+4:i+4], from[i:i+4:i+4]
		t[0] += factor * f[0]
		t[1] += factor * f[1]
		t[2] += factor * f[2]
		t[3] += factor * f[3]
	}
	for ; i < len(to); i++ {
		to[i] += factor * from[i]
	}
}
