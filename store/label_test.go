package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// judged has a new mail that the model gave a category.
func judged(t *testing.T, s *store.Store, from, category string) interaction.ID {
	t.Helper()
	id := arrive(t, s, from, "About "+from)
	_, err := s.Understand(t.Context(), id, "understand", 1, func(interaction.Material) interaction.Explained {
		return interaction.Explained{
			Understood: interaction.Understood{Language: "en", Category: category, Confidence: 0.9, Certain: true}, Model: "01990000-0000-7000-8000-000000000001",
		}
	})
	require.NoError(t, err)
	return id
}

// held has ann hold the interaction's task.
func held(t *testing.T, s *store.Store, id interaction.ID) (interaction.Actor, interaction.ID) {
	t.Helper()
	ann := storetest.Person(t, s, "ann")
	task := open(t, s, id, "ask")
	_, err := s.Claim(t.Context(), ann, task)
	require.NoError(t, err)
	return ann, task
}

type said struct {
	Source          interaction.LabelSource
	Category, Wrong string
}

func labels(t *testing.T, s *store.Store, id interaction.ID) (list []said) {
	t.Helper()
	rows, err := s.Pool().Query(t.Context(), `select source, category, wrong from labels where interaction_id = $1 and message_number = 1 order by source`, id)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var one said
		require.NoError(t, rows.Scan(&one.Source, &one.Category, &one.Wrong))
		list = append(list, one)
	}
	require.NoError(t, rows.Err())
	return list
}

func TestAnAgentCorrectsTheCategory(t *testing.T) {
	s := withResponses(t)
	id := judged(t, s, "c@customer.test", "password")
	ann, task := held(t, s, id)
	require.Equal(t, "unknown_category", code(s.Recategorize(t.Context(), ann, task, 0, "ordr")))
	require.Equal(t, "not_yours", code(s.Recategorize(t.Context(), storetest.Person(t, s, "ben"), task, 0, "order")))
	require.NoError(t, s.Recategorize(t.Context(), ann, task, 0, "order"))
	require.Equal(t, "order", scan[string](t, s, `select category from interactions where id = $1`, id))
	require.Equal(t, []said{{interaction.LabelAgent, "order", "password"}}, labels(t, s, id))
	require.Len(t, news(t, s, id), 1, "the story is not woken by it")

	require.NoError(t, s.Recategorize(t.Context(), ann, task, 0, ""))
	require.Equal(t, []said{{interaction.LabelAgent, "oos", "password"}}, labels(t, s, id), "it fits nowhere: his last word")

	_, err := s.Order(t.Context(), storetest.Person(t, s, "vic"), id, interaction.Order{Name: interaction.OrderRecategorize, Category: "password", Force: true}, 0)
	require.NoError(t, err)
	require.Equal(t, said{interaction.LabelSupervisor, "password", ""}, labels(t, s, id)[1], "the model was right")
}

// An interaction tells all categories that its model gave it, until somebody says another.
func TestSeveralCategoriesAreTold(t *testing.T) {
	s := withResponses(t)
	id := arrive(t, s, "c@customer.test", "Question")
	both := []interaction.RankedCategory{{Category: "password", Confidence: 0.75}, {Category: "order", Confidence: 0.5}}
	_, err := s.Understand(t.Context(), id, "understand", 1, func(interaction.Material) interaction.Explained {
		return interaction.Explained{Understood: interaction.Understood{Language: "en", Category: "password", Confidence: 0.75}, Several: both}
	})
	require.NoError(t, err)
	ann, task := held(t, s, id)
	v, err := s.Interaction(t.Context(), ann, id)
	require.NoError(t, err)
	require.Equal(t, both, v.Categories)
	require.NoError(t, s.Recategorize(t.Context(), ann, task, 0, "order"))
	v, err = s.Interaction(t.Context(), ann, id)
	require.NoError(t, err)
	require.Equal(t, []interaction.RankedCategory{{Category: "order", Confidence: 1}}, v.Categories)
	require.NoError(t, s.Recategorize(t.Context(), ann, task, 0, ""))
	v, err = s.Interaction(t.Context(), ann, id)
	require.NoError(t, err)
	require.Empty(t, v.Categories)
}

func TestARejectedSuggestionIsNotMadeAgain(t *testing.T) {
	s := withResponses(t)
	id := judged(t, s, "c@customer.test", "password")
	ann, task := held(t, s, id)
	view, err := s.TaskView(t.Context(), ann, task)
	require.NoError(t, err)
	require.Len(t, view.Suggestions, 1)
	suggested := view.Suggestions[0].ID
	require.Equal(t, "not_suggested", code(s.RejectSuggestion(t.Context(), ann, task, 0, interaction.NewID())))
	for range 2 {
		require.NoError(t, s.RejectSuggestion(t.Context(), ann, task, 0, suggested), "again is no error")
	}
	view, err = s.TaskView(t.Context(), ann, task)
	require.NoError(t, err)
	require.Empty(t, view.Suggestions)
	require.Equal(t, []said{{interaction.LabelRejected, "", "password"}}, labels(t, s, id))
}

// A customer who writes again after an automatic response was not helped by it, unless a person has written in between.
func TestWhoAnswersAnAutomaticResponseDoubtsIt(t *testing.T) {
	for name, c := range map[string]struct {
		usage  interaction.Usage
		person bool
		want   []said
	}{
		"an automatic response":      {interaction.UseAutoResponse, false, []said{{interaction.LabelAnswered, "", "password"}}},
		"only an acknowledgement":    {interaction.UseAcknowledgement, false, nil},
		"a person has written since": {interaction.UseAutoResponse, true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := withResponses(t)
			id := judged(t, s, "c@customer.test", "password")
			require.True(t, write(t, s, id, interaction.AutoAnswer{Usage: c.usage}).Queued)
			if c.person {
				exec(t, s, `insert into messages (interaction_id, number, kind, at) values ($1, 9, 'reply', now() + interval '1 second')`, id)
			}
			first := scan[string](t, s, `select message_id from messages where interaction_id = $1 and number = 1`, id)
			exec(t, s, `update automatic_mail set at = at - interval '1 hour'`)
			arrive(t, s, "other@customer.test", "Something else")
			require.Empty(t, labels(t, s, id))
			arrive(t, s, "c@customer.test", "Re: About", first)
			arrive(t, s, "c@customer.test", "Re: About", first)
			require.Equal(t, c.want, labels(t, s, id))
		})
	}
}

// A training learns from people's last word, and from what people answered without one.
func TestTrainingsLearnFromPeople(t *testing.T) {
	s := withResponses(t)
	vic := storetest.Person(t, s, "vic")
	corrected, fine, doubted, open := judged(t, s, "corrected@c.test", "password"), judged(t, s, "fine@c.test", "order"), judged(t, s, "doubted@c.test", "order"), judged(t, s, "open@c.test", "order")
	ann, task := held(t, s, corrected)
	require.NoError(t, s.Recategorize(t.Context(), ann, task, 0, "order"))
	for _, id := range []interaction.ID{fine, doubted} {
		exec(t, s, `insert into messages (interaction_id, number, kind) values ($1, 2, 'reply'), ($1, 3, 'in')`, id)
		exec(t, s, `with gone as (delete from interactions where id = $1 returning *)
			insert into closed_interactions (id, thread_id, contact_id, parent_id, channel, entry_point, queue, direction, subject, language, category, confidence, priority, data, last_agent,
				workflow, kit, opened_at, messages, news, version, reason)
			select id, thread_id, contact_id, parent_id, channel, entry_point, queue, direction, subject, language, category, confidence, priority, data, last_agent,
				workflow, kit, opened_at, messages, news, version, 'answered' from gone`, id)
	}
	exec(t, s, `insert into labels (interaction_id, message_number, source, wrong) values ($1, 1, 'rejected', 'order')`, doubted)
	_, err := s.PutTextSet(t.Context(), vic, interaction.TextSet{Name: "up", Language: "en", Texts: []interaction.LabelledText{{Text: "up", Categories: []string{"a", "b"}}, {Text: " \n"}}})
	require.NoError(t, err)

	gathered := func(n interaction.NewTraining) (list []interaction.LabelledText) {
		n.Language, n.Profile = "en", "fast"
		run, err := s.StartTraining(t.Context(), vic, n)
		require.NoError(t, err)
		for range 2 {
			require.NoError(t, s.GatherTexts(t.Context(), run.ID), "again changes nothing")
		}
		list, err = s.TrainingTexts(t.Context(), run.ID)
		require.NoError(t, err)
		run, err = s.Training(t.Context(), run.ID)
		require.NoError(t, err)
		require.Equal(t, len(list), run.Texts)
		return list
	}
	require.Equal(t, []interaction.LabelledText{{Text: "up", Categories: []string{"a", "b"}}}, gathered(interaction.NewTraining{Sets: []string{"up"}}), "empty texts teach nothing")
	require.Equal(t, []interaction.LabelledText{{Text: "About corrected@c.test\nHello", Categories: []string{"order"}}}, gathered(interaction.NewTraining{Labels: true}))
	require.Equal(t, []interaction.LabelledText{{Text: "About fine@c.test\nHello", Categories: []string{"order"}}}, gathered(interaction.NewTraining{Handled: true}),
		"neither what was doubted nor what is open (%s)", open)
	require.Len(t, gathered(interaction.NewTraining{Sets: []string{"up"}, Labels: true, Handled: true}), 3)
}

// A process that dies between a step and saying so does the step again: nothing is done twice, and what was cancelled stays so.
func TestStepsOfATrainingAreDoneOnce(t *testing.T) {
	s := storetest.New(t, store.Options{})
	vic := storetest.Person(t, s, "vic")
	run, err := s.StartTraining(t.Context(), vic, interaction.NewTraining{Language: "en", Labels: true, Profile: "fast"})
	require.NoError(t, err)
	require.NoError(t, s.GatherTexts(t.Context(), run.ID))
	require.NoError(t, s.KeepJudgement(t.Context(), run.ID, []byte(`{"judged": 1}`)))
	require.NoError(t, s.KeepJudgement(t.Context(), run.ID, []byte(`{"judged": 2}`)))
	require.NoError(t, s.KeepModel(t.Context(), run.ID, []byte("model")))
	require.Equal(t, "stopped", code(s.KeepModel(t.Context(), run.ID, []byte("model"))))
	require.NoError(t, s.FailTraining(t.Context(), run.ID, "late"))
	models, err := s.Models(t.Context(), "en")
	require.NoError(t, err)
	require.Len(t, models, 1)
	require.JSONEq(t, `{"judged": 1}`, string(models[0].Report))
	require.Equal(t, "stopped", code(s.TrainingProgress(t.Context(), run.ID, 1, 2)))

	second, err := s.StartTraining(t.Context(), vic, interaction.NewTraining{Language: "en", Labels: true, Profile: "fast"})
	require.NoError(t, err)
	unfinished, err := s.OpenTrainings(t.Context())
	require.NoError(t, err)
	require.Equal(t, []interaction.ID{second.ID}, unfinished)
	_, err = s.CancelTraining(t.Context(), vic, second.ID)
	require.NoError(t, err)
	require.Equal(t, "stopped", code(s.GatherTexts(t.Context(), second.ID)))
	require.Equal(t, "stopped", code(s.KeepModel(t.Context(), second.ID, []byte("model"))))
}

func TestDriftByWeek(t *testing.T) {
	s := withResponses(t)
	begin := time.Now().AddDate(0, 0, -30)
	right, wrong, answered := judged(t, s, "a@c.test", "order"), judged(t, s, "b@c.test", "order"), judged(t, s, "c@c.test", "password")
	judged(t, s, "d@c.test", "")
	ann, task := held(t, s, wrong)
	require.NoError(t, s.Recategorize(t.Context(), ann, task, 0, "password"))
	require.True(t, write(t, s, answered, interaction.AutoAnswer{Usage: interaction.UseAutoResponse}).Queued)
	exec(t, s, `insert into labels (interaction_id, message_number, source, wrong) values ($1, 1, 'answered', 'password'), ($2, 1, 'rejected', 'order'), ($2, 1, 'agent', '')`, answered, right)
	exec(t, s, `update labels set category = 'order' where interaction_id = $1 and source = 'agent'`, right)

	weeks, err := s.Drift(t.Context(), "en", begin)
	require.NoError(t, err)
	require.Len(t, weeks, 1)
	w := weeks[0]
	require.Equal(t, time.Monday, w.Week.Weekday())
	require.EqualValues(t, 4, w.Messages)
	require.EqualValues(t, 1, w.Unsure)
	require.InDelta(t, 0.9, w.Confidence, 1e-6)
	require.EqualValues(t, 1, w.Corrected, "who confirms does not correct")
	require.EqualValues(t, 1, w.Rejected)
	require.EqualValues(t, 1, w.Answered)
	require.EqualValues(t, 1, w.AnsweredBack)
	require.Negative(t, w.Shift, "there is nothing before it")
	require.Equal(t, map[string]int64{"order": 2, "password": 1, "": 1}, w.Categories)
	none, err := s.Drift(t.Context(), "de", begin)
	require.NoError(t, err)
	require.Empty(t, none)
}

// The week before is told once, in the audit, to the supervisors of all groups; the metrics read the same numbers.
func TestTellDrift(t *testing.T) {
	s := withResponses(t)
	require.NoError(t, s.TellDrift(t.Context()))
	require.Zero(t, scan[int](t, s, `select count(*)::int from events where code = 'models.drift'`), "no model has looked at anything")

	understood := func(weeksAgo, messages int, category string) {
		exec(t, s, `insert into events (at, code, interaction_id, data)
			select now() - make_interval(weeks => $1), 'interaction.understood', gen_random_uuid(),
				jsonb_build_object('model', 'm', 'language', 'en', 'category', $3::text, 'confidence', 0.8, 'message', 1) from generate_series(1, $2)`, weeksAgo, messages, category)
	}
	understood(0, 50, "") // this week is not over
	understood(1, 60, "order")
	understood(1, 40, "")
	understood(2, 100, "order")
	for range 2 {
		require.NoError(t, s.TellDrift(t.Context()), "again is no error")
	}
	require.Equal(t, 1, scan[int](t, s, `select count(*)::int from events where code = 'models.drift'`))
	require.Equal(t, []string{"unsure"}, scan[[]string](t, s, `select array(select jsonb_array_elements_text(data->'worse')) from events where code = 'models.drift'`))

	told, err := s.ToldDrift(t.Context())
	require.NoError(t, err)
	require.Len(t, told, 1)
	require.Equal(t, "en", told[0].Language)
	require.EqualValues(t, 100, told[0].Messages)
	require.EqualValues(t, 40, told[0].Unsure)
	require.InDelta(t, 0.4, told[0].Shift, 1e-9)
	require.Equal(t, []string{"unsure"}, told[0].Worse)

	require.Equal(t, scan[[]string](t, s, `select array_agg(name order by name) from groups`),
		scan[[]string](t, s, `select array(select jsonb_array_elements_text(data->'groups')) from events where code = 'models.drift'`), "supervisors of all groups hear of it")
}
