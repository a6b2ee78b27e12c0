// Package model has the state machine of possession checked by spin: not some runs of it, but every state that it can come to.
package model

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

const source = "possession.pml"

// explore compiles the model, with a planted fault if one is named, and gives what the search through all of its states printed.
func explore(t *testing.T, fault string) string {
	t.Helper()
	for _, tool := range []string{"spin", "cc"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: %s is not installed (apt-get install spin gcc)", tool)
		}
	}
	folder := t.TempDir()
	model, err := os.ReadFile(source)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, source), model, 0o600))
	run := func(name string, args ...string) string {
		command := exec.CommandContext(t.Context(), name, args...)
		command.Dir = folder
		said, err := command.CombinedOutput()
		require.NoError(t, err, "%s", said)
		return string(said)
	}
	generate := []string{"-a", source}
	if fault != "" {
		generate = append([]string{"-D" + fault}, generate...)
	}
	run("spin", generate...)
	run("cc", "-w", "-O2", "-DSAFETY", "-DCOLLAPSE", "-o", "search", "pan.c")
	return run("./search", "-m2000000", "-n")
}

// All states of three agents, two tasks, two dispatchers, crashes and lost messages keep the promises.
func TestEveryStateOfPossession(t *testing.T) {
	said := explore(t, "")
	found := regexp.MustCompile(`errors: (\d+)\n\s+(\d+) states, stored`).FindStringSubmatch(said)
	require.Len(t, found, 3, said)
	require.Equal(t, "0", found[1], said)
	require.NotContains(t, said, "max search depth too small", "some states were not looked at")
	require.NotContains(t, said, "out of memory")
	t.Logf("%s states, 0 errors", found[2])
}

// The search finds what it looks for.
func TestPlantedFaultsAreFound(t *testing.T) {
	for _, fault := range []string{"BLIND_OFFER", "FORGET_ANSWER", "KEEP_LOAD", "COUNT_TWICE"} {
		t.Run(fault, func(t *testing.T) {
			require.Contains(t, explore(t, fault), "assertion violated")
		})
	}
}

// What the model calls by a name is a transition of the product, with the same states before and behind it.
func TestTheModelIsOfTheProduct(t *testing.T) {
	model, err := os.ReadFile(source)
	require.NoError(t, err)
	steps := regexp.MustCompile(`/\* by (\S+) (\S+) (\S+) \*/`).FindAllStringSubmatch(string(model), -1)
	have := map[string]bool{}
	for _, s := range steps {
		require.True(t, interaction.Allowed(interaction.TaskTransitions, s[1], s[2], s[3]), "%s from %s to %s is not in the table", s[1], s[2], s[3])
		have[s[1]] = true
	}
	for _, by := range []string{"task.claimed", "task.offered", "task.accepted", "task.declined", "task.missed", "task.released", "task.taken_back", "task.done"} {
		require.True(t, have[by], "%s is not in the model", by)
	}
}
