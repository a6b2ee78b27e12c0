// Package autoresponse writes automatic mail: acknowledgements and responses, under the counted loop guard (mission E9).
package autoresponse

import (
	"context"

	"parley/activities"
	"parley/interaction"
)

// Store is what the subject needs.
type Store interface {
	AnswerAutomatically(ctx context.Context, a interaction.AutoAnswer) (interaction.AutoAnswered, error)
	AnswerKeyword(ctx context.Context, id interaction.ID, step string, message int64) (interaction.KeywordAnswered, error)
}

// Activities are the steps of this subject.
type Activities struct{ Store Store }

// WriteAutomaticAnswer writes the mail and its ledger row, or says why there is none; delivery sends it.
func (a *Activities) WriteAutomaticAnswer(ctx context.Context, in interaction.AutoAnswer) (interaction.AutoAnswered, error) {
	out, err := a.Store.AnswerAutomatically(ctx, in)
	return out, activities.Failure(err)
}

// Word names a message that may be a keyword.
type Word struct {
	Interaction interaction.ID
	Step        string
	Message     int64
}

// ConfirmKeyword writes the confirmation of a keyword and its ledger row; delivery sends it.
func (a *Activities) ConfirmKeyword(ctx context.Context, in Word) (interaction.KeywordAnswered, error) {
	out, err := a.Store.AnswerKeyword(ctx, in.Interaction, in.Step, in.Message)
	return out, activities.Failure(err)
}
