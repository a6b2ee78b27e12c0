// Package callback holds the one step of a callback's story: what comes next (mission W3, W4). When a callback is due, how often it is tried and when it is over the
// store decides, by the entry point's policies.
package callback

import (
	"context"

	"parley/activities"
	"parley/interaction"
)

// Store is what the subject needs. Run again for the same step it gives what was decided then.
type Store interface {
	NextCall(ctx context.Context, id interaction.ID, step string) (interaction.NextCall, error)
}

// Activities are the steps of this subject.
type Activities struct {
	Store Store
}

// Next names the step.
type Next struct {
	Interaction interaction.ID
	Step        string
}

// NextCall opens the task of the next try, finds the open one, or says how the callback is over.
func (a *Activities) NextCall(ctx context.Context, in Next) (interaction.NextCall, error) {
	next, err := a.Store.NextCall(ctx, in.Interaction, in.Step)
	return next, activities.Failure(err)
}
