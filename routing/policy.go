package routing

import (
	"time"

	"parley/interaction"
)

// Choice is how one of several agents who fit through the same link is chosen; a queue has its own.
type Choice = interaction.Choice

// The choices. Each falls back to the longest idle, and then to the lower id.
const (
	LongestIdle = interaction.LongestIdle
	LeastLoaded = interaction.LeastLoaded
	BestSkill   = interaction.BestSkill
)

// choices count the lines that agents of a pool stand in, one for each.
var choices = [...]Choice{LongestIdle, LeastLoaded, BestSkill}

// choiceOf gives the place of a choice in choices.
func choiceOf(c Choice) int8 {
	switch c {
	case LeastLoaded:
		return 1
	case BestSkill:
		return 2
	}
	return 0
}

// NoObjective is when a task without a service objective counts as due.
const NoObjective = 24 * time.Hour

// strictly is the ageing that puts priority before any age; maxStep and maxSpan bound what enters a place, so that no sum overflows.
const (
	strictly = 10 * 365 * 24 * time.Hour
	maxStep  = 1000
	maxSpan  = strictly
)

// urgency is a task's place in line, lower first: when it came, moved back by its priority and on by the time that it may wait, as far as its queue's
// policy says. Waiting counts the same for every task, so the place does not depend on the time: nothing has to be sorted again as
// tasks grow older. The database works out the same (place_of in the schema), so that who claims the next one gets what would have been
// offered; a test holds the two together.
func urgency(w *interaction.Queued) (a, b int64) {
	opened, step := w.OpenedAt.UnixMicro(), int64(w.Policy.Ageing)*1e6
	if step == 0 {
		step = strictly.Microseconds()
	}
	due := opened + NoObjective.Microseconds()
	if !w.DueAt.IsZero() {
		due = w.DueAt.UnixMicro()
	}
	span := min(max(due-opened, 0), maxSpan.Microseconds())
	return opened - int64(min(max(w.Priority, -maxStep), maxStep))*step + int64(w.Policy.Service)*span/100, opened
}

// Place is a task's place in the line of all tasks, lower first.
func Place(w interaction.Queued) int64 {
	place, _ := urgency(&w)
	return place
}

// rank is an agent's place in the line of a link, lower first.
func rank(choice int8, idleSince int64, points, level int) (a, b int64) {
	switch choices[choice] {
	case LeastLoaded:
		return int64(points), idleSince
	case BestSkill:
		return -int64(level), idleSince
	}
	return 0, idleSince
}
