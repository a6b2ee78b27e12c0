package store

import (
	"context"

	"parley/interaction"
)

// BeginDial commits an order to dial before it leaves. Only who holds the task may give it, and not twice within the guard time: what a telephone system did
// with an order that it did not answer is not known.
func (s *Store) BeginDial(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.Dial, error) {
	return act(ctx, s, by, func(t *tx) (interaction.Dial, error) {
		d := interaction.Dial{ID: interaction.NewID(), Callback: id, Agent: by.Agent, Login: by.Login}
		c, row, err := t.changeCallback(ctx, by, id, 0)
		if err != nil {
			return d, err
		}
		if row == nil || row.State != interaction.TaskHeld || row.Agent != by.Agent {
			return d, interaction.Forbidden("not_yours", "claim the callback before you dial")
		}
		settings := interaction.CallbackSettings{}.WithDefaults()
		if place, err := callbackPlace(ctx, t, s.hours, c.entryPoint); err == nil {
			settings = place.Settings
		} else if interaction.KindOf(err) != interaction.KindUnknown { // disabled since: what was booked is still called
			return d, err
		}
		d.URL, d.Secret = settings.DialURL, settings.DialKey
		err = t.QueryRow(ctx, `update callbacks set dial_id = $2, dialled_at = now(), dial_state = 'dialling', version = version + 1
			where interaction_id = $1 and (dialled_at is null or dialled_at <= now() - make_interval(secs => $3)) returning phone, extension`, id, d.ID, settings.Guard).
			Scan(&d.Number, &d.Extension)
		if noRows(err) {
			e := interaction.Conflict("dialled_already", "this number was dialled less than %d seconds ago; wait, or dial by hand", settings.Guard)
			e.RetryAfter = settings.Guard
			return d, e
		}
		if err != nil {
			return d, err
		}
		return d, t.audit(ctx, event{Code: "callback.dialled", Actor: by, Interaction: id, Task: row.ID, Data: map[string]any{"dial": d.ID}})
	})
}

// EndDial writes down what became of an order to dial: ok, failed (nothing was dialled, and it may be ordered again at once) or unknown.
func (s *Store) EndDial(ctx context.Context, d interaction.Dial, state interaction.DialState) error {
	return s.inTx(ctx, func(t *tx) error {
		changed, err := t.exec(ctx, `update callbacks set dial_state = $3, dialled_at = case when $3 = 'failed' then null else dialled_at end
			where interaction_id = $1 and dial_id = $2 and dial_state = 'dialling'`, d.Callback, d.ID, state)
		if err != nil || !changed {
			return err
		}
		return t.audit(ctx, event{Code: "callback.dial_ended", Interaction: d.Callback, To: string(state), Data: map[string]any{"dial": d.ID}})
	})
}
