package store

import (
	"context"
	"sync"
	"time"

	"parley/interaction"
)

// Claims of the next task that come at the same time are answered together (claim_batch.go): each would otherwise pay for its own choice, its own statement and its own
// commit. One that comes while few are under way waits for nobody and is made by itself, and so is one for which the batch found nothing, or lost the task to somebody
// quicker: making it by itself also says why.

const (
	claimsAtOnce = 2  // singly or in batches; who comes then waits for one of them to end
	claimBatch   = 64 // at most in one statement
	batchTime    = 10 * time.Second
)

// claimDesk is where claims wait for one another.
type claimDesk struct {
	mu      sync.Mutex
	waiting []*claimAsk
	under   int // way: single claims and batches

	choice claimChoice
}

// claimAsk is one claim of the next task.
type claimAsk struct {
	ctx   context.Context
	by    interaction.Actor
	queue string
	given chan claimGiven // holds one
}

// claimGiven is its answer. Without task and error it is to be made by itself.
type claimGiven struct {
	task *interaction.Task
	err  error
}

// enter lets a claim go alone when few are under way; otherwise it waits in line and is answered.
func (d *claimDesk) enter(ask *claimAsk) (alone bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.under < claimsAtOnce && len(d.waiting) == 0 {
		d.under++
		return true
	}
	d.waiting = append(d.waiting, ask)
	return false
}

// next gives the claims that wait, one of each agent, or ends what was under way when none do. A claim whose client has gone is dropped: nothing was done for it.
func (d *claimDesk) next() []*claimAsk {
	d.mu.Lock()
	defer d.mu.Unlock()
	var batch, later []*claimAsk
	seen := map[interaction.ID]bool{}
	for _, ask := range d.waiting {
		switch {
		case ask.ctx.Err() != nil:
		case seen[ask.by.Agent] || len(batch) == claimBatch:
			later = append(later, ask)
		default:
			seen[ask.by.Agent] = true
			batch = append(batch, ask)
		}
	}
	d.waiting = later
	if len(batch) == 0 {
		d.under--
	}
	return batch
}

// claimTogether gives the actor his next task if others claim at the same time. Where it stands alone, or nothing came of it, single makes the claim.
func (s *Store) claimTogether(ctx context.Context, by interaction.Actor, queue string, single func() (interaction.Task, error)) (interaction.Task, error) {
	ask := &claimAsk{ctx, by, queue, make(chan claimGiven, 1)}
	if s.desk.enter(ask) {
		defer func() { go s.claimBatches(context.WithoutCancel(ctx)) }()
		return single()
	}
	select {
	case given := <-ask.given:
		if given.err != nil || given.task != nil {
			return deref(given.task), given.err
		}
		return single()
	case <-ctx.Done():
		return interaction.Task{}, translate(ctx.Err())
	}
}

func deref(t *interaction.Task) interaction.Task {
	if t == nil {
		return interaction.Task{}
	}
	return *t
}

// claimBatches answers those who wait, batch by batch, until nobody does.
func (s *Store) claimBatches(ctx context.Context) {
	for {
		batch := s.desk.next()
		if len(batch) == 0 {
			return
		}
		if len(batch) == 1 {
			batch[0].given <- claimGiven{}
			continue
		}
		limited, cancel := context.WithTimeout(ctx, batchTime)
		given, err := s.claimBatch(limited, batch)
		cancel()
		for n, ask := range batch {
			if err != nil {
				ask.given <- claimGiven{err: err}
				continue
			}
			ask.given <- claimGiven{task: given[n]}
		}
	}
}
