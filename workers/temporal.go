package workers

import (
	"context"
	"log/slog"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"parley/activities/autoresponse"
	"parley/activities/callback"
	"parley/activities/conversation"
	"parley/activities/delivery"
	"parley/activities/postprocessing"
	"parley/activities/review"
	"parley/activities/routing"
	"parley/activities/survey"
	"parley/activities/training"
	"parley/activities/understanding"
	"parley/interaction"
	"parley/workflows"
)

// Activities are the subjects' structs, ready to be registered.
type Activities struct {
	Understanding  *understanding.Activities
	Autoresponse   *autoresponse.Activities
	Routing        *routing.Activities
	Review         *review.Activities
	Delivery       *delivery.Activities
	Postprocessing *postprocessing.Activities
	Conversation   *conversation.Activities
	Survey         *survey.Activities
	Training       *training.Activities
	Callback       *callback.Activities
}

// registry is the part of a worker that registration needs.
type registry interface {
	workflowRegistry
	RegisterActivity(a any)
}

// workflowRegistry is the part of a worker, or of a replayer, that takes workflows.
type workflowRegistry interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
}

// RegisterWorkflows registers the workflows under the names that entry points bind to. A new workflow is one line here.
func RegisterWorkflows(w workflowRegistry) {
	w.RegisterWorkflowWithOptions(workflows.Email, workflow.RegisterOptions{Name: interaction.WorkflowEmail})
	w.RegisterWorkflowWithOptions(workflows.Report, workflow.RegisterOptions{Name: interaction.WorkflowReport})
	w.RegisterWorkflowWithOptions(workflows.Training, workflow.RegisterOptions{Name: interaction.WorkflowTraining})
	w.RegisterWorkflowWithOptions(workflows.Drift, workflow.RegisterOptions{Name: interaction.WorkflowDrift})
	w.RegisterWorkflowWithOptions(workflows.Outbound, workflow.RegisterOptions{Name: interaction.WorkflowOutbound})
	w.RegisterWorkflowWithOptions(workflows.Chat, workflow.RegisterOptions{Name: interaction.WorkflowChat})
	w.RegisterWorkflowWithOptions(workflows.MMS, workflow.RegisterOptions{Name: interaction.WorkflowMMS})
	w.RegisterWorkflowWithOptions(workflows.SMS, workflow.RegisterOptions{Name: interaction.WorkflowSMS})
	w.RegisterWorkflowWithOptions(workflows.Callback, workflow.RegisterOptions{Name: interaction.WorkflowCallback})
	w.RegisterWorkflowWithOptions(workflows.Social, workflow.RegisterOptions{Name: interaction.WorkflowSocial})
}

// Register registers workflows and activities.
func Register(w registry, a Activities) {
	RegisterWorkflows(w)
	for _, subject := range []any{a.Understanding, a.Autoresponse, a.Routing, a.Review, a.Delivery, a.Postprocessing, a.Conversation, a.Survey, a.Training, a.Callback} {
		w.RegisterActivity(subject)
	}
}

// Worker runs workflows and activities of the interactions' task queue.
type Worker struct {
	Client     client.Client
	Queue      string // task queue; the interactions' when empty
	Activities Activities
	Own        map[string]any // workflows beside those of the house, by the names that entry points bind to
	Log        *slog.Logger   // nil: nowhere
}

// Run polls until the context ends; what is running then may finish. A Temporal that is away when the worker starts, or that sends it
// away, ends nothing: it is tried again with a new worker, for the SDK starts none twice.
func (w *Worker) Run(ctx context.Context) error {
	log := w.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return loop(ctx, log, "worker", nil, every, w.round)
}

func (w *Worker) round(ctx context.Context) (bool, error) {
	queue := w.Queue
	if queue == "" {
		queue = interaction.QueueInteractions
	}
	sentAway := make(chan error, 1)
	t := worker.New(w.Client, queue, worker.Options{
		MaxConcurrentActivityExecutionSize:      200,
		MaxConcurrentLocalActivityExecutionSize: 100,
		MaxConcurrentWorkflowTaskPollers:        4,
		MaxConcurrentActivityTaskPollers:        4,
		WorkerStopTimeout:                       8 * time.Second,
		OnFatalError: func(err error) {
			select {
			case sentAway <- err:
			default:
			}
		},
	})
	Register(t, w.Activities)
	for name, story := range w.Own {
		t.RegisterWorkflowWithOptions(story, workflow.RegisterOptions{Name: name})
	}
	if err := t.Start(); err != nil {
		return false, err
	}
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false, nil
	case err := <-sentAway:
		return false, err
	}
}
