// Package routing opens the tasks of people and takes them back.
package routing

import (
	"context"

	"parley/activities"
	"parley/interaction"
)

// Store is what the subject needs.
type Store interface {
	OpenTask(ctx context.Context, a interaction.Ask) (interaction.ID, error)
	WithdrawTask(ctx context.Context, id interaction.ID, step string, task interaction.ID, force bool) (interaction.Withdrawn, error)
}

// Activities are the steps of this subject.
type Activities struct{ Store Store }

// OpenTask opens a task once; run again it gives the same task.
func (a *Activities) OpenTask(ctx context.Context, ask interaction.Ask) (interaction.ID, error) {
	id, err := a.Store.OpenTask(ctx, ask)
	return id, activities.Failure(err)
}

// Withdrawal names a task to be taken back.
type Withdrawal struct {
	Interaction interaction.ID
	Step        string
	Task        interaction.ID
	Force       bool // also from who holds it
}

// WithdrawTask takes a task back that nobody holds (or whoever holds it, forced), and says what it found otherwise.
func (a *Activities) WithdrawTask(ctx context.Context, w Withdrawal) (interaction.Withdrawn, error) {
	found, err := a.Store.WithdrawTask(ctx, w.Interaction, w.Step, w.Task, w.Force)
	return found, activities.Failure(err)
}
