package test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// bookings lets chats of the stage become callbacks.
func (st *stage) bookings(policy interaction.ChatSettings, change ...func(*interaction.Setup)) {
	st.t.Helper()
	policy.Callback = "line"
	policy.WhenGone, policy.WhenNobody, policy.WhenClosed = interaction.InsteadCallback, interaction.InsteadCallback, interaction.InsteadCallback
	st.chats(policy, append(change, func(house *interaction.Setup) {
		house.Calendars = append(house.Calendars, interaction.Calendar{Name: "always", Zone: "Europe/Berlin", Week: map[string][]string{"mon-sun": {"00:00-24:00"}}})
		house.EntryPoints = append(house.EntryPoints, interaction.EntryPoint{
			Name: "line", Calendar: "always", Channel: interaction.Callback, Address: "line", Workflow: interaction.WorkflowCallback, Queue: "service", FromName: "Kettles",
			Callback: &interaction.CallbackSettings{Country: "DE"},
		})
	})...)
}

// called waits for the callback that a chat became.
func (st *stage) called(chat interaction.ID) (call interaction.Call) {
	st.t.Helper()
	var id interaction.ID
	st.eventually("the chat becomes a callback", func() bool {
		return st.store.Pool().QueryRow(st.t.Context(), `select i.id from all_interactions i join all_interactions c on c.id = i.parent_id
			where c.id = $1 and i.channel = 'callback' and i.thread_id = c.thread_id and i.contact_id = c.contact_id`, chat).Scan(&id) == nil
	})
	call, err := st.store.Callback(st.t.Context(), interaction.System, id)
	require.NoError(st.t, err)
	return call
}

// The customer goes while he waits, and has said that he may be called: he is.
func TestStoryChatCustomerGoneIsCalled(t *testing.T) {
	st := newStage(t)
	st.bookings(interaction.ChatSettings{Questions: []interaction.ChatAsk{
		{Key: "call_back", Choices: []string{"Yes", "No"}, Text: map[string]string{"en": "May we call you if the line breaks?"}},
		{Key: "number", Kind: "phone", Text: map[string]string{"en": "On which number?"}},
	}})
	id := st.openChat("")
	st.said(id, interaction.ChatQuestion, "May we call")
	st.post(id, customer, "yes")
	st.said(id, interaction.ChatQuestion, "On which number?")
	st.post(id, customer, "+49 30 901820")
	st.task(id, interaction.TaskHandle)
	st.post(id, customer, "My kettle leaks.")
	st.endChat(id)
	require.Equal(t, "callback_booked", st.stopped(id))
	call := st.called(id)
	require.Equal(t, "+4930901820", call.Phone)
	require.Equal(t, interaction.CallFree, call.Mode)
	require.Contains(t, call.Text, "My kettle leaks.")
	st.try("ann", call.ID, "reached")
	require.Equal(t, "reached", st.stopped(call.ID))
}

// Out of hours he is asked whether he wants to be called, and then for his number. One that nobody can call is refused plainly.
func TestStoryChatOutOfHoursIsCalled(t *testing.T) {
	for number, reason := range map[string]string{"+49 30 901821": "callback_booked", "0900 1234567": "closed"} {
		t.Run(reason, func(t *testing.T) {
			st := newStage(t)
			st.bookings(interaction.ChatSettings{}, func(house *interaction.Setup) {
				house.Calendars = append(house.Calendars, interaction.Calendar{Name: "never", Zone: "Europe/Berlin"})
				house.Queues[0].Calendar = "never"
			})
			id := st.openChat("")
			st.said(id, interaction.ChatText, "We are closed")
			st.said(id, interaction.ChatQuestion, "Shall we call you back?")
			st.post(id, customer, "perhaps") // no answer: he is asked again
			st.post(id, customer, "YES")
			st.said(id, interaction.ChatQuestion, "Which number")
			st.post(id, customer, number)
			require.Equal(t, reason, st.stopped(id))
			if reason == "callback_booked" {
				st.said(id, interaction.ChatText, "Thank you. We will call you")
				require.Equal(t, "+4930901821", st.called(id).Phone)
				return
			}
			st.said(id, interaction.ChatText, "We are sorry: we cannot book")
			var calls int
			require.NoError(t, st.store.Pool().QueryRow(t.Context(), `select count(*) from callbacks`).Scan(&calls))
			require.Zero(t, calls)
		})
	}
}
