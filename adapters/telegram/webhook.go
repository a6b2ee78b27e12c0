package telegram

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"parley/interaction"
)

// maxCall is how large a call of the webhook may be.
const maxCall = 1 << 20

// Handler takes Telegram's calls, which carry the secret that the webhook was set with.
func (b *Bot) Handler(entryPoint string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secret := []byte(r.Header.Get("X-Telegram-Bot-Api-Secret-Token"))
		switch {
		case b.Settings.Webhook == "":
			http.Error(w, "this bot's updates are fetched", http.StatusNotFound)
			return
		case r.Method != http.MethodPost:
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "POST", http.StatusMethodNotAllowed)
			return
		case subtle.ConstantTimeCompare(secret, []byte(b.secret())) != 1:
			b.Log.Warn("a call that is not Telegram's was refused", "entry_point", entryPoint)
			http.Error(w, "the secret token is wrong", http.StatusUnauthorized)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCall))
		if err != nil {
			http.Error(w, "the call is too large or broke off", http.StatusBadRequest)
			return
		}
		var fields map[string]json.RawMessage
		if json.Unmarshal(body, &fields) != nil || fields["update_id"] == nil {
			http.Error(w, "this is no update", http.StatusBadRequest)
			return
		}
		err = b.take(r.Context(), read(body), interaction.Target{EntryPoint: entryPoint})
		if err != nil && interaction.KindOf(err) != interaction.KindInvalid { // Telegram repeats for ever what it gets no 200 for
			b.Log.Warn("an update was put off", "error", err)
			w.Header().Set("Retry-After", "10")
			http.Error(w, "try again later", http.StatusServiceUnavailable)
		}
	})
}

// watch sets the webhook and looks after it: Telegram tells there what goes wrong with its calls.
func (b *Bot) watch(ctx context.Context, lease interaction.Lease) error {
	var done bool
	if err := b.api.call(ctx, "setWebhook", map[string]any{
		"url": b.Settings.Webhook, "secret_token": b.secret(), "allowed_updates": kinds, "drop_pending_updates": false,
	}, &done); err != nil {
		return err
	}
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		var info struct {
			URL       string `json:"url"`
			Pending   int    `json:"pending_update_count"`
			ErrorDate int64  `json:"last_error_date"`
			Error     string `json:"last_error_message"`
		}
		if err := b.api.call(ctx, "getWebhookInfo", struct{}{}, &info); err != nil {
			return err
		}
		switch {
		case info.URL != b.Settings.Webhook:
			return fmt.Errorf("the webhook was set to another URL by somebody else")
		case info.Error != "" && info.Pending > 0 && b.Clock().Sub(time.Unix(info.ErrorDate, 0)) < 5*watchEvery:
			lease.Tell(ctx, interaction.LinkAway, "Telegram cannot call us: "+info.Error)
		default:
			lease.Tell(ctx, interaction.LinkUp, "")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
