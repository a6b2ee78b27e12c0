package store_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// optsOut has somebody be written down as one who wants no more.
func optsOut(t *testing.T, s *store.Store, channel interaction.Channel, address string) {
	t.Helper()
	_, err := s.SetConsent(t.Context(), interaction.System, interaction.Consent{Channel: channel, Address: address, Out: true, Source: "agent"})
	require.NoError(t, err)
}

// taken opens a task for an agent of an interaction that stands before him.
func taken(t *testing.T, s *store.Store, by interaction.Actor, id interaction.ID) interaction.ID {
	t.Helper()
	task, err := s.OpenTask(t.Context(), interaction.Ask{Interaction: id, Step: string(interaction.NewID()), Kind: interaction.TaskHandle, Message: 1})
	require.NoError(t, err)
	_, err = s.Claim(t.Context(), by, task)
	require.NoError(t, err)
	return task
}

// The register is one for each channel, and it holds whatever way a message takes to that channel: an answer by another entry point, a copy, the mail that answers a web form.
func TestTheRegisterHoldsForEveryWay(t *testing.T) {
	s := channels(t)
	ann := storetest.Person(t, s, "ann")
	require.NoError(t, s.Apply(t.Context(), interaction.System, interaction.Setup{EntryPoints: []interaction.EntryPoint{
		{Name: "form", Channel: interaction.WebForm, Address: "support@example.test", Workflow: interaction.WorkflowEmail, Queue: "service"},
	}}))
	optsOut(t, s, interaction.SMS, "+491701")
	optsOut(t, s, interaction.Email, "Kim@Customer.test")
	for _, tt := range []struct {
		name, entryPoint string
		channel          interaction.Channel
		from             interaction.Parsed
		reply            interaction.Reply
		refused          bool
	}{
		{"on the channel that he left", "texts", interaction.SMS, from("phone", "+491701"), interaction.Reply{}, true},
		{"on another channel", "mms", interaction.MMS, from("phone", "+491701"), interaction.Reply{}, false},
		{"from another channel by the one that he left", "mms", interaction.MMS, from("phone", "+491701"), interaction.Reply{EntryPoint: "texts"}, true},
		{"a stranger by text", "mms", interaction.MMS, from("phone", "+491702"), interaction.Reply{EntryPoint: "texts"}, false},
		{"by mail", "support", interaction.Email, from("email", "kim@customer.test"), interaction.Reply{}, true},
		{"a web form by mail", "form", interaction.WebForm, from("email", "kim@customer.test"), interaction.Reply{}, true},
		{"a copy of a mail to somebody else", "support", interaction.Email, from("email", "olaf@customer.test"), interaction.Reply{Cc: []interaction.Address{{Address: "KIM@customer.test"}}}, true},
		{"somebody else by mail", "support", interaction.Email, from("email", "olaf@customer.test"), interaction.Reply{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id, _ := arriveBy(t, s, tt.entryPoint, tt.channel, tt.from)
			task := taken(t, s, ann, id)
			tt.reply.Text = "Hi"
			m, err := s.Reply(t.Context(), ann, task, 0, tt.reply)
			if tt.refused {
				require.ErrorContains(t, err, "opted_out")
				require.NoError(t, s.Complete(t.Context(), ann, task, 0, interaction.Done{Disposition: "no_answer_needed"}))
				return
			}
			require.NoError(t, err)
			require.NoError(t, s.ReleaseReply(t.Context(), id, "send", m.Number))
			won, err := s.BeginSend(t.Context(), id, m.Number, interaction.NewID())
			require.NoError(t, err)
			require.True(t, won)
		})
	}
}

// What waits when the opt-out comes does not leave: whoever wrote it, and by whatever entry point.
func TestAnOptOutReachesWhatGoesByAnotherEntryPoint(t *testing.T) {
	s := channels(t)
	ann := storetest.Person(t, s, "ann")
	id, _ := arriveBy(t, s, "mms", interaction.MMS, from("phone", "+491701"))
	m, err := s.Reply(t.Context(), ann, taken(t, s, ann, id), 0, interaction.Reply{Text: "Hi", EntryPoint: "texts"})
	require.NoError(t, err)
	require.NoError(t, s.ReleaseReply(t.Context(), id, "send", m.Number))
	optsOut(t, s, interaction.SMS, "+491701")
	won, err := s.BeginSend(t.Context(), id, m.Number, interaction.NewID())
	require.NoError(t, err)
	require.False(t, won)
	state, err := s.SendState(t.Context(), id, m.Number)
	require.NoError(t, err)
	require.Equal(t, interaction.SendNotSent, state)
}

// Who has opted out and was erased since is not written to in a session either, as little as is known of him.
func TestAnErasedOptOutHoldsInSessions(t *testing.T) {
	s := sessionHouse(t)
	optsOut(t, s, interaction.SMS, texter)
	exec(t, s, `update consents set address = erased_address(address)`)
	session, _ := wroteInSession(t, s, texter, "where is my parcel")
	tellTexter(t, s, session, "On its way.")
	sends, err := s.SessionSends(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, sends)
	require.Equal(t, 1, count(t, s, `select count(*) from session_sends where state = 'not_sent' and code = 'opted_out'`))
}

func TestWhoHasOptedOutIsNotSurveyed(t *testing.T) {
	s := surveyed(t)
	id := served(t, s, "kim@customer.test")
	optsOut(t, s, interaction.Email, "kim@customer.test")
	var token string
	asked, err := s.AskSurvey(t.Context(), id, "ask", asking(&token))
	require.NoError(t, err)
	require.Zero(t, asked.Message)
	require.Equal(t, 1, count(t, s, `select count(*) from events where code = 'survey.none' and data->>'reason' = 'opted_out'`))
}

// A send begins in few places, and each of them asks the register in the very statement: a further sender cannot forget to.
func TestASendBeginsBehindTheRegister(t *testing.T) {
	begins := regexp.MustCompile("(?s)`(?:[^`]|` *\\+ *\\w+ *\\+ *`)*set state = 'in_flight'.*?`[,)]")
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	found := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		list := begins.FindAll(source, -1)
		require.Len(t, list, strings.Count(string(source), "set state = 'in_flight'"), name)
		for _, statement := range list {
			found++
			require.Regexp(t, `optedOut|opted_out\(`, string(statement), name)
		}
	}
	require.Equal(t, 2, found, "messages, and what is said in sessions")
}
