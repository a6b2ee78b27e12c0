package twins

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"golang.org/x/sync/errgroup"
)

// Bench runs twins on one Temporal, with a worker of its own in this process.
type Bench struct {
	client client.Client
	queue  string
	worker worker.Worker
}

// Start starts the worker. It has as many pollers and slots as Parley's own. The client should be its own: an eager start goes to a
// worker of the same client.
func Start(c client.Client) (*Bench, error) {
	b := &Bench{client: c, queue: "twins-" + uuid.NewString()}
	b.worker = worker.New(c, b.queue, worker.Options{
		MaxConcurrentActivityExecutionSize: 200, MaxConcurrentLocalActivityExecutionSize: 100,
		MaxConcurrentWorkflowTaskPollers: 4, MaxConcurrentActivityTaskPollers: 4,
	})
	Register(b.worker)
	return b, b.worker.Start()
}

// Stop ends the worker.
func (b *Bench) Stop() { b.worker.Stop() }

// Run runs a twin a number of times, so many in flight, and gives the workflows' ids when all have ended.
func (b *Bench) Run(ctx context.Context, name string, times, inFlight int) ([]string, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(inFlight)
	var mu sync.Mutex
	ids := make([]string, 0, times)
	for range times {
		group.Go(func() error {
			id := name + "-" + uuid.NewString()
			if err := b.one(ctx, name, id); err != nil {
				return fmt.Errorf("twin %s: %w", name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			ids = append(ids, id)
			return nil
		})
	}
	err := group.Wait()
	return ids, err
}

// one starts a workflow, plays its people and waits for its end.
func (b *Bench) one(ctx context.Context, name, id string) error {
	in := input{ID: id, Channel: "email", Number: 1}
	waits := make(chan struct{})
	waiting.Store(id, waits)
	defer waiting.Delete(id)
	run, err := b.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: b.queue, EnableEagerStart: name == Lean || name == Path,
	}, name, in)
	if err != nil {
		return err
	}
	if name != Bare {
		select {
		case <-waits:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	switch name {
	case Lean, Path:
		err = b.client.SignalWorkflow(ctx, id, "", signalNews, in)
	case Handled, Naive:
		err = errors.Join(b.update(ctx, id, updateClaim, in), b.update(ctx, id, updateReply, in))
	}
	return errors.Join(err, run.Get(ctx, nil))
}

func (b *Bench) update(ctx context.Context, id, name string, in input) error {
	handle, err := b.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateName: name, Args: []any{in}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return err
	}
	return handle.Get(ctx, nil)
}
