// Package review holds a reply until a second pair of eyes has seen it, where the policy says so.
package review

import (
	"context"

	"parley/activities"
	"parley/interaction"
)

// Store is what the subject needs.
type Store interface {
	OpenReview(ctx context.Context, id interaction.ID, step string, message int64, author interaction.ID, cycles int) (interaction.Review, error)
	ReleaseReply(ctx context.Context, id interaction.ID, step string, message int64) error
}

// Activities are the steps of this subject.
type Activities struct{ Store Store }

// Request names a reply that an agent has released.
type Request struct {
	Interaction interaction.ID
	Step        string
	Message     int64
	Author      interaction.ID
	Cycles      int // how often it was returned before
}

// OpenReview opens a review if the policy wants one; otherwise it decides to send.
func (a *Activities) OpenReview(ctx context.Context, r Request) (interaction.Review, error) {
	review, err := a.Store.OpenReview(ctx, r.Interaction, r.Step, r.Message, r.Author, r.Cycles)
	return review, activities.Failure(err)
}

// ReleaseReply decides to send a reply that was approved.
func (a *Activities) ReleaseReply(ctx context.Context, r Request) error {
	return activities.Failure(a.Store.ReleaseReply(ctx, r.Interaction, r.Step, r.Message))
}
