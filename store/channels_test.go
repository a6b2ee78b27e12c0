package store_test

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// channels is a house whose customers write by several entry points.
func channels(t *testing.T) *store.Store {
	s := storetest.Empty(t, store.Options{})
	setup := storetest.House()
	setup.EntryPoints = append(setup.EntryPoints, []interaction.EntryPoint{
		{Name: "mms", Channel: interaction.MMS, Address: "+4930123", Workflow: interaction.WorkflowMMS, Queue: "service"},
		{Name: "bot", Channel: interaction.Social, Address: "bot", Workflow: interaction.WorkflowSocial, Queue: "service"},
		{Name: "joining", Channel: interaction.MMS, Address: "+4930124", Workflow: interaction.WorkflowMMS, Queue: "service", Joins: true},
	}...)
	setup.EntryPoints = append(setup.EntryPoints, interaction.EntryPoint{Name: "texts", Channel: interaction.SMS, Address: "40404", Workflow: interaction.WorkflowSMS, Queue: "service"})
	setup.Links = []interaction.Link{{Name: "wa", Kind: "whatsapp", EntryPoint: "bot"}, {Name: "smsc", Kind: "smpp", EntryPoint: "texts"}}
	require.NoError(t, s.Apply(t.Context(), interaction.System, setup))
	return s
}

// arriveBy has something accepted and settled, and gives its interaction and number.
func arriveBy(t *testing.T, s *store.Store, entryPoint string, channel interaction.Channel, p interaction.Parsed) (of interaction.ID, number int64) {
	t.Helper()
	receipt, err := s.Accept(t.Context(), interaction.Inbound{
		Channel: channel, Targets: []interaction.Target{{EntryPoint: entryPoint}}, Identity: sha256.Sum256([]byte(interaction.NewID())), Raw: strings.NewReader("x"), Size: 1,
	})
	require.NoError(t, err)
	taken, err := s.Take(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, taken, 1)
	require.NoError(t, s.Settle(t.Context(), taken[0], p))
	require.NoError(t, s.Pool().QueryRow(t.Context(), `select interaction_id, message_number from inbound where id = $1`, receipt.ID).Scan(&of, &number))
	return of, number
}

func from(kind, address string, conversations ...string) interaction.Parsed {
	return interaction.Parsed{
		Message: interaction.Message{From: interaction.Address{Address: address}, Text: "Hello"}, Identities: []interaction.Attribute{{Kind: kind, Value: address}},
		Conversations: conversations,
	}
}

func TestConversationsAreThreads(t *testing.T) {
	s := channels(t)
	first, _ := arriveBy(t, s, "bot", interaction.Social, from("telegram", "7", "chat 7"))
	again, number := arriveBy(t, s, "bot", interaction.Social, from("telegram", "7", "chat 7"))
	require.Equal(t, first, again)
	require.EqualValues(t, 2, number)
	other, _ := arriveBy(t, s, "bot", interaction.Social, from("telegram", "8", "chat 7"))
	require.NotEqual(t, first, other, "a stranger does not join it")
	elsewhere, _ := arriveBy(t, s, "bot", interaction.Social, from("telegram", "7", "chat 9"))
	require.NotEqual(t, first, elsewhere, "another conversation of the same person")
}

// One person who changes the channel is one conversation where the entry point's policy says so; the reply goes where he wrote last, unless the agent chooses.
func TestTheConversationGoesOnOverAnotherChannel(t *testing.T) {
	s := channels(t)
	ann := storetest.Person(t, s, "ann")
	first, _ := arriveBy(t, s, "mms", interaction.MMS, from("phone", "+491701"))
	apart, _ := arriveBy(t, s, "mms", interaction.MMS, from("phone", "+491701"))
	require.NotEqual(t, first, apart, "no policy says so")
	joined, number := arriveBy(t, s, "joining", interaction.MMS, from("phone", "+491701"))
	require.Equal(t, apart, joined, "the newest open one")
	require.EqualValues(t, 2, number)
	stranger, _ := arriveBy(t, s, "joining", interaction.MMS, from("phone", "+491702"))
	require.NotEqual(t, apart, stranger)

	view, err := s.Interaction(t.Context(), storetest.Person(t, s, "root"), apart)
	require.NoError(t, err)
	require.Len(t, view.Ways, 2)
	require.Equal(t, "joining", view.Ways[0].EntryPoint, "he wrote there last")

	answer := func(entryPoint string) (interaction.Message, error) {
		task, err := s.OpenTask(t.Context(), interaction.Ask{Interaction: apart, Step: string(interaction.NewID()), Kind: interaction.TaskHandle, Message: 1})
		require.NoError(t, err)
		_, err = s.Claim(t.Context(), ann, task)
		require.NoError(t, err)
		m, err := s.Reply(t.Context(), ann, task, 0, interaction.Reply{Text: "Hi", EntryPoint: entryPoint})
		if err != nil {
			require.NoError(t, s.Release(t.Context(), ann, task, 0))
		}
		return m, err
	}
	m, err := answer("")
	require.NoError(t, err)
	require.Equal(t, "joining", m.EntryPoint)
	require.Equal(t, "+4930124", m.From.Address)
	require.Equal(t, "+491701", m.To[0].Address)
}

func TestAnAgentChoosesTheWayOut(t *testing.T) {
	s := channels(t)
	ann := storetest.Person(t, s, "ann")
	id, _ := arriveBy(t, s, "mms", interaction.MMS, from("phone", "+491701"))
	arriveBy(t, s, "joining", interaction.MMS, from("phone", "+491701"))
	task, err := s.OpenTask(t.Context(), interaction.Ask{Interaction: id, Step: "ask", Kind: interaction.TaskHandle, Message: 1})
	require.NoError(t, err)
	_, err = s.Claim(t.Context(), ann, task)
	require.NoError(t, err)
	_, err = s.Reply(t.Context(), ann, task, 0, interaction.Reply{Text: "Hi", EntryPoint: "nowhere"})
	require.ErrorContains(t, err, "unknown_entry_point")
	_, err = s.Reply(t.Context(), ann, task, 0, interaction.Reply{Text: "Hi", EntryPoint: "support"})
	require.ErrorContains(t, err, "no_address", "he left no mail address")
	m, err := s.Reply(t.Context(), ann, task, 0, interaction.Reply{Text: "Hi", EntryPoint: "mms"})
	require.NoError(t, err)
	require.Equal(t, "mms", m.EntryPoint)
}

// What the provider would refuse is refused while the agent can change it (H-26), and after its window (24 hours).
func TestBoundsOfAnAnswer(t *testing.T) {
	s := channels(t)
	ann := storetest.Person(t, s, "ann")
	id, _ := arriveBy(t, s, "bot", interaction.Social, from("whatsapp", "491701"))
	task, err := s.OpenTask(t.Context(), interaction.Ask{Interaction: id, Step: "ask", Kind: interaction.TaskHandle, Message: 1})
	require.NoError(t, err)
	_, err = s.Claim(t.Context(), ann, task)
	require.NoError(t, err)
	_, err = s.Reply(t.Context(), ann, task, 0, interaction.Reply{Text: strings.Repeat("ä", 4097)})
	require.ErrorContains(t, err, "too_long")
	_, err = s.Reply(t.Context(), ann, task, 0, interaction.Reply{Text: "Hi", Attachments: make([]interaction.File, 11)})
	require.ErrorContains(t, err, "too_many_files")
	_, err = s.Reply(t.Context(), ann, task, 0, interaction.Reply{Text: "Hi", Attachments: []interaction.File{{Name: "film.mp4", Size: 101 << 20}}})
	require.ErrorContains(t, err, "file_too_large")
	_, err = s.Reply(t.Context(), ann, task, 0, interaction.Reply{Text: "Hi", EntryPoint: "texts", Attachments: []interaction.File{{Name: "map.png", Size: 9}}})
	require.ErrorContains(t, err, "no_files", "he has never written there")
	view, err := s.Interaction(t.Context(), ann, id)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(24*time.Hour), view.Ways[0].Until(), time.Minute)
	_, err = s.Pool().Exec(t.Context(), `update messages set at = now() - interval '25 hours' where interaction_id = $1`, id)
	require.NoError(t, err)
	_, err = s.Reply(t.Context(), ann, task, 0, interaction.Reply{Text: "Hi"})
	require.ErrorContains(t, err, "window_closed")
}

// A carrier's words on a message come late, early, twice and out of order.
func TestReceiptsAreKept(t *testing.T) {
	s := channels(t)
	ann := storetest.Person(t, s, "ann")
	id, _ := arriveBy(t, s, "mms", interaction.MMS, from("phone", "+491701"))
	say := func(state interaction.ReceiptState, name string) bool {
		known, err := s.Receipt(t.Context(), interaction.Receipted{EntryPoint: "mms", ID: name, State: state})
		require.NoError(t, err)
		return known
	}
	require.False(t, say(interaction.ReceiptDelivered, "m1"), "before its message was answered for")
	task, err := s.OpenTask(t.Context(), interaction.Ask{Interaction: id, Step: "ask", Kind: interaction.TaskHandle, Message: 1})
	require.NoError(t, err)
	_, err = s.Claim(t.Context(), ann, task)
	require.NoError(t, err)
	m, err := s.Reply(t.Context(), ann, task, 0, interaction.Reply{Text: "Hi"})
	require.NoError(t, err)
	_, err = s.Pool().Exec(t.Context(), `insert into ledger (interaction_id, key, message_number, state) values ($1, $2, $3, 'queued')`, id, store.SendKey(m.Number), m.Number)
	require.NoError(t, err)
	attempt := interaction.NewID()
	won, err := s.BeginSend(t.Context(), id, m.Number, attempt)
	require.NoError(t, err)
	require.True(t, won)
	_, err = s.EndSend(t.Context(), id, m.Number, attempt, interaction.Outcome{State: interaction.SendSent, ID: "m1"})
	require.NoError(t, err)
	state := func() interaction.ReceiptState {
		list, err := s.InteractionMessages(t.Context(), ann, id)
		require.NoError(t, err)
		return list[len(list)-1].Send.Receipt
	}
	require.Equal(t, interaction.ReceiptDelivered, state(), "the early word was kept")
	require.True(t, say(interaction.ReceiptPending, "m1"), "an old word changes nothing")
	require.Equal(t, interaction.ReceiptDelivered, state())
	require.True(t, say(interaction.ReceiptRead, "m1"))
	require.Equal(t, interaction.ReceiptRead, state())

	// an answer that names our message by the carrier's name finds its thread
	reply := from("phone", "+491701")
	reply.Follows = []string{"m1"}
	of, _ := arriveBy(t, s, "mms", interaction.MMS, reply)
	require.Equal(t, id, of)
}

// What is still worked on is known by its names, a page after the other; what is over, was taken back or is a later version is not.
func TestOpenMessages(t *testing.T) {
	s := channels(t)
	post := func(id string) interaction.ID {
		p := from("mastodon", "host/9", "with 9")
		p.Message.MessageID = "social:mastodon:host/1:open:" + id
		of, _ := arriveBy(t, s, "bot", interaction.Social, p)
		return of
	}
	first := post("1001")
	require.Equal(t, first, post("1002"))
	post("1003")
	ask := func(prefix, behind string, limit int) []string {
		list, err := s.OpenMessages(t.Context(), prefix, behind, limit)
		require.NoError(t, err)
		return list
	}
	const ours = "social:mastodon:host/1:"
	require.Equal(t, []string{ours + "open:1001", ours + "open:1002"}, ask(ours, "", 2))
	require.Equal(t, []string{ours + "open:1003"}, ask(ours, ours+"open:1002", 2))
	require.Empty(t, ask("social:mastodon:host/2:", "", 9), "another account's")
	exec(t, s, `update messages set withdrawn = true where message_id like '%1001'`)
	exec(t, s, `update messages set problems = array[$1] where message_id like '%1002'`, interaction.ProblemNewVersion)
	require.Equal(t, []string{ours + "open:1003"}, ask(ours, "", 9))
	stopping, err := s.Stop(t.Context(), first, 3, "handled")
	require.NoError(t, err)
	require.True(t, stopping.Stopped)
	require.Empty(t, ask(ours, "", 9))
}
