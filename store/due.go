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
	// Hours gives the calendar of this definition; of an empty one, all time.
	Hours(definition []byte) (interaction.OpenHours, error)
}

// allHours is what a house without calendars goes by.
type allHours struct{}

// Due adds.
func (allHours) Due(_ []byte, from time.Time, open time.Duration) (time.Time, bool, error) {
	return from.Add(open), true, nil
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
	var definition []byte
	err := t.QueryRow(ctx, `
		select c.definition from tasks t join queues q on q.name = t.queue join interactions i on i.id = t.interaction_id
			left join entry_points e on e.name = i.entry_point join calendars c on c.name = coalesce(q.calendar, e.calendar)
		where t.id = $1`, task).Scan(&definition)
	if err != nil && !noRows(err) {
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
