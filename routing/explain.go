package routing

import (
	"cmp"
	"slices"
	"time"

	"parley/interaction"
)

// Why says how an agent stands to a task.
type Why string

// Fits, and what stands in the way, in the order in which it is looked for.
const (
	Fits        Why = "fits"
	Disabled    Why = "disabled"
	NotReady    Why = "not_ready"
	NoOffers    Why = "takes_no_offers" // a designer configures and does not answer
	SeniorsOnly Why = "seniors_only"
	OwnReply    Why = "own_reply" // or his own question
	Refused     Why = "refused"
	Reserved    Why = "reserved" // for somebody else
	NotDue      Why = "not_due"
	NoLink      Why = "no_open_link"        // not named, not of the group, or without the skill at the level
	ClassAway   Why = "not_ready_for_class" // such as chat
	ClassFull   Why = "class_full"
	TotalFull   Why = "total_full"
	Blocked     Why = "capacity_rule" // a rule of his keeps the class away while he has others
)

// Candidate is an agent with how he stands to a task.
type Candidate struct {
	Agent      interaction.ID `json:"agent"`
	Why        Why            `json:"why"`
	Link       int            `json:"link"`            // through which he would get it; -1: reserved for him, or none
	Level      int            `json:"level,omitempty"` // of his, in the skill that the link asks for
	Load       int            `json:"load"`            // of the task's class
	Limit      int            `json:"limit"`
	Total      int            `json:"total"` // weighed
	TotalLimit int            `json:"totalLimit"`
	IdleSince  time.Time      `json:"idleSince"`
}

// Explanation answers "who would get this now, and why" (mission R10).
type Explanation struct {
	Task       interaction.ID            `json:"task"`
	At         time.Time                 `json:"at"`
	Push       bool                      `json:"push"` // false: nobody is asked; the winner is who fits best
	Choice     Choice                    `json:"choice"`
	Place      int64                     `json:"place"`              // in the line of tasks, lower first
	Links      []interaction.RouteTarget `json:"links"`              // that are open
	Next       time.Time                 `json:"next,omitzero"`      // when the next link opens
	Winner     interaction.ID            `json:"winner,omitempty"`   // empty: nobody fits
	Candidates []Candidate               `json:"candidates"`         // who fit first, best first
	Reserved   interaction.ID            `json:"reserved,omitempty"` // for whom
}

// Explain works out who would get the task if it were the only one, with the reason for every agent.
func Explain(w interaction.Queued, agents []interaction.Agent, now time.Time) Explanation {
	s := spanAt(&w, now)
	e := Explanation{
		Task: w.ID, At: now, Push: w.Push, Choice: cmp.Or(w.Policy.Choice, LongestIdle), Place: Place(w), Next: s.next,
		Links: append([]interaction.RouteTarget{}, openLinks(&w, s, now)...), Candidates: []Candidate{},
	}
	if reserved(&w, now) {
		e.Reserved = w.ReservedFor
	}
	for n := range agents {
		e.Candidates = append(e.Candidates, stand(&w, &agents[n], e.Links, now))
	}
	choice := choiceOf(w.Policy.Choice)
	slices.SortStableFunc(e.Candidates, func(x, y Candidate) int { return better(choice, x, y) })
	if len(e.Candidates) > 0 && e.Candidates[0].Why == Fits {
		e.Winner = e.Candidates[0].Agent
	}
	return e
}

// better puts who fit first: by link, then by the queue's choice.
func better(choice int8, x, y Candidate) int {
	if fx, fy := x.Why == Fits, y.Why == Fits; fx != fy {
		if fx {
			return -1
		}
		return 1
	}
	xa, xb := rank(choice, x.IdleSince.UnixMicro(), x.Total, x.Level)
	ya, yb := rank(choice, y.IdleSince.UnixMicro(), y.Total, y.Level)
	return cmp.Or(cmp.Compare(x.Link, y.Link), cmp.Compare(xa, ya), cmp.Compare(xb, yb), cmp.Compare(x.Agent, y.Agent))
}

func stand(w *interaction.Queued, a *interaction.Agent, links []interaction.RouteTarget, now time.Time) Candidate {
	c := Candidate{
		Agent: a.ID, Link: -1, IdleSince: a.Since,
		Load: a.Load[interaction.Channel(w.Class)], Limit: limitOf(a.Limits, w.Class), Total: pointsOf(a), TotalLimit: limitOf(a.Limits, interaction.Total),
	}
	through := false
	if reserved(w, now) {
		through = w.ReservedFor == a.ID
	} else {
		for n, link := range links {
			if level, lets := letsIn(w, link, a); lets {
				c.Link, c.Level, through = n, level, true
				break
			}
		}
	}
	c.Why = why(w, a, &c, through, now)
	return c
}

func why(w *interaction.Queued, a *interaction.Agent, c *Candidate, through bool, now time.Time) Why {
	switch {
	case !a.Enabled:
		return Disabled
	case !a.Ready:
		return NotReady
	case !takesOffers(a):
		return NoOffers
	case w.Kind == interaction.TaskReview && !isSenior(a):
		return SeniorsOnly
	case w.Author == a.ID:
		return OwnReply
	case slices.Contains(w.Refused, a.ID):
		return Refused
	case w.NotBefore.After(now):
		return NotDue
	case reserved(w, now) && !through:
		return Reserved
	case !through:
		return NoLink
	case away(a, w.Class):
		return ClassAway
	}
	return crowded(a, w.Class)
}

// letsIn reports whether the link means the agent, and his level in the skill that it asks for.
func letsIn(w *interaction.Queued, link interaction.RouteTarget, a *interaction.Agent) (level int, lets bool) {
	switch link.Kind {
	case interaction.ToAgent, interaction.ToLastAgent:
		return 0, agentOf(w, link) == a.ID
	case interaction.ToGroup:
		return 0, slices.Contains(a.Groups, link.Name)
	case interaction.ToSkill:
		level, has := a.Skills[link.Name]
		return level, has && level >= link.Level && slices.Contains(a.Groups, w.Group)
	}
	return 0, slices.Contains(a.Groups, w.Group)
}
