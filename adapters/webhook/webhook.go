// Package webhook tells addresses of others what happened here, by HTTP POST. A delivery is a JSON object with events in their order, signed so
// that the receiver knows whose it is and when it was made. It never holds a body or an address of a person: ids and codes, to be looked up over REST.
package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"parley/interaction"
	"parley/lib/auth"
	"parley/lib/safehttp"
)

// Headers of a delivery.
const (
	HeaderSignature = "Parley-Signature" // t=seconds,v1=hex[,v1=hex]: HMAC-SHA256 of "seconds.body", one for each secret that counts
	HeaderWebhook   = "Parley-Webhook"   // the webhook's name
	HeaderDelivery  = "Parley-Delivery"  // first and last event: the same delivery made again has the same first one
)

// Poster makes deliveries.
type Poster struct {
	Client *safehttp.Client
	Clock  func() time.Time
}

var _ interaction.WebhookPoster = (*Poster)(nil)

// Delivery is the body of a POST.
type Delivery struct {
	Events []Event `json:"events"`
}

// Event is one event. ID is its place in the stream: who has seen it before passes over it.
type Event struct {
	ID          string         `json:"id"`
	At          time.Time      `json:"at"`
	Code        string         `json:"code"`
	Actor       interaction.ID `json:"actor,omitempty"`
	Interaction interaction.ID `json:"interaction_id,omitempty"`
	Task        interaction.ID `json:"task_id,omitempty"`
	From        string         `json:"from,omitempty"`
	To          string         `json:"to,omitempty"`
	Data        map[string]any `json:"data"`
}

// Post delivers. Every 2xx is a yes; 410 says that the receiver wants nothing any more; everything else is tried again later.
func (p *Poster) Post(ctx context.Context, call interaction.WebhookCall) interaction.WebhookOutcome {
	r, err := p.request(ctx, call)
	if err != nil {
		return interaction.WebhookOutcome{Answer: err.Error()}
	}
	answer, err := p.Client.Do(r)
	switch {
	case answer.Status/100 == 2: // however long its body is
		return interaction.WebhookOutcome{Delivered: true}
	case err != nil:
		return interaction.WebhookOutcome{Answer: err.Error()}
	}
	return interaction.WebhookOutcome{
		Gone: answer.Status == http.StatusGone, Answer: fmt.Sprintf("%d %s", answer.Status, http.StatusText(answer.Status)), After: safehttp.RetryAfter(answer.Header, p.Clock()),
	}
}

func (p *Poster) request(ctx context.Context, call interaction.WebhookCall) (*http.Request, error) {
	d := Delivery{Events: make([]Event, len(call.Events))}
	for n, e := range call.Events {
		d.Events[n] = Event{e.Cursor, e.At, e.Code, e.Actor, e.Interaction, e.Task, e.From, e.To, e.Data}
	}
	body, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("write the delivery: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, call.URL, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Parley")
	r.Header.Set(HeaderWebhook, call.Name)
	if len(d.Events) > 0 {
		r.Header.Set(HeaderDelivery, d.Events[0].ID+"-"+d.Events[len(d.Events)-1].ID)
	}
	r.Header.Set(HeaderSignature, auth.Sign(body, p.Clock(), call.Secrets...))
	return r, nil
}
