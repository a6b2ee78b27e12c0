package text

import (
	"math/rand/v2"
	"sync"
)

// What a model may hold.
const (
	maxHeads = 16
	maxUnits = 400 // hidden ones of a network
)

// trainer fits all heads of a model to one problem.
type trainer struct {
	problem *problem
	opt     Options
	done    int
	of      int
}

func newTrainer(p *problem, opt Options) *trainer {
	t := &trainer{problem: p, opt: opt}
	t.of = t.rounds() + 1
	return t
}

// fit trains every head on the samples chosen, as many at a time as there are workers; each by a seed of its own, so that their number does not
// matter.
func (t *trainer) fit(chosen []int) ([]*layers, error) {
	heads := make([]*layers, t.opt.Networks+1)
	linear := solver{
		cost: t.opt.Cost, maxEpochs: t.opt.Epochs, tolerance: 0.1, seed: t.opt.Seed, workers: t.opt.Workers, stopped: t.stopped,
	}
	heads[0] = &layers{width: t.problem.classes, first: linear.train(t.problem, chosen)}
	var group sync.WaitGroup
	free := make(chan struct{}, t.opt.Workers)
	for i := 1; i < len(heads); i++ {
		free <- struct{}{}
		group.Go(func() {
			heads[i] = networkOf(t.opt.Seed, i).train(t.problem, chosen, t.stopped)
			<-free
		})
	}
	group.Wait()
	if t.opt.Stopped != nil {
		if err := t.opt.Stopped(); err != nil {
			return nil, err
		}
	}
	return heads, t.advance()
}

// stopped reports whether the work is no longer wanted.
func (t *trainer) stopped() bool { return t.opt.Stopped != nil && t.opt.Stopped() != nil }

// varied are the settings of networks that stand side by side. They differ in size, in how long they learn, in what is left out and by chance, so that their mistakes
// differ too: that is worth more than networks that are each the best; docs/understanding.md tells what was tried.
var varied = []network{
	{hidden: 144, epochs: 12, rate: 0.05, dropInput: 0.15, dropUnits: 0.3},
	{hidden: 144, epochs: 24, rate: 0.05, dropInput: 0.15, dropUnits: 0.3},
	{hidden: 400, epochs: 12, rate: 0.05, dropInput: 0.15, dropUnits: 0.3},
	{hidden: 288, epochs: 20, rate: 0.05, dropInput: 0.3, dropUnits: 0.15},
	{hidden: 144, epochs: 12, rate: 0.05, dropInput: 0.5, dropUnits: 0.3},
	{hidden: 144, epochs: 12, rate: 0.05, dropInput: 0.3, dropUnits: 0.3},
}

// networkOf gives the settings of the i-th network, from 1 on.
func networkOf(seed uint64, i int) network {
	n := varied[(i-1)%len(varied)]
	n.seed = rand.New(rand.NewPCG(seed, uint64(i))).Uint64()
	return n
}

// units is how many hidden units so many networks have together.
func units(networks int) (sum int) {
	for i := range networks {
		sum += varied[i%len(varied)].hidden
	}
	return sum
}

// advance tells that a part of the work is done.
func (t *trainer) advance() error {
	t.done++
	if t.opt.Progress == nil {
		return nil
	}
	return t.opt.Progress(t.done, t.of)
}
