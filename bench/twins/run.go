package twins

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
)

// Bench runs twins on one Temporal, with a client and a worker of its own in this process: an eager start goes to a worker of the
// same client.
type Bench struct {
	client client.Client
	queue  string
	worker worker.Worker
}

// Start connects and starts the worker. It has as many pollers and slots as Parley's own. The interceptors see its calls.
func Start(address, namespace string, interceptors ...grpc.UnaryClientInterceptor) (*Bench, error) {
	c, err := client.Dial(client.Options{
		HostPort: address, Namespace: namespace, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
		ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(append(interceptors, sendPeople)...)}},
	})
	if err != nil {
		return nil, fmt.Errorf("twins: %w", err)
	}
	b := &Bench{client: c, queue: "twins-" + uuid.NewString()}
	b.worker = worker.New(c, b.queue, worker.Options{
		MaxConcurrentActivityExecutionSize: 200, MaxConcurrentLocalActivityExecutionSize: 100,
		MaxConcurrentWorkflowTaskPollers: 4, MaxConcurrentActivityTaskPollers: 4,
	})
	Register(b.worker)
	return b, b.worker.Start()
}

// Stop ends worker and connection.
func (b *Bench) Stop() {
	b.worker.Stop()
	b.client.Close()
}

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

// Park starts the twin that waits a number of times, and gives the workflows' ids when all wait.
func (b *Bench) Park(ctx context.Context, times, inFlight int) ([]string, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(inFlight)
	ids := make([]string, times)
	for n := range ids {
		group.Go(func() error {
			ids[n] = Waiting + "-" + uuid.NewString()
			people := expect(ids[n])
			defer forget(ids[n])
			if _, err := b.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: ids[n], TaskQueue: b.queue}, Waiting, input{ID: ids[n], Channel: "email", Number: 1}); err != nil {
				return fmt.Errorf("twin %s: %w", Waiting, err)
			}
			select {
			case <-people.come:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}
	return ids, group.Wait()
}

// End ends workflows that wait.
func (b *Bench) End(ctx context.Context, ids []string, inFlight int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(inFlight)
	for _, id := range ids {
		group.Go(func() error { return b.client.TerminateWorkflow(ctx, id, "", "measured") })
	}
	return group.Wait()
}

// one starts a workflow, plays its people and waits for its end.
func (b *Bench) one(ctx context.Context, name, id string) error {
	in := input{ID: id, Channel: "email", Number: 1}
	people := expect(id)
	defer forget(id)
	_, err := b.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: b.queue, EnableEagerStart: name == Lean || name == Path,
	}, name, in)
	if err != nil {
		return err
	}
	if name != Bare {
		select {
		case <-people.come:
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
	if err != nil {
		return err
	}
	select {
	case err := <-people.ended:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
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
