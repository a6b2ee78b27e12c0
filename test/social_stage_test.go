package test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/lib/mms/mmstest"
	"parley/lib/social"
)

// settled accepts something as an adapter does, and gives its interaction.
func (st *stage) settled(in interaction.Inbound) interaction.ID {
	st.t.Helper()
	receipt, err := st.store.Accept(st.t.Context(), in)
	require.NoError(st.t, err)
	var of interaction.ID
	st.eventually("it becomes an interaction", func() bool {
		err := st.store.Pool().QueryRow(st.t.Context(), `select interaction_id from inbound where id = $1`, receipt.ID).Scan(&of)
		return err == nil && of != ""
	})
	return of
}

// network accepts what a network tells of Anna.
func (st *stage) network(p social.Post) interaction.ID {
	st.t.Helper()
	p.Network, p.Account, p.Visibility, p.Author = "telegram", "77", interaction.VisiblePrivate, social.Person{ID: "9", Name: "Anna"}
	p.ReplyTo, p.Conversation = "9", "chat 9"
	in, err := p.Inbound(interaction.Target{EntryPoint: "bot", Address: "@shop_bot"}, "test")
	require.NoError(st.t, err)
	return st.settled(in)
}

// channelled is a stage with a bot, and a number for multimedia messages.
func channelled(t *testing.T) *stage {
	st := newStage(t)
	st.sender.Sender = taking{}
	require.NoError(t, st.store.Apply(t.Context(), interaction.System, interaction.Setup{EntryPoints: []interaction.EntryPoint{
		{Name: "bot", Channel: interaction.Social, Address: "@shop_bot", Workflow: interaction.WorkflowSocial, Queue: "service", Language: "en"},
		{Name: "pictures", Channel: interaction.MMS, Address: "121399", Workflow: interaction.WorkflowMMS, Queue: "service", Language: "en"},
	}}))
	return st
}

// A customer edits what was answered already: somebody looks at what he says now, in the same thread.
func TestStorySocialEditedAfterTheAnswer(t *testing.T) {
	st := channelled(t)
	id := st.network(social.Post{Kind: social.Message, ID: "1", Text: "Where is my order 10023?"})
	st.reply("ann", id, "On its way.")
	st.decide(id, interaction.Decision{Verdict: "approve"})
	require.Equal(t, "answered", st.stopped(id))

	again := st.network(social.Post{Kind: social.Edit, ID: "1", Version: "2", Text: "Where is my order 10024?"})
	require.NotEqual(t, id, again)
	messages, err := st.store.Messages(t.Context(), again)
	require.NoError(t, err)
	require.Contains(t, messages[0].Problems, interaction.ProblemNewVersion)
	old, err := st.store.Messages(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, "Where is my order 10023?", old[0].Text)
	require.Contains(t, old[0].Problems, interaction.ProblemEditedLater)
	task := st.task(again, interaction.TaskHandle)
	_, err = st.store.Claim(t.Context(), st.people["ann"], task)
	require.NoError(t, err)
	require.NoError(t, st.store.Complete(t.Context(), st.people["ann"], task, 0, interaction.Done{Disposition: "no_answer_needed"}))
	require.Equal(t, "no_answer_needed", st.stopped(again))
}

// A customer takes back what an agent is answering: the agent's view is stale, and what was said is not shown any more.
func TestStorySocialWithdrawnWhileAnswered(t *testing.T) {
	st := channelled(t)
	id := st.network(social.Post{Kind: social.Message, ID: "1", Text: "My card is 4111 1111"})
	task := st.task(id, interaction.TaskHandle)
	held, err := st.store.Claim(t.Context(), st.people["ann"], task)
	require.NoError(t, err)
	require.Equal(t, id, st.network(social.Post{Kind: social.Withdrawal, ID: "1"}))
	_, err = st.store.Reply(t.Context(), st.people["ann"], task, held.Version, interaction.Reply{Text: "Do not send your card."})
	require.Equal(t, interaction.KindStale, interaction.KindOf(err))
	messages, err := st.store.Messages(t.Context(), id)
	require.NoError(t, err)
	require.Len(t, messages, 1)
	require.True(t, messages[0].Withdrawn)
	require.Empty(t, messages[0].Text)
	require.NoError(t, st.store.Complete(t.Context(), st.people["ann"], task, 0, interaction.Done{Disposition: "no_answer_needed"}))
	require.Equal(t, "no_answer_needed", st.stopped(id))
}

func TestStoryMultimediaMessageAnswered(t *testing.T) {
	st := channelled(t)
	raw := mmstest.Make(0, "1").Body
	id := st.settled(interaction.Inbound{
		Channel: interaction.MMS, Targets: []interaction.Target{{EntryPoint: "pictures", Address: "121399"}}, Identity: sha256.Sum256(raw),
		Raw: strings.NewReader(string(raw)), Size: int64(len(raw)), Facts: interaction.Facts{Sender: "+491701234567"},
	})
	st.reply("ann", id, "Nice picture.")
	st.decide(id, interaction.Decision{Verdict: "return", Comment: "Be kinder."})
	st.reply("ann", id, "What a nice picture.")
	st.decide(id, interaction.Decision{Verdict: "approve"})
	require.Equal(t, "answered", st.stopped(id))
}
