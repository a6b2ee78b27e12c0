package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// startTimeout is how long the frontend may take to answer after its services were started.
const startTimeout = 30 * time.Second

// registerNamespace waits until the frontend answers and creates the namespace unless it is there. A namespace that
// exists keeps its settings.
func registerNamespace(ctx context.Context, opts options) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	conn, err := grpc.NewClient(address(opts.frontendPort), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("dial the frontend: %w", err)
	}
	defer func() { _ = conn.Close() }()
	frontend := workflowservice.NewWorkflowServiceClient(conn)
	request := &workflowservice.RegisterNamespaceRequest{
		Namespace:                        opts.namespace,
		Description:                      "Parley: one workflow an interaction",
		WorkflowExecutionRetentionPeriod: durationpb.New(opts.retention),
	}
	for {
		_, err := frontend.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: opts.namespace}, grpc.WaitForReady(true))
		if err == nil {
			return nil
		}
		var missing *serviceerror.NamespaceNotFound
		if errors.As(serviceerror.FromStatus(statusOf(err)), &missing) {
			_, err = frontend.RegisterNamespace(ctx, request)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("register namespace %s: %w", opts.namespace, errors.Join(err, ctx.Err()))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func statusOf(err error) *status.Status {
	s, _ := status.FromError(err)
	return s
}
