package delivery

import (
	"context"

	"parley/activities"
	"parley/interaction"
)

// Bounced names a report that says that a message did not arrive for now, and the step that deals with it.
type Bounced struct {
	Interaction interaction.ID
	Step        string
	Report      int64 // number of the report's message
}

// MaySendAgain says whether and when the message is sent once more, by the policy.
func (a *Activities) MaySendAgain(ctx context.Context, b Bounced) (interaction.Again, error) {
	again, err := a.Store.MaySendAgain(ctx, b.Interaction, b.Step, b.Report, a.Again)
	return again, activities.Failure(err)
}

// SendAgain decides that it is sent once more now, and gives the number of the message that SendMessage is to send; 0: it is not to be sent any more.
func (a *Activities) SendAgain(ctx context.Context, b Bounced) (int64, error) {
	number, err := a.Store.SendAgain(ctx, b.Interaction, b.Step, b.Report)
	return number, activities.Failure(err)
}
