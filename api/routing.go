package api

import (
	"context"
	"slices"
	"time"

	"parley/interaction"
	"parley/routing"
)

// maxCandidates is how many agents an answer names; the counts tell of all.
const maxCandidates = 100

// Match answers who would get a waiting task now, and why.
type Match struct {
	TaskID      interaction.ID `json:"task_id"`
	Queue       string         `json:"queue"`
	At          time.Time      `json:"at" doc:"when this was so, by the database's clock"`
	Push        bool           `json:"push" doc:"whether the queue offers its tasks; otherwise nobody is asked and the winner is who fits best"`
	Choice      string         `json:"choice" enum:"longest_idle,least_loaded,best_skill" doc:"how the queue chooses among several who fit"`
	Place       int64          `json:"place" doc:"of the task in the line of all tasks, lower first: what priority, age and deadline come to"`
	DueAt       *time.Time     `json:"due_at,omitempty"`
	Links       []Link         `json:"links" nullable:"false" doc:"the open links of its chain, in their order"`
	NextLinkAt  *time.Time     `json:"next_link_at,omitempty" doc:"when the next link opens"`
	NotBefore   *time.Time     `json:"not_before,omitempty"`
	ReservedFor interaction.ID `json:"reserved_for,omitempty" doc:"nobody else may have it now"`
	WinnerID    interaction.ID `json:"winner_id,omitempty" doc:"empty: nobody fits, and it waits"`
	Counts      map[string]int `json:"counts" doc:"of all who work here, by how they stand"`
	Candidates  []MatchAgent   `json:"candidates" nullable:"false" doc:"people of one's groups, who fit first and best first, a hundred at most"`
}

// Link is an open link of a task's chain.
type Link struct {
	Kind    string `json:"kind" enum:"last_agent,agent,skill,group,queue"`
	Name    string `json:"name,omitempty"`
	Level   int    `json:"level,omitempty"`
	Seconds int    `json:"seconds,omitempty" doc:"until the next link opens beside it"`
}

// MatchAgent is how an agent stands to a task.
type MatchAgent struct {
	AgentID    interaction.ID `json:"agent_id"`
	Name       string         `json:"name"`
	Why        string         `json:"why" enum:"fits,disabled,not_ready,takes_no_offers,seniors_only,own_reply,refused,reserved,not_due,no_open_link,not_ready_for_class,class_full,total_full,capacity_rule" doc:"fits, or what stands in the way first"`
	Reason     string         `json:"reason,omitempty" doc:"of who is not ready"`
	Link       int            `json:"link" doc:"through which he would get it, from 0; -1: it is reserved for him, or none lets him in"`
	Level      int            `json:"level,omitempty" doc:"of his, in the skill that the link asks for"`
	Skills     map[string]int `json:"skills,omitempty"`
	Load       int            `json:"load" doc:"tasks of this class that he has"`
	Limit      int            `json:"limit"`
	Total      int            `json:"total" doc:"of all classes, each weighed as his capacity says"`
	TotalLimit int            `json:"total_limit"`
	IdleSince  time.Time      `json:"idle_since"`
}

// MatchOutput is the answer for one task.
type MatchOutput struct{ Body Match }

func (s *server) taskRouting(ctx context.Context, in *ByID) (*MatchOutput, error) {
	id, err := pathID(in.ID, "task")
	if err != nil {
		return nil, err
	}
	by := actorOf(ctx)
	v, err := s.MatchView(ctx, by, id)
	if err != nil {
		return nil, err
	}
	return &MatchOutput{matchOf(v, by)}, nil
}

func (s *server) interactionRouting(ctx context.Context, in *ByID) (*List[Match], error) {
	id, err := pathID(in.ID, "interaction")
	if err != nil {
		return nil, err
	}
	by := actorOf(ctx)
	found, err := s.MatchViews(ctx, by, id)
	if err != nil {
		return nil, err
	}
	return whole(found, func(v interaction.MatchView) Match { return matchOf(v, by) }), nil
}

// matchOf works out the answer by the same rule as the dispatcher's.
func matchOf(v interaction.MatchView, by interaction.Actor) Match {
	e := routing.Explain(v.Task, v.Agents, v.At)
	m := Match{
		TaskID: e.Task, Queue: v.Task.Queue, At: e.At, Push: e.Push, Choice: string(e.Choice), Place: e.Place, DueAt: moment(v.Task.DueAt),
		NextLinkAt: moment(e.Next), ReservedFor: e.Reserved, WinnerID: e.Winner, Counts: map[string]int{}, Candidates: []MatchAgent{},
		Links: each(e.Links, func(l interaction.RouteTarget) Link { return Link{string(l.Kind), l.Name, l.Level, l.Seconds} }),
	}
	if v.Task.NotBefore.After(e.At) {
		m.NotBefore = &v.Task.NotBefore
	}
	people := make(map[interaction.ID]*interaction.Agent, len(v.Agents))
	for n := range v.Agents {
		people[v.Agents[n].ID] = &v.Agents[n]
	}
	for _, c := range e.Candidates {
		m.Counts[string(c.Why)]++
		if a := people[c.Agent]; len(m.Candidates) < maxCandidates && knows(by, a) {
			m.Candidates = append(m.Candidates, MatchAgent{
				AgentID: c.Agent, Name: a.Name, Why: string(c.Why), Reason: a.Reason, Link: c.Link, Level: c.Level, Skills: a.Skills,
				Load: c.Load, Limit: c.Limit, Total: c.Total, TotalLimit: c.TotalLimit, IdleSince: c.IdleSince,
			})
		}
	}
	return m
}

// knows reports whether the actor may know how busy the agent is: who administers or configures the house, or is of a group with him.
func knows(by interaction.Actor, a *interaction.Agent) bool {
	return by.Role == interaction.RoleAdmin || by.Role == interaction.RoleDesigner || a.ID == by.Agent ||
		slices.ContainsFunc(a.Groups, func(g string) bool { return slices.Contains(by.Groups, g) })
}
