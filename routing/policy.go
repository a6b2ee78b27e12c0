package routing

import (
	"fmt"
	"time"

	"parley/interaction"
)

// Choice is how one of several agents who fit through the same link is chosen.
type Choice string

// The choices. Each falls back to the longest idle, and then to the lower id.
const (
	LongestIdle Choice = "longest_idle"
	LeastLoaded Choice = "least_loaded"
	BestSkill   Choice = "best_skill" // the highest level in the skill of the link; plain longest idle where the link asks for none
)

// Policy decides orders. The zero Policy is strict priority and longest idle.
type Policy struct {
	// Ageing is how long a wait counts as much as one step of priority: with an hour, a task of priority 1
	// comes before tasks of priority 0 that are up to an hour older. Zero: priority goes before any age.
	Ageing time.Duration
	Agents Choice // empty: LongestIdle
}

// Validate refuses a choice that does not exist and a negative ageing.
func (p Policy) Validate() error {
	switch p.Agents {
	case "", LongestIdle, LeastLoaded, BestSkill:
	default:
		return interaction.Invalid("unknown_choice", "agents", "is none of %s, %s, %s", LongestIdle, LeastLoaded, BestSkill)
	}
	if p.Ageing < 0 {
		return fmt.Errorf("ageing: %w", interaction.Invalid("negative", "ageing", "is a time; 0 switches it off"))
	}
	return nil
}

// urgency is a task's place in line, lower first. Waiting counts the same for every task, so the place
// does not depend on the time: nothing has to be sorted again as tasks grow older.
func (p Policy) urgency(w *interaction.Queued) (a, b int64) {
	opened := w.OpenedAt.UnixMicro()
	if p.Ageing == 0 {
		return -int64(w.Priority), opened
	}
	return opened - int64(w.Priority)*p.Ageing.Microseconds(), opened
}

// rank is an agent's place in the line of a link, lower first.
func (p Policy) rank(idleSince int64, load, level int) (a, b int64) {
	switch p.Agents {
	case LeastLoaded:
		return int64(load), idleSince
	case BestSkill:
		return -int64(level), idleSince
	}
	return 0, idleSince
}
