package store_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// withResponses gives a store with an approved acknowledgement, an approved response for passwords, and one that is a draft.
func withResponses(t *testing.T) *store.Store {
	s := storetest.New(t, store.Options{})
	require.NoError(t, s.Apply(t.Context(), interaction.System, interaction.Setup{
		Categories: []interaction.CategorySetup{{Name: "password"}, {Name: "order"}},
		Responses: []interaction.Answer{
			{Name: "ack", Usage: interaction.UseAcknowledgement, Language: "en", State: interaction.ResponseActive, Text: "We have it."},
			{Name: "reset", Usage: interaction.UseAutoResponse, Language: "en", Category: "password", State: interaction.ResponseActive, Text: "Reset it."},
			{Name: "draft", Usage: interaction.UseAutoResponse, Language: "en", Category: "order", Text: "Not yet."},
		},
	}))
	return s
}

// understood has a new mail understood so.
func understood(t *testing.T, s *store.Store, from string, u interaction.Understood) (interaction.ID, interaction.Understood) {
	t.Helper()
	id := arrive(t, s, from, "Question")
	found, err := s.Understand(t.Context(), id, "understand", 1, func(interaction.Material) interaction.Explained { return interaction.Explained{Understood: u} })
	require.NoError(t, err)
	return id, found
}

func write(t *testing.T, s *store.Store, id interaction.ID, a interaction.AutoAnswer) interaction.AutoAnswered {
	t.Helper()
	a.Interaction, a.Message = id, 1
	if a.Step == "" {
		a.Step = "answer"
	}
	answered, err := s.AnswerAutomatically(t.Context(), a)
	require.NoError(t, err)
	return answered
}

func TestResponsesAreChosenByWhatWasUnderstood(t *testing.T) {
	s := withResponses(t)
	tests := []struct {
		name          string
		u             interaction.Understood
		response, ack bool
	}{
		{"certain of a category with a response", interaction.Understood{Language: "en", Category: "password", Confidence: 0.9, Certain: true}, true, true},
		{"not certain", interaction.Understood{Language: "en", Category: "password"}, false, true},
		{"only a draft", interaction.Understood{Language: "en", Category: "order", Certain: true}, false, true},
		{"nothing in the language", interaction.Understood{Language: "fr", Category: "password", Confidence: 0.9, Certain: true}, false, false},
		{"a machine", interaction.Understood{Language: "en", Category: "password", Confidence: 0.9, Certain: true, Machine: true}, false, false},
		{"spam", interaction.Understood{Language: "en", Category: "password", Confidence: 0.9, Certain: true, Spam: true}, false, false},
		{"forbidden by a rule", interaction.Understood{Language: "en", Category: "password", Confidence: 0.9, Certain: true, NoAuto: true}, false, false},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, found := understood(t, s, fmt.Sprintf("c%d@customer.test", i), tt.u)
			require.Equal(t, tt.response, found.Response != "")
			require.Equal(t, tt.ack, found.Acknowledgement != "")
		})
	}
}

// What was good when it was chosen is looked at again when it is written.
func TestAResponseThatIsNoLongerGoodIsNotSent(t *testing.T) {
	tests := []struct{ name, change string }{
		{"expired", `update responses set expires = now() - interval '1 hour'`},
		{"not begun", `update responses set starts = now() + interval '1 hour'`},
		{"a draft again", `update responses set state = 'draft'`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := withResponses(t)
			id, found := understood(t, s, "c@customer.test", interaction.Understood{Language: "en", Category: "password", Confidence: 0.9, Certain: true})
			_, err := s.Pool().Exec(t.Context(), tt.change)
			require.NoError(t, err)
			require.Equal(t, "no_response", write(t, s, id, interaction.AutoAnswer{Usage: interaction.UseAutoResponse, Response: found.Response}).Reason)
		})
	}
}

func TestTheLoopGuardCountsForTheContact(t *testing.T) {
	s := withResponses(t)
	ack := interaction.AutoAnswer{Usage: interaction.UseAcknowledgement}
	en := interaction.Understood{Language: "en"}
	first, _ := understood(t, s, "loop@customer.test", en)
	require.True(t, write(t, s, first, ack).Queued)
	require.True(t, write(t, s, first, ack).Queued, "the same step again gives the same answer")
	var messages int
	require.NoError(t, s.Pool().QueryRow(t.Context(), `select count(*) from messages where kind = 'auto'`).Scan(&messages))
	require.Equal(t, 1, messages, "and writes nothing")

	second, _ := understood(t, s, "loop@customer.test", en)
	require.Equal(t, "loop_guard", write(t, s, second, ack).Reason, "another interaction, the same contact, within ten minutes")
	other, _ := understood(t, s, "other@customer.test", en)
	require.True(t, write(t, s, other, ack).Queued, "somebody else is not concerned")

	for n := range 2 {
		exec(t, s, `update automatic_mail set at = at - interval '11 minutes'`)
		next, _ := understood(t, s, "loop@customer.test", en)
		require.True(t, write(t, s, next, ack).Queued, "number %d of the day", n+2)
	}
	exec(t, s, `update automatic_mail set at = at - interval '11 minutes'`)
	fourth, _ := understood(t, s, "loop@customer.test", en)
	require.Equal(t, "loop_guard", write(t, s, fourth, ack).Reason, "three a day")
	exec(t, s, `update automatic_mail set at = at - interval '1 day'`)
	require.True(t, write(t, s, fourth, interaction.AutoAnswer{Usage: interaction.UseAcknowledgement, Step: "later"}).Queued)
}

// Many interactions of one contact at the same moment have one place between them.
func TestTheLoopGuardHoldsInARace(t *testing.T) {
	s := withResponses(t)
	var ids []interaction.ID
	for range 8 {
		id, _ := understood(t, s, "race@customer.test", interaction.Understood{Language: "en"})
		ids = append(ids, id)
	}
	var wg sync.WaitGroup
	answers := make([]interaction.AutoAnswered, len(ids))
	for i, id := range ids {
		wg.Go(func() {
			answers[i], _ = s.AnswerAutomatically(t.Context(), interaction.AutoAnswer{Interaction: id, Step: "answer", Usage: interaction.UseAcknowledgement, Message: 1})
		})
	}
	wg.Wait()
	queued := 0
	for _, a := range answers {
		if a.Queued {
			queued++
		}
	}
	require.Equal(t, 1, queued)
}

func TestNobodyIsAnsweredWhoMustNotBe(t *testing.T) {
	s := withResponses(t)
	ack := interaction.AutoAnswer{Usage: interaction.UseAcknowledgement}
	en := interaction.Understood{Language: "en"}
	ours, _ := understood(t, s, "SUPPORT@example.test", en)
	require.Equal(t, "own_address", write(t, s, ours, ack).Reason)
	agent, _ := understood(t, s, "ann@agents.test", en)
	require.Equal(t, "own_address", write(t, s, agent, ack).Reason)
	machine, _ := understood(t, s, "machine@customer.test", en)
	exec(t, s, `update messages set machine = 'dsn' where interaction_id = '`+string(machine)+`'`)
	require.Equal(t, "machine", write(t, s, machine, ack).Reason)
	require.Equal(t, "machine", write(t, s, machine, interaction.AutoAnswer{Usage: interaction.UseAcknowledgement, Forced: true, Step: "ordered"}).Reason, "not even by order")
	nobody, _ := understood(t, s, "", en)
	require.Equal(t, "no_address", write(t, s, nobody, ack).Reason)
}

// Rules that trigger each other are stopped, and the audit says so in one line, however often the step is run.
func TestEndlessRulesAreToldOnce(t *testing.T) {
	s := withResponses(t)
	id := arrive(t, s, "loop@mail.test", "Question")
	for range 2 {
		_, err := s.Understand(t.Context(), id, "understand", 1, func(interaction.Material) interaction.Explained {
			return interaction.Explained{Endless: "ping", Rules: []string{"ping", "pong"}}
		})
		require.NoError(t, err)
	}
	lines, err := s.InteractionEvents(t.Context(), id)
	require.NoError(t, err)
	var told []any
	for _, l := range lines {
		if l.Code == "rules.endless" {
			told = append(told, l.Data["rule"])
		}
	}
	require.Equal(t, []any{"ping"}, told)
}
