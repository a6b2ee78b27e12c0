package workers

import (
	"context"
	"log/slog"

	"parley/interaction"
)

// TrainingStore tells which trainings are to run.
type TrainingStore interface {
	OpenTrainings(ctx context.Context) ([]interaction.ID, error)
}

// TrainingEngine starts workflows; one that was started already is success.
type TrainingEngine interface {
	Start(ctx context.Context, workflowType string, in interaction.Start) error
	Repeat(ctx context.Context, workflowType, cron string) error
}

// Trainings starts the workflows of trainings that somebody has ordered, and sees to it that there is one that tells every week how the models did. Any number may run.
type Trainings struct {
	Store  TrainingStore
	Engine TrainingEngine
	Log    *slog.Logger

	started map[interaction.ID]bool // by this process: told once is enough
	weekly  bool
}

// Run works until the context ends.
func (t *Trainings) Run(ctx context.Context) error {
	t.started = map[interaction.ID]bool{}
	return loop(ctx, t.Log, "trainings", nil, every, t.round)
}

func (t *Trainings) round(ctx context.Context) (bool, error) {
	if !t.weekly {
		if err := t.Engine.Repeat(ctx, interaction.WorkflowDrift, interaction.DriftEvery); err != nil {
			return false, err
		}
		t.weekly = true
	}
	open, err := t.Store.OpenTrainings(ctx)
	if err != nil {
		return false, err
	}
	if len(open) == 0 {
		clear(t.started)
	}
	for _, id := range open {
		if t.started[id] {
			continue
		}
		if err := t.Engine.Start(ctx, interaction.WorkflowTraining, interaction.Start{Interaction: id, Kit: interaction.KitVersion}); err != nil {
			return false, err
		}
		t.started[id] = true
	}
	return false, nil
}
