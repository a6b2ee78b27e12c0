package test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store/storetest"
)

// line gives the stage an entry point that calls back.
func (st *stage) line(settings interaction.CallbackSettings) {
	st.t.Helper()
	require.NoError(st.t, st.store.Apply(st.t.Context(), interaction.System, interaction.Setup{EntryPoints: []interaction.EntryPoint{{
		Name: "line", Channel: interaction.Callback, Address: "line", Workflow: interaction.WorkflowCallback, Queue: "service", FromName: "Kettles", Callback: &settings,
	}}}))
}

func (st *stage) book(when interaction.CallWhen) interaction.Booked {
	st.t.Helper()
	b, err := st.store.BookCallback(st.t.Context(), interaction.Actor{}, interaction.CallRequest{
		EntryPoint: "line", Phone: "+4930901820", Name: "Nora", Email: "nora@customer.test", Topic: "Kettle", Text: "It leaks.", CallWhen: when,
	})
	require.NoError(st.t, err)
	return b
}

// try has an agent call, with this outcome.
func (st *stage) try(login string, id interaction.ID, disposition string) {
	st.t.Helper()
	task := st.task(id, interaction.TaskCallback)
	st.exec(`update tasks set not_before = now() where id = $1`, task) // as if it were due
	_, err := st.store.Claim(st.t.Context(), st.people[login], task)
	require.NoError(st.t, err)
	require.NoError(st.t, st.store.Complete(st.t.Context(), st.people[login], task, 0, interaction.Done{Disposition: disposition}))
}

func (st *stage) exec(sql string, args ...any) {
	st.t.Helper()
	_, err := st.store.Pool().Exec(st.t.Context(), sql, args...)
	require.NoError(st.t, err)
}

// A customer books a time, moves it by his link, is not reached at first, and then is.
func TestStoryCallback(t *testing.T) {
	st := newStage(t)
	st.line(interaction.CallbackSettings{})
	slot := time.Now().UTC().Truncate(time.Hour).Add(25 * time.Hour)
	b := st.book(interaction.CallWhen{At: slot.Format(time.RFC3339)})
	task := st.task(b.ID, interaction.TaskCallback)
	_, err := st.store.Claim(t.Context(), st.people["ann"], task)
	require.ErrorContains(t, err, "too_early")
	c, err := st.store.CallbackByToken(t.Context(), b.Token)
	require.NoError(t, err)
	_, err = st.store.MoveCallback(t.Context(), interaction.Actor{}, c.ID, interaction.CallWhen{At: slot.Add(time.Hour).Format(time.RFC3339)}, c.Version)
	require.NoError(t, err)
	st.try("ann", b.ID, "no_answer")
	st.eventually("it waits for the second try", func() bool { return st.task(b.ID, interaction.TaskCallback) != task })
	st.try("ben", b.ID, "reached")
	require.Equal(t, "reached", st.stopped(b.ID))
	c, err = st.store.CallbackByToken(t.Context(), b.Token)
	require.NoError(t, err)
	require.Equal(t, interaction.CallbackDone, c.State)
	require.Equal(t, 2, c.Tries)
}

// Who was not reached as often as the policy says is told so, and the callback is over.
func TestStoryCallbackNotReached(t *testing.T) {
	st := newStage(t)
	st.line(interaction.CallbackSettings{Tries: 1, Notify: "support", Text: map[string]string{"en": "We could not reach you."}})
	b := st.book(interaction.CallWhen{Mode: interaction.CallNow})
	st.try("ann", b.ID, "voicemail")
	require.Equal(t, "not_reached", st.stopped(b.ID))
	sent := st.mails()
	require.Len(t, sent, 1)
	require.Contains(t, sent[0].Text, "We could not reach you.")
	require.Equal(t, "nora@customer.test", sent[0].To[0].Address)
	require.True(t, sent[0].Machine(false).Is, "it carries the marks of automatic mail")
}

// A callback that its customer cancels while its agent has it ends once, and leaves nothing.
func TestStoryCallbackCancelled(t *testing.T) {
	st := newStage(t)
	st.line(interaction.CallbackSettings{})
	b := st.book(interaction.CallWhen{Mode: interaction.CallFree})
	_, err := st.store.Claim(t.Context(), st.people["ann"], st.task(b.ID, interaction.TaskCallback))
	require.NoError(t, err)
	_, err = st.store.CancelCallback(t.Context(), interaction.Actor{}, b.ID, 0)
	require.NoError(t, err)
	require.Equal(t, "cancelled", st.stopped(b.ID))
	var left int
	require.NoError(t, st.store.Pool().QueryRow(t.Context(), `select (select count(*) from tasks) + (select count(*) from callback_numbers) + (select sum(load_total) from agents)`).Scan(&left))
	require.Zero(t, left)
}

// A callback that nobody made within its limit is over, by the story's own clock.
func TestStoryCallbackExpires(t *testing.T) {
	st := newStage(t)
	st.line(interaction.CallbackSettings{})
	b := st.book(interaction.CallWhen{Mode: interaction.CallFree})
	task := st.task(b.ID, interaction.TaskCallback)
	st.exec(`update callbacks set expires_at = now() + interval '2 seconds' where interaction_id = $1`, b.ID)
	st.exec(`with numbered as (update interactions set news = news + 1 where id = $1 returning news)
		insert into outbox (interaction_id, number, news) select $1, news, jsonb_build_object('kind', 'moved', 'task', $2::text, 'number', news) from numbered`, b.ID, task)
	require.Equal(t, "expired", st.stopped(b.ID))
	c, err := st.store.CallbackByToken(t.Context(), b.Token)
	require.NoError(t, err)
	require.Equal(t, interaction.CallbackExpired, c.State)
}

// A supervisor holds a callback, lets it go on, moves it to another queue and stops it; its slot is free again.
func TestStoryCallbackOrders(t *testing.T) {
	st := newStage(t)
	st.line(interaction.CallbackSettings{})
	b := st.book(interaction.CallWhen{At: time.Now().UTC().Truncate(time.Hour).Add(49 * time.Hour).Format(time.RFC3339)})
	st.task(b.ID, interaction.TaskCallback)
	for _, name := range []string{interaction.OrderHold, interaction.OrderResume} {
		st.order(b.ID, interaction.Order{Name: name})
	}
	_, err := st.store.Order(t.Context(), storetest.Person(t, st.store, "root"), b.ID, interaction.Order{Name: interaction.OrderMove, Queue: "sales"}, 0)
	require.NoError(t, err)
	_, err = st.store.Order(t.Context(), storetest.Person(t, st.store, "root"), b.ID, interaction.Order{Name: interaction.OrderAutoRespond}, 0)
	require.ErrorContains(t, err, "not_by_mail")
	_, err = st.store.Order(t.Context(), storetest.Person(t, st.store, "root"), b.ID, interaction.Order{Name: interaction.OrderStop, Reason: "withdrawn"}, 0)
	require.NoError(t, err)
	require.Equal(t, "withdrawn", st.stopped(b.ID))
	var taken int
	require.NoError(t, st.store.Pool().QueryRow(t.Context(), `select sum(taken) from callback_slots`).Scan(&taken))
	require.Zero(t, taken)
}
