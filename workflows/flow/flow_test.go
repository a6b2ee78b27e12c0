package flow

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

func TestAStepIsDoneOnceAndToldAgain(t *testing.T) {
	f, done := &Flow{}, 0
	story := func() int {
		f.next = 0
		first := step(f, "first", func(string) (int, error) { done++; return 41, nil })
		return first + step(f, "second", func(string) (int, error) { done++; return 1, nil })
	}
	require.Equal(t, 42, story())
	require.Equal(t, 42, story(), "told again")
	require.Equal(t, 2, done)
}

func TestKeysBelongToOneStepOfOneRound(t *testing.T) {
	f, keys := &Flow{}, map[string]bool{}
	for range 3 {
		f.next = 0
		for range 2 {
			step(f, "ask", func(key string) (bool, error) { keys[key] = true; return true, nil })
		}
		f.anew()
	}
	require.Len(t, keys, 6)
}

// A story that tells other steps than before depends on something that it must not: it fails instead of doing a wrong thing.
func TestAStoryThatDependsOnSomethingElseFails(t *testing.T) {
	f := &Flow{}
	step(f, "ask", func(string) (int, error) { return 1, nil })
	f.next = 0
	require.Panics(t, func() { step(f, "send", func(string) (int, error) { return 1, nil }) })
}

func TestTellRecoversItsOwnWaysOutOnly(t *testing.T) {
	away := errors.New("away")
	tests := []struct {
		name   string
		story  Story
		reason string
		err    error
	}{
		{"to its end", func(*Flow) string { return "answered" }, "answered", nil},
		{"stopped by order", func(*Flow) string { panic(unwound{"withdrawn"}) }, "withdrawn", nil},
		{"to be told again", func(*Flow) string { panic(retold{}) }, reasonRetold, nil},
		{"failed", func(*Flow) string { panic(failed{away}) }, "", away},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			reason, err := (&Flow{}).tell(tt.story)
			require.Equal(t, tt.reason, reason)
			require.Equal(t, tt.err, err)
		})
	}
	require.PanicsWithValue(t, "a mistake", func() { _, _ = (&Flow{}).tell(func(*Flow) string { panic("a mistake") }) })
}

func TestTargets(t *testing.T) {
	to := To(LastAgent(5*time.Second), Skill("billing", 7, 30*time.Second), Skill("", 4, time.Minute), Anyone()).In("billing").In("")
	require.Equal(t, "billing", to.queue, "an empty queue changes nothing")
	require.Equal(t, []interaction.RouteTarget{
		{Kind: interaction.ToLastAgent, Seconds: 5},
		{Kind: interaction.ToSkill, Name: "billing", Level: 7, Seconds: 30},
		{Kind: interaction.ToQueue, Seconds: 60},
		{Kind: interaction.ToQueue},
	}, to.chain)
	back := BackTo(Work{Agent: "ann", Reply: &Reply{Message: 3, review: "r"}, cycles: 1}, to)
	require.Equal(t, interaction.ID("ann"), back.agent)
	require.Equal(t, 2, back.cycles)
	require.EqualValues(t, 3, back.message)
	require.Equal(t, interaction.ID("r"), back.returned)
}
