package test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheDemoEndsAsExpected plays the demo twice against one installation: what the first performance left must not disturb the second.
func TestTheDemoEndsAsExpected(t *testing.T) {
	p := bareProduct(t)
	p.start()
	for range 2 {
		demo := exec.CommandContext(t.Context(), p.program, "demo")
		demo.Env = append(os.Environ(), "PARLEY_HOME="+p.home)
		said, err := demo.CombinedOutput()
		t.Log(string(said))
		require.NoError(t, err)
	}
	p.stop()

	demo := exec.CommandContext(t.Context(), p.program, "demo")
	demo.Env = append(os.Environ(), "PARLEY_HOME="+p.home)
	said, err := demo.CombinedOutput()
	require.Error(t, err, "nothing runs, and the demo is content")
	require.Contains(t, string(said), "no Parley runs")
}
