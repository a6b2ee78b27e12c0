// Package delivery sends what was decided to be sent, at most once: it owns the
// ledger (architecture rule 9). Adapters do the sending.
package delivery

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"parley/activities"
	"parley/interaction"
)

// Store is what the subject needs.
type Store interface {
	PrepareSend(ctx context.Context, id interaction.ID, message int64) (interaction.Dispatch, error)
	BeginSend(ctx context.Context, id interaction.ID, message int64, attempt interaction.ID) (bool, error)
	RepeatSend(ctx context.Context, id interaction.ID, message int64, attempt interaction.ID, o interaction.Outcome) (bool, error)
	EndSend(ctx context.Context, id interaction.ID, message int64, attempt interaction.ID, o interaction.Outcome) (interaction.SendState, error)
	UploadData(ctx context.Context, id interaction.ID) ([]byte, error)
	MaySendAgain(ctx context.Context, id interaction.ID, step string, report int64, waits []time.Duration) (interaction.Again, error)
	SendAgain(ctx context.Context, id interaction.ID, step string, report int64) (int64, error)
}

// Activities are the steps of this subject.
type Activities struct {
	Store  Store
	Sender func(interaction.Outbound) interaction.Sender // chooses what sends a message

	RepeatUnknown bool // one repeat of an unknown outcome is allowed, with the same Message-ID: the customer may get it twice

	Again []time.Duration // before the second sending of what bounced for now, the third, …; none: people are told at once
}

// Send names the message to be sent.
type Send struct {
	Interaction interaction.ID
	Message     int64
}

// Sent tells what became of it.
type Sent struct {
	State interaction.SendState `json:"state"`
	Code  string                `json:"code,omitempty"`
}

// TypeDeferred is the type of the error that says "not yet": nothing left, try again.
const TypeDeferred = "deferred"

// SendMessage sends the message, unless an attempt before did. An attempt that finds the row in flight touches no network: the other
// one died behind the irreversible byte, and the outcome is unknown, except where the carrier can tell.
func (a *Activities) SendMessage(ctx context.Context, in Send) (Sent, error) {
	stop := beat(ctx)
	defer stop()
	d, err := a.Store.PrepareSend(ctx, in.Interaction, in.Message)
	if err != nil {
		return Sent{}, activities.Failure(err)
	}
	switch d.State {
	case interaction.SendQueued:
		if wait := time.Until(d.NotBefore); wait > 0 {
			return Sent{}, temporal.NewApplicationErrorWithOptions("quiet hours", TypeDeferred, temporal.ApplicationErrorOptions{NextRetryDelay: wait})
		}
		return a.attempt(ctx, in, d)
	case interaction.SendInFlight:
		return a.found(ctx, in, d)
	default:
		return Sent{State: d.State}, nil
	}
}

func (a *Activities) attempt(ctx context.Context, in Send, d interaction.Dispatch) (Sent, error) {
	if err := a.attach(ctx, &d); err != nil {
		return Sent{}, activities.Failure(err)
	}
	attempt, begun := interaction.NewID(), false
	outcome := a.Sender(d.Out).Send(ctx, d.Out, func(ctx context.Context) error {
		won, err := a.Store.BeginSend(ctx, in.Interaction, in.Message, attempt)
		if err == nil && !won {
			err = interaction.Conflict("in_flight", "another attempt is sending this")
		}
		begun = err == nil
		return err
	})
	if outcome.Aborted {
		return Sent{}, temporal.NewApplicationError("the send was not begun", TypeDeferred)
	}
	if !begun {
		attempt = ""
	}
	// The answer must be written down even when the activity is cancelled at this moment: without it the send counts as unknown.
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	return a.end(keep, in, attempt, outcome)
}

// found settles an attempt that died: by asking the carrier where it can tell, as unknown otherwise.
func (a *Activities) found(ctx context.Context, in Send, d interaction.Dispatch) (Sent, error) {
	outcome := interaction.Outcome{State: interaction.SendUnknown, Code: "interrupted"}
	if prober, ok := a.Sender(d.Out).(interaction.Prober); ok {
		state, err := prober.Probe(ctx, d.Out.MessageID)
		if err != nil {
			return Sent{}, activities.Failure(interaction.Unavailable("carrier_away", err))
		}
		if state == interaction.SendSent {
			outcome = interaction.Outcome{State: interaction.SendSent, Code: "probed"}
		} else if state == interaction.SendNotSent {
			outcome = interaction.Outcome{State: interaction.SendQueued, Code: "probed"}
		}
	}
	return a.end(ctx, in, d.Attempt, outcome)
}

func (a *Activities) end(ctx context.Context, in Send, attempt interaction.ID, o interaction.Outcome) (Sent, error) {
	if o.State == interaction.SendUnknown && a.RepeatUnknown {
		again, err := a.Store.RepeatSend(ctx, in.Interaction, in.Message, attempt, o)
		if err != nil {
			return Sent{}, activities.Failure(err)
		}
		if again {
			return Sent{}, later(ctx, o)
		}
	}
	state, err := a.Store.EndSend(ctx, in.Interaction, in.Message, attempt, o)
	if err != nil {
		return Sent{}, activities.Failure(err)
	}
	if state == interaction.SendQueued {
		return Sent{}, later(ctx, o)
	}
	return Sent{State: state, Code: digits(o.Code)}, nil
}

// Pauses between tries at a carrier that says "not now", doubled each time (RFC 5321 section 4.5.4.1 asks for half an hour in the end).
const (
	firstPause  = 2 * time.Second
	lastPause   = 30 * time.Minute
	longestWait = 24 * time.Hour   // however long a carrier asks for
	linePause   = 30 * time.Second // the last one where it was our own line that was down: it comes back by itself
)

// later is the error that has the message tried again after a pause that grows with the tries. Only the carrier's own "not now" grows it: what
// failed because a part of ours was away is tried again soon, by the activity's policy. A carrier that says how long gets that long, at least.
func later(ctx context.Context, o interaction.Outcome) error {
	pause := firstPause
	if activity.IsActivity(ctx) {
		pause = min(firstPause<<min(activity.GetInfo(ctx).Attempt-1, 10), lastPause)
		if o.Code == interaction.CodeNoLine || o.Code == interaction.CodeLineDown {
			pause = min(pause, linePause)
		}
	}
	pause = max(pause, min(o.Wait, longestWait))
	return temporal.NewApplicationErrorWithOptions("deferred "+digits(o.Code), TypeDeferred, temporal.ApplicationErrorOptions{NextRetryDelay: pause})
}

// digits keeps of a protocol's answer what is surely not personal: digits and dots.
func digits(s string) string {
	for i, r := range s {
		if (r < '0' || r > '9') && r != '.' && r != ' ' {
			return s[:i]
		}
	}
	return s
}

func (a *Activities) attach(ctx context.Context, d *interaction.Dispatch) error {
	for _, f := range d.Files {
		data, err := a.Store.UploadData(ctx, f.Upload)
		if err != nil {
			return err
		}
		d.Out.Attachments = append(d.Out.Attachments, interaction.Attachment{Name: f.Name, Type: f.Type, Data: data})
	}
	return nil
}

// beat tells the server that this attempt is alive, so that a dead process is noticed in seconds.
func beat(ctx context.Context) (stop func()) {
	if !activity.IsActivity(ctx) {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(3 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				activity.RecordHeartbeat(ctx)
			}
		}
	}()
	return func() { close(done) }
}
