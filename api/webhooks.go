package api

import (
	"context"
	"encoding/hex"
	"time"

	"parley/interaction"
)

// Webhooks tells how the deliveries to others go. Which there are is configuration.
type Webhooks interface {
	Webhooks(ctx context.Context) ([]interaction.WebhookView, error)
	Webhook(ctx context.Context, name string) (interaction.WebhookView, error)
	RotateWebhook(ctx context.Context, by interaction.Actor, name string) ([]byte, error)
}

// Webhook is an address that hears of events, with how its deliveries go.
type Webhook struct {
	Name         string     `json:"name"`
	URL          string     `json:"url"`
	Events       []string   `json:"events" nullable:"false"`
	Disabled     bool       `json:"disabled"`
	FailingSince *time.Time `json:"failing_since,omitempty" doc:"nothing has got through since then; after a week it is switched off"`
	Attempts     int        `json:"attempts" doc:"in vain since then"`
	NextAt       *time.Time `json:"next_at,omitempty" doc:"when it is tried again, while it fails"`
	Answer       string     `json:"answer,omitempty" doc:"what the last attempt in vain met"`
}

func webhookView(v interaction.WebhookView) Webhook {
	w := Webhook{
		Name: v.Name, URL: v.URL, Events: same(v.Events), Disabled: v.Disabled, FailingSince: moment(v.Failing), Attempts: v.Attempts, Answer: v.Answer,
	}
	if w.FailingSince != nil {
		w.NextAt = moment(v.NextAt)
	}
	return w
}

// WebhookOutput is one webhook.
type WebhookOutput struct {
	Body Webhook
}

func (s *server) listWebhooks(ctx context.Context, _ *struct{}) (*List[Webhook], error) {
	found, err := s.Webhooks(ctx)
	if err != nil {
		return nil, err
	}
	return whole(found, webhookView), nil
}

func (s *server) getWebhook(ctx context.Context, in *ByName) (*WebhookOutput, error) {
	found, err := s.Webhook(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	return &WebhookOutput{webhookView(found)}, nil
}

// SecretOutput is a webhook's new secret, told this once.
type SecretOutput struct {
	Body struct {
		Secret string `json:"secret" doc:"hexadecimal; the key of HMAC-SHA256 is the bytes that it stands for"`
	}
}

func (s *server) rotateWebhook(ctx context.Context, in *ByName) (*SecretOutput, error) {
	secret, err := s.RotateWebhook(ctx, actorOf(ctx), in.Name)
	if err != nil {
		return nil, err
	}
	out := &SecretOutput{}
	out.Body.Secret = hex.EncodeToString(secret)
	return out, nil
}
