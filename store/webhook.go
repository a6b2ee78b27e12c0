package store

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

const (
	webhookLease   = time.Minute        // longer than any call takes; whose process died is taken over then
	webhookOld     = 24 * time.Hour     // a replaced secret signs as well for so long
	webhookPatient = 7 * 24 * time.Hour // a receiver who was never there for so long is switched off
	webhookMany    = 100                // events of one delivery
	webhookLook    = 500                // events looked at for one
)

// TakeWebhook gives the next delivery that is due, under a lease, or nil when there is none. Events that a webhook does not want are passed over
// here. Who dies with a call in hand is followed by another after the lease: the receiver may then hear of the same events again.
func (s *Store) TakeWebhook(ctx context.Context) (*interaction.WebhookCall, error) {
	rows, err := s.pool.Query(ctx, `
		select name, url, events, not enabled, epoch, array_remove(array[secret, case when old_until > now() then old_secret end], null), '[]'::jsonb, cursor
		from webhooks where enabled and next_at <= now() and (leased_until is null or leased_until <= now()) order by next_at`)
	if err != nil {
		return nil, translate(err)
	}
	due, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c interaction.WebhookCall, err error) {
		return c, row.Scan(&c.Name, &c.URL, &c.Webhook.Events, &c.Disabled, &c.Epoch, &c.Secrets, &c.Events, &c.Cursor)
	})
	if err != nil {
		return nil, translate(err)
	}
	for _, call := range due {
		from := call.Cursor
		if err := s.fill(ctx, &call); err != nil {
			return nil, err
		}
		if call.Cursor == from {
			continue
		}
		tag, err := s.pool.Exec(ctx, `update webhooks set epoch = epoch + 1, cursor = case when $3 then cursor else $4 end,
				leased_until = case when $3 then now() + make_interval(secs => $5) end
			where name = $1 and epoch = $2 and enabled and (leased_until is null or leased_until <= now())`,
			call.Name, call.Epoch, len(call.Events) > 0, call.Cursor, webhookLease.Seconds())
		if err != nil {
			return nil, translate(err)
		}
		if tag.RowsAffected() == 1 && len(call.Events) > 0 {
			call.Epoch++
			return &call, nil
		}
	}
	return nil, nil
}

// fill looks at what has happened behind the call's cursor and moves it to the last thing looked at.
func (s *Store) fill(ctx context.Context, call *interaction.WebhookCall) error {
	events, err := s.EventsAfter(ctx, call.Cursor, webhookLook)
	if err != nil {
		return err
	}
	for _, e := range events {
		if call.Wants(e.Code) {
			if len(call.Events) == webhookMany {
				return nil
			}
			call.Events = append(call.Events, e)
		}
		call.Cursor = e.Cursor
	}
	return nil
}

// EndWebhook writes down what became of a delivery, if its lease still stands. In vain, it is tried again after a pause that grows from a second
// to an hour; a receiver who is gone, or was not there for a week, is switched off.
func (s *Store) EndWebhook(ctx context.Context, call interaction.WebhookCall, o interaction.WebhookOutcome) error {
	return s.inTx(ctx, func(t *tx) error {
		if o.Delivered {
			_, err := t.Exec(ctx, `update webhooks set cursor = $3, leased_until = null, next_at = now(), failing_since = null, attempts = 0, answer = ''
				where name = $1 and epoch = $2`, call.Name, call.Epoch, call.Cursor)
			return err
		}
		var enabled bool
		err := t.QueryRow(ctx, `
			update webhooks set leased_until = null, attempts = attempts + 1, failing_since = coalesce(failing_since, now()), answer = $3,
				next_at = now() + make_interval(secs => greatest($4, least(3600, power(2, least(attempts, 12))))),
				enabled = not ($5 or coalesce(failing_since, now()) < now() - make_interval(secs => $6))
			where name = $1 and epoch = $2 returning enabled`,
			call.Name, call.Epoch, clip(o.Answer, 200), min(o.After, time.Hour).Seconds(), o.Gone, webhookPatient.Seconds()).Scan(&enabled)
		if noRows(err) || err != nil || enabled {
			return ignore(err, noRows)
		}
		return t.audit(ctx, event{Code: "webhook.switched_off", Data: map[string]any{"webhook": call.Name, "gone": o.Gone}})
	})
}

const webhookColumns = `select name, url, events, not enabled, failing_since, attempts, next_at, answer from webhooks`

func scanWebhook(row pgx.CollectableRow) (w interaction.WebhookView, err error) {
	var failing *time.Time
	err = row.Scan(&w.Name, &w.URL, &w.Events, &w.Disabled, &failing, &w.Attempts, &w.NextAt, &w.Answer)
	if failing != nil {
		w.Failing = *failing
	}
	return w, err
}

// Webhooks lists all webhooks by name.
func (s *Store) Webhooks(ctx context.Context) ([]interaction.WebhookView, error) {
	rows, err := s.pool.Query(ctx, webhookColumns+` order by name`)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, scanWebhook)
	return list, translate(err)
}

// Webhook gives one webhook.
func (s *Store) Webhook(ctx context.Context, name string) (interaction.WebhookView, error) {
	return one(ctx, s.pool, "webhook", scanWebhook, webhookColumns+` where name = $1`, name)
}

// putWebhooks writes what the setup names. A new webhook hears of what happens from now on; one that is changed or switched on again begins without its
// old failures and goes on where it was.
func (t *tx) putWebhooks(ctx context.Context, setup interaction.Setup) error {
	for _, w := range setup.Webhooks {
		_, err := t.Exec(ctx, `
			insert into webhooks (name, url, events, enabled, secret, cursor) values ($1, $2, $3, $4, $5, pg_snapshot_xmin(pg_current_snapshot())::text || '.0')
			on conflict (name) do update set url = excluded.url, events = excluded.events, enabled = excluded.enabled, failing_since = null, attempts = 0, answer = '',
				next_at = now()`, w.Name, w.URL, some(w.Events), !w.Disabled, newSecret())
		if err != nil {
			return named(err, interaction.ListWebhooks, w.Name)
		}
	}
	return nil
}

// RotateWebhook gives the webhook a new secret and tells it, this once. Deliveries are signed with the old one as well for a day.
func (s *Store) RotateWebhook(ctx context.Context, by interaction.Actor, name string) ([]byte, error) {
	return act(ctx, s, by, func(t *tx) ([]byte, error) {
		secret := newSecret()
		done, err := t.exec(ctx, `update webhooks set old_secret = secret, old_until = now() + make_interval(secs => $3), secret = $2 where name = $1`,
			name, secret, webhookOld.Seconds())
		if err == nil && !done {
			err = interaction.Unknown("webhook")
		}
		if err != nil {
			return nil, err
		}
		return secret, t.audit(ctx, event{Code: "webhook.secret_changed", Actor: by, Data: map[string]any{"webhook": name}})
	})
}

func newSecret() []byte {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails: crypto/rand ends the program rather
	return secret
}

// ignore drops the error that means nothing here.
func ignore(err error, harmless func(error) bool) error {
	if harmless(err) {
		return nil
	}
	return err
}
