// Package training makes models of labelled texts (mission E8): texts are put down, a model of four fifths of them is judged on the rest, and the one that
// is to be used learns from all. Each step is kept, so that a training whose process died goes on with the step that it was in.
package training

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"time"

	"go.temporal.io/sdk/activity"

	"parley/activities"
	"parley/interaction"
	"parley/lib/text"
)

// Store keeps trainings.
type Store interface {
	Training(ctx context.Context, id interaction.ID) (interaction.TrainingRun, error)
	GatherTexts(ctx context.Context, id interaction.ID) error
	TrainingTexts(ctx context.Context, id interaction.ID) ([]interaction.LabelledText, error)
	TrainingProgress(ctx context.Context, id interaction.ID, done, of int) error
	KeepJudgement(ctx context.Context, id interaction.ID, report json.RawMessage) error
	KeepModel(ctx context.Context, id interaction.ID, data []byte) error
	FailTraining(ctx context.Context, id interaction.ID, reason string) error
	TellDrift(ctx context.Context) error
}

// Activities are the steps of a training.
type Activities struct{ Store Store }

// heartbeat is how often a computing step says that it lives, and looks whether it is still wanted.
const heartbeat = 2 * time.Second

// judged is which part of the texts a model is judged on: one in so many.
const judged = 5

// fewest is how many texts of how many categories make a model worth its name.
const fewest = 10

// GatherTexts puts down what is learned from, and ends a training that has too little of it.
func (a *Activities) GatherTexts(ctx context.Context, id interaction.ID) (enough bool, err error) {
	if err := a.Store.GatherTexts(ctx, id); err != nil {
		return false, activities.Failure(err)
	}
	texts, err := a.Store.TrainingTexts(ctx, id)
	if err != nil {
		return false, activities.Failure(err)
	}
	if reason := tooLittle(texts); reason != "" {
		return false, activities.Failure(a.Store.FailTraining(ctx, id, reason))
	}
	return true, nil
}

func tooLittle(texts []interaction.LabelledText) string {
	categories := map[string]int{}
	for _, t := range setOf(texts).Texts {
		for _, c := range t.Categories {
			categories[c]++
		}
	}
	switch {
	case len(texts) < fewest:
		return "too_few_texts"
	case len(categories) < 2:
		return "too_few_categories"
	}
	return ""
}

// JudgeTexts trains on four fifths of the texts and keeps the report on the rest.
func (a *Activities) JudgeTexts(ctx context.Context, id interaction.ID) error {
	return a.compute(ctx, id, interaction.TrainingGathered, func(set text.Set, opt text.Options) error {
		inside, outside, err := set.Split(judged)
		if err != nil {
			return err
		}
		model, err := text.TrainSet(inside, opt)
		if err != nil {
			return err
		}
		trial := text.Try(model, outside)
		report, err := json.Marshal(interaction.TrainingReport[text.Report]{
			Learned: len(inside.Texts), Judged: len(outside.Texts), Profile: string(opt.Profile), OutsideRecall: trial.OutsideRecall, MicroF1: trial.MicroF1, Report: trial.Report,
		})
		if err != nil {
			return err
		}
		return a.Store.KeepJudgement(ctx, id, report)
	})
}

// TrainModel trains on all texts and keeps the model.
func (a *Activities) TrainModel(ctx context.Context, id interaction.ID) error {
	return a.compute(ctx, id, interaction.TrainingJudged, func(set text.Set, opt text.Options) error {
		model, err := text.TrainSet(set, opt)
		if err != nil {
			return err
		}
		var out bytes.Buffer
		if _, err := model.WriteTo(&out); err != nil {
			return err
		}
		return a.Store.KeepModel(ctx, id, out.Bytes())
	})
}

// End is why a training ends without a model.
type End struct {
	Training interaction.ID
	Reason   string
}

// FailTraining ends a training for a reason that lies with its workflow.
func (a *Activities) FailTraining(ctx context.Context, e End) error {
	return activities.Failure(a.Store.FailTraining(ctx, e.Training, e.Reason))
}

// TellDrift tells how the models did in the last whole week; a week that was told is not told again.
func (a *Activities) TellDrift(ctx context.Context) error {
	return activities.Failure(a.Store.TellDrift(ctx))
}

// compute runs one step of a training that is in the state before it; one that is further on has done it, and one that is over is not to be worked on.
func (a *Activities) compute(ctx context.Context, id interaction.ID, before interaction.TrainingState, do func(text.Set, text.Options) error) error {
	run, err := a.Store.Training(ctx, id)
	if err != nil {
		return activities.Failure(err)
	}
	if run.State.Over() && run.State != interaction.TrainingDone {
		return activities.Failure(interaction.Conflict("stopped", "the training is %s", run.State))
	}
	if run.State != before {
		return nil
	}
	texts, err := a.Store.TrainingTexts(ctx, id)
	if err != nil {
		return activities.Failure(err)
	}
	living, end := context.WithCancelCause(ctx)
	defer end(nil)
	go a.live(living, id, end)
	opt := text.Options{Profile: text.Profile(run.Profile), MinTexts: 2, Workers: max(1, runtime.GOMAXPROCS(0)/2)} // the rest of the house goes on working
	if len(texts) < smallSet {
		opt.MinTexts = 1
	}
	opt.Stopped = func() error { return context.Cause(living) }
	opt.Progress = func(done, of int) error {
		err := a.Store.TrainingProgress(living, id, done, of)
		if interaction.KindOf(err) == interaction.KindConflict {
			return err
		}
		return nil // hours of work are not thrown away because one of its signs of life was lost
	}
	err = do(setOf(texts), opt)
	var ours *interaction.Error
	if err == nil || errors.As(err, &ours) || living.Err() != nil {
		return activities.Failure(err)
	}
	// What the classifier refuses it refuses again: that is told to who ordered the training, and is not tried again.
	return activities.Failure(a.Store.FailTraining(ctx, id, err.Error()))
}

// smallSet is how many texts are so few that words which stand in one of them only count too.
const smallSet = 2000

// live says that the step lives, until it is over or no longer wanted.
func (a *Activities) live(ctx context.Context, id interaction.ID, end context.CancelCauseFunc) {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		activity.RecordHeartbeat(ctx)
		if run, err := a.Store.Training(ctx, id); err == nil && run.State.Over() {
			end(interaction.Conflict("stopped", "the training is %s", run.State))
			return
		}
	}
}

func setOf(texts []interaction.LabelledText) text.Set {
	all := make([]text.Labelled, len(texts))
	for i, t := range texts {
		all[i] = text.Labelled{Text: t.Text, Categories: t.Categories}
	}
	return text.NewSet(all)
}
