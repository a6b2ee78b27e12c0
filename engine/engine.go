// Package engine is the one user of the Temporal client: it starts, signals and queries the workflows of interactions.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"google.golang.org/grpc"

	"parley/interaction"
)

// Engine speaks with one Temporal namespace.
type Engine struct {
	client client.Client
	queue  string // task queue of the workflows
}

// Options say where Temporal is.
type Options struct {
	Address      string // host:port of its frontend
	Namespace    string
	Identity     string
	Log          *slog.Logger
	Interceptors []grpc.UnaryClientInterceptor // measurements count calls with them
}

// Dial makes an engine that connects when it is first used, and again whenever Temporal was away.
func Dial(opt Options) (*Engine, error) {
	c, err := client.NewLazyClient(client.Options{
		HostPort: opt.Address, Namespace: opt.Namespace, Identity: opt.Identity, Logger: log.NewStructuredLogger(opt.Log),
		ConnectionOptions: client.ConnectionOptions{
			DialOptions:     dialOptions(opt.Interceptors),
			GrpcCompression: &client.GrpcCompressionNone{}, // ids and codes, a kilobyte or two: packing them costs both sides more than sending them
		},
	})
	if err != nil {
		return nil, fmt.Errorf("prepare the Temporal client: %w", err)
	}
	return &Engine{client: c, queue: interaction.QueueInteractions}, nil
}

func dialOptions(interceptors []grpc.UnaryClientInterceptor) []grpc.DialOption {
	if len(interceptors) == 0 {
		return nil
	}
	return []grpc.DialOption{grpc.WithChainUnaryInterceptor(interceptors...)}
}

// On gives the engine for another task queue: a part of the load with workers of its own.
func (e *Engine) On(queue string) *Engine { return &Engine{client: e.client, queue: queue} }

// Client is the client itself, for workers.
func (e *Engine) Client() client.Client { return e.client }

// Close ends the connection.
func (e *Engine) Close() { e.client.Close() }

// Ping answers nil when Temporal answers.
func (e *Engine) Ping(ctx context.Context) error {
	_, err := e.client.CheckHealth(ctx, &client.CheckHealthRequest{})
	if err != nil {
		return interaction.Unavailable("temporal_away", err)
	}
	return nil
}

// Start starts the interaction's workflow; one that was started already is success. The workflow's id is the interaction's, so a
// start that is sent again can never make a second one.
func (e *Engine) Start(ctx context.Context, workflowType string, in interaction.Start) error {
	_, err := e.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: string(in.Interaction), TaskQueue: e.queue,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowTaskTimeout:      10 * time.Second,
		EnableEagerStart:         true,
	}, workflowType, in)
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &started) {
		return nil
	}
	return away(err)
}

// Repeat has Temporal run a workflow without an interaction at the times of a cron line (UTC), one run after the other, whatever becomes of this process. There is one
// of each type on a task queue: where it is there already, it stays as it is.
func (e *Engine) Repeat(ctx context.Context, workflowType, cron string) error {
	_, err := e.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflowType + " on " + e.queue, TaskQueue: e.queue, CronSchedule: cron,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, workflowType, interaction.Start{Kit: interaction.KitVersion})
	return away(err)
}

// Signal tells the interaction's workflow the news. Where no run is open the error is unknown: the news came too late.
func (e *Engine) Signal(ctx context.Context, id interaction.ID, n interaction.News) error {
	err := e.client.SignalWorkflow(ctx, string(id), "", interaction.SignalNews, n)
	var none *serviceerror.NotFound
	if errors.As(err, &none) {
		return interaction.Unknown("run")
	}
	return away(err)
}

// Where asks where the interaction's story stands.
func (e *Engine) Where(ctx context.Context, id interaction.ID) (interaction.Where, error) {
	var w interaction.Where
	answer, err := e.client.QueryWorkflow(ctx, string(id), "", interaction.QueryWhere)
	if err != nil {
		var none *serviceerror.NotFound
		if errors.As(err, &none) {
			return w, interaction.Unknown("run")
		}
		return w, away(err)
	}
	return w, answer.Get(&w)
}

func away(err error) error {
	if err == nil {
		return nil
	}
	return interaction.Unavailable("temporal_away", err)
}
