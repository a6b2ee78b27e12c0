package store

import (
	"context"
	"time"

	"parley/interaction"
)

// MoveCallback gives a waiting callback another time. While somebody is asked to call or calls it is refused, unless it is he who moves it: then he gives it
// back. Who was first wins, and the audit says who.
func (s *Store) MoveCallback(ctx context.Context, by interaction.Actor, id interaction.ID, to interaction.CallWhen, version int64) (interaction.Call, error) {
	return act(ctx, s, by, func(t *tx) (interaction.Call, error) {
		c, row, err := t.changeCallback(ctx, by, id, version)
		if err != nil {
			return interaction.Call{}, err
		}
		mine := row != nil && row.State == interaction.TaskHeld && by.Agent != "" && row.Agent == by.Agent
		if row != nil && holding(row.State) && !mine {
			return interaction.Call{}, interaction.Conflict("being_called", "somebody is about to call; it cannot be moved now").With("state", row.State)
		}
		place, err := callbackPlace(ctx, t, s.hours, c.entryPoint)
		if err != nil {
			return interaction.Call{}, err
		}
		when, err := t.callTime(ctx, &place, to)
		if err != nil {
			return interaction.Call{}, err
		}
		if err := t.changeSlot(ctx, &place, c.slot, when); err != nil {
			return interaction.Call{}, err
		}
		if _, err := t.Exec(ctx, `update callbacks set mode = $2, zone = $3, local = $4, slot_at = $5, due_at = $6, expires_at = $7, version = version + 1 where interaction_id = $1`,
			id, when.Mode, when.Zone, when.Local, orNull(when.Slot), when.Due, when.Expires); err != nil {
			return interaction.Call{}, err
		}
		if mine {
			if err := t.requeue(ctx, *row, by, "task.released", ""); err != nil {
				return interaction.Call{}, err
			}
			row.State, row.Agent = interaction.TaskQueued, ""
		}
		if err := t.dueAnew(ctx, id, row, when.Due); err != nil {
			return interaction.Call{}, err
		}
		if err := t.audit(ctx, event{
			Code: "callback.moved", Actor: by, Interaction: id, Data: map[string]any{"from": c.due.UTC(), "to": when.Due.UTC(), "mode": when.Mode},
		}); err != nil {
			return interaction.Call{}, err
		}
		return callback(ctx, t, id)
	})
}

// changeSlot takes the new slot and gives the old one back.
func (t *tx) changeSlot(ctx context.Context, place *interaction.CallbackPlace, old time.Time, when interaction.CallTime) error {
	if old.Equal(when.Slot) {
		return nil
	}
	if _, err := t.Exec(ctx, `select 1 from callback_slots where entry_point = $1 and at = any($2) order by at for update`,
		place.EntryPoint, []time.Time{old, when.Slot}); err != nil { // two that change places do not wait for each other
		return err
	}
	if err := t.takeSlot(ctx, place, when); err != nil {
		return err
	}
	return t.freeSlot(ctx, place.EntryPoint, old)
}

// changeCallback locks interaction, task and callback of one that waits and that the actor may know of. The task is nil while none is open.
func (t *tx) changeCallback(ctx context.Context, by interaction.Actor, id interaction.ID, version int64) (callbackRow, *taskRow, error) {
	var c callbackRow
	if by.Agent != "" { // a customer has proved it by his link
		if err := t.visibleInteraction(ctx, by, id); err != nil {
			if interaction.KindOf(err) == interaction.KindUnknown {
				err = interaction.Unknown("callback")
			}
			return c, nil, err
		}
	}
	if _, err := t.lockInteraction(ctx, id); err != nil {
		if interaction.KindOf(err) != interaction.KindConflict {
			return c, nil, err
		}
		known, err := callback(ctx, t, id)
		if err != nil {
			return c, nil, err
		}
		return c, nil, callbackOver(known.State)
	}
	rows, err := t.lockTasks(ctx, id)
	if err != nil {
		return c, nil, err
	}
	if c, err = t.lockCallback(ctx, id); err != nil {
		return c, nil, err
	}
	switch {
	case c.state != interaction.CallbackWaiting:
		return c, nil, callbackOver(c.state)
	case version != 0 && version != c.version:
		return c, nil, interaction.Stale(c.version)
	}
	for n := range rows {
		if rows[n].ID == c.task {
			return c, &rows[n], nil
		}
	}
	return c, nil, nil
}

func callbackOver(state interaction.CallbackState) error {
	return interaction.Conflict("callback_over", "the callback is %s already", state).With("state", state)
}

// dueAnew moves the open task to another time, and lets the story look at it again; matching hears of it by the audit.
func (t *tx) dueAnew(ctx context.Context, id interaction.ID, row *taskRow, due time.Time) error {
	if row == nil {
		return nil
	}
	if _, err := t.Exec(ctx, `update tasks set opened_at = $2, due_at = due_at + ($2 - opened_at), route_until = route_until + ($2 - opened_at), not_before = $2, chain_since = $2, chain_step = 0,
			refused = '{}', reserved_for = null, reserved_until = null, version = version + 1 where id = $1`, row.ID, due); err != nil {
		return err
	}
	t.tasks = true
	if err := t.openFirstLink(ctx, row.ID); err != nil {
		return err
	}
	if err := t.auditTask(ctx, interaction.System, *row, "task.due_moved", row.State, map[string]any{"due": due.UTC()}); err != nil {
		return err
	}
	return t.addNews(ctx, id, interaction.News{Kind: interaction.NewsMoved, Task: row.ID}, "")
}

// CancelCallback ends a callback that waits, also while somebody calls: his task is taken from him, which his desk hears of at once. There is one final state.
func (s *Store) CancelCallback(ctx context.Context, by interaction.Actor, id interaction.ID, version int64) (interaction.Call, error) {
	return act(ctx, s, by, func(t *tx) (interaction.Call, error) {
		c, row, err := t.changeCallback(ctx, by, id, version)
		if err != nil {
			return interaction.Call{}, err
		}
		if err := t.endCallback(ctx, by, id, c, interaction.CallbackCancelled, c.outcome); err != nil {
			return interaction.Call{}, err
		}
		if row != nil {
			if err := t.withdraw(ctx, by, *row); err != nil {
				return interaction.Call{}, err
			}
			news := interaction.News{Kind: interaction.NewsDone, Task: row.ID, Code: string(interaction.CallbackCancelled)}
			if err := t.addNews(ctx, id, news, `state = 'automatic'`); err != nil {
				return interaction.Call{}, err
			}
		}
		return callback(ctx, t, id)
	})
}

// wall is a callback that was booked for a time on somebody's wall.
type wall struct {
	id          interaction.ID
	zone, local string
	was         time.Time
}

// now gives the moment of the wall's time by the rules that are known here.
func (w wall) now() (time.Time, bool) {
	zone, err := time.LoadLocation(w.zone)
	if err != nil {
		return w.was, false
	}
	local, err := time.Parse(interaction.WallTime, w.local)
	if err != nil {
		return w.was, false
	}
	moments := interaction.OnWall(local, zone)
	switch {
	case len(moments) == 0: // it does not come any more on that day: as late as it was meant
		at, err := time.ParseInLocation(interaction.WallTime, w.local, zone)
		return at, err == nil
	case len(moments) > 1 && moments[1].Equal(w.was): // it comes twice, and the second was booked
		return w.was, true
	}
	return moments[0], true
}

// KeepWallTimes moves what was booked for a time on somebody's wall when the rules of his zone have changed since: the time on the wall stays. Run hourly, and
// at start: rules come with a new build.
func (s *Store) KeepWallTimes(ctx context.Context) error {
	rows, err := s.pool.Query(ctx, `select interaction_id, zone, local, slot_at from callbacks where state = 'waiting' and local <> '' and slot_at > now() and tries = 0`)
	if err != nil {
		return translate(err)
	}
	defer rows.Close()
	moved := map[wall]time.Time{}
	for rows.Next() {
		var w wall
		if err := rows.Scan(&w.id, &w.zone, &w.local, &w.was); err != nil {
			return translate(err)
		}
		if due, ok := w.now(); ok && !due.Equal(w.was) {
			moved[w] = due
		}
	}
	if err := rows.Err(); err != nil {
		return translate(err)
	}
	for w, due := range moved {
		if err := s.keepWallTime(ctx, w, due); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) keepWallTime(ctx context.Context, w wall, due time.Time) error {
	err := s.inTx(ctx, func(t *tx) error {
		c, row, err := t.changeCallback(ctx, interaction.System, w.id, 0)
		if err != nil || !c.slot.Equal(w.was) || row != nil && holding(row.State) {
			return err
		}
		if _, err := t.Exec(ctx, `select 1 from callback_slots where entry_point = $1 and at = any($2) order by at for update`, c.entryPoint, []time.Time{c.slot, due}); err != nil {
			return err
		}
		if _, err := t.Exec(ctx, `insert into callback_slots as s (entry_point, at, taken) values ($1, $2, 1)
			on conflict (entry_point, at) do update set taken = s.taken + 1`, c.entryPoint, due); err != nil { // also beyond the capacity: he was promised this time
			return err
		}
		if err := t.freeSlot(ctx, c.entryPoint, c.slot); err != nil {
			return err
		}
		if _, err := t.Exec(ctx, `update callbacks set slot_at = $2, due_at = $2, expires_at = expires_at + ($2 - due_at), version = version + 1 where interaction_id = $1`, w.id, due); err != nil {
			return err
		}
		if err := t.dueAnew(ctx, w.id, row, due); err != nil {
			return err
		}
		return t.audit(ctx, event{Code: "callback.moved", Interaction: w.id, Data: map[string]any{"from": w.was.UTC(), "to": due.UTC(), "why": "zone_rules"}})
	})
	if err != nil && interaction.KindOf(err) == interaction.KindConflict { // over since
		return nil
	}
	return err
}

// ForgetSlots drops the counts of slots that are long over; run hourly.
func (s *Store) ForgetSlots(ctx context.Context) error {
	_, err := s.pool.Exec(ctx, `delete from callback_slots where at < now() - interval '1 day'`)
	return translate(err)
}
