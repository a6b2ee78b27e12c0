package training

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"parley/activities"
	"parley/interaction"
	"parley/lib/text"
)

// shelf is a store with one training.
type shelf struct {
	mu     sync.Mutex
	run    interaction.TrainingRun
	texts  []interaction.LabelledText
	report json.RawMessage
	model  []byte
	parts  int
	away   bool // signs of life do not get through
	onPart func()
}

func (s *shelf) Training(context.Context, interaction.ID) (interaction.TrainingRun, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run, nil
}
func (s *shelf) GatherTexts(context.Context, interaction.ID) error { return nil }
func (s *shelf) TrainingTexts(context.Context, interaction.ID) ([]interaction.LabelledText, error) {
	return s.texts, nil
}

func (s *shelf) TrainingProgress(_ context.Context, _ interaction.ID, done, of int) error {
	s.mu.Lock()
	s.parts++
	s.mu.Unlock()
	if s.onPart != nil {
		s.onPart()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.away:
		return interaction.Unavailable("database_away", errors.New("no route"))
	case s.run.State.Over():
		return interaction.Conflict("stopped", "the training is over")
	}
	return nil
}

func (s *shelf) KeepJudgement(_ context.Context, _ interaction.ID, report json.RawMessage) error {
	s.report, s.run.State = report, interaction.TrainingJudged
	return nil
}

func (s *shelf) KeepModel(_ context.Context, _ interaction.ID, data []byte) error {
	s.model, s.run.State = data, interaction.TrainingDone
	return nil
}

func (s *shelf) FailTraining(_ context.Context, _ interaction.ID, reason string) error {
	s.run.State, s.run.Reason = interaction.TrainingFailed, reason
	return nil
}

func (s *shelf) TellDrift(context.Context) error { return nil }

func shelfOf(state interaction.TrainingState) *shelf {
	s := &shelf{run: interaction.TrainingRun{State: state, Profile: string(text.Fast)}}
	for i := range 40 {
		s.texts = append(s.texts,
			interaction.LabelledText{Text: fmt.Sprintf("where is parcel %d that I ordered", i), Categories: []string{"order"}},
			interaction.LabelledText{Text: fmt.Sprintf("account %d wants a new password", i), Categories: []string{"password"}},
			interaction.LabelledText{Text: fmt.Sprintf("the weather on day %d", i), Categories: text.OutOfScope[:1]})
	}
	return s
}

func do(t *testing.T, step any, arguments ...any) error {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(step)
	_, err := env.ExecuteActivity(step, arguments...)
	return err
}

// A training is judged and made; a step that was done already, by a process that died before it could say so, is not done again.
func TestSteps(t *testing.T) {
	s := shelfOf(interaction.TrainingGathered)
	a := &Activities{Store: s}
	require.NoError(t, do(t, a.JudgeTexts, interaction.ID("t")))
	var report interaction.TrainingReport[text.Report]
	require.NoError(t, json.Unmarshal(s.report, &report))
	require.Equal(t, 64, report.Learned)
	require.Equal(t, 16, report.Judged)
	require.Greater(t, report.Report.Accuracy, 0.9)
	require.GreaterOrEqual(t, report.OutsideRecall, 0.0, "the texts that fit nowhere are judged too")
	require.Positive(t, s.parts)

	require.NoError(t, do(t, a.TrainModel, interaction.ID("t")))
	model, err := text.ReadModel(bytes.NewReader(s.model))
	require.NoError(t, err)
	require.Equal(t, []string{"order", "password"}, model.Categories())

	s.report, s.model = nil, nil
	require.NoError(t, do(t, a.JudgeTexts, interaction.ID("t")))
	require.NoError(t, do(t, a.TrainModel, interaction.ID("t")))
	require.Nil(t, s.report)
	require.Nil(t, s.model)
}

// The same texts give the same bytes.
func TestSameTextsGiveTheSameModel(t *testing.T) {
	var models [][]byte
	for range 2 {
		s := shelfOf(interaction.TrainingJudged)
		require.NoError(t, do(t, (&Activities{Store: s}).TrainModel, interaction.ID("t")))
		models = append(models, s.model)
	}
	require.Equal(t, models[0], models[1])
}

// A training that is cancelled while it computes ends with an error that is not tried again, and keeps nothing.
func TestCancelledWhileComputing(t *testing.T) {
	computing := shelfOf(interaction.TrainingGathered)
	computing.onPart = func() {
		computing.mu.Lock()
		defer computing.mu.Unlock()
		computing.run.State = interaction.TrainingCancelled
	}
	for name, c := range map[string]struct {
		shelf *shelf
		step  func(*Activities) any
	}{
		"while it computes": {computing, func(a *Activities) any { return a.JudgeTexts }},
		"before":            {shelfOf(interaction.TrainingCancelled), func(a *Activities) any { return a.TrainModel }},
	} {
		t.Run(name, func(t *testing.T) {
			var failure *temporal.ApplicationError
			require.ErrorAs(t, do(t, c.step(&Activities{Store: c.shelf}), interaction.ID("t")), &failure)
			require.Equal(t, activities.TypeStopped, failure.Type())
			require.Nil(t, c.shelf.report)
			require.Nil(t, c.shelf.model)
		})
	}
}

// A store that is away while a training tells how far it is does not cost the training.
func TestLostSignsOfLife(t *testing.T) {
	s := shelfOf(interaction.TrainingJudged)
	s.away = true
	require.NoError(t, do(t, (&Activities{Store: s}).TrainModel, interaction.ID("t")))
	require.NotNil(t, s.model)
}

// What can never be learned from ends with the reason, and is not tried again.
func TestNothingToLearn(t *testing.T) {
	one := shelfOf(interaction.TrainingQueued).texts[:1]
	for name, c := range map[string]struct {
		texts  []interaction.LabelledText
		reason string
	}{
		"too few texts": {one, "too_few_texts"},
		"one category":  {manyOf(one[0], 20), "too_few_categories"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &shelf{texts: c.texts, run: interaction.TrainingRun{State: interaction.TrainingQueued}}
			require.NoError(t, do(t, (&Activities{Store: s}).GatherTexts, interaction.ID("t")))
			require.Equal(t, c.reason, s.run.Reason)
		})
	}
	s := shelfOf(interaction.TrainingJudged)
	s.run.Profile = "unheard of"
	require.NoError(t, do(t, (&Activities{Store: s}).TrainModel, interaction.ID("t")))
	require.Equal(t, interaction.TrainingFailed, s.run.State)
	require.Contains(t, s.run.Reason, "unheard of")
}

func manyOf(one interaction.LabelledText, n int) (all []interaction.LabelledText) {
	for range n {
		all = append(all, one)
	}
	return all
}
