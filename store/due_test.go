package store_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// hours are calendars that open for good at a moment, or never.
type hours struct{}

func (hours) Due(definition []byte, _ time.Time, open time.Duration) (time.Time, bool, error) {
	var d struct{ Opens time.Time }
	err := json.Unmarshal(definition, &d)
	return d.Opens.Add(open), !d.Opens.IsZero(), err
}

func (hours) Between(_ []byte, from, until time.Time) (time.Duration, error) {
	return until.Sub(from), nil
}

func (hours) Hours([]byte) (interaction.OpenHours, error) {
	return nil, errors.New("not asked for here")
}

// A task is due when its queue's objective has passed in open time: of the queue's calendar, or the entry point's, or of all hours.
func TestDue(t *testing.T) {
	s := storetest.New(t, store.Options{Hours: hours{}})
	opens := time.Date(2040, 1, 2, 9, 0, 0, 0, time.UTC)
	exec(t, s, `insert into calendars values ('office', '{"Opens": "2040-01-02T09:00:00Z"}'), ('never', '{}'), ('broken', '[]')`)
	tests := []struct {
		name              string
		objective         int
		queue, entry      string
		inOffice, anyTime time.Duration
	}{
		{"no objective", 0, "office", "office", 0, 0},
		{"all hours", 3600, "", "", 0, time.Hour},
		{"the queue's calendar", 3600, "office", "never", time.Hour, 0},
		{"the entry point's", 7200, "", "office", 2 * time.Hour, 0},
		{"a calendar that never opens", 3600, "never", "", 0, 0},
		{"a calendar that cannot be read counts as none", 3600, "broken", "", 0, time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			exec(t, s, `update queues set objective_seconds = $1, calendar = nullif($2, '') where name = 'service'`, tt.objective, tt.queue)
			exec(t, s, `update entry_points set calendar = nullif($1, '')`, tt.entry)
			task := open(t, s, arrive(t, s, "c@customer.test", "Kettle"), "ask")
			w := queued(t, s, task)
			var want time.Time
			switch {
			case tt.anyTime > 0:
				want = w.OpenedAt.Add(tt.anyTime)
			case tt.inOffice > 0:
				want = opens.Add(tt.inOffice)
			}
			if want.IsZero() {
				require.True(t, w.DueAt.IsZero(), w.DueAt)
				return
			}
			require.WithinDuration(t, want, w.DueAt, 0)
		})
	}
}

// What nobody took within the routing time-out opens to everybody of the overflow queue, once.
func TestRoutingTimeout(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ctx := t.Context()
	ann, carl := storetest.Person(t, s, "ann"), storetest.Person(t, s, "carl")
	hard := []interaction.RouteTarget{{Kind: interaction.ToSkill, Name: "sailing", Level: 9}}
	ask := func() interaction.ID {
		id := arrive(t, s, "c@customer.test", "Kettle")
		task, err := s.OpenTask(ctx, interaction.Ask{Interaction: id, Step: "ask", Kind: interaction.TaskHandle, Message: 1, Chain: hard})
		require.NoError(t, err)
		return task
	}
	first := ask()
	require.True(t, scan[bool](t, s, `select route_until is null from tasks where id = $1`, first), "no overflow: the workflow's deadline decides")

	exec(t, s, `update queues set overflow = 'sales' where name = 'service'`)
	second := ask()
	_, err := s.Claim(ctx, carl, second)
	require.Equal(t, interaction.KindUnknown, interaction.KindOf(err))
	require.True(t, scan[bool](t, s, `select route_until between now() + interval '11 hours' and now() + interval '13 hours' from tasks where id = $1`, second))
	require.Empty(t, tick(t, s))
	exec(t, s, `update tasks set route_until = now(), reserved_for = $1, reserved_until = now() + interval '1 day' where id = $2`, ann.Agent, second)
	opened := queued(t, s, second).OpenedAt
	require.Equal(t, []string{"task.routing_timeout"}, tick(t, s))
	_, err = s.Claim(ctx, carl, second)
	require.NoError(t, err, "it waits in the overflow queue, and no skill is asked for any more")
	require.WithinDuration(t, opened, scan[time.Time](t, s, `select opened_at from tasks where id = $1`, second), 0, "its age is kept")
	require.Empty(t, tick(t, s), "once")
	require.JSONEq(t, `{"kind": "handle", "before": "service"}`, scan[string](t, s, `select data::text from events where task_id = $1 and code = 'task.routing_timeout'`, second))
}

// How many missed offers make an agent not ready is what the queue says.
func TestMissedOffersAreCountedAsTheQueueSays(t *testing.T) {
	s := storetest.New(t, store.Options{})
	exec(t, s, `update queues set missed_offers = 1`)
	ann := ready(t, s, "ann")
	require.True(t, offerTo(t, s, open(t, s, arrive(t, s, "c@customer.test", "Kettle"), "ask"), ann.Agent))
	exec(t, s, `update tasks set offer_until = now()`)
	require.ElementsMatch(t, []string{"task.missed", "agent.not_ready"}, tick(t, s))
}
