package test

import (
	"errors"
	"math/rand/v2"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheCheckerFindsPlantedBugs runs builds of parley that are wrong in one place each. The checker has to convict every one.
func TestTheCheckerFindsPlantedBugs(t *testing.T) {
	needStack(t)
	build := program(t, "./cmd/parley", "-tags", "planted")
	for _, c := range []struct {
		fault, says string
		kill        []victim
	}{
		{"early-250", "WRONG LOST mail", []victim{parley, everything}},
		{"drop-news", "WRONG STUCK interaction", []victim{parley}},
		{"double-send", "WRONG TWICE mail out", []victim{parley}},
	} {
		t.Run(c.fault, func(t *testing.T) {
			said, err := storm{
				build: build, env: []string{"PARLEY_PLANTED=" + c.fault}, checker: []string{"-open", "30", "-drain", "45s"},
				kill: c.kill, dice: rand.New(rand.NewPCG(7, 7)), afterYes: true,
			}.run(t)
			t.Log(said)
			var exit *exec.ExitError
			require.True(t, errors.As(err, &exit), "the checker let it pass: %v", err)
			require.Equal(t, 1, exit.ExitCode(), "the checker did not come to a verdict")
			require.Contains(t, said, c.says)
		})
	}
}
