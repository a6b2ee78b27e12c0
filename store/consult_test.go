package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// Who is asked may ask others in turn; when the first question's task is over, nobody goes on working on any of them.
func TestQuestionsOfQuestionsEndWithTheTask(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann, ben, carl := storetest.Person(t, s, "ann"), storetest.Person(t, s, "ben"), storetest.Person(t, s, "carl")
	id := arrive(t, s, "c@customer.test", "Kettle")
	task := open(t, s, id, "ask")
	_, err := s.Claim(t.Context(), ann, task)
	require.NoError(t, err)
	asked, err := s.Consult(t.Context(), ann, task, ben.Agent, "", "Do we have that?")
	require.NoError(t, err)
	_, err = s.Claim(t.Context(), ben, asked)
	require.NoError(t, err)
	askedOn, err := s.Consult(t.Context(), ben, asked, carl.Agent, "", "Ann wants to know: do we?")
	require.NoError(t, err)
	_, err = s.Claim(t.Context(), carl, askedOn)
	require.NoError(t, err)

	require.NoError(t, s.Complete(t.Context(), ann, task, 0, interaction.Done{Disposition: "closed"}))
	for by, question := range map[*interaction.Actor]interaction.ID{&ben: asked, &carl: askedOn} {
		err := s.Complete(t.Context(), *by, question, 0, interaction.Done{Answer: "yes"})
		require.Equal(t, "task_over", code(err))
	}
	var load int
	require.NoError(t, s.Pool().QueryRow(t.Context(), `select sum(load_total) from agents`).Scan(&load))
	require.Zero(t, load)
}

// While a message is on its way to the customer nothing stops the interaction: what became of the message would belong to nothing.
func TestNothingStopsWhileAMessageIsOnItsWay(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann := storetest.Person(t, s, "ann")
	id := arrive(t, s, "c@customer.test", "Kettle")
	task := open(t, s, id, "ask")
	_, err := s.Claim(t.Context(), ann, task)
	require.NoError(t, err)
	reply, err := s.Reply(t.Context(), ann, task, 0, interaction.Reply{Text: "An answer."})
	require.NoError(t, err)
	require.NoError(t, s.ReleaseReply(t.Context(), id, "send", reply.Number))
	_, err = s.Stop(t.Context(), id, 100, "closed")
	require.Equal(t, "being_sent", code(err))
}
