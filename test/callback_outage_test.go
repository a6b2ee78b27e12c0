package test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"parley/test/wire"
)

// bookedCall is a callback as REST tells it.
type bookedCall struct {
	ID, Phone, State string
	DueAt            time.Time `json:"due_at"`
	Tries            int
}

// TestCallbacksBehindADayWithoutParley is §G4: Parley dies, and is away for more than a day in which callbacks come due every two hours. Those past their limit are reported,
// to agents and to their customers; the others are offered in the order in which they were due, and none is lost.
func TestCallbacksBehindADayWithoutParley(t *testing.T) {
	const all, every, limit = 12, 2 * time.Hour, 19 * time.Hour
	p := newProduct(t, alwaysOpen(t))
	p.start()
	root, ann := p.person("PARLEY_ADMIN_TOKEN"), p.person("PARLEY_AGENT_TOKEN")
	p.call(root, http.MethodPut, "/v1/configuration/entry_points/overdue", map[string]any{
		"channel": "callback", "address": "overdue", "workflow": "Callback", "queue": "service", "from_name": "Example Shop", "language": "en",
		"callback": map[string]any{"limit_minutes": limit.Minutes(), "notify": "support", "text": map[string]string{"en": "We could not call you in time."}},
	}, nil)
	first := time.Now().UTC().Truncate(time.Hour).Add(72 * time.Hour)
	for n := range all { // booked in no order
		p.call(ann, http.MethodPost, "/v1/callbacks", map[string]any{
			"entry_point": "overdue", "phone": fmt.Sprintf("+493090182%02d", n), "email": fmt.Sprintf("customer%d@example.test", n),
			"mode": "slot", "at": first.Add(time.Duration(n*5%all) * every).Format(time.RFC3339),
		}, nil)
	}
	p.await(stepLimit, "every callback to have its task", func(ctx context.Context) error {
		waiting, err := wire.List[struct{ State string }](ctx, ann, "/v1/tasks", url.Values{"kind": {"callback"}})
		if err == nil && len(waiting) != all {
			err = fmt.Errorf("%d have", len(waiting))
		}
		return err
	})

	require.NoError(t, p.command.Process.Kill())
	<-p.ended
	p.pass(time.Until(first) + 24*time.Hour + time.Minute) // the first was due 24 hours ago, the last two hours ago
	p.start()
	ann = p.person("PARLEY_AGENT_TOKEN")

	expired := 0
	for n := range all {
		if 24*time.Hour-time.Duration(n)*every > limit {
			expired++
		}
	}
	require.Equal(t, 3, expired, "24, 22 and 20 hours ago")
	p.await(startLimit, "those past their limit to be over", func(ctx context.Context) error {
		list, err := wire.List[bookedCall](ctx, ann, "/v1/callbacks", url.Values{"state": {"expired"}})
		if err == nil && len(list) != expired {
			err = fmt.Errorf("%d are", len(list))
		}
		return err
	})
	var order []time.Time
	for range all - expired {
		task := p.claimNext(ann, "callback")
		var c bookedCall
		p.call(ann, http.MethodGet, "/v1/callbacks/"+task.InteractionID, nil, &c)
		order = append(order, c.DueAt)
		p.call(ann, http.MethodPost, "/v1/tasks/"+task.ID+"/complete", map[string]any{"disposition": "reached"}, nil)
		p.stopped(ann, task.InteractionID, "reached")
	}
	require.True(t, slices.IsSortedFunc(order, time.Time.Compare), "offered in due order: %v", order)

	ends := map[string]int{}
	list, err := wire.List[bookedCall](t.Context(), ann, "/v1/callbacks", nil)
	require.NoError(t, err)
	for _, c := range list {
		ends[c.State]++
		if c.State == "expired" {
			p.stopped(ann, c.ID, "expired")
			events, err := ann.Events(t.Context(), c.ID)
			require.NoError(t, err)
			require.True(t, slices.ContainsFunc(events, func(e wire.Event) bool { return e.Code == "callback.ended" }))
		}
	}
	require.Equal(t, map[string]int{"expired": expired, "done": all - expired}, ends, "none is lost")
	p.await(stepLimit, "the customers of those that expired to be told", func(context.Context) error {
		told := 0
		for _, m := range p.sink.All() {
			if m.Automatic && strings.Contains(string(m.Raw), "We could not call you in time.") {
				told++
			}
		}
		if told != expired {
			return fmt.Errorf("%d were told", told)
		}
		return nil
	})
	p.stop()
}

// pass has time pass for callbacks while Parley is dead. Temporal's timers go by a clock that a test cannot move; they are rung by news, as the change of a time is.
func (p *product) pass(d time.Duration) {
	p.t.Helper()
	content, err := os.ReadFile(filepath.Join(p.home, "run.json"))
	require.NoError(p.t, err)
	var run struct{ Postgres struct{ Port int } }
	require.NoError(p.t, json.Unmarshal(content, &run))
	password, err := os.ReadFile(filepath.Join(p.home, "postgres.password"))
	require.NoError(p.t, err)
	at := url.URL{Scheme: "postgres", User: url.UserPassword("parley", strings.TrimSpace(string(password))), Host: fmt.Sprintf("127.0.0.1:%d", run.Postgres.Port), Path: "/parley"}
	conn, err := pgx.Connect(p.t.Context(), at.String())
	require.NoError(p.t, err)
	defer conn.Close(p.t.Context())
	for _, statement := range []string{
		`update callbacks set due_at = due_at - make_interval(secs => $1), expires_at = expires_at - make_interval(secs => $1), slot_at = slot_at - make_interval(secs => $1)`,
		`update tasks set opened_at = opened_at - make_interval(secs => $1), not_before = not_before - make_interval(secs => $1)
			where interaction_id in (select interaction_id from callbacks)`,
	} {
		_, err = conn.Exec(p.t.Context(), statement, d.Seconds())
		require.NoError(p.t, err)
	}
	_, err = conn.Exec(p.t.Context(), `
		with numbered as (update interactions i set news = news + 1 from callbacks c where c.interaction_id = i.id and c.expires_at < now() returning i.id, i.news, c.task_id)
		insert into outbox (interaction_id, number, news) select id, news, jsonb_build_object('kind', 'moved', 'task', task_id, 'number', news) from numbered`)
	require.NoError(p.t, err)
}
