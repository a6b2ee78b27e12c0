package store_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// surveyed is a house whose customers are asked.
func surveyed(t *testing.T) *store.Store {
	t.Helper()
	s := storetest.New(t, store.Options{})
	setup := storetest.House()
	setup.Surveys = []interaction.Survey{{
		Name: "after", Thanks: map[string]string{"en": "Thanks!"}, MailChats: true,
		Questions: []interaction.SurveyQuestion{
			{Key: "how", Text: map[string]string{"en": "How was it?", "de": "Wie war es?"}, Required: true},
			{Key: "solved", Kind: interaction.SurveyChoice, Text: map[string]string{"en": "Solved?"}, Choices: []string{"yes", "no"}},
			{Key: "word", Kind: interaction.SurveyText, Text: map[string]string{"en": "Anything else?"}},
		},
	}}
	for n := range setup.EntryPoints {
		setup.EntryPoints[n].Survey = "after"
	}
	setup.EntryPoints[1].Chat = &interaction.ChatSettings{Mail: "support"}
	require.NoError(t, s.Apply(t.Context(), interaction.System, setup))
	return s
}

// served is an interaction by mail that somebody has answered, as the story is about to end.
func served(t *testing.T, s *store.Store, from string) interaction.ID {
	t.Helper()
	id := arrive(t, s, from, "Kettle")
	exec(t, s, `insert into messages (interaction_id, number, kind, body) values ($1, 2, 'reply', 'It is on its way.')`, id)
	exec(t, s, `insert into ledger (interaction_id, key, message_number, state) values ($1, 'send-2', 2, 'sent')`, id)
	exec(t, s, `update interactions set state = 'automatic', messages = 2, language = 'de' where id = $1`, id)
	return id
}

// asking writes the mail and keeps its link's token.
func asking(token *string) func(interaction.SurveyView) interaction.SurveyLetter {
	return func(v interaction.SurveyView) interaction.SurveyLetter {
		*token = v.Token
		return interaction.SurveyLetter{Subject: "How was it?", Text: "Please tell us: " + v.Token}
	}
}

func TestASurveyIsMailedAndAnsweredOnce(t *testing.T) {
	s := surveyed(t)
	ctx := t.Context()
	id := served(t, s, "kim@customer.test")
	var token string
	asked, err := s.AskSurvey(ctx, id, "survey", asking(&token))
	require.NoError(t, err)
	require.EqualValues(t, 3, asked.Message)
	again, err := s.AskSurvey(ctx, id, "survey", func(interaction.SurveyView) interaction.SurveyLetter {
		t.Error("a step that is run again writes nothing")
		return interaction.SurveyLetter{}
	})
	require.NoError(t, err)
	require.Equal(t, asked, again)

	send, err := s.PrepareSend(ctx, id, asked.Message)
	require.NoError(t, err)
	require.Equal(t, interaction.SendQueued, send.State)
	require.True(t, send.Out.Automatic)
	require.Empty(t, send.Out.Envelope, "nobody answers to a machine")
	require.Equal(t, "kim@customer.test", send.Out.To[0].Address)
	require.Equal(t, 1, scan[int](t, s, `select count(*) from automatic_mail where step = 'survey'`), "it counts under the loop guard")

	sheet, err := s.SurveyByToken(ctx, token)
	require.NoError(t, err)
	require.Equal(t, "Wie war es?", sheet.Questions[0].Text, "in the customer's language")
	require.Equal(t, "Solved?", sheet.Questions[1].Text, "or English")
	for _, wrong := range []string{"", "x", token + "a", token[:len(token)-1], "z" + token[1:]} {
		_, err := s.SurveyByToken(ctx, wrong)
		require.Equal(t, "unknown_survey", errorCode(err), wrong)
	}

	require.Equal(t, "bad_value", errorCode(s.AnswerSurvey(ctx, id, map[string]string{"how": "6"})))
	var won atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if s.AnswerSurvey(ctx, id, map[string]string{"how": "5", "solved": "yes", "word": " Fine.\n"}) == nil {
				won.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1, won.Load(), "answers are taken once")
	require.Equal(t, "answered", errorCode(s.AnswerSurvey(ctx, id, map[string]string{"how": "1"})))

	result, err := s.SurveyOf(ctx, storetest.Person(t, s, "ann"), id)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"how": "5", "solved": "yes", "word": "Fine."}, result.Answers)
	require.InDelta(t, 100, result.Score, 0.01)
	_, err = s.SurveyOf(ctx, storetest.Person(t, s, "carl"), id)
	require.Equal(t, "unknown_survey", errorCode(err), "of another group")
	list, err := s.Surveyed(ctx, storetest.Person(t, s, "vic"), interaction.SurveyFilter{Survey: "after"}, interaction.Page{Limit: 10})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
}

func TestWhoIsNotAsked(t *testing.T) {
	tests := []struct{ name, prepare, want string }{
		{"asked", "", ""},
		{"nobody has answered him", `update ledger set state = 'not_sent'`, "not_answered"},
		{"a machine", `update messages set machine = 'auto-reply' where kind = 'in'`, "machine"},
		{"he wants none", `update contacts set no_surveys = true`, "refused"},
		{"he was erased", `update contacts set erased_at = now()`, "refused"},
		{"he was asked lately", `insert into survey_asks (interaction_id, survey, contact_id, mailed, until, sheet)
			select uuid_at(now()), 'other', id, true, now(), '{}' from contacts order by id desc limit 1`, "asked_lately"},
		{"he was asked long ago", `insert into survey_asks (interaction_id, survey, contact_id, mailed, asked_at, until, sheet)
			select uuid_at(now() - interval '1 hour'), 'other', id, true, now() - interval '31 days', now(), '{}' from contacts order by id desc limit 1`, ""},
		{"he is not drawn", `update surveys set definition = definition || '{"percent": 0}'`, "not_drawn"},
		{"an order has stopped it", `update interactions set state = 'waiting'`, "stopped_before"},
		{"he has no address", `update messages set sender = '{"address": ""}' where kind = 'in'`, "no_address"},
		{"one of ours", `update messages set sender = '{"address": "ann@agents.test"}' where kind = 'in'`, "own_address"},
		{"the loop guard's day is full", `insert into automatic_mail (contact_id, thread_id, interaction_id, step)
			select contact_id, thread_id, gen_random_uuid(), 'x' from interactions, generate_series(1, 3)`, "loop_guard"},
		{"he has just got an acknowledgement", `insert into automatic_mail (contact_id, thread_id, interaction_id, step)
			select contact_id, thread_id, id, 'x' from interactions`, ""},
		{"nothing can be sent from there", `update entry_points set enabled = false`, "no_mail_entry_point"},
		{"the entry point asks nobody", `update entry_points set survey = null`, "none"},
	}
	s := surveyed(t)
	for n, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			exec(t, s, `delete from automatic_mail`)
			exec(t, s, `update surveys set definition = definition || '{"percent": 100}'`)
			exec(t, s, `update entry_points set enabled = true, survey = 'after'`)
			id := served(t, s, fmt.Sprintf("kim%d@customer.test", n))
			if tt.prepare != "" {
				exec(t, s, tt.prepare)
			}
			var token string
			asked, err := s.AskSurvey(t.Context(), id, "survey", asking(&token))
			require.NoError(t, err)
			require.Equal(t, tt.want == "", asked.Message > 0)
			why := scan[string](t, s, `select coalesce(min(data->>'reason'), 'none') from events where code = 'survey.none' and interaction_id = $1`, id)
			if tt.want == "" {
				tt.want = "none"
			}
			require.Equal(t, tt.want, why)
		})
	}
}

// Two interactions of one contact end at once: he is asked once.
func TestTwoInteractionsAskOnce(t *testing.T) {
	s := surveyed(t)
	ids := []interaction.ID{served(t, s, "kim@customer.test"), served(t, s, "kim@customer.test")}
	var mails atomic.Int32
	var all sync.WaitGroup
	for _, id := range ids {
		all.Go(func() {
			var token string
			asked, err := s.AskSurvey(t.Context(), id, "survey", asking(&token))
			if err == nil && asked.Message > 0 {
				mails.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1, mails.Load())
}

func TestAChatsCustomerIsAskedInItsWindow(t *testing.T) {
	s := surveyed(t)
	ctx := t.Context()
	ann := storetest.Person(t, s, "ann")
	session := knownChat(t, s, "kim@customer.test")
	_, err := s.ChatSurvey(ctx, session)
	require.Equal(t, "unknown_survey", errorCode(err), "it is not over")
	_, err = s.Claim(ctx, ann, open(t, s, session, "ask"))
	require.NoError(t, err)
	require.NoError(t, s.EndChat(ctx, session, customer, "customer"))
	sheet, err := s.ChatSurvey(ctx, session)
	require.NoError(t, err)
	require.Equal(t, "How was it?", sheet.Questions[0].Text)
	again, err := s.ChatSurvey(ctx, session)
	require.NoError(t, err)
	require.Equal(t, sheet, again)
	require.Equal(t, 1, scan[int](t, s, `select count(*) from events where code = 'survey.asked'`))

	kept, err := s.KeepTranscript(ctx, session, "transcript", paper(""))
	require.NoError(t, err)
	require.False(t, kept.Mail)
	var token string
	asked, err := s.AskSurvey(ctx, session, "survey", asking(&token))
	require.NoError(t, err)
	require.Zero(t, asked.Message, "he was asked already")
	stopping, err := s.Stop(ctx, session, 100, "handled")
	require.NoError(t, err)
	require.True(t, stopping.Stopped)
	require.NoError(t, s.AnswerSurvey(ctx, session, map[string]string{"how": "3"}), "also when the interaction is closed")
	require.NoError(t, s.RefuseSurveys(ctx, session))
	require.True(t, scan[bool](t, s, `select no_surveys from contacts`))
}

func TestAChatsCustomerWhoseWindowWasGoneIsMailed(t *testing.T) {
	s := surveyed(t)
	ctx := t.Context()
	session := knownChat(t, s, "kim@customer.test")
	_, err := s.Claim(ctx, storetest.Person(t, s, "ann"), open(t, s, session, "ask"))
	require.NoError(t, err)
	require.NoError(t, s.EndChat(ctx, session, customer, "customer"))
	_, err = s.KeepTranscript(ctx, session, "transcript", paper(""))
	require.NoError(t, err)
	var token string
	asked, err := s.AskSurvey(ctx, session, "survey", asking(&token))
	require.NoError(t, err)
	require.NotZero(t, asked.Message)
	send, err := s.PrepareSend(ctx, session, asked.Message)
	require.NoError(t, err)
	require.Equal(t, interaction.Email, send.Out.Channel)
	require.Equal(t, "support", send.Out.EntryPoint)
	require.Equal(t, "support@example.test", send.Out.From.Address)
}

// What customers answer is in statistics, and so is how quickly they were answered in chats; a transcript and a survey are no answers.
func TestSurveysAndChatsAreCounted(t *testing.T) {
	s := surveyed(t)
	ctx := t.Context()
	ann := storetest.Person(t, s, "ann")
	session := knownChat(t, s, "kim@customer.test")
	_, err := s.Claim(ctx, ann, open(t, s, session, "ask"))
	require.NoError(t, err)
	require.NoError(t, s.EndChat(ctx, session, customer, "customer"))
	_, err = s.KeepTranscript(ctx, session, "transcript", func(interaction.ChatView) interaction.ChatPaper {
		return interaction.ChatPaper{Subject: "Your chat", Text: "Hello", MailTo: "kim@customer.test", Figures: interaction.ChatFigures{FirstResponse: 20, AverageResponse: 12}}
	})
	require.NoError(t, err)
	_, err = s.ChatSurvey(ctx, session)
	require.NoError(t, err)
	require.NoError(t, s.AnswerSurvey(ctx, session, map[string]string{"how": "4"}))
	other := served(t, s, "nora@customer.test")
	var token string
	_, err = s.AskSurvey(ctx, other, "survey", asking(&token))
	require.NoError(t, err)
	require.NoError(t, s.AnswerSurvey(ctx, other, map[string]string{"how": "1"}))
	countAll(t, s)

	report, err := s.Report(ctx, interaction.System, interaction.ReportQuery{
		From: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour), Interval: "total", Zone: "UTC", By: []interaction.Dimension{interaction.ByChannel},
	})
	require.NoError(t, err)
	byChannel := map[interaction.Channel]interaction.ReportRow{}
	for _, r := range report {
		if r.Agent == "" {
			byChannel[r.Channel] = r
		}
	}
	chat, mail := byChannel[interaction.Chat], byChannel[interaction.Email]
	require.EqualValues(t, []int64{1, 1, 1, 1, 1}, []int64{chat.Surveyed, chat.Rated, chat.Scored, chat.Answered, chat.Response.Count})
	require.InDelta(t, 75, chat.Score, 0.01)
	require.InDelta(t, 20, chat.FirstAnswer.Mean, 0.01)
	require.InDelta(t, 12, chat.Response.Mean, 0.01)
	require.EqualValues(t, []int64{1, 1, 1}, []int64{mail.Surveyed, mail.Rated, mail.Scored})
	require.InDelta(t, 0, mail.Score, 0.01)

	live, err := s.Live(ctx, interaction.System, 1)
	require.NoError(t, err)
	rated := int64(0)
	for _, q := range live.Queues {
		rated += q.Sums[interaction.FactRated].Count
	}
	require.EqualValues(t, 2, rated)
}
