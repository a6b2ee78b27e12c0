package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// queued gives a task as matching sees it.
func queued(t *testing.T, s *store.Store, id interaction.ID) interaction.Queued {
	t.Helper()
	c, err := s.Again(t.Context(), []interaction.ID{id}, nil)
	require.NoError(t, err)
	require.Len(t, c.Tasks, 1, "the task is not queued")
	return c.Tasks[0]
}

// offerTo offers a queued task to a ready agent as the dispatcher does.
func offerTo(t *testing.T, s *store.Store, task, agent interaction.ID) bool {
	t.Helper()
	w := queued(t, s, task)
	a, err := s.Agent(t.Context(), agent)
	require.NoError(t, err)
	made, err := s.Offer(t.Context(), interaction.Offer{Task: task, TaskVersion: w.Version, Agent: agent, AgentVersion: a.Version})
	require.NoError(t, err)
	return made
}

func exec(t *testing.T, s *store.Store, sql string, args ...any) {
	t.Helper()
	_, err := s.Pool().Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}

func scan[T any](t *testing.T, s *store.Store, sql string, args ...any) T {
	t.Helper()
	var v T
	require.NoError(t, s.Pool().QueryRow(t.Context(), sql, args...).Scan(&v))
	return v
}

// tick lets the clocks run and gives what they wrote into the audit.
func tick(t *testing.T, s *store.Store) []string {
	t.Helper()
	before := scan[int64](t, s, `select coalesce(max(position), 0) from events`)
	_, err := s.Tick(t.Context(), "")
	require.NoError(t, err)
	return scan[[]string](t, s, `select coalesce(array_agg(code order by position), '{}') from events where position > $1`, before)
}

func ready(t *testing.T, s *store.Store, login string) interaction.Actor {
	t.Helper()
	who := storetest.Person(t, s, login)
	_, err := s.SetReady(t.Context(), who, true, "")
	require.NoError(t, err)
	return who
}

func load(t *testing.T, s *store.Store, who interaction.Actor) int {
	t.Helper()
	require.Equal(t, scan[int](t, s, `select load_total from agents where id = $1`, who.Agent),
		scan[int](t, s, `select coalesce(sum(value::int), 0) from agents, jsonb_each_text(load) where id = $1`, who.Agent), "the classes add up")
	return scan[int](t, s, `select load_total from agents where id = $1`, who.Agent)
}

func TestAnOfferThatRunsOutGoesBackAndIsNotMadeAgain(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann := ready(t, s, "ann")
	var tasks []interaction.ID
	for range 3 {
		tasks = append(tasks, open(t, s, arrive(t, s, "c@customer.test", "Kettle"), "ask"))
	}
	opened := queued(t, s, tasks[0]).OpenedAt
	for _, task := range tasks[:2] {
		require.True(t, offerTo(t, s, task, ann.Agent))
	}
	require.Equal(t, 2, load(t, s, ann), "an offer reserves room")
	require.Empty(t, tick(t, s), "the offers stand")
	exec(t, s, `update tasks set offer_until = now() - interval '1 second' where state = 'offered'`)
	require.Equal(t, []string{"task.missed", "task.missed"}, tick(t, s))
	require.Zero(t, load(t, s, ann))
	back := queued(t, s, tasks[0])
	require.Equal(t, []interaction.ID{ann.Agent}, back.Refused)
	require.Equal(t, opened, back.OpenedAt, "its age is kept")
	require.False(t, offerTo(t, s, tasks[0], ann.Agent), "not again to who let it run out")
	_, err := s.AcceptOffer(t.Context(), ann, tasks[0]) // C-28
	require.Equal(t, "expired", code(err))
	ben := ready(t, s, "ben")
	require.True(t, offerTo(t, s, tasks[0], ben.Agent))
	_, err = s.AcceptOffer(t.Context(), ann, tasks[0])
	require.Equal(t, "expired", code(err), "also while it is with the next")
	_, err = s.AcceptOffer(t.Context(), ben, tasks[0])
	require.NoError(t, err)

	require.True(t, offerTo(t, s, tasks[2], ann.Agent))
	exec(t, s, `update tasks set offer_until = now() where state = 'offered'`)
	require.ElementsMatch(t, []string{"task.missed", "agent.not_ready"}, tick(t, s))
	agent, err := s.Agent(t.Context(), ann.Agent)
	require.NoError(t, err)
	require.False(t, agent.Ready)
	require.Equal(t, "missed_offers", agent.Reason)

	ready(t, s, "ann")
	require.Zero(t, scan[int](t, s, `select missed from agents where id = $1`, ann.Agent), "ready again he begins anew")
}

func TestATaskHeldTooLongIsTakenBackWithItsDraft(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann := storetest.Person(t, s, "ann")
	task := open(t, s, arrive(t, s, "c@customer.test", "Kettle"), "ask")
	held, err := s.Claim(t.Context(), ann, task)
	require.NoError(t, err)
	_, err = s.SaveDraft(t.Context(), ann, task, 0, interaction.Draft{Text: "Dear customer"})
	require.NoError(t, err)
	require.Empty(t, tick(t, s))
	exec(t, s, `update tasks set handle_until = now() - interval '1 second'`)
	require.Equal(t, []string{"task.taken_back"}, tick(t, s))
	require.Zero(t, load(t, s, ann))
	require.Equal(t, held.OpenedAt, queued(t, s, task).OpenedAt)
	draft, err := s.TaskDraft(t.Context(), ann, task)
	require.NoError(t, err)
	require.Equal(t, "Dear customer", draft.Text)
	_, err = s.Reply(t.Context(), ann, task, 0, interaction.Reply{Text: "too late"})
	require.Equal(t, "not_yours", code(err))
}

func TestWhatWasPutAwayIsWokenForItsAgent(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann, ben := storetest.Person(t, s, "ann"), storetest.Person(t, s, "ben")
	task := open(t, s, arrive(t, s, "c@customer.test", "Kettle"), "ask")
	held, err := s.Claim(t.Context(), ann, task)
	require.NoError(t, err)
	require.NoError(t, s.Snooze(t.Context(), ann, task, held.Version, time.Now().Add(time.Hour)))
	require.Empty(t, tick(t, s))
	exec(t, s, `update tasks set not_before = now() - interval '1 second'`)
	require.Equal(t, []string{"task.woken"}, tick(t, s))
	_, err = s.Claim(t.Context(), ben, task)
	require.Equal(t, "reserved", code(err))
	w := queued(t, s, task)
	require.Equal(t, ann.Agent, w.ReservedFor)
	require.WithinDuration(t, time.Now().Add(10*time.Minute), w.ReservedUntil, time.Minute)
	_, err = s.Claim(t.Context(), ann, task)
	require.NoError(t, err)
	require.Equal(t, 1, load(t, s, ann))
}

func TestWhoLeavesHoldsNothing(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann := ready(t, s, "ann")
	var tasks []interaction.ID
	for range 3 {
		tasks = append(tasks, open(t, s, arrive(t, s, "c@customer.test", "Kettle"), "ask"))
	}
	_, err := s.Claim(t.Context(), ann, tasks[0])
	require.NoError(t, err)
	require.True(t, offerTo(t, s, tasks[1], ann.Agent))
	snoozed, err := s.Claim(t.Context(), ann, tasks[2])
	require.NoError(t, err)
	require.NoError(t, s.Snooze(t.Context(), ann, tasks[2], snoozed.Version, time.Time{}))
	exec(t, s, `update agents set enabled = false where id = $1`, ann.Agent)
	require.Equal(t, []string{"task.taken_back", "task.taken_back", "task.taken_back"}, tick(t, s))
	require.Zero(t, load(t, s, ann))
	for _, task := range tasks {
		queued(t, s, task)
	}
}

// A clock does not wait for what somebody is changing; the next one does it.
func TestAClockLeavesWhatIsLocked(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann := ready(t, s, "ann")
	task := open(t, s, arrive(t, s, "c@customer.test", "Kettle"), "ask")
	require.True(t, offerTo(t, s, task, ann.Agent))
	exec(t, s, `update tasks set offer_until = now() - interval '1 second'`)
	for _, lock := range []string{`select 1 from tasks for update`, `select 1 from agents for update`} {
		tx, err := s.Pool().Begin(t.Context())
		require.NoError(t, err)
		t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }) // a connection that is kept would keep the store from closing
		_, err = tx.Exec(t.Context(), lock)
		require.NoError(t, err)
		require.Empty(t, tick(t, s), lock)
		require.NoError(t, tx.Rollback(t.Context()))
	}
	require.Equal(t, []string{"task.missed"}, tick(t, s))
}
