package test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/lib/mail"
	"parley/store/storetest"
	"parley/workers"
)

// chats puts an entry point for chats before the stage's house, with these policies; messages go by mail to support.
func (st *stage) chats(policy interaction.ChatSettings, change ...func(*interaction.Setup)) {
	st.t.Helper()
	house := storetest.House()
	for _, c := range change {
		c(&house)
	}
	policy.Mail = "support"
	house.EntryPoints = append(house.EntryPoints, interaction.EntryPoint{
		Name: "chat", Channel: interaction.Chat, Address: "chat", Workflow: interaction.WorkflowChat, Queue: "service", FromName: "Example Shop", Chat: &policy,
	})
	require.NoError(st.t, st.store.Apply(st.t.Context(), interaction.System, house))
}

// openChat opens a session as the adapter does.
func (st *stage) openChat(email string) interaction.ID {
	st.t.Helper()
	c := interaction.NewChat{EntryPoint: "chat", Nickname: "Nora", Language: "en", Key: "key-" + string(interaction.NewID())}
	if email != "" {
		c.Identities = []interaction.Attribute{{Kind: "email", Value: email}}
	}
	ticket, err := st.store.OpenChat(st.t.Context(), c)
	require.NoError(st.t, err)
	return ticket.Session
}

func (st *stage) post(session interaction.ID, from interaction.Party, text string) {
	st.t.Helper()
	done, err := st.store.PostChats(st.t.Context(), []interaction.ChatPost{{Session: session, From: from, Kind: interaction.ChatText, Text: text}})
	require.NoError(st.t, err)
	require.NoError(st.t, done[0].Err)
}

var customer = interaction.Party{Role: interaction.ChatCustomer}

func (st *stage) agent(login string) interaction.Party {
	return interaction.Party{Role: interaction.ChatAgent, Agent: st.people[login].Agent}
}

// said waits for a message of a kind whose text begins so.
func (st *stage) said(session interaction.ID, kind interaction.ChatKind, begins string) {
	st.t.Helper()
	st.eventually(fmt.Sprintf("%s %q is said", kind, begins), func() bool {
		list, err := st.store.ChatMessages(st.t.Context(), session, 0, true, 1000)
		require.NoError(st.t, err)
		for _, m := range list {
			if m.Kind == kind && strings.HasPrefix(m.Text, begins) {
				return true
			}
		}
		return false
	})
}

func (st *stage) claim(login string, id interaction.ID) interaction.ID {
	st.t.Helper()
	task := st.task(id, interaction.TaskHandle)
	_, err := st.store.Claim(st.t.Context(), st.people[login], task)
	require.NoError(st.t, err)
	return task
}

func (st *stage) endChat(session interaction.ID) {
	st.t.Helper()
	require.NoError(st.t, st.store.EndChat(st.t.Context(), session, customer, "customer"))
}

// mails gives what left, newest last.
func (st *stage) mails() []*mail.Message {
	st.t.Helper()
	list, err := st.outbox.List(100)
	require.NoError(st.t, err)
	var out []*mail.Message
	for n := range list {
		raw, err := st.outbox.Open(list[len(list)-1-n].Name)
		require.NoError(st.t, err)
		out = append(out, mail.Parse(raw))
	}
	return out
}

// letter waits for the interaction by mail that a chat became, and gives it with its only message.
func (st *stage) letter(chat interaction.ID) (id interaction.ID, text, from string) {
	st.t.Helper()
	st.eventually("the chat becomes a message by mail", func() bool {
		return st.store.Pool().QueryRow(st.t.Context(), `select i.id, m.body, m.sender->>'address' from all_interactions i join messages m on m.interaction_id = i.id and m.number = 1
			join all_interactions c on c.id = i.parent_id and c.thread_id = i.thread_id and c.contact_id = i.contact_id
			where i.parent_id = $1 and i.channel = 'email'`, chat).Scan(&id, &text, &from) == nil
	})
	return id, text, from
}

func TestStoryChat(t *testing.T) {
	st := newStage(t)
	st.chats(interaction.ChatSettings{
		Greeting:  map[string]string{"en": "Hello, what can we do for you?"},
		Questions: []interaction.ChatAsk{{Key: "order", Text: map[string]string{"en": "Which order is it about?"}}},
	})
	id := st.openChat("nora@customer.test")
	st.said(id, interaction.ChatText, "Hello, what")
	st.said(id, interaction.ChatQuestion, "Which order")
	st.post(id, customer, "10442")
	task := st.claim("ann", id)
	st.said(id, interaction.ChatJoined, "")
	st.post(id, customer, "<b>It leaks.</b>")
	st.post(id, st.agent("ann"), "Send it back, please.")
	require.NoError(t, st.store.WantTranscript(t.Context(), id, "nora@customer.test"))
	st.endChat(id)
	require.NoError(t, st.store.Complete(t.Context(), st.people["ann"], task, 0, interaction.Done{Disposition: "solved"}))
	require.Equal(t, "solved", st.stopped(id))

	sent := st.mails()
	require.Len(t, sent, 1)
	require.Equal(t, "nora@customer.test", sent[0].To[0].Address)
	require.True(t, sent[0].Machine(false).Is, "a transcript carries the marks of automatic mail")
	require.Contains(t, sent[0].Text, "Nora: <b>It leaks.</b>")
	require.Contains(t, sent[0].HTML, "&lt;b&gt;It leaks.&lt;/b&gt;")
	kept, err := st.store.Messages(t.Context(), id)
	require.NoError(t, err)
	require.Len(t, kept, 1)
	require.Equal(t, interaction.MessageTranscript, kept[0].Kind)

	var order string
	var figures interaction.ChatFigures
	require.NoError(t, st.store.Pool().QueryRow(t.Context(), `select i.data->>'order', e.data->'figures' from closed_interactions i
		join events e on e.interaction_id = i.id and e.code = 'chat.measured' where i.id = $1`, id).Scan(&order, &figures))
	require.Equal(t, "10442", order)
	require.Equal(t, 1, figures.Agents)
	require.Equal(t, 2, figures.FromCustomer)
	require.Equal(t, 1, figures.FromAgents)
	require.GreaterOrEqual(t, figures.Waited, 0)
	require.GreaterOrEqual(t, figures.FirstResponse, figures.Waited)
	require.GreaterOrEqual(t, figures.AverageResponse, 0)
}

// The customer goes while he waits: what he wrote becomes a message by mail in the same thread, and its workflow begins.
func TestStoryChatCustomerGone(t *testing.T) {
	st := newStage(t)
	st.chats(interaction.ChatSettings{})
	id := st.openChat("nora@customer.test")
	st.post(id, customer, "My kettle leaks.")
	st.task(id, interaction.TaskHandle)
	st.endChat(id)
	child, text, from := st.letter(id)
	require.Equal(t, "My kettle leaks.", text)
	require.Equal(t, "nora@customer.test", from)
	st.reply("ann", child, "Send it back.")
	st.decide(child, interaction.Decision{Verdict: "approve"})
	st.eventually("the answer is sent", func() bool { return len(st.mails()) == 1 })
	require.Equal(t, "nora@customer.test", st.mails()[0].To[0].Address)
	require.Equal(t, "left_message", st.stopped(id))
}

// Out of hours he is asked for what a message needs, one thing after the other.
func TestStoryChatOutOfHours(t *testing.T) {
	st := newStage(t)
	st.chats(interaction.ChatSettings{}, func(house *interaction.Setup) {
		house.Calendars = append(house.Calendars, interaction.Calendar{Name: "never", Zone: "Europe/Berlin"})
		house.Queues[0].Calendar = "never"
	})
	id := st.openChat("")
	st.said(id, interaction.ChatText, "We are closed")
	st.said(id, interaction.ChatQuestion, "We will answer by email.")
	st.post(id, customer, "nora(at)customer")
	st.post(id, customer, "nora@customer.test")
	st.said(id, interaction.ChatQuestion, "What may we do")
	st.post(id, customer, "My kettle leaks.")
	st.said(id, interaction.ChatText, "Thank you.")
	require.Equal(t, "left_message", st.stopped(id))
	_, text, from := st.letter(id)
	require.Contains(t, text, "My kettle leaks.")
	require.NotContains(t, text, "nora@customer.test")
	require.Equal(t, "nora@customer.test", from)
}

// An asynchronous chat sleeps for days. The customer's next word wakes it, and the agent whom he knows has the first word.
func TestStoryChatSleepsAndWakes(t *testing.T) {
	st := newStage(t)
	st.chats(interaction.ChatSettings{Async: true})
	id := st.openChat("nora@customer.test")
	task := st.claim("ann", id)
	require.NoError(t, st.store.Snooze(t.Context(), st.people["ann"], task, 0, time.Time{}))
	st.said(id, interaction.ChatLeft, "")
	st.post(id, customer, "I am back.")
	_, err := st.store.Claim(t.Context(), st.people["ben"], task)
	require.ErrorContains(t, err, "reserved")
	require.Equal(t, task, st.claim("ann", id))
	st.endChat(id)
	require.NoError(t, st.store.Complete(t.Context(), st.people["ann"], task, 0, interaction.Done{Disposition: "solved"}))
	require.Equal(t, "solved", st.stopped(id))
}

func TestStoryChatNobodyComes(t *testing.T) {
	st := newStage(t)
	st.chats(interaction.ChatSettings{WaitSeconds: 1, WhenNobody: interaction.InsteadStop})
	id := st.openChat("nora@customer.test")
	st.said(id, interaction.ChatText, "We are sorry")
	st.said(id, interaction.ChatEnded, "workflow")
	require.Equal(t, "nobody_there", st.stopped(id))
	require.Empty(t, st.mails())
}

// Who is invited first declines, the next lets the time run out, the third comes.
func TestStoryChatInvitesOneAfterTheOther(t *testing.T) {
	st := newStage(t)
	st.chats(interaction.ChatSettings{}, func(house *interaction.Setup) { house.Queues[0].Push, house.Queues[0].OfferSeconds = true, 1 })
	st.run(&workers.Dispatcher{Store: st.store, Log: slog.New(slog.DiscardHandler)})
	id := st.openChat("nora@customer.test")
	task := st.task(id, interaction.TaskHandle)
	offered := func(to string) {
		st.ready(to)
		st.eventually(to+" is invited", func() bool {
			row, err := st.store.Task(t.Context(), interaction.System, task)
			return err == nil && row.State == interaction.TaskOffered && row.Agent == st.people[to].Agent
		})
	}
	offered("ann")
	require.NoError(t, st.store.DeclineOffer(t.Context(), st.people["ann"], task))
	offered("ben")
	st.eventually("his time runs out", func() bool {
		row, err := st.store.Task(t.Context(), interaction.System, task)
		return err == nil && row.State == interaction.TaskQueued
	})
	_, err := st.store.AcceptOffer(t.Context(), st.people["ben"], task)
	require.Error(t, err, "too late")
	offered("sue")
	_, err = st.store.AcceptOffer(t.Context(), st.people["sue"], task)
	require.NoError(t, err)
	st.said(id, interaction.ChatJoined, "")
	require.NoError(t, st.store.Complete(t.Context(), st.people["sue"], task, 0, interaction.Done{Disposition: "solved"}))
	require.Equal(t, "solved", st.stopped(id))
}

// A supervisor's stop ends a chat wherever it waits, and what was said is kept.
func TestStoryChatStopUnwinds(t *testing.T) {
	tests := []struct {
		name   string
		policy interaction.ChatSettings
		to     func(st *stage, id interaction.ID)
	}{
		{"asking", interaction.ChatSettings{Questions: []interaction.ChatAsk{{Key: "order", Text: map[string]string{"en": "Which order?"}}}}, func(st *stage, id interaction.ID) {
			st.said(id, interaction.ChatQuestion, "Which order?")
		}},
		{"queued", interaction.ChatSettings{}, func(st *stage, id interaction.ID) { st.task(id, interaction.TaskHandle) }},
		{"talking", interaction.ChatSettings{}, func(st *stage, id interaction.ID) { st.claim("ann", id) }},
		{"left alone", interaction.ChatSettings{}, func(st *stage, id interaction.ID) {
			task := st.claim("ann", id)
			require.NoError(st.t, st.store.Release(st.t.Context(), st.people["ann"], task, 0))
		}},
		{"wrapping up", interaction.ChatSettings{}, func(st *stage, id interaction.ID) {
			st.claim("ann", id)
			st.endChat(id)
		}},
		{"asking for an address", interaction.ChatSettings{WaitSeconds: 1}, func(st *stage, id interaction.ID) {
			st.said(id, interaction.ChatQuestion, "We will answer")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			st := newStage(t)
			st.chats(tt.policy)
			id := st.openChat("")
			st.post(id, customer, "Hello?")
			tt.to(st, id)
			st.order(id, interaction.Order{Name: interaction.OrderStop, Reason: "abuse", Force: true})
			require.Equal(t, "abuse", st.stopped(id))
			var open, living, kept int
			require.NoError(t, st.store.Pool().QueryRow(t.Context(), `select (select count(*) from tasks) + (select sum(load_total) from agents),
				(select count(*) from chat_sessions where ended_at is null), (select count(*) from messages where kind = 'transcript')`).Scan(&open, &living, &kept))
			require.Zero(t, open, "no task and no load is left")
			require.Zero(t, living)
			require.Equal(t, 1, kept)
		})
	}
}

// Ten thousand messages cost the workflow nothing: it hears of who comes, goes and ends, never of what is said (target A4).
func TestStoryChatOfTenThousandMessages(t *testing.T) {
	st := newStage(t)
	st.chats(interaction.ChatSettings{Questions: []interaction.ChatAsk{{Key: "order", Text: map[string]string{"en": "Which order?"}}}})
	id := st.openChat("nora@customer.test")
	st.said(id, interaction.ChatQuestion, "Which order?")
	st.post(id, customer, "10442")
	task := st.claim("ann", id)
	parties := []interaction.Party{customer, st.agent("ann")}
	for batch := range 100 {
		var posts []interaction.ChatPost
		for n := range 100 {
			posts = append(posts, interaction.ChatPost{Session: id, From: parties[n%2], Kind: interaction.ChatText, Text: fmt.Sprintf("message %d of ten thousand", batch*100+n)})
		}
		done, err := st.store.PostChats(t.Context(), posts)
		require.NoError(t, err)
		for _, d := range done {
			require.NoError(t, d.Err)
		}
	}
	require.NoError(t, st.store.WantTranscript(t.Context(), id, "nora@customer.test"))
	require.NoError(t, st.store.Complete(t.Context(), st.people["ann"], task, 0, interaction.Done{Disposition: "solved"}))
	require.Equal(t, "solved", st.stopped(id))

	history := fetch(t, st.engine.Client(), string(id))
	signals := 0
	for _, e := range history.Events {
		if e.GetWorkflowExecutionSignaledEventAttributes() != nil {
			signals++
		}
	}
	t.Logf("history of a chat of 10,000 messages: %d events, %d signals", len(history.Events), signals)
	require.LessOrEqual(t, len(history.Events), 200)
	require.LessOrEqual(t, signals, 4, "answered, joined, ended, done")
	require.Len(t, st.mails(), 1)
	require.Contains(t, st.mails()[0].Text, "message 9999 of ten thousand")
}

// ready lets an agent take offers.
func (st *stage) ready(login string) {
	st.t.Helper()
	_, err := st.store.SetReady(st.t.Context(), st.people[login], true, "")
	require.NoError(st.t, err)
}

// run runs a background part until the test ends.
func (st *stage) run(part interface{ Run(context.Context) error }) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(st.t.Context()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = part.Run(ctx)
	}()
	st.t.Cleanup(func() {
		cancel()
		<-ended
	})
}
