package workers

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"parley/interaction"
)

// ForwarderStore is what the forwarder needs.
type ForwarderStore interface {
	SessionSends(ctx context.Context, limit int) ([]interaction.SessionSend, error)
	BeginSessionSend(ctx context.Context, x interaction.SessionSend, attempt interaction.ID) (bool, error)
	EndSessionSend(ctx context.Context, x interaction.SessionSend, attempt interaction.ID, o interaction.Outcome) error
	FlagLostSessionSends(ctx context.Context) (int, error)
}

// Forwarder sends what is said to customers of sessions by text. Several may run at once: a message leaves by the one that commits first that it is on its way.
type Forwarder struct {
	Store  ForwarderStore
	Sender func(interaction.Outbound) interaction.Sender
	Log    *slog.Logger
}

// How many messages are on their way at once, and how often it is looked for more.
const (
	forwardAtOnce = 20
	forwardEvery  = 300 * time.Millisecond
)

// Run works until the context ends.
func (f *Forwarder) Run(ctx context.Context) error {
	return loop(ctx, f.Log, "forwarder", nil, forwardEvery, f.round)
}

func (f *Forwarder) round(ctx context.Context) (bool, error) {
	if _, err := f.Store.FlagLostSessionSends(ctx); err != nil {
		return false, err
	}
	list, err := f.Store.SessionSends(ctx, forwardAtOnce)
	if err != nil {
		return false, err
	}
	var wg sync.WaitGroup
	moved := make([]bool, len(list))
	for n, x := range list {
		wg.Go(func() { moved[n] = f.send(ctx, x) })
	}
	wg.Wait()
	for _, m := range moved {
		if m { // there may be a next one of the same session
			return true, nil
		}
	}
	return false, nil
}

// send makes one attempt, and reports whether it ended.
func (f *Forwarder) send(ctx context.Context, x interaction.SessionSend) bool {
	attempt, begun := interaction.NewID(), false
	outcome := f.Sender(x.Out).Send(ctx, x.Out, func(ctx context.Context) error {
		won, err := f.Store.BeginSessionSend(ctx, x, attempt)
		if err == nil && !won {
			err = interaction.Conflict("in_flight", "another attempt is sending this, or it may not be sent any more")
		}
		begun = err == nil
		return err
	})
	if outcome.Aborted || !begun && outcome.State == interaction.SendQueued {
		return false
	}
	if !begun {
		attempt = ""
	}
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	if err := f.Store.EndSessionSend(keep, x, attempt, outcome); err != nil {
		f.Log.Error("what became of a message was not written", "session", x.Session, "number", x.Number, "error", err)
		return false
	}
	return outcome.State != interaction.SendQueued
}
