package routing

import (
	"slices"
	"time"

	"parley/interaction"
)

// never is a reservation that does not run out: a hundred years, since a database's infinity is no time in Go.
const never = 100 * 365 * 24 * time.Hour

// span is where a chain stands: the newest open link, since when, and when the next one opens (zero: never by itself).
type span struct {
	step  int
	since time.Time
	next  time.Time
}

// spanAt opens the links whose time has come. A link's time counts from when it opened, not from when
// somebody noticed, so lateness does not add up.
func spanAt(w *interaction.Queued, now time.Time) span {
	s := span{step: w.ChainStep, since: w.ChainSince}
	for s.step < len(w.Chain)-1 {
		link := w.Chain[s.step]
		if opensNothing(w, link) {
			s.step++
			continue
		}
		if link.Seconds <= 0 {
			break
		}
		until := s.since.Add(time.Duration(link.Seconds) * time.Second)
		if until.After(now) {
			s.next = until
			break
		}
		s.step, s.since = s.step+1, until
	}
	return s
}

// opensNothing reports a link that means nobody and is passed at once: the last agent where there was none.
func opensNothing(w *interaction.Queued, link interaction.RouteTarget) bool {
	return link.Kind == interaction.ToLastAgent && w.LastAgent == ""
}

// agentOf gives the agent whom a link names, if it names one.
func agentOf(w *interaction.Queued, link interaction.RouteTarget) interaction.ID {
	switch link.Kind {
	case interaction.ToLastAgent:
		return w.LastAgent
	case interaction.ToAgent:
		return interaction.ID(link.Name)
	}
	return ""
}

// reserved reports whether only w.ReservedFor may have the task now. Who has refused it does not keep it
// from others, unless it is a question asked of him alone.
func reserved(w *interaction.Queued, now time.Time) bool {
	return w.ReservedFor != "" && w.ReservedUntil.After(now) &&
		(w.Kind == interaction.TaskConsult || !slices.Contains(w.Refused, w.ReservedFor))
}

// anybody is the chain of a task that has none.
var anybody = []interaction.RouteTarget{{Kind: interaction.ToQueue}}

// openLinks gives the links through which the task is open, first opened first; none while it is reserved or not yet due.
func openLinks(w *interaction.Queued, s span, now time.Time) []interaction.RouteTarget {
	switch {
	case w.NotBefore.After(now) || reserved(w, now):
		return nil
	case w.Kind == interaction.TaskConsult && w.Demand.Group == "":
		return nil // asked of one agent, who has refused
	case w.Kind == interaction.TaskConsult:
		return []interaction.RouteTarget{{Kind: interaction.ToGroup, Name: w.Demand.Group}}
	case len(w.Chain) == 0:
		return anybody
	}
	return w.Chain[:min(s.step, len(w.Chain)-1)+1]
}

// opening works out what claims are to be checked against, and reports whether the task's row says otherwise.
//
// A row holds one demand, a chain may have several links open: the row takes the newest skill, or none once
// the whole queue is open, and the newest group beside it. While only an agent is named the task is reserved for
// him and the row holds the demand of the link behind, so that it stands when the reservation runs out.
func opening(w *interaction.Queued, s span, now time.Time) (interaction.Opening, bool) {
	if len(w.Chain) == 0 || w.Kind == interaction.TaskConsult {
		return interaction.Opening{}, false
	}
	o := interaction.Opening{Task: w.ID, Version: w.Version, Step: s.step, Since: s.since, Demand: demandOf(w, s.step)}
	if named := agentOf(w, w.Chain[s.step]); named != "" && !reserved(w, now) && !slices.Contains(w.Refused, named) {
		until := s.next
		if until.IsZero() {
			until = s.since.Add(never)
		}
		o.ReservedFor, o.ReservedUntil = named, until
	}
	changed := o.Step != w.ChainStep || o.ReservedFor != "" ||
		o.Demand.Skill != w.Demand.Skill || o.Demand.Level != w.Demand.Level || o.Demand.Group != w.Demand.Group
	return o, changed
}

func demandOf(w *interaction.Queued, step int) interaction.Demand {
	var d interaction.Demand
	open, wide := false, false
	for n, link := range w.Chain {
		if n > step && open {
			break
		}
		switch link.Kind {
		case interaction.ToQueue:
			open, wide = true, true
		case interaction.ToSkill:
			open, d.Skill, d.Level = true, link.Name, link.Level
		case interaction.ToGroup:
			open, d.Group = true, link.Name
		}
	}
	if wide {
		d.Skill, d.Level = "", 0
	}
	return d
}
