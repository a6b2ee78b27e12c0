package store

import (
	"context"
	"time"

	"parley/interaction"
)

// Hours counts open time by business calendars.
type Hours interface {
	// Due gives when so much open time has passed since from, by the calendar of this definition; false when the calendar closes for good before.
	Due(definition []byte, from time.Time, open time.Duration) (time.Time, bool, error)
	// Between gives how much open time there is between two moments, by the calendar of this definition.
	Between(definition []byte, from, until time.Time) (time.Duration, error)
	// Hours gives the calendar of this definition; of an empty one, all time.
	Hours(definition []byte) (interaction.OpenHours, error)
}

// allHours is what a house without calendars goes by.
type allHours struct{}

// Due adds.
func (allHours) Due(_ []byte, from time.Time, open time.Duration) (time.Time, bool, error) {
	return from.Add(open), true, nil
}

// Between subtracts.
func (allHours) Between(_ []byte, from, until time.Time) (time.Duration, error) {
	return until.Sub(from), nil
}

// Hours is all time.
func (allHours) Hours([]byte) (interaction.OpenHours, error) { return allHours{}, nil }

// Open is always so.
func (allHours) Open(time.Time) bool { return true }

// NextOpen is at once.
func (allHours) NextOpen(at time.Time) (time.Time, bool) { return at, true }

// setDue writes down when a task should be answered: the objective counts open time of its queue's calendar, or else of its entry point's,
// or else all time. A calendar that cannot be read counts as none: a mail must not wait for somebody to mend it.
func (t *tx) setDue(ctx context.Context, task interaction.ID, opened time.Time, objective time.Duration) error {
	definition, err := t.calendarOf(ctx, task)
	if err != nil {
		return err
	}
	due, reached := opened.Add(objective), true
	if definition != nil {
		at, ok, err := t.hours.Due(definition, opened, objective)
		if err == nil {
			due, reached = at, ok
		}
	}
	if !reached {
		return nil
	}
	t.put(`update tasks set due_at = $2 where id = $1`, task, due)
	return nil
}

// calendarOf gives the definition of the calendar by which a task's objective counts; nil: all time.
func (t *tx) calendarOf(ctx context.Context, task interaction.ID) (definition []byte, err error) {
	err = t.QueryRow(ctx, `
		select c.definition from tasks t join queues q on q.name = t.queue join interactions i on i.id = t.interaction_id
			left join entry_points e on e.name = i.entry_point join calendars c on c.name = coalesce(q.calendar, e.calendar)
		where t.id = $1`, task).Scan(&definition)
	if noRows(err) {
		return nil, nil
	}
	return definition, err
}

// endHold moves the deadlines of a task whose interaction is resumed, since service time stands still on hold: its service objective keeps the open time that was left, its routing time-out
// and the deadline of its review come as much later as the hold was long. What had passed before stays passed.
func (t *tx) endHold(ctx context.Context, task interaction.ID) error {
	var since, due *time.Time
	var now time.Time
	if err := t.QueryRow(ctx, `select suspended_at, due_at, now() from tasks where id = $1`, task).Scan(&since, &due, &now); err != nil || since == nil {
		return err
	}
	if due != nil && due.After(*since) {
		definition, err := t.calendarOf(ctx, task)
		if err != nil {
			return err
		}
		moved := due.Add(now.Sub(*since))
		if definition != nil {
			if left, err := t.hours.Between(definition, *since, *due); err == nil {
				if at, reached, err := t.hours.Due(definition, now, left); err == nil && reached {
					moved = at
				}
			}
		}
		due = &moved
	}
	_, err := t.Exec(ctx, `
		with r as (update open_reviews set due_at = due_at + (now() - $3::timestamptz) where task_id = $1 and due_at > $3)
		update tasks set due_at = $2, route_until = case when route_until > $3 then route_until + (now() - $3) else route_until end, suspended_at = null where id = $1`, task, due, since)
	return err
}
