// Package postprocessing ends interactions.
package postprocessing

import (
	"context"

	"parley/activities"
	"parley/interaction"
)

// Store is what the subject needs.
type Store interface {
	Stop(ctx context.Context, id interaction.ID, seen int64, reason string) (interaction.Stopping, error)
}

// Activities are the steps of this subject.
type Activities struct{ Store Store }

// End says how a story ended, and how much of the news it has heard.
type End struct {
	Interaction interaction.ID
	Seen        int64
	Reason      string
}

// StopInteraction closes the interaction if the story has heard all its news; otherwise it says how far the news goes.
func (a *Activities) StopInteraction(ctx context.Context, e End) (interaction.Stopping, error) {
	s, err := a.Store.Stop(ctx, e.Interaction, e.Seen, e.Reason)
	return s, activities.Failure(err)
}
