package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

var customer = interaction.Party{Role: interaction.ChatCustomer}

func openChat(t *testing.T, s *store.Store) interaction.ChatTicket {
	t.Helper()
	ticket, err := s.OpenChat(t.Context(), interaction.NewChat{EntryPoint: "web", Nickname: "Kim"})
	require.NoError(t, err)
	return ticket
}

func agentOf(who interaction.Actor) interaction.Party {
	return interaction.Party{Role: interaction.ChatAgent, Agent: who.Agent}
}

// say posts one text and gives what became of it.
func say(t *testing.T, s *store.Store, session interaction.ID, from interaction.Party, kind interaction.ChatKind, text, client string) interaction.ChatPosted {
	t.Helper()
	posted, err := s.PostChats(t.Context(), []interaction.ChatPost{{Session: session, From: from, Kind: kind, Text: text, ClientID: client}})
	require.NoError(t, err)
	return posted[0]
}

// newsOf gives a session's messages as "number kind role: text", the internal ones with "!".
func newsOf(t *testing.T, s *store.Store, session interaction.ID) []string {
	t.Helper()
	list, err := s.ChatMessages(t.Context(), session, 0, true, 1000)
	require.NoError(t, err)
	lines := []string{}
	for n, m := range list {
		require.EqualValues(t, n+1, m.Number, "numbered from 1 without gaps")
		mark := ""
		if m.Internal {
			mark = "!"
		}
		lines = append(lines, fmt.Sprintf("%s%s %s %s", mark, m.Kind, m.From.Role, m.Text))
	}
	return lines
}

// errorCode gives the code of a refusal, wrapped or not.
func errorCode(err error) string {
	var e *interaction.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return fmt.Sprint(err)
}

func TestAChatIsOpenedWithAllThatBelongsToIt(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ctx := t.Context()
	wish := interaction.NewChat{
		EntryPoint: "web", Nickname: "Kim", Subject: "Kettle", Language: "de", Page: "https://shop.test/kettles", Key: "0123456789abcdef",
		Identities: []interaction.Attribute{{Kind: "email", Value: "kim@customer.test"}}, Data: map[string]string{"basket": "3"},
	}
	ticket, err := s.OpenChat(ctx, wish)
	require.NoError(t, err)
	again, err := s.OpenChat(ctx, wish)
	require.NoError(t, err)
	require.Equal(t, ticket, again, "the same key gives the same session and secret")

	v, err := s.Interaction(ctx, interaction.System, ticket.Session)
	require.NoError(t, err)
	require.Equal(t, interaction.Received, v.State)
	require.Equal(t, interaction.Chat, v.Channel)
	require.Equal(t, "3", v.Data["basket"])
	require.Equal(t, []interaction.News{{Number: 1, Kind: interaction.NewsStart}}, news(t, s, ticket.Session))
	contact, err := s.Contact(ctx, interaction.System, v.Contact)
	require.NoError(t, err)
	require.Equal(t, wish.Identities, contact.Attributes)

	c, err := s.ChatCustomer(ctx, ticket.Session, ticket.Token)
	require.NoError(t, err)
	require.Equal(t, "Kim", c.Nickname)
	require.Equal(t, "de", c.Language)
	for _, wrong := range []string{"", "x", ticket.Token + "x", openChat(t, s).Token} {
		_, err = s.ChatCustomer(ctx, ticket.Session, wrong)
		require.Equal(t, "unknown_chat", errorCode(err))
	}
	exec(t, s, `update chat_sessions set token = null where interaction_id = $1`, ticket.Session)
	_, err = s.ChatCustomer(ctx, ticket.Session, ticket.Token)
	require.Equal(t, "unknown_chat", errorCode(err), "revoked")
	_, err = s.OpenChat(ctx, wish)
	require.Equal(t, "unknown_chat", errorCode(err), "what was revoked is not given out again")

	for field, c := range map[string]interaction.NewChat{
		"unknown_entry_point": {EntryPoint: "support"}, "bad_key": {EntryPoint: "web", Key: "short"},
	} {
		_, err := s.OpenChat(ctx, c)
		require.Equal(t, field, errorCode(err))
	}
}

// Fifty write to one session at once, by two processes: numbered without gaps, none twice, each answer right.
func TestManyWritersOfOneSession(t *testing.T) {
	s := storetest.New(t, store.Options{})
	other, err := store.Open(t.Context(), s.Pool().Config().ConnString(), store.Options{Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(other.Close)
	session := openChat(t, s).Session
	const writers, each = 50, 12
	var wg sync.WaitGroup
	numbers := make([][]int64, writers)
	for w := range writers {
		wg.Go(func() {
			process := []*store.Store{s, other}[w%2]
			for n := range each {
				post := interaction.ChatPost{Session: session, From: customer, Kind: interaction.ChatText, Text: fmt.Sprint(w, " says ", n), ClientID: fmt.Sprint(w, ".", n)}
				for range 1 + rand.IntN(3) { // a client that did not hear the answer asks again
					posted, err := process.PostChats(context.WithoutCancel(t.Context()), []interaction.ChatPost{post})
					if err != nil || posted[0].Err != nil {
						t.Errorf("not posted: %v %v", err, posted)
						return
					}
					if posted[0].Repeat {
						if posted[0].Message.Number != numbers[w][n] {
							t.Error("another answer than the first time")
						}
						continue
					}
					numbers[w] = append(numbers[w], posted[0].Message.Number)
				}
			}
		})
	}
	wg.Wait()
	list, err := s.ChatMessages(t.Context(), session, 0, true, writers*each+1)
	require.NoError(t, err)
	require.Len(t, list, writers*each)
	for n, m := range list {
		require.EqualValues(t, n+1, m.Number)
		if n > 0 {
			require.False(t, m.At.Before(list[n-1].At), "times are in the order of the numbers")
		}
	}
	for w, own := range numbers {
		require.Len(t, own, each)
		for n, number := range own {
			require.Equal(t, fmt.Sprint(w, " says ", n), list[number-1].Text)
			require.True(t, n == 0 || own[n-1] < number, "a writer's own order is kept")
		}
	}
}

func TestARepeatedMessageIsOne(t *testing.T) {
	s := storetest.New(t, store.Options{})
	session, foreign := openChat(t, s).Session, openChat(t, s).Session
	first := say(t, s, session, customer, interaction.ChatText, "Hello", "c1")
	require.NoError(t, first.Err)
	for range 4 {
		again := say(t, s, session, customer, interaction.ChatText, "Hello", "c1")
		require.NoError(t, again.Err)
		require.True(t, again.Repeat)
		require.Equal(t, first.Message, again.Message)
	}
	require.Equal(t, "id_reused", errorCode(say(t, s, session, customer, interaction.ChatText, "Other", "c1").Err))
	require.False(t, say(t, s, foreign, customer, interaction.ChatText, "Hello", "c1").Repeat, "ids belong to a session")
	require.False(t, say(t, s, session, interaction.Party{Role: interaction.ChatSystem}, interaction.ChatText, "Hello", "c1").Repeat, "and to a party")

	batch, err := s.PostChats(t.Context(), []interaction.ChatPost{
		{Session: session, From: customer, Kind: interaction.ChatText, Text: "In one batch", ClientID: "c2"},
		{Session: session, From: customer, Kind: interaction.ChatText, Text: "In one batch", ClientID: "c2"},
		{Session: interaction.NewID(), From: customer, Kind: interaction.ChatText, Text: "Nowhere"},
		{Session: session, From: customer, Kind: interaction.ChatText, Text: "Behind a refusal"},
	})
	require.NoError(t, err)
	require.False(t, batch[0].Repeat)
	require.True(t, batch[1].Repeat)
	require.Equal(t, batch[0].Message.Number, batch[1].Message.Number)
	require.Equal(t, "unknown_chat", errorCode(batch[2].Err))
	require.Equal(t, batch[0].Message.Number+1, batch[3].Message.Number)

	require.NoError(t, s.EndChat(t.Context(), session, customer, "customer"))
	require.Equal(t, first.Message, say(t, s, session, customer, interaction.ChatText, "Hello", "c1").Message, "also when the session is over")
	require.Equal(t, "chat_ended", errorCode(say(t, s, session, customer, interaction.ChatText, "Late", "c3").Err))
}

func TestWhoMaySayWhat(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann := storetest.Person(t, s, "ann")
	session := openChat(t, s).Session
	require.Equal(t, "unknown_chat", errorCode(say(t, s, session, agentOf(ann), interaction.ChatText, "Hi", "").Err), "she is not in it")
	for _, c := range []struct {
		kind interaction.ChatKind
		text string
		want string
	}{
		{interaction.ChatNote, "for agents", "forbidden"},
		{interaction.ChatURL, "https://evil.test", "forbidden"},
		{interaction.ChatEnded, "agent", "forbidden"},
		{interaction.ChatKind("__proto__"), "x", "forbidden"},
		{interaction.ChatText, " \n", "required"},
		{interaction.ChatText, "nul\x00", "bad_text"},
		{interaction.ChatText, "broken\xff", "bad_text"},
		{interaction.ChatText, string(make([]byte, interaction.MaxChatText+1)), "too_long"},
		{interaction.ChatRenamed, "two\nlines", "bad_name"},
	} {
		require.Equal(t, c.want, errorCode(say(t, s, session, customer, c.kind, c.text, "").Err), "%s %q", c.kind, c.text)
	}
	require.Empty(t, newsOf(t, s, session))
	require.NoError(t, say(t, s, session, customer, interaction.ChatRenamed, "Kim K.", "").Err)
	require.Equal(t, "Kim K.", say(t, s, session, customer, interaction.ChatText, "Hello", "").Message.From.Name)
}

func TestAnAgentComesAndGoesWithHisTask(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ctx := t.Context()
	ann, ben := storetest.Person(t, s, "ann"), storetest.Person(t, s, "ben")
	session := openChat(t, s).Session
	task := open(t, s, session, "ask")
	held, err := s.Claim(ctx, ann, task)
	require.NoError(t, err)
	_, err = s.ChatAgent(ctx, ben, session)
	require.Equal(t, "unknown_chat", errorCode(err))
	c, err := s.ChatAgent(ctx, ann, session)
	require.NoError(t, err)
	require.Len(t, c.Parties, 2)
	require.Equal(t, "Ann", c.Parties[1].Name)
	require.Equal(t, interaction.ChatFull, c.Parties[1].Mode)
	_, err = s.JoinChat(ctx, ann, session, interaction.ChatSilent)
	require.Equal(t, "has_task", errorCode(err))

	require.NoError(t, say(t, s, session, agentOf(ann), interaction.ChatText, "Hello", "").Err)
	require.NoError(t, s.Release(ctx, ann, task, held.Version))
	require.Equal(t, "unknown_chat", errorCode(say(t, s, session, agentOf(ann), interaction.ChatText, "Still there?", "").Err))

	ready(t, s, "ben")
	require.True(t, offerTo(t, s, task, ben.Agent))
	_, err = s.ChatAgent(ctx, ben, session)
	require.Equal(t, "unknown_chat", errorCode(err), "an offer is not there yet")
	held, err = s.AcceptOffer(ctx, ben, task)
	require.NoError(t, err)
	_, err = s.Reply(ctx, ben, task, 0, interaction.Reply{Text: "By mail"})
	require.Equal(t, "not_to_answer", errorCode(err))
	require.NoError(t, s.Complete(ctx, ben, task, held.Version, interaction.Done{Disposition: "solved"}))
	require.Equal(t, []string{"joined agent ", "text agent Hello", "left agent ", "joined agent ", "ended agent agent"}, newsOf(t, s, session))
	require.Equal(t, []interaction.News{
		{Number: 1, Kind: interaction.NewsStart},
		{Number: 2, Kind: interaction.NewsJoined, Task: task, Agent: ann.Agent},
		{Number: 3, Kind: interaction.NewsLeft, Task: task, Agent: ann.Agent},
		{Number: 4, Kind: interaction.NewsJoined, Task: task, Agent: ben.Agent},
		{Number: 5, Kind: interaction.NewsEnded, Agent: ben.Agent, Code: "agent"},
		{Number: 6, Kind: interaction.NewsDone, Task: task, Message: 1, Agent: ben.Agent, Code: "solved"},
	}, news(t, s, session))
	require.NoError(t, s.EndChat(ctx, session, customer, "customer"))
	require.Len(t, newsOf(t, s, session), 5, "ending again changes nothing")
}

func TestAClockTakesAnAgentOutOfTheChat(t *testing.T) {
	for name, cause := range map[string]string{
		"held too long": `update tasks set handle_until = now() - interval '1 second'`, "disabled": `update agents set enabled = false where login = 'ann'`,
	} {
		t.Run(name, func(t *testing.T) {
			s := storetest.New(t, store.Options{})
			ann := storetest.Person(t, s, "ann")
			session := openChat(t, s).Session
			task := open(t, s, session, "ask")
			_, err := s.Claim(t.Context(), ann, task)
			require.NoError(t, err)
			n, err := s.ChatTick(t.Context())
			require.NoError(t, err)
			require.Zero(t, n)
			exec(t, s, cause)
			require.Empty(t, tick(t, s), "the tasks' clock leaves it to the chats'")
			n, err = s.ChatTick(t.Context())
			require.NoError(t, err)
			require.Equal(t, 1, n)
			require.Equal(t, []string{"joined agent ", "left agent "}, newsOf(t, s, session))
			require.Zero(t, load(t, s, ann))
			queued(t, s, task)
		})
	}
}

func TestSupervisorsWatchCoachAndBargeIn(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ctx := t.Context()
	ann, carl, vic := storetest.Person(t, s, "ann"), storetest.Person(t, s, "carl"), storetest.Person(t, s, "vic")
	session := openChat(t, s).Session
	task := open(t, s, session, "ask")
	held, err := s.Claim(ctx, ann, task)
	require.NoError(t, err)
	for _, who := range []interaction.Actor{carl, storetest.Person(t, s, "ben"), storetest.Person(t, s, "dan")} {
		_, err := s.JoinChat(ctx, who, session, interaction.ChatSilent)
		require.Equal(t, "unknown_chat", errorCode(err), who.Login)
	}
	_, err = s.JoinChat(ctx, vic, interaction.NewID(), interaction.ChatSilent)
	require.Equal(t, "unknown_chat", errorCode(err))
	supervisor := interaction.Party{Role: interaction.ChatSupervisor, Agent: vic.Agent}
	join := func(mode interaction.ChatMode) {
		t.Helper()
		_, err := s.JoinChat(ctx, vic, session, mode)
		require.NoError(t, err)
	}
	join(interaction.ChatSilent)
	require.Equal(t, "forbidden", errorCode(say(t, s, session, supervisor, interaction.ChatText, "Boo", "").Err))
	require.Equal(t, "forbidden", errorCode(say(t, s, session, supervisor, interaction.ChatNote, "Boo", "").Err))
	require.Equal(t, "forbidden", errorCode(s.EndChat(ctx, session, supervisor, "supervisor")))
	join(interaction.ChatCoach)
	require.NoError(t, say(t, s, session, supervisor, interaction.ChatNote, "Offer a new one", "").Err)
	require.Equal(t, "forbidden", errorCode(say(t, s, session, supervisor, interaction.ChatText, "Boo", "").Err))
	join(interaction.ChatFull)
	require.NoError(t, say(t, s, session, supervisor, interaction.ChatText, "Take a new one", "").Err)
	join(interaction.ChatSilent)
	join(interaction.ChatSilent)
	join("")
	_, err = s.ChatAgent(ctx, vic, session)
	require.Equal(t, "unknown_chat", errorCode(err))
	require.Equal(t, []string{
		"joined agent ", "!joined supervisor coach", "!note supervisor Offer a new one", "!left supervisor coach", "joined supervisor ",
		"text supervisor Take a new one", "left supervisor ",
	}, newsOf(t, s, session))
	seen, err := s.ChatMessages(ctx, session, 0, false, 100)
	require.NoError(t, err)
	require.Len(t, seen, 4, "the customer sees nothing internal")

	// Conference: a colleague of the other group is invited, and goes when the conversation's task is over.
	_, err = s.InviteChat(ctx, carl, session, "", "sales", interaction.ChatFull, "Please")
	require.Equal(t, "unknown_chat", errorCode(err))
	invitation, err := s.InviteChat(ctx, ann, session, "", "sales", interaction.ChatCoach, "Is it in stock?")
	require.NoError(t, err)
	_, err = s.Claim(ctx, carl, invitation)
	require.NoError(t, err)
	require.NoError(t, say(t, s, session, agentOf(carl), interaction.ChatNote, "Yes", "").Err)
	_, err = s.JoinChat(ctx, carl, session, interaction.ChatFull)
	require.NoError(t, err, "who was invited may speak up")
	require.NoError(t, say(t, s, session, agentOf(carl), interaction.ChatText, "It is in stock", "").Err)
	require.NoError(t, s.Complete(ctx, carl, invitation, 0, interaction.Done{}))
	_, err = s.ChatAgent(ctx, carl, session)
	require.Equal(t, "unknown_chat", errorCode(err))

	second, err := s.InviteChat(ctx, ann, session, carl.Agent, "", interaction.ChatFull, "")
	require.NoError(t, err)
	_, err = s.Claim(ctx, carl, second)
	require.NoError(t, err)
	require.NoError(t, s.Complete(ctx, ann, task, 0, interaction.Done{Disposition: "solved"}))
	_, err = s.ChatAgent(ctx, carl, session)
	require.Equal(t, "unknown_chat", errorCode(err))
	require.Zero(t, load(t, s, carl))
	require.Equal(t, []string{
		"!joined agent coach", "!note agent Yes", "!left agent coach", "joined agent ", "text agent It is in stock", "left agent ", "joined agent ", "left agent ",
		"ended agent agent",
	}, newsOf(t, s, session)[7:])
	_ = held
}

func TestAnAnswerIsAttached(t *testing.T) {
	s := storetest.New(t, store.Options{})
	session := openChat(t, s).Session
	ask := func(key, kind string, choices ...string) {
		t.Helper()
		posted, err := s.PostChats(t.Context(), []interaction.ChatPost{{
			Session: session, From: interaction.Party{Role: interaction.ChatSystem}, Kind: interaction.ChatQuestion, Text: key + "?", Asks: key, AskKind: kind, Choices: choices, ClientID: key,
		}})
		require.NoError(t, err)
		require.NoError(t, posted[0].Err)
	}
	say(t, s, session, customer, interaction.ChatText, "before any question", "")
	ask("mail", "email")
	say(t, s, session, customer, interaction.ChatText, "no mail", "")
	say(t, s, session, customer, interaction.ChatText, " Kim <Kim@Customer.test> ", "")
	ask("topic", "", "Order", "Other")
	say(t, s, session, customer, interaction.ChatText, "something", "")
	say(t, s, session, customer, interaction.ChatText, "order", "")
	ask("number", "phone")
	say(t, s, session, customer, interaction.ChatText, "+49 (30) 123-456", "")
	say(t, s, session, customer, interaction.ChatText, "behind all questions", "")

	v, err := s.Interaction(t.Context(), interaction.System, session)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"mail": "kim@customer.test", "topic": "Order", "number": "+4930123456"}, v.Data)
	contact, err := s.Contact(t.Context(), interaction.System, v.Contact)
	require.NoError(t, err)
	require.Equal(t, []interaction.Attribute{{Kind: "email", Value: "kim@customer.test"}, {Kind: "phone", Value: "+4930123456"}}, contact.Attributes)
	require.Equal(t, []interaction.News{
		{Number: 1, Kind: interaction.NewsStart},
		{Number: 2, Kind: interaction.NewsAnswered, Code: "mail"},
		{Number: 3, Kind: interaction.NewsAnswered, Code: "topic"},
		{Number: 4, Kind: interaction.NewsAnswered, Code: "number"},
	}, news(t, s, session))
	require.Equal(t, []string{
		"text customer before any question", "question system mail?", "text customer no mail", "question system mail?", "text customer  Kim <Kim@Customer.test> ",
		"question system topic?", "text customer something", "question system topic?", "text customer order", "question system number?", "text customer +49 (30) 123-456",
		"text customer behind all questions",
	}, newsOf(t, s, session))
}

// later puts the session's clock back, as if so much time had gone by.
func later(t *testing.T, s *store.Store, session interaction.ID, d time.Duration) int {
	t.Helper()
	exec(t, s, `update chat_sessions set active_at = active_at - $2::interval, alerted_at = alerted_at - $2::interval, due_at = due_at - $2::interval
		where interaction_id = $1`, session, d)
	n, err := s.ChatTick(t.Context())
	require.NoError(t, err)
	return n
}

func TestQuietSessionsAreAlertedAndEnded(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann := storetest.Person(t, s, "ann")
	session := openChat(t, s).Session
	require.Zero(t, later(t, s, session, time.Hour), "nobody is there to answer")
	task := open(t, s, session, "ask")
	_, err := s.Claim(t.Context(), ann, task)
	require.NoError(t, err)
	require.Zero(t, later(t, s, session, 254*time.Second))
	require.NoError(t, say(t, s, session, customer, interaction.ChatText, "I am here", "").Err)
	require.Zero(t, later(t, s, session, 254*time.Second), "a word begins it anew")
	require.Equal(t, 1, later(t, s, session, 2*time.Second))
	require.NoError(t, say(t, s, session, agentOf(ann), interaction.ChatNote, "a note is no activity", "").Err)
	require.NoError(t, s.ReadChats(t.Context(), []interaction.ChatMark{{Session: session, Who: customer, Number: 2}}))
	require.Zero(t, later(t, s, session, 44*time.Second))
	require.NoError(t, say(t, s, session, agentOf(ann), interaction.ChatText, "Are you there?", "").Err)
	require.Zero(t, later(t, s, session, 2*time.Second), "after a word there is another alert first")
	require.Equal(t, 1, later(t, s, session, 254*time.Second))
	require.Equal(t, 1, later(t, s, session, 46*time.Second))
	require.Zero(t, later(t, s, session, time.Hour))
	require.Equal(t, []string{
		"joined agent ", "text customer I am here", "alert system ", "!note agent a note is no activity", "text agent Are you there?", "alert system ", "ended system inactive",
	}, newsOf(t, s, session))
	last := news(t, s, session)
	require.Equal(t, interaction.News{Number: 3, Kind: interaction.NewsEnded, Code: "inactive"}, last[len(last)-1])
}

func TestASecondAlertAndAsynchronousPolicies(t *testing.T) {
	s := storetest.New(t, store.Options{})
	exec(t, s, `update entry_points set chat = '{"async": true, "second_alert_seconds": 600}' where name = 'web'`)
	ann := storetest.Person(t, s, "ann")
	session := openChat(t, s).Session
	_, err := s.Claim(t.Context(), ann, open(t, s, session, "ask"))
	require.NoError(t, err)
	require.Zero(t, later(t, s, session, 24*time.Hour-time.Minute))
	require.Equal(t, 1, later(t, s, session, 2*time.Minute))
	require.Equal(t, 1, later(t, s, session, 11*time.Minute))
	require.Zero(t, later(t, s, session, 50*time.Minute))
	require.Equal(t, 1, later(t, s, session, 11*time.Minute))
	require.Equal(t, []string{"joined agent ", "alert system ", "alert system ", "ended system inactive"}, newsOf(t, s, session))
}

func TestASleepingChatWakesForItsAgent(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann, ben := storetest.Person(t, s, "ann"), storetest.Person(t, s, "ben")
	session := openChat(t, s).Session
	task := open(t, s, session, "ask")
	held, err := s.Claim(t.Context(), ann, task)
	require.NoError(t, err)
	require.NoError(t, s.Snooze(t.Context(), ann, task, held.Version, time.Time{}))
	require.Zero(t, later(t, s, session, 25*time.Hour), "nothing runs out while it sleeps")
	require.NoError(t, say(t, s, session, customer, interaction.ChatText, "One more thing", "").Err)
	_, err = s.Claim(t.Context(), ben, task)
	require.Equal(t, "reserved", code(err))
	_, err = s.Claim(t.Context(), ann, task)
	require.NoError(t, err)
	require.Equal(t, []string{"joined agent ", "left agent ", "text customer One more thing", "joined agent "}, newsOf(t, s, session))
}

// An asynchronous chat that waits for its customer ends when he has been silent for as long as the policy says; one that its agent comes back to does not.
func TestASleepingAsynchronousChatEndsWithItsCustomersSilence(t *testing.T) {
	tests := []struct {
		name  string
		until time.Duration // that the agent comes back; 0: when the customer speaks
		ends  bool
	}{{"until the customer speaks", 0, true}, {"until next week", 7 * 24 * time.Hour, false}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := storetest.New(t, store.Options{})
			exec(t, s, `update entry_points set chat = '{"async": true}' where name = 'web'`)
			ann := storetest.Person(t, s, "ann")
			session := openChat(t, s).Session
			task := open(t, s, session, "ask")
			held, err := s.Claim(t.Context(), ann, task)
			require.NoError(t, err)
			var until time.Time
			if tt.until > 0 {
				until = time.Now().Add(tt.until)
			}
			require.NoError(t, s.Snooze(t.Context(), ann, task, held.Version, until))
			changed := later(t, s, session, 24*time.Hour+time.Minute) + later(t, s, session, time.Hour+time.Minute)
			require.Equal(t, tt.ends, changed == 2, "alerted and ended")
		})
	}
}

func TestFilesKeepToTheirLimits(t *testing.T) {
	s := storetest.New(t, store.Options{})
	exec(t, s, `update entry_points set chat = '{"max_files": 2, "max_file_bytes": 10, "max_bytes": 15}' where name = 'web'`)
	session, foreign := openChat(t, s).Session, openChat(t, s).Session
	save := func(size int) (interaction.File, error) {
		return s.SaveChatFile(t.Context(), session, customer, "a.txt", "text/plain", make([]byte, size))
	}
	_, err := save(11)
	require.Equal(t, "file_too_large", errorCode(err))
	_, err = save(0)
	require.Equal(t, "bad_file", errorCode(err))
	f, err := save(10)
	require.NoError(t, err)
	_, err = save(6)
	require.Equal(t, "files_too_large", errorCode(err))
	_, err = save(5)
	require.NoError(t, err)
	_, err = save(1)
	require.Equal(t, "too_many_files", errorCode(err))

	post := func(session interaction.ID, from interaction.Party, upload interaction.ID) interaction.ChatPosted {
		posted, err := s.PostChats(t.Context(), []interaction.ChatPost{{Session: session, From: from, Kind: interaction.ChatFile, File: upload, ClientID: "f"}})
		require.NoError(t, err)
		return posted[0]
	}
	require.Equal(t, "bad_file", errorCode(post(foreign, customer, f.Upload).Err))
	require.Equal(t, "bad_file", errorCode(post(session, customer, interaction.NewID()).Err))
	sent := post(session, customer, f.Upload)
	require.NoError(t, sent.Err)
	require.Equal(t, f, *sent.Message.File)
	require.True(t, post(session, customer, f.Upload).Repeat)
	_, data, err := s.ChatFile(t.Context(), session, f.Upload)
	require.NoError(t, err)
	require.Len(t, data, 10)
	_, _, err = s.ChatFile(t.Context(), foreign, f.Upload)
	require.Equal(t, "unknown_attachment", errorCode(err))
}

// A stop of the interaction ends its session; the agent's task is withdrawn.
func TestAStoppedInteractionEndsItsSession(t *testing.T) {
	s := storetest.New(t, store.Options{})
	session := openChat(t, s).Session
	stopping, err := s.Stop(t.Context(), session, 1, "nobody")
	require.NoError(t, err)
	require.True(t, stopping.Stopped)
	require.Equal(t, []string{"ended system workflow"}, newsOf(t, s, session))
	require.Equal(t, "chat_ended", errorCode(say(t, s, session, customer, interaction.ChatText, "Hello?", "").Err))
}

func TestReadMarksOnlyRise(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann := storetest.Person(t, s, "ann")
	session := openChat(t, s).Session
	_, err := s.Claim(t.Context(), ann, open(t, s, session, "ask"))
	require.NoError(t, err)
	for range 3 {
		say(t, s, session, customer, interaction.ChatText, "x", "")
	}
	for _, n := range []int64{2, 1, 99} {
		require.NoError(t, s.ReadChats(t.Context(), []interaction.ChatMark{{Session: session, Who: agentOf(ann), Number: n}, {Session: session, Who: customer, Number: n}}))
	}
	c, err := s.ChatAgent(t.Context(), ann, session)
	require.NoError(t, err)
	require.EqualValues(t, 2, c.Parties[0].ReadTo)
	require.EqualValues(t, 2, c.Parties[1].ReadTo)
	require.EqualValues(t, 4, c.Last)
	stands, err := s.ChatStands(t.Context(), []interaction.ID{session, interaction.NewID()})
	require.NoError(t, err)
	require.Equal(t, []interaction.ChatStand{{Session: session, Last: 4, Open: true, Agents: []interaction.ID{ann.Agent}}}, stands)
}

// What is appended here is told here with the messages, and elsewhere by number.
func TestHubsHearBehindTheCommit(t *testing.T) {
	heard, elsewhere := make(chan interaction.ChatAppended, 64), make(chan interaction.ChatAppended, 64)
	notices, far := make(chan interaction.ChatNotice, 64), make(chan interaction.ChatNotice, 64)
	tellTo := func(ch chan interaction.ChatAppended, notices chan interaction.ChatNotice) store.Wake {
		return store.Wake{
			Chats: func(list []interaction.ChatAppended) {
				for _, a := range list {
					ch <- a
				}
			}, ChatNotice: func(n interaction.ChatNotice) { notices <- n },
		}
	}
	here := storetest.New(t, store.Options{Others: store.NewOthers(), Wake: tellTo(heard, notices)})
	there, err := store.Open(t.Context(), here.Pool().Config().ConnString(), store.Options{
		Log: slog.New(slog.DiscardHandler), Others: store.NewOthers(), Wake: tellTo(elsewhere, far),
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() { cancel(); there.Close() })
	go func() { _ = here.TellOthers(ctx) }()
	go func() { _ = there.HearOthers(ctx) }()
	session := openChat(t, here).Session
	var last int64
	require.Eventually(t, func() bool {
		posted := say(t, here, session, customer, interaction.ChatText, "Hello", "")
		last = posted.Message.Number
		require.Equal(t, interaction.ChatAppended{Session: session, Last: last, Messages: []interaction.ChatMessage{posted.Message}}, <-heard)
		here.NoticeChat(interaction.ChatNotice{Session: session, From: interaction.Party{Role: interaction.ChatCustomer, Name: "Kim"}, Kind: interaction.NoticeTyping, On: true})
		require.Equal(t, "Kim", (<-notices).From.Name)
		select {
		case a := <-elsewhere:
			require.Equal(t, interaction.ChatAppended{Session: session, Last: last}, a)
			return true
		case <-time.After(200 * time.Millisecond):
			return false
		}
	}, 10*time.Second, time.Millisecond)
	require.Equal(t, interaction.ChatNotice{Session: session, From: customer, Kind: interaction.NoticeTyping, On: true}, <-far, "names stay here")
}
