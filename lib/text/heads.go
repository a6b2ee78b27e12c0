package text

import (
	"math/rand/v2"
	"sync"
)

// What a model may hold.
const (
	maxHeads    = 16
	hiddenUnits = 144 // of a network
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

// networkOf gives the settings of one network among several. They differ by what is left out and by what chance does to them, so that their mistakes
// differ too; docs/understanding.md tells what was tried.
func networkOf(seed uint64, i int) network {
	dropInput, dropUnits := []float64{0.3, 0.15, 0.3, 0.3}[i%4], []float64{0.3, 0.3, 0.15, 0.45}[i%4]
	return network{
		hidden: hiddenUnits, epochs: 12, rate: 0.05, dropInput: dropInput, dropUnits: dropUnits,
		seed: rand.New(rand.NewPCG(seed, uint64(i))).Uint64(),
	}
}

// advance tells that a part of the work is done.
func (t *trainer) advance() error {
	t.done++
	if t.opt.Progress == nil {
		return nil
	}
	return t.opt.Progress(t.done, t.of)
}
