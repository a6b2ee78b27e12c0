package activities

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"parley/interaction"
)

func TestFailure(t *testing.T) {
	tests := []struct {
		name  string
		err   error
		final bool
	}{
		{"stopped is final", interaction.Conflict("stopped", "the interaction has stopped"), true},
		{"away is tried again", interaction.Unavailable("database_away", errors.New("cleo@customer.test")), false},
		{"what is not known is tried again", errors.New("cleo@customer.test"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var app *temporal.ApplicationError
			require.ErrorAs(t, Failure(tt.err), &app)
			require.Equal(t, tt.final, app.NonRetryable())
			require.NotContains(t, app.Error(), "cleo", "causes can hold what customers wrote: they never reach a history")
		})
	}
	require.NoError(t, Failure(nil))
}
