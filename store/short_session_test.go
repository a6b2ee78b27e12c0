package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
)

func sessionHouse(t *testing.T) *store.Store {
	return shortHouse(t, &interaction.SMSSettings{Rules: []interaction.SMSRule{{Number: "+4917*", Mode: interaction.SMSSession}}})
}

func sessionOf(t *testing.T, s *store.Store, number string) (id interaction.ID) {
	t.Helper()
	require.NoError(t, s.Pool().QueryRow(t.Context(), `select session_id from short_sessions where entry_point = 'texts' and number = $1`, number).Scan(&id))
	return id
}

// TestTwoMessagesStartOneSession is §F7 and M-29: two messages in one moment, settled by two processes.
func TestTwoMessagesStartOneSession(t *testing.T) {
	s := sessionHouse(t)
	rounds := 50
	if n, err := strconv.Atoi(os.Getenv("PARLEY_RACES")); err == nil {
		rounds = n
	}
	for n := range rounds {
		number := fmt.Sprintf("+4917%08d", n)
		rows := []interaction.Taken{acceptFrom(t, s, number, "first"), acceptFrom(t, s, number, "second")}
		var both sync.WaitGroup
		errs := make([]error, 2)
		for i, in := range rows {
			both.Go(func() { errs[i] = s.Settle(t.Context(), in, says(number, fmt.Sprint("message ", i))) })
		}
		both.Wait()
		require.NoError(t, errors.Join(errs...))
		said, err := s.ChatMessages(t.Context(), sessionOf(t, s, number), 0, true, 10)
		require.NoError(t, err)
		require.Len(t, said, 2)
	}
	var sessions int
	require.NoError(t, s.Pool().QueryRow(t.Context(), `select count(*) from chat_sessions`).Scan(&sessions))
	require.Equal(t, rounds, sessions)
	t.Logf("%d races, each with one session", rounds)
}

// acceptFrom accepts a message and marks its own row as taken, whatever else waits.
func acceptFrom(t *testing.T, s *store.Store, number, text string) interaction.Taken {
	t.Helper()
	receipt := acceptOnly(t, s, number+text)
	return interaction.Taken{ID: receipt.ID, Channel: interaction.SMS, EntryPoint: "texts", Address: "40404", Attempts: 1}
}

func TestALongMessageIsNotCutShort(t *testing.T) {
	s := sessionHouse(t)
	long := strings.Repeat("жуть ", interaction.MaxChatText/5)
	in := accept(t, s, long)
	require.NoError(t, s.Settle(t.Context(), in, says(texter, long)))
	said, err := s.ChatMessages(t.Context(), sessionOf(t, s, texter), 0, true, 10)
	require.NoError(t, err)
	var all strings.Builder
	for _, m := range said {
		all.WriteString(m.Text)
	}
	require.Greater(t, len(said), 1)
	require.Equal(t, long, all.String())
}

func TestASessionIsOneInteractionUntilItEnds(t *testing.T) {
	s := sessionHouse(t)
	first, _ := wroteInSession(t, s, texter, "where is my parcel")
	again, _ := wroteInSession(t, s, texter, "hello?")
	require.Equal(t, first, again)
	require.NoError(t, s.EndChat(t.Context(), first, interaction.Party{Role: interaction.ChatSystem}, "inactive"))
	next, _ := wroteInSession(t, s, texter, "one more thing")
	require.NotEqual(t, first, next, "the session was over")
	paging, _ := wrote(t, s, "+4915112345678", "hello")
	require.NotEqual(t, next, paging)
	var channel interaction.Channel
	require.NoError(t, s.Pool().QueryRow(t.Context(), `select channel from interactions where id = $1`, paging).Scan(&channel))
	require.Equal(t, interaction.SMS, channel, "this number is in paging mode")
}

func wroteInSession(t *testing.T, s *store.Store, number, text string) (id interaction.ID, in interaction.Taken) {
	t.Helper()
	in = accept(t, s, text)
	require.NoError(t, s.Settle(t.Context(), in, says(number, text)))
	require.NoError(t, s.Settle(t.Context(), in, says(number, text)), "a second time changes nothing")
	return sessionOf(t, s, number), in
}

// tellTexter has the system speak in a session, as an agent would.
func tellTexter(t *testing.T, s *store.Store, session interaction.ID, text string) interaction.ChatPosted {
	t.Helper()
	posted, err := s.PostChats(t.Context(), []interaction.ChatPost{{Session: session, From: interaction.Party{Role: interaction.ChatSystem}, Kind: interaction.ChatText, Text: text}})
	require.NoError(t, err)
	return posted[0]
}

func TestWhatIsSaidInASessionLeavesInOrderAndOnce(t *testing.T) {
	s := sessionHouse(t)
	session, _ := wroteInSession(t, s, texter, "where is my parcel")
	tellTexter(t, s, session, "one")
	tellTexter(t, s, session, "two")
	sends, err := s.SessionSends(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, sends, 1, "the second waits for the first")
	first := sends[0]
	require.Equal(t, "one", first.Out.Text)
	require.Equal(t, texter, first.Out.To[0].Address)
	require.Equal(t, "40404", first.Out.From.Address)

	attempt := interaction.NewID()
	won, err := s.BeginSessionSend(t.Context(), first, attempt)
	require.NoError(t, err)
	require.True(t, won)
	won, err = s.BeginSessionSend(t.Context(), first, interaction.NewID())
	require.NoError(t, err)
	require.False(t, won, "another process has it")
	sends, err = s.SessionSends(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, sends)
	require.NoError(t, s.EndSessionSend(t.Context(), first, attempt, interaction.Outcome{State: interaction.SendSent, Names: []interaction.CarrierName{{ID: "n1"}}}))
	known, err := s.Receipt(t.Context(), interaction.Receipted{EntryPoint: "texts", ID: "n1", State: interaction.ReceiptDelivered})
	require.NoError(t, err)
	require.True(t, known)

	sends, err = s.SessionSends(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, "two", sends[0].Out.Text)
	won, err = s.BeginSessionSend(t.Context(), sends[0], attempt)
	require.NoError(t, err)
	require.True(t, won)
	// The process dies here: nothing is sent again, and the agents are told that nobody knows.
	_, err = s.Pool().Exec(t.Context(), `update session_sends set begun_at = begun_at - interval '1 hour'`)
	require.NoError(t, err)
	n, err := s.FlagLostSessionSends(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	said, err := s.ChatMessages(t.Context(), session, 0, true, 10)
	require.NoError(t, err)
	require.Equal(t, interaction.ChatAttention, said[len(said)-1].Kind)
	require.Equal(t, "text_unknown", said[len(said)-1].Text)
}

func TestNothingLeavesASessionOfWhoHasOptedOut(t *testing.T) {
	s := sessionHouse(t)
	session, _ := wroteInSession(t, s, texter, "where is my parcel")
	tellTexter(t, s, session, "queued before")
	wrote(t, s, texter, "STOP")
	tellTexter(t, s, session, "said after")
	sends, err := s.SessionSends(t.Context(), 10)
	require.NoError(t, err)
	for _, x := range sends {
		won, err := s.BeginSessionSend(t.Context(), x, interaction.NewID())
		require.NoError(t, err)
		require.False(t, won)
	}
	_, err = s.FlagLostSessionSends(context.WithoutCancel(t.Context()))
	require.NoError(t, err)
	var left int
	require.NoError(t, s.Pool().QueryRow(t.Context(), `select count(*) from session_sends where state <> 'not_sent' or code <> 'opted_out'`).Scan(&left))
	require.Zero(t, left)
}
