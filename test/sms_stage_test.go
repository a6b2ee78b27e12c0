package test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/adapters/smpp"
	"parley/interaction"
)

// text accepts a short message, as a link does, and gives its interaction.
func (st *stage) text(words string) interaction.ID {
	st.t.Helper()
	raw, err := fromCustomer(words).Encode()
	require.NoError(st.t, err)
	receipt, err := st.store.Accept(st.t.Context(), interaction.Inbound{
		Channel: interaction.SMS, Targets: []interaction.Target{{EntryPoint: "texts", Address: "40404"}}, Identity: sha256.Sum256([]byte(interaction.NewID())),
		Raw: bytes.NewReader(raw), Size: int64(len(raw)), Facts: interaction.Facts{Sender: "+491701234567", Via: smpp.Kind},
	})
	require.NoError(st.t, err)
	var of interaction.ID
	st.eventually("the text becomes an interaction", func() bool {
		err := st.store.Pool().QueryRow(st.t.Context(), `select interaction_id from inbound where id = $1`, receipt.ID).Scan(&of)
		return err == nil && of != ""
	})
	return of
}

// taking is a line to a message centre that takes everything.
type taking struct{}

func (taking) Send(ctx context.Context, _ interaction.Outbound, commit func(context.Context) error) interaction.Outcome {
	if err := commit(ctx); err != nil {
		return interaction.Outcome{State: interaction.SendQueued, Aborted: true}
	}
	return interaction.Outcome{State: interaction.SendSent, Code: "0"}
}

// texting is a stage with a number for short messages.
func texting(t *testing.T) *stage {
	st := newStage(t)
	st.sender.Sender = taking{}
	require.NoError(t, st.store.Apply(t.Context(), interaction.System, interaction.Setup{EntryPoints: []interaction.EntryPoint{{
		Name: "texts", Channel: interaction.SMS, Address: "40404", Workflow: interaction.WorkflowSMS, Queue: "service", Language: "en",
	}}}))
	return st
}

func TestStoryShortMessageAnswered(t *testing.T) {
	st := texting(t)
	id := st.text("Where is my parcel?")
	st.reply("ann", id, "On its way.")
	st.decide(id, interaction.Decision{Verdict: "approve"})
	require.Equal(t, "answered", st.stopped(id))
}

func TestStoryShortMessageStop(t *testing.T) {
	st := texting(t)
	id := st.text("STOP")
	require.Equal(t, "stop", st.stopped(id))
	messages, err := st.store.Messages(t.Context(), id)
	require.NoError(t, err)
	require.Len(t, messages, 2)
	state, err := st.store.SendState(t.Context(), id, 2)
	require.NoError(t, err)
	require.Equal(t, interaction.SendSent, state, "his wish is confirmed")
}

// An opt-out comes while a reply is reviewed: it does not leave, and its author gets it back.
func TestStoryShortMessageOptOutWhileInReview(t *testing.T) {
	st := texting(t)
	id := st.text("Where is my parcel?")
	st.reply("ann", id, "On its way.")
	require.Equal(t, "stop", st.stopped(st.text("Stop")))
	st.decide(id, interaction.Decision{Verdict: "approve"})
	task := st.task(id, interaction.TaskHandle)
	var of interaction.ID
	st.eventually("it is the author's again", func() bool {
		return st.store.Pool().QueryRow(t.Context(), `select coalesce(reserved_for, agent_id) from tasks where id = $1`, task).Scan(&of) == nil && of == st.people["ann"].Agent
	})
	_, err := st.store.Claim(t.Context(), st.people["ann"], task)
	require.NoError(t, err)
	_, err = st.store.Reply(t.Context(), st.people["ann"], task, 0, interaction.Reply{Text: "Really."})
	var refused *interaction.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "opted_out", refused.Code)
	require.NoError(t, st.store.Complete(t.Context(), st.people["ann"], task, 0, interaction.Done{Disposition: "no_answer_needed"}))
	require.Equal(t, "no_answer_needed", st.stopped(id))
}
