package store

import (
	"context"
	"slices"
	"time"

	"parley/interaction"
)

// callbackRow is a callback's row, locked behind its interaction and its tasks.
type callbackRow struct {
	entryPoint string
	phone      string
	state      interaction.CallbackState
	slot       time.Time
	due        time.Time
	expires    time.Time
	tries      int
	most       int
	outcome    string
	task       interaction.ID
	message    int64 // that tells the customer that nobody was reached
	version    int64
	now        time.Time // by the database's clock
}

func (t *tx) lockCallback(ctx context.Context, id interaction.ID) (callbackRow, error) {
	var c callbackRow
	var slot *time.Time
	err := t.QueryRow(ctx, `select entry_point, phone, state, slot_at, due_at, expires_at, tries, most, outcome, task_id, message_number, version, now()
		from callbacks where interaction_id = $1 for update`, id).
		Scan(&c.entryPoint, &c.phone, &c.state, &slot, &c.due, &c.expires, &c.tries, &c.most, &c.outcome, &c.task, &c.message, &c.version, &c.now)
	c.slot = orZero(slot)
	if noRows(err) {
		return c, interaction.Unknown("callback")
	}
	return c, err
}

// While an agent has a callback whose limit has passed, the story looks at it again when he must have given it back: after patience at least, or awayPatience
// where he has put it away for no certain time.
const (
	patience     = 10 * time.Minute
	awayPatience = 24 * time.Hour
)

// backBy is when a task that somebody has, or has put away, is looked at again.
func (t *taskRow) backBy(now time.Time) time.Time {
	by := now.Add(patience)
	if t.State == interaction.TaskSnoozed && t.NotBefore.IsZero() {
		by = now.Add(awayPatience)
	}
	return later(later(by, t.NotBefore.Add(patience)), t.HandleUntil)
}

// NextCall is the one step of a callback's story: it opens the task for the next try, finds the open one, or says how it is over. An agent who has it, or has
// put it away, may finish, whatever the limit says.
func (s *Store) NextCall(ctx context.Context, id interaction.ID, step string) (interaction.NextCall, error) {
	return once(ctx, s, id, step, func(t *tx, o openInteraction) (interaction.NextCall, error) {
		tasks, err := t.lockTasks(ctx, id)
		if err != nil {
			return interaction.NextCall{}, err
		}
		c, err := t.lockCallback(ctx, id)
		if err != nil {
			return interaction.NextCall{}, err
		}
		var open *taskRow
		if n := slices.IndexFunc(tasks, func(row taskRow) bool { return row.ID == c.task }); n >= 0 {
			open = &tasks[n]
		}
		expired := !c.expires.After(c.now)
		switch {
		case c.state != interaction.CallbackWaiting:
			return t.callbackOver(ctx, s, o, c)
		case open != nil && expired && (holding(open.State) || open.State == interaction.TaskSnoozed):
			return interaction.NextCall{Task: c.task, Until: open.backBy(c.now)}, nil
		case expired:
			return t.expireCallback(ctx, s, o, c, open)
		case open != nil:
			return interaction.NextCall{Task: c.task, Until: c.expires}, nil
		}
		task, err := t.openTask(ctx, o, interaction.Ask{Interaction: id, Step: step, Kind: interaction.TaskCallback, Message: 1, NotBefore: c.due})
		if err != nil {
			return interaction.NextCall{}, err
		}
		_, err = t.Exec(ctx, `update callbacks set task_id = $2 where interaction_id = $1`, id, task)
		return interaction.NextCall{Task: task, Until: c.expires}, err
	})
}

func (t *tx) expireCallback(ctx context.Context, s *Store, o openInteraction, c callbackRow, open *taskRow) (interaction.NextCall, error) {
	if open != nil {
		if err := t.withdraw(ctx, interaction.System, *open); err != nil {
			return interaction.NextCall{}, err
		}
		if err := t.become(ctx, o, "task.withdrawn", interaction.Automatic); err != nil {
			return interaction.NextCall{}, err
		}
		o.State = interaction.Automatic
	}
	if err := t.endCallback(ctx, interaction.System, o.ID, c, interaction.CallbackExpired, c.outcome); err != nil {
		return interaction.NextCall{}, err
	}
	c.state = interaction.CallbackExpired
	return t.callbackOver(ctx, s, o, c)
}

// callbackOver is the end of the story, with the message for a customer whom nobody reached.
func (t *tx) callbackOver(ctx context.Context, s *Store, o openInteraction, c callbackRow) (interaction.NextCall, error) {
	next := interaction.NextCall{Over: true, Message: c.message, Reason: string(c.state)}
	switch c.state {
	case interaction.CallbackDone:
		next.Reason = c.outcome
	case interaction.CallbackFailed:
		next.Reason = "not_reached"
	}
	if c.message != 0 || c.state != interaction.CallbackFailed && c.state != interaction.CallbackExpired {
		return next, nil
	}
	var err error
	next.Message, err = t.tellNotReached(ctx, s, o, c)
	return next, err
}

// endCallback gives a callback its final state. Its number may wait for another one from now on, and its slot has room again if its time has not come.
func (t *tx) endCallback(ctx context.Context, by interaction.Actor, id interaction.ID, c callbackRow, end interaction.CallbackState, outcome string) error {
	if _, err := t.Exec(ctx, `with freed as (delete from callback_numbers where entry_point = $4 and phone = $5 and interaction_id = $1)
		update callbacks set state = $2, outcome = $3, tries = $6, task_id = null, ended_at = now(), version = version + 1 where interaction_id = $1`,
		id, end, outcome, c.entryPoint, c.phone, c.tries); err != nil {
		return err
	}
	if c.slot.After(c.now) {
		if err := t.freeSlot(ctx, c.entryPoint, c.slot); err != nil {
			return err
		}
	}
	return t.audit(ctx, event{
		Code: "callback.ended", Actor: by, Interaction: id, From: string(c.state), To: string(end), Data: map[string]any{"tries": c.tries, "outcome": outcome},
	})
}

// stopCallback ends a callback whose interaction is stopped by an order, or by a story that did not wait for its end.
func (t *tx) stopCallback(ctx context.Context, by interaction.Actor, id interaction.ID) error {
	c, err := t.lockCallback(ctx, id)
	if err != nil || c.state != interaction.CallbackWaiting {
		return err
	}
	return t.endCallback(ctx, by, id, c, interaction.CallbackCancelled, c.outcome)
}

// tellNotReached writes the message of a customer whom nobody reached, with its ledger row, where the policy has one and there is an address for it.
func (t *tx) tellNotReached(ctx context.Context, s *Store, o openInteraction, c callbackRow) (int64, error) {
	place, err := callbackPlace(ctx, t, s.hours, c.entryPoint)
	if err != nil || place.Settings.Notify == "" {
		if interaction.KindOf(err) == interaction.KindUnknown { // the entry point was disabled since
			err = nil
		}
		return 0, err
	}
	m := interaction.Message{Interaction: o.ID, Number: o.Messages + 1, Kind: interaction.MessageAuto, EntryPoint: place.Settings.Notify}
	var phone, email, name string
	var channel interaction.Channel
	err = t.QueryRow(ctx, `select c.phone, c.email, c.name, e.channel, e.from_name, e.address, coalesce(nullif(i.subject, ''), e.from_name)
		from callbacks c join interactions i on i.id = c.interaction_id join entry_points e on e.name = $2 and e.enabled where c.interaction_id = $1`, o.ID, m.EntryPoint).
		Scan(&phone, &email, &name, &channel, &m.From.Name, &m.From.Address, &m.Subject)
	if noRows(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	to := phone
	if channel == interaction.Email {
		to = email
	}
	if m.Text = interaction.InLanguage(place.Settings.Text, o.Language); m.Text == "" || to == "" {
		return 0, nil
	}
	m.To = []interaction.Address{{Name: name, Address: to}}
	if err := t.insertMessage(ctx, m); err != nil {
		return 0, err
	}
	if _, err := t.Exec(ctx, `with i as (update interactions set messages = messages + 1 where id = $1) update callbacks set message_number = $2 where interaction_id = $1`, o.ID, m.Number); err != nil {
		return 0, err
	}
	if err := t.audit(ctx, event{Code: "callback.told", Interaction: o.ID, Data: map[string]any{"message": m.Number}}); err != nil {
		return 0, err
	}
	return m.Number, t.release(ctx, o, m.Number)
}

// called takes an agent's word on a try, in the transaction that ends his task: reached, or tried again later by the entry point's policy, or given up.
func (t *tx) called(ctx context.Context, by interaction.Actor, row taskRow, disposition string) error {
	c, err := t.lockCallback(ctx, row.Interaction)
	if err != nil {
		return err
	}
	if c.state != interaction.CallbackWaiting {
		return callbackOver(c.state)
	}
	place, err := callbackPlace(ctx, t, t.hours, c.entryPoint)
	if err != nil {
		if interaction.KindOf(err) != interaction.KindUnknown {
			return err
		}
		place.Settings = interaction.CallbackSettings{}.WithDefaults() // disabled since: what was booked is still called
	}
	c.tries++
	switch {
	case !slices.Contains(place.Settings.Again, disposition):
		return t.endCallback(ctx, by, row.Interaction, c, interaction.CallbackDone, disposition)
	case c.tries >= c.most:
		return t.endCallback(ctx, by, row.Interaction, c, interaction.CallbackFailed, disposition)
	}
	pause := time.Duration(place.Settings.Retry) * time.Minute
	due, ok, err := t.hours.Due(place.Calendar, c.now, pause)
	if err != nil || !ok { // a calendar that cannot be read, or that has closed for good, delays nobody
		due = c.now.Add(pause)
	}
	if _, err := t.Exec(ctx, `update callbacks set tries = $2, outcome = $3, task_id = null, due_at = $4, expires_at = greatest(expires_at, $4::timestamptz + make_interval(mins => $5)),
			dial_id = null, dialled_at = null, dial_state = '', version = version + 1 where interaction_id = $1`,
		row.Interaction, c.tries, disposition, due, place.Settings.Limit); err != nil {
		return err
	}
	return t.audit(ctx, event{Code: "callback.tried", Actor: by, Interaction: row.Interaction, Task: row.ID, Data: map[string]any{
		"try": c.tries, "outcome": disposition, "due": due.UTC(),
	}})
}
