// Package activitiestest checks what every step promises that Temporal runs: asked again because its answer was lost it does the same and gives the same, its error says
// whether another try is worth it, and a history learns ids and codes, never what a customer wrote.
package activitiestest

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"parley/interaction"
)

// Step is one step on a store of the test's.
type Step struct {
	Run   any // the activity
	In    any
	Store *Store
}

// Store is what a test's store has in common with the others: what it was asked for, and the error that it answers with.
type Store struct {
	Err   error
	Asked []any
}

// Ask notes a call with its arguments, and gives the error.
func (s *Store) Ask(args ...any) error {
	s.Asked = append(s.Asked, args)
	return s.Err
}

// personal is what no history may hold.
const personal = "cleo@customer.test"

// Promises checks a step: asked is what it asks of its store, history is its result as it enters the history, empty for none.
func Promises(t *testing.T, asked []any, history string, open func() Step) {
	t.Helper()
	t.Run("run again it asks for the same and gives the same", func(t *testing.T) {
		step := open()
		for range 2 {
			result, err := step.run()
			require.NoError(t, err)
			require.Equal(t, history, result)
		}
		require.Equal(t, []any{asked, asked}, step.Store.Asked)
	})
	for name, c := range map[string]struct {
		err   error
		final bool
		says  string
	}{
		"an interaction that has stopped is final": {interaction.Conflict("stopped", "the interaction of "+personal+" has stopped"), true, "the interaction has stopped"},
		"a store that is away is asked again":      {interaction.Unavailable("store_away", errors.New(personal)), false, "store_away"},
		"what nobody knows is tried again":         {errors.New(personal), false, "unknown failure"},
	} {
		t.Run(name, func(t *testing.T) {
			step := open()
			step.Store.Err = c.err
			_, err := step.run()
			var failed *temporal.ApplicationError
			require.ErrorAs(t, err, &failed)
			require.Equal(t, c.final, failed.NonRetryable())
			require.Equal(t, c.says, failed.Message())
			require.NotContains(t, err.Error(), personal)
		})
	}
}

// run makes one attempt, as a worker does, and gives the result as JSON.
func (s Step) run() (string, error) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(s.Run)
	result, err := env.ExecuteActivity(s.Run, s.In)
	if err != nil || !result.HasValue() {
		return "", err
	}
	var raw json.RawMessage
	err = result.Get(&raw)
	return string(raw), err
}
