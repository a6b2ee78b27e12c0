package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// mailed lets chats of the house become mail.
func mailed(t *testing.T) *store.Store {
	t.Helper()
	s := storetest.New(t, store.Options{})
	exec(t, s, `update entry_points set chat = '{"mail": "support"}', from_name = 'The House' where name = 'web'`)
	return s
}

// knownChat opens a session of a customer who is known by his address.
func knownChat(t *testing.T, s *store.Store, address string) interaction.ID {
	t.Helper()
	ticket, err := s.OpenChat(t.Context(), interaction.NewChat{
		EntryPoint: "web", Nickname: "Kim", Subject: "Kettle", Identities: []interaction.Attribute{{Kind: "email", Value: address}},
	})
	require.NoError(t, err)
	return ticket.Session
}

func paper(mailTo string) func(interaction.ChatView) interaction.ChatPaper {
	return func(v interaction.ChatView) interaction.ChatPaper {
		return interaction.ChatPaper{Subject: "Your chat", Text: fmt.Sprintf("%d messages", len(v.Messages)), HTML: "<p>", MailTo: mailTo}
	}
}

// The process of a step may die behind its commit. Run again, the step says and does nothing twice.
func TestAStepOfAChatIsDoneOnce(t *testing.T) {
	s := mailed(t)
	id := knownChat(t, s, "kim@customer.test")
	require.NoError(t, say(t, s, id, customer, interaction.ChatText, "It leaks", "").Err)
	turns := 0
	for range 2 {
		told, err := s.TurnChat(t.Context(), id, "greet", func(v interaction.ChatView) interaction.ChatTurn {
			turns++
			require.Equal(t, "kim@customer.test", v.Email)
			require.Equal(t, interaction.Address{Name: "Support", Address: "support@example.test"}, v.MailFrom)
			require.Equal(t, "The House", v.House)
			require.Len(t, v.Messages, 1)
			return interaction.ChatTurn{Say: "Hello", Ask: &interaction.ChatAsk{Key: "order"}, Words: "Which order?", Told: interaction.ChatTold{Asked: "order"}}
		})
		require.NoError(t, err)
		require.Equal(t, "order", told.Asked)
	}
	require.Equal(t, 1, turns)
	require.Equal(t, []string{"text customer It leaks", "text system Hello", "question system Which order?"}, newsOf(t, s, id))
	v, err := s.Interaction(t.Context(), interaction.System, id)
	require.NoError(t, err)
	require.Equal(t, interaction.Waiting, v.State, "the customer has the word")

	for range 2 {
		told, err := s.TurnChat(t.Context(), id, "instead", func(v interaction.ChatView) interaction.ChatTurn {
			return interaction.ChatTurn{
				Say: "Goodbye", End: "workflow", Told: interaction.ChatTold{Reason: "left_message"},
				Letter: &interaction.ChatLetter{From: interaction.Address{Name: "Kim", Address: v.Email}, Subject: v.Subject, Text: "It leaks"},
			}
		})
		require.NoError(t, err)
		require.Equal(t, "left_message", told.Reason)
	}
	letters, err := s.Interactions(t.Context(), interaction.System, interaction.InteractionFilter{Channel: interaction.Email}, interaction.Page{Limit: 10})
	require.NoError(t, err)
	require.Len(t, letters.Items, 1)
	child := letters.Items[0]
	require.Equal(t, []any{id, v.Thread, v.Contact, "support", "Kettle", interaction.Received}, []any{child.Parent, child.Thread, child.Contact, child.EntryPoint, child.Subject, child.State})
	require.Equal(t, []interaction.News{{Number: 1, Kind: interaction.NewsStart, Message: 1}}, news(t, s, child.ID))

	for range 2 {
		kept, err := s.KeepTranscript(t.Context(), id, "transcript", paper("kim@customer.test"))
		require.NoError(t, err)
		require.Equal(t, interaction.ChatKept{Message: 1, Mail: true}, kept)
	}
	messages, err := s.Messages(t.Context(), id)
	require.NoError(t, err)
	require.Len(t, messages, 1)
	require.Equal(t, "5 messages", messages[0].Text)
	send, err := s.PrepareSend(t.Context(), id, 1)
	require.NoError(t, err)
	require.Equal(t, interaction.SendQueued, send.State)
	require.True(t, send.Out.Automatic)
	require.Empty(t, send.Out.Envelope, "nobody answers a transcript with a bounce")
	require.Equal(t, "support@example.test", send.Out.From.Address)
}

// Whatever ended the story, its session is over when the transcript is kept.
func TestATranscriptEndsASessionThatLives(t *testing.T) {
	s := mailed(t)
	id := knownChat(t, s, "kim@customer.test")
	require.NoError(t, say(t, s, id, customer, interaction.ChatText, "It leaks", "").Err)
	_, err := s.KeepTranscript(t.Context(), id, "transcript", paper(""))
	require.NoError(t, err)
	require.Equal(t, "chat_ended", errorCode(say(t, s, id, customer, interaction.ChatText, "and more", "").Err))
	stopping, err := s.Stop(t.Context(), id, 1, "handled")
	require.NoError(t, err)
	require.True(t, stopping.Stopped)
}

func TestWhyATranscriptIsNotMailed(t *testing.T) {
	tests := []struct {
		name    string
		mailTo  string
		prepare string
		want    string
	}{
		{"mailed", "kim@customer.test", "", ""},
		{"nobody wants it", "", "", "not_wanted"},
		{"to one of ours", "ann@agents.test", "", "own_address"},
		{"to an entry point of ours", "support@example.test", "", "own_address"},
		{"there is no entry point to send it from", "kim@customer.test", `update entry_points set chat = '{"mail": "gone"}'`, "no_mail_entry_point"},
		{"to who has opted out of mail", "Kim@customer.test", `insert into consents (channel, address, out, word, source) values ('email', 'kim@customer.test', true, '', 'agent')`, "opted_out"},
		{"too many within a day", "kim@customer.test", `insert into automatic_mail (contact_id, thread_id, interaction_id, step, transcript)
			select contact_id, thread_id, gen_random_uuid(), 'transcript', true from interactions, generate_series(1, 10)`, "too_many"},
		{"acknowledgements do not count", "kim@customer.test", `insert into automatic_mail (contact_id, thread_id, interaction_id, step)
			select contact_id, thread_id, gen_random_uuid(), 'x' from interactions, generate_series(1, 10)`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := mailed(t)
			id := knownChat(t, s, "kim@customer.test")
			if tt.prepare != "" {
				exec(t, s, tt.prepare)
			}
			kept, err := s.KeepTranscript(t.Context(), id, "transcript", paper(tt.mailTo))
			require.NoError(t, err)
			require.Equal(t, tt.want == "", kept.Mail)
			require.EqualValues(t, 1, kept.Message, "it is kept in any case")
			var why string
			require.NoError(t, s.Pool().QueryRow(t.Context(), `select data->>'reason' from events where interaction_id = $1 and code = 'chat.kept'`, id).Scan(&why))
			require.Equal(t, tt.want, why)
		})
	}
}

// A mail into the thread of a chat that lives is no word in the chat: it begins an interaction.
func TestMailDoesNotJoinALivingChat(t *testing.T) {
	s := mailed(t)
	id := knownChat(t, s, "kim@customer.test")
	v, err := s.Interaction(t.Context(), interaction.System, id)
	require.NoError(t, err)
	exec(t, s, `insert into mail_ids (hash, thread_id, interaction_id, message_number) values (sha256('x@customer.test'), $1, $2, 1)`, v.Thread, id)
	mail := arrive(t, s, "kim@customer.test", "Re: Kettle", "x@customer.test")
	require.NotEqual(t, id, mail)
	m, err := s.Interaction(t.Context(), interaction.System, mail)
	require.NoError(t, err)
	require.Equal(t, v.Thread, m.Thread)
	require.Equal(t, id, m.Parent)
}

func TestPlacesInTheQueue(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann, ben := storetest.Person(t, s, "ann"), storetest.Person(t, s, "ben")
	var sessions []interaction.ID
	var tasks []interaction.ID
	for range 4 {
		sessions = append(sessions, openChat(t, s).Session)
		tasks = append(tasks, open(t, s, sessions[len(sessions)-1], "invite"))
	}
	places := func() []interaction.ChatPosition {
		t.Helper()
		list, err := s.ChatPlaces(t.Context())
		require.NoError(t, err)
		return list
	}
	require.Equal(t, []interaction.ChatPosition{{Session: sessions[0], Place: 1}, {Session: sessions[1], Place: 2}, {Session: sessions[2], Place: 3}, {Session: sessions[3], Place: 4}},
		places(), "nobody was taken lately")
	exec(t, s, `update tasks set priority = 5 where id = $1`, tasks[3])
	_, err := s.Claim(t.Context(), ann, tasks[0])
	require.NoError(t, err)
	_, err = s.Claim(t.Context(), ben, tasks[1])
	require.NoError(t, err)
	window := 15 * time.Minute / 2 // two were taken within a quarter of an hour
	require.Equal(t, []interaction.ChatPosition{
		{Session: sessions[2], Place: 2, WaitSeconds: int(2 * window.Seconds())}, {Session: sessions[3], Place: 1, WaitSeconds: int(window.Seconds())},
	}, places(), "the more urgent goes first")
}
