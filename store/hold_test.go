package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// Service time stands still while an interaction is on hold: its objective keeps the time that was left, in open hours; its routing time-out and its review's deadline come as much later
// as the hold was long. What had passed before the hold stays passed.
func TestDeadlinesStandStillOnHold(t *testing.T) {
	s := storetest.New(t, store.Options{Hours: hours{}})
	vic := storetest.Person(t, s, "vic")
	opens := time.Date(2040, 1, 2, 9, 0, 0, 0, time.UTC)
	exec(t, s, `insert into calendars values ('office', '{"Opens": "2040-01-02T09:00:00Z"}')`)
	const held = 5 * time.Hour
	for _, c := range []struct {
		name, calendar string
		left           time.Duration // when the hold began
		want           func(now time.Time) time.Time
	}{
		{"all hours", "", 20 * time.Minute, func(now time.Time) time.Time { return now.Add(20 * time.Minute) }},
		{"open hours", "office", 20 * time.Minute, func(time.Time) time.Time { return opens.Add(20 * time.Minute) }},
		{"passed before", "office", -20 * time.Minute, func(now time.Time) time.Time { return now.Add(-held - 20*time.Minute) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			exec(t, s, `update queues set objective_seconds = 3600, calendar = nullif($1, '') where name = 'service'`, c.calendar)
			id := arrive(t, s, "c@customer.test", "Kettle")
			task := open(t, s, id, "ask")
			exec(t, s, `insert into open_reviews (task_id, rate, reason, number) values ($1, 100, 'start', 1)`, task)
			_, err := s.Order(t.Context(), vic, id, interaction.Order{Name: interaction.OrderHold}, 0)
			require.NoError(t, err)
			require.False(t, scan[time.Time](t, s, `select suspended_at from tasks where id = $1`, task).IsZero())
			exec(t, s, `with began as (select now() - make_interval(secs => $2) as moment),
				r as (update open_reviews set due_at = moment + make_interval(secs => $3) from began where task_id = $1)
				update tasks set suspended_at = moment, due_at = moment + make_interval(secs => $3), route_until = moment + make_interval(secs => $3) from began where id = $1`,
				task, held.Seconds(), c.left.Seconds())
			before := scan[time.Time](t, s, `select route_until from tasks where id = $1`, task)
			_, err = s.Order(t.Context(), vic, id, interaction.Order{Name: interaction.OrderResume}, 0)
			require.NoError(t, err)

			now := scan[time.Time](t, s, `select now()`)
			require.WithinDuration(t, c.want(now), queued(t, s, task).DueAt, 5*time.Minute)
			later := time.Duration(0)
			if c.left > 0 {
				later = held
			}
			require.WithinDuration(t, before.Add(later), scan[time.Time](t, s, `select route_until from tasks where id = $1`, task), 5*time.Minute)
			require.WithinDuration(t, before.Add(later), scan[time.Time](t, s, `select due_at from open_reviews where task_id = $1`, task), 5*time.Minute)
			require.Zero(t, scan[int](t, s, `select count(*)::int from tasks where id = $1 and suspended_at is not null`, task))
		})
	}
}
