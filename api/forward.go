package api

import (
	"context"

	"parley/interaction"
)

// ForwardInput asks somebody outside about a held task.
type ForwardInput struct {
	ByID
	Body struct {
		To   Address `json:"to"`
		Text string  `json:"text" minLength:"1" maxLength:"20000" doc:"what is asked; what the customer wrote stands below it"`
	}
}

func (s *server) forward(ctx context.Context, in *ForwardInput) (*ChangedInteraction, error) {
	id, err := pathID(in.ID, "task")
	if err != nil {
		return nil, err
	}
	to, err := checkAddress("to", in.Body.To)
	if err != nil {
		return nil, err
	}
	if err := checkText(in.Body.Text, ""); err != nil {
		return nil, err
	}
	i, err := s.Forward(ctx, actorOf(ctx), id, interaction.Forward{To: to, Text: in.Body.Text})
	if err != nil {
		return nil, err
	}
	return changed(i), nil
}
