// Package activities holds what its subjects share: how the house's errors look to Temporal.
package activities

import (
	"errors"

	"go.temporal.io/sdk/temporal"

	"parley/interaction"
)

// TypeStopped is the type of the error that says the interaction has stopped: nothing more is to be done for it.
const TypeStopped = "stopped"

// Failure turns the house's errors into Temporal's. Only "stopped" is final; all else is worth another try. The text that reaches a history is
// the code, never a cause: causes can hold what customers wrote.
func Failure(err error) error {
	if err == nil {
		return nil
	}
	var ours *interaction.Error
	if !errors.As(err, &ours) {
		return temporal.NewApplicationError("unknown failure", "unknown")
	}
	if ours.Code == "stopped" {
		return temporal.NewNonRetryableApplicationError("the interaction has stopped", TypeStopped, nil)
	}
	return temporal.NewApplicationError(ours.Code, string(ours.Kind))
}
