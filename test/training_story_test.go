package test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/activities/categorization"
	"parley/interaction"
)

// texts is a set that any classifier learns.
func texts(n int) (list []interaction.LabelledText) {
	for i := range n {
		list = append(list,
			interaction.LabelledText{Text: fmt.Sprintf("where is my parcel number %d now", i), Categories: []string{"order"}},
			interaction.LabelledText{Text: fmt.Sprintf("I forgot my password for account %d", i), Categories: []string{"password"}})
	}
	return list
}

// ended waits for the end of a training's workflow and replays its history.
func (st *stage) ended(id interaction.ID) {
	st.t.Helper()
	require.NoError(st.t, st.engine.Client().GetWorkflow(st.t.Context(), string(id), "").Get(st.t.Context(), nil))
	st.replay(id)
}

func (st *stage) train(n interaction.NewTraining) interaction.TrainingRun {
	st.t.Helper()
	run, err := st.store.StartTraining(st.t.Context(), st.people["vic"], n)
	require.NoError(st.t, err)
	st.eventually("the training is over", func() bool {
		run, err = st.store.Training(st.t.Context(), run.ID)
		return err == nil && run.State.Over()
	})
	return run
}

// A model is trained of an uploaded set, judged, put into use, and gone back from.
func TestStoryTraining(t *testing.T) {
	st := newStage(t)
	_, err := st.store.PutTextSet(t.Context(), st.people["vic"], interaction.TextSet{Name: "first", Language: "en", Texts: texts(30)})
	require.NoError(t, err)
	run := st.train(interaction.NewTraining{Language: "en", Sets: []string{"first"}, Profile: "fast"})
	require.Equal(t, interaction.TrainingDone, run.State, run.Reason)
	require.Equal(t, 60, run.Texts)
	st.ended(run.ID)

	model, err := st.store.Model(t.Context(), run.Model)
	require.NoError(t, err)
	require.False(t, model.Active, "nobody has said that it is to be used")
	require.Contains(t, string(model.Report), `"accuracy"`)
	_, err = st.store.ActivateModel(t.Context(), st.people["vic"], model.ID)
	require.NoError(t, err)
	active, err := st.store.ActiveModels(t.Context())
	require.NoError(t, err)
	state, err := categorization.Load(active, nil)
	require.NoError(t, err)
	c := &categorization.Categorizer{}
	c.Use(state)
	require.Equal(t, "password", c.Categorize("I forgot my password for account 5", "en").Best)

	second := st.train(interaction.NewTraining{Language: "en", Sets: []string{"first"}, Profile: "fast"})
	_, err = st.store.ActivateModel(t.Context(), st.people["vic"], second.Model)
	require.NoError(t, err)
	back, err := st.store.RollBackModel(t.Context(), st.people["vic"], "en")
	require.NoError(t, err)
	require.Equal(t, model.ID, back.ID)
}

// What cannot be learned from ends with the reason.
func TestStoryTrainingInVain(t *testing.T) {
	st := newStage(t)
	_, err := st.store.PutTextSet(t.Context(), st.people["vic"], interaction.TextSet{Name: "few", Language: "en", Texts: texts(2)})
	require.NoError(t, err)
	run := st.train(interaction.NewTraining{Language: "en", Sets: []string{"few"}, Profile: "fast"})
	require.Equal(t, interaction.TrainingFailed, run.State)
	require.Equal(t, "too_few_texts", run.Reason)
	st.ended(run.ID)
}

// What is cancelled ends where it is, and nothing is kept of it.
func TestStoryTrainingCancelled(t *testing.T) {
	st := newStage(t)
	_, err := st.store.PutTextSet(t.Context(), st.people["vic"], interaction.TextSet{Name: "many", Language: "en", Texts: texts(3000)})
	require.NoError(t, err)
	long, err := st.store.StartTraining(t.Context(), st.people["vic"], interaction.NewTraining{Language: "en", Sets: []string{"many"}, Profile: "accurate"})
	require.NoError(t, err)
	st.eventually("it computes", func() bool {
		long, err = st.store.Training(t.Context(), long.ID)
		return err == nil && long.State == interaction.TrainingGathered
	})
	_, err = st.store.CancelTraining(t.Context(), st.people["vic"], long.ID)
	require.NoError(t, err)
	st.ended(long.ID)
	long, err = st.store.Training(t.Context(), long.ID)
	require.NoError(t, err)
	require.Equal(t, interaction.TrainingCancelled, long.State)
	require.Empty(t, long.Model)
}
