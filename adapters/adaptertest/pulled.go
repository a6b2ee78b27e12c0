package adaptertest

import (
	"context"
	"sync"
	"sync/atomic"

	"parley/interaction"
)

// Pulled runs a Puller as the house does, and is the Adapter of the suite for it.
type Pulled struct {
	Puller interaction.Puller
	Lease  interaction.Lease

	over   atomic.Bool
	cancel context.CancelFunc
	done   sync.WaitGroup
}

var _ interaction.Adapter = (*Pulled)(nil)

// Start begins to pull, until Stop or the end of the context.
func (p *Pulled) Start(ctx context.Context) error {
	ctx, p.cancel = context.WithCancel(ctx)
	p.done.Go(func() { _ = p.Puller.Pull(ctx, p.Lease) })
	return nil
}

// Stop ends it and waits until nothing runs any more.
func (p *Pulled) Stop(context.Context) error {
	p.over.Store(true)
	if p.cancel == nil {
		return nil // it was never started
	}
	p.cancel()
	p.done.Wait()
	return nil
}

// Stopped reports whether Stop was called: nothing is fetched any more.
func (p *Pulled) Stopped() bool { return p.over.Load() }
