package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// demoSetup is the demo's configuration without its labelled texts, whose training takes its time.
func demoSetup(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for _, name := range []string{"desk.yaml", "parley.yaml", "responses.yaml", "rules.yaml"} {
		content, err := os.ReadFile(filepath.Join("..", "..", "config", "demo", name))
		require.NoError(t, err)
		before, _, _ := bytes.Cut(content, []byte("\ntraining:"))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), append(before, '\n'), 0o600))
	}
	return folder
}

// What is exported is what was applied: apply it again, there or into an empty house, and nothing differs.
func TestExportAndApplyGoRound(t *testing.T) {
	s := storetest.Empty(t, store.Options{})
	demo, err := readSetup(demoSetup(t))
	require.NoError(t, err)
	changes, err := demo.apply(t.Context(), s, false)
	require.NoError(t, err)
	require.Len(t, changes, len(demo.Entries()))

	now, err := s.Configuration(t.Context())
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, writeSetup(&out, now))
	path := filepath.Join(t.TempDir(), "export.yaml")
	require.NoError(t, os.WriteFile(path, out.Bytes(), 0o600))
	again, err := readSetup(path)
	require.NoError(t, err, out.String())
	for _, prune := range []bool{false, true} {
		changes, err = s.Plan(t.Context(), again.Setup, prune)
		require.NoError(t, err)
		require.Empty(t, changes)
	}

	empty := storetest.Empty(t, store.Options{})
	_, err = again.apply(t.Context(), empty, false)
	require.NoError(t, err)
	changes, err = empty.Plan(t.Context(), demo.Setup, true)
	require.NoError(t, err)
	require.Empty(t, changes)
}

// diff says in words and by its exit code what apply would do, and does nothing.
func TestDiffTellsWhatWouldChange(t *testing.T) {
	s := storetest.Empty(t, store.Options{})
	url := s.Pool().Config().ConnString()
	path := filepath.Join(t.TempDir(), "house.yaml")
	write := func(text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }
	run := func(verb string, more ...string) int {
		var out strings.Builder
		code := command(t.Context(), append([]string{verb, "--database-url", url, "-f", path}, more...), &out)
		require.Empty(t, out.String())
		return code
	}
	write(good)
	require.Equal(t, exitDiffers, run("diff"))
	require.Zero(t, run("apply"))
	require.Zero(t, run("diff"))
	write(strings.Replace(good, "review_percent: 50", "review_percent: 60", 1))
	require.Equal(t, exitDiffers, run("diff"))
	setup, err := readSetup(path)
	require.NoError(t, err)
	changes, err := s.Plan(t.Context(), setup.Setup, false)
	require.NoError(t, err)
	require.Len(t, changes, 1)
	require.Equal(t, `change queues "service": review_percent 50 → 60`, changes[0].String())

	write(strings.Replace(good, "reasons:\n  - { name: lunch }\n", "", 1))
	require.Zero(t, run("diff"))
	require.Equal(t, exitDiffers, run("diff", "--prune"))
	require.Zero(t, run("apply", "--prune"))
	now, err := s.Configuration(t.Context())
	require.NoError(t, err)
	require.Empty(t, now.Reasons)
}

// The order of rules in files is the order in which they run, and is written only where it differs.
func TestRulesRunInTheOrderOfTheFile(t *testing.T) {
	s := storetest.Empty(t, store.Options{})
	path := filepath.Join(t.TempDir(), "rules.yaml")
	order := func() (names []string) {
		now, err := s.Configuration(t.Context())
		require.NoError(t, err)
		for _, r := range now.Rules {
			names = append(names, r.Name)
		}
		return names
	}
	for _, c := range []struct {
		rules   string
		changes int
		order   string
	}{{"a b c", 3, "a b c"}, {"a b c", 0, "a b c"}, {"a c", 0, "a b c"}, {"a b c d", 1, "a b c d"}, {"c a b d", 3, "c a b d"}, {"c e a b d", 4, "c e a b d"}} {
		var text strings.Builder
		text.WriteString("rules:\n")
		for _, id := range strings.Fields(c.rules) {
			text.WriteString("  - { id: " + id + ", enabled: true, then: { priority: 1 } }\n")
		}
		require.NoError(t, os.WriteFile(path, []byte(text.String()), 0o600))
		setup, err := readSetup(path)
		require.NoError(t, err)
		changes, err := s.ApplyChanges(t.Context(), interaction.System, setup.Setup, false)
		require.NoError(t, err)
		require.Len(t, changes, c.changes, c.rules)
		require.Equal(t, strings.Fields(c.order), order(), c.rules)
	}
}
