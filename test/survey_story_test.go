package test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/adapters/survey"
	"parley/interaction"
	"parley/store/storetest"
)

// surveyed has the customers of both entry points asked.
func surveyed(house *interaction.Setup) {
	house.Surveys = []interaction.Survey{{
		Name: "after", MailChats: true, Questions: []interaction.SurveyQuestion{{Key: "how", Text: map[string]string{"en": "How was it?"}, Required: true}},
	}}
	for n := range house.EntryPoints {
		house.EntryPoints[n].Survey = "after"
	}
}

var surveyLink = regexp.MustCompile(`(?m)^http://parley\.example\.test(/survey/\S+)$`)

// An answered mail is followed by a survey, whose link leads to a page that takes the answers once.
func TestStorySurvey(t *testing.T) {
	st := newStage(t)
	house := storetest.House()
	surveyed(&house)
	require.NoError(t, st.store.Apply(t.Context(), interaction.System, house))
	id := st.mail("nora@customer.test", "My kettle leaks")
	st.reply("ann", id, "Send it back, please.")
	st.decide(id, interaction.Decision{Verdict: "approve"})
	require.Equal(t, "answered", st.stopped(id))
	sent := st.mails()
	require.Len(t, sent, 2)
	require.False(t, sent[0].Machine(false).Is)
	require.True(t, sent[1].Machine(false).Is, "a survey carries the marks of automatic mail")
	link := surveyLink.FindStringSubmatch(strings.ReplaceAll(sent[1].Text, "\r\n", "\n"))
	require.NotNil(t, link, sent[1].Text)

	page, err := survey.New(survey.Options{}, st.store)
	require.NoError(t, err)
	answer := func(score string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, link[1], strings.NewReader(url.Values{"q_how": {score}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		page.Handler().ServeHTTP(w, r)
		return w.Code
	}
	require.Equal(t, http.StatusUnprocessableEntity, answer("7"))
	require.Equal(t, http.StatusOK, answer("4"))
	require.Equal(t, http.StatusConflict, answer("1"))
	result, err := st.store.SurveyOf(t.Context(), st.people["vic"], id)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"how": "4"}, result.Answers)
	require.InDelta(t, 75, result.Score, 0.01)

	again := st.mail("nora@customer.test", "Another thing")
	st.reply("ann", again, "Gladly.")
	st.decide(again, interaction.Decision{Verdict: "approve"})
	require.Equal(t, "answered", st.stopped(again))
	require.Len(t, st.mails(), 3, "he was asked lately")
}

// A chat's customer whose window was gone before it could ask gets a mail, behind the transcript.
func TestStorySurveyOfAChat(t *testing.T) {
	st := newStage(t)
	st.chats(interaction.ChatSettings{}, surveyed)
	require.NoError(t, st.store.Apply(t.Context(), interaction.System, interaction.Setup{EntryPoints: []interaction.EntryPoint{{
		Name: "chat", Channel: interaction.Chat, Address: "chat", Workflow: interaction.WorkflowChat, Queue: "service", Survey: "after",
		Chat: &interaction.ChatSettings{Mail: "support", Transcript: interaction.TranscriptAlways},
	}}}))
	id := st.openChat("nora@customer.test")
	task := st.claim("ann", id)
	st.post(id, customer, "It leaks.")
	st.endChat(id)
	require.NoError(t, st.store.Complete(t.Context(), st.people["ann"], task, 0, interaction.Done{Disposition: "solved"}))
	require.Equal(t, "solved", st.stopped(id))
	sent := st.mails()
	require.Len(t, sent, 2)
	require.Contains(t, sent[0].Text, "Nora: It leaks.")
	require.Contains(t, sent[1].Text, "/survey/")
}
