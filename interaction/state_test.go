package interaction

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestNothingLeavesAnEnd(t *testing.T) {
	ends := map[string][]Transition{
		string(Stopped): InteractionTransitions, string(TaskDone): TaskTransitions, string(TaskWithdrawn): TaskTransitions,
		string(SendSent): SendTransitions, string(SendNotSent): SendTransitions, string(SendCancelled): SendTransitions,
	}
	for end, table := range ends {
		for _, tr := range table {
			require.NotEqual(t, end, tr.From, "%v", tr)
		}
	}
}

// Every state is reachable, and from every state an end can be reached: nothing gets stuck by the table itself.
func TestNoDeadEnds(t *testing.T) {
	tests := []struct {
		name  string
		table []Transition
		start string
		ends  []string
	}{
		{"interaction", InteractionTransitions, string(Received), []string{string(Stopped)}},
		{"task", TaskTransitions, string(TaskQueued), []string{string(TaskDone), string(TaskWithdrawn)}},
		{"send", SendTransitions, string(SendQueued), []string{string(SendSent), string(SendNotSent), string(SendCancelled)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, tr := range tt.table {
				require.True(t, reaches(tt.table, tt.start, tr.From), "%s cannot be reached", tr.From)
				require.True(t, reachesAny(tt.table, tr.To, tt.ends), "%s has no way to an end", tr.To)
			}
		})
	}
}

// A random walk through the task table never has an agent where the state says there is none to be had.
func TestRandomWalkStaysInTheTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state := string(TaskQueued)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			var next []Transition
			for _, tr := range TaskTransitions {
				if tr.From == state {
					next = append(next, tr)
				}
			}
			if len(next) == 0 {
				return
			}
			tr := rapid.SampledFrom(next).Draw(t, "transition")
			if !Allowed(TaskTransitions, tr.By, state, tr.To) {
				t.Fatalf("%v is listed and not allowed", tr)
			}
			if !contains(From(TaskTransitions, tr.By, tr.To), state) {
				t.Fatalf("From(%s, %s) lacks %s", tr.By, tr.To, state)
			}
			state = tr.To
		}
	})
}

func reaches(table []Transition, from, to string) bool { return reachesAny(table, from, []string{to}) }

func reachesAny(table []Transition, from string, to []string) bool {
	seen, next := map[string]bool{}, []string{from}
	for len(next) > 0 {
		state := next[0]
		next = next[1:]
		if contains(to, state) {
			return true
		}
		if seen[state] {
			continue
		}
		seen[state] = true
		for _, tr := range table {
			if tr.From == state {
				next = append(next, tr.To)
			}
		}
	}
	return false
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}
