// Package twins holds the reference workflows that Parley is measured beside. Each is the leanest honest form of some shape
// of work, without any work in it: what a twin costs is what Temporal asks for that shape. Ratios to a twin of the same
// minutes stay what they are on a busy machine; absolute figures do not.
package twins

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"
)

// Names of the twins.
const (
	Bare    = "bare"    // start, a local activity
	Lean    = "lean"    // eager start, a local activity, a signal, a local activity
	Path    = "path"    // lean and an activity: the leanest honest mail
	Handled = "handled" // start, a local activity, an Update that claims, an Update that replies, an activity
	Naive   = "naive"   // four activities, two Updates, three activities
)

// Waiting is the twin that only waits, for a timer or an Update: what an interaction at rest can't be cheaper than. It does not end by itself.
const Waiting = "waiting"

// Names lists the twins from the cheapest to the dearest.
func Names() []string { return []string{Bare, Lean, Path, Handled, Naive} }

const (
	signalNews  = "news"
	updateClaim = "claim"
	updateReply = "reply"
)

// registry is the part of a worker that registration needs.
type registry interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
	RegisterActivity(a any)
}

// Register registers all twins under their names.
func Register(w registry) {
	for name, twin := range map[string]func(workflow.Context, input) error{
		Bare: bare, Lean: lean, Path: path, Handled: handled, Naive: naive, Waiting: waiting,
	} {
		w.RegisterWorkflowWithOptions(twin, workflow.RegisterOptions{Name: name})
	}
	w.RegisterActivity(Step)
}

// input is about as large as what an interaction's workflow is started with.
type input struct {
	ID      string `json:"id"`
	Channel string `json:"channel"`
	Number  int64  `json:"number"`
}

// result is about as large as what a step answers.
type result struct {
	Code string `json:"code"`
	Task string `json:"task"`
}

// Step is the one activity of all twins. It does nothing.
func Step(_ context.Context, in input) (result, error) {
	return result{Code: "done", Task: in.ID}, nil
}

func bare(ctx workflow.Context, in input) error { return local(ctx, in) }

func lean(ctx workflow.Context, in input) error {
	if err := local(ctx, in); err != nil {
		return err
	}
	parked(in.ID)
	var news input
	workflow.GetSignalChannel(ctx, signalNews).Receive(ctx, &news)
	return local(ctx, in)
}

func path(ctx workflow.Context, in input) error {
	if err := lean(ctx, in); err != nil {
		return err
	}
	return remote(ctx, in, 1)
}

// The twins with Updates register their handlers before the first blocking call: an Update that comes earlier would fail.

func handled(ctx workflow.Context, in input) error {
	people, err := listen(ctx)
	if err != nil {
		return err
	}
	if err := local(ctx, in); err != nil {
		return err
	}
	if err := people.wait(ctx, in); err != nil {
		return err
	}
	return remote(ctx, in, 1)
}

func naive(ctx workflow.Context, in input) error {
	people, err := listen(ctx)
	if err != nil {
		return err
	}
	if err := remote(ctx, in, 4); err != nil {
		return err
	}
	if err := people.wait(ctx, in); err != nil {
		return err
	}
	return remote(ctx, in, 3)
}

func waiting(ctx workflow.Context, in input) error {
	people, err := listen(ctx)
	if err != nil {
		return err
	}
	parked(in.ID)
	_, err = workflow.AwaitWithTimeout(ctx, 12*time.Hour, func() bool { return people.claimed })
	return err
}

// people are the two Updates that a workflow waits for.
type people struct{ claimed, replied bool }

func listen(ctx workflow.Context) (*people, error) {
	p := &people{}
	for name, done := range map[string]*bool{updateClaim: &p.claimed, updateReply: &p.replied} { // an order nobody sees: no command is made
		if err := workflow.SetUpdateHandler(ctx, name, func(_ workflow.Context, in input) (result, error) {
			*done = true
			return result{Code: "done", Task: in.ID}, nil
		}); err != nil {
			return nil, fmt.Errorf("update %s: %w", name, err)
		}
	}
	return p, nil
}

func (p *people) wait(ctx workflow.Context, in input) error {
	parked(in.ID)
	return workflow.Await(ctx, func() bool { return p.claimed && p.replied && workflow.AllHandlersFinished(ctx) })
}

func local(ctx workflow.Context, in input) error {
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: 10 * time.Second})
	return workflow.ExecuteLocalActivity(ctx, Step, in).Get(ctx, nil)
}

func remote(ctx workflow.Context, in input, times int) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	for range times {
		if err := workflow.ExecuteActivity(ctx, Step, in).Get(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}
