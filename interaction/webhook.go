package interaction

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Webhook is an address of somebody else's that hears of events: ids and codes, in their order, signed.
type Webhook struct {
	Name     string   `yaml:"name" json:"name,omitempty"`
	URL      string   `yaml:"url" json:"url"`
	Events   []string `yaml:"events,omitempty" json:"events,omitempty"` // codes such as interaction.stopped, or send.* for all that begin so; empty: all
	Disabled bool     `yaml:"disabled,omitempty" json:"disabled,omitempty"`
}

// Wants reports whether the webhook is to hear of events of this code.
func (w Webhook) Wants(code string) bool {
	return len(w.Events) == 0 || slices.ContainsFunc(w.Events, func(pattern string) bool {
		prefix, all := strings.CutSuffix(pattern, "*")
		return pattern == code || all && strings.HasPrefix(code, prefix)
	})
}

// WebhookView is a webhook with how its deliveries go.
type WebhookView struct {
	Webhook
	Failing  time.Time // since when nothing gets through; zero while all is well
	Attempts int       // in vain since then
	NextAt   time.Time // when it is tried again, or looked at
	Answer   string    // what the last attempt in vain met, cut
}

// WebhookCall is one delivery: what happened since the last one. It is made again with the same events at least when its answer was lost.
type WebhookCall struct {
	Webhook
	Epoch   int64    // of the lease under which it is made
	Secrets [][]byte // it is signed with each: two while a new one comes in
	Events  []Event
	Cursor  string // how far the stream was looked at
}

// WebhookOutcome is what became of a delivery.
type WebhookOutcome struct {
	Delivered bool
	Gone      bool          // the receiver wants nothing any more: the webhook is switched off
	Answer    string        // status or error, for people
	After     time.Duration // that the receiver asks us to wait; zero: as we see fit
}

// WebhookPoster makes the call over HTTP.
type WebhookPoster interface {
	Post(ctx context.Context, call WebhookCall) WebhookOutcome
}
