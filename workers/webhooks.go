package workers

import (
	"context"
	"log/slog"

	"parley/interaction"
)

// WebhookStore is what the webhooks' part needs.
type WebhookStore interface {
	TakeWebhook(ctx context.Context) (*interaction.WebhookCall, error)
	EndWebhook(ctx context.Context, call interaction.WebhookCall, o interaction.WebhookOutcome) error
}

// webhookCalls is how many deliveries are under way at once: a receiver that answers slowly holds up nobody but a few.
const webhookCalls = 8

// Webhooks tells addresses of others what happened. Several may run at once: each delivery is made under a lease.
type Webhooks struct {
	Store  WebhookStore
	Poster interaction.WebhookPoster
	Log    *slog.Logger
}

// Run delivers until the context ends.
func (w *Webhooks) Run(ctx context.Context) error {
	slots := make(chan struct{}, webhookCalls)
	return loop(ctx, w.Log, "webhooks", nil, every, func(ctx context.Context) (bool, error) {
		slots <- struct{}{}
		call, err := w.Store.TakeWebhook(ctx)
		if err != nil || call == nil {
			<-slots
			return false, err
		}
		go func() {
			defer func() { <-slots }()
			w.deliver(ctx, *call)
		}()
		return true, nil
	})
}

// deliver makes one delivery. When what became of it cannot be written down, the lease runs out and it is made again.
func (w *Webhooks) deliver(ctx context.Context, call interaction.WebhookCall) {
	o := w.Poster.Post(ctx, call)
	if !o.Delivered {
		w.Log.Warn("webhook not delivered", "webhook", call.Name, "answer", o.Answer)
	}
	if err := w.Store.EndWebhook(ctx, call, o); err != nil && ctx.Err() == nil {
		w.Log.Warn("a delivery's end was not written", "webhook", call.Name, "error", err)
	}
}
