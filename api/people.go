package api

import (
	"context"
	"time"

	"parley/interaction"
)

// Queue is a queue with how it stands.
type Queue struct {
	Name              string     `json:"name"`
	Title             string     `json:"title"`
	Group             string     `json:"group"`
	Waiting           int        `json:"waiting" doc:"tasks that nobody has"`
	Held              int        `json:"held" doc:"tasks that somebody works on"`
	OldestAt          *time.Time `json:"oldest_at,omitempty" doc:"since when the oldest waits"`
	OldestWaitSeconds int64      `json:"oldest_wait_seconds"`
}

func queueView(v interaction.QueueView) Queue {
	q := Queue{Name: v.Name, Title: v.Title, Group: v.Group, Waiting: v.Waiting, Held: v.Held, OldestAt: moment(v.Oldest)}
	if !v.Oldest.IsZero() {
		q.OldestWaitSeconds = max(0, int64(clock().Sub(v.Oldest).Seconds()))
	}
	return q
}

func (s *server) listQueues(ctx context.Context, _ *struct{}) (*List[Queue], error) {
	found, err := s.Queues(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	return whole(found, queueView), nil
}

// Agent is a person who works here. Colleagues see who he is and whether he is ready; himself, supervisors and admins see all.
type Agent struct {
	ID      interaction.ID  `json:"id"`
	Login   string          `json:"login"`
	Name    string          `json:"name"`
	Role    string          `json:"role" enum:"agent,senior,supervisor,designer,admin"`
	Groups  []string        `json:"groups" nullable:"false"`
	Ready   bool            `json:"ready"`
	Reason  string          `json:"reason,omitempty" doc:"why not ready"`
	Since   time.Time       `json:"since"`
	Away    map[string]Away `json:"away,omitempty" doc:"classes of tasks that he is not ready for all the same, e.g. chat"`
	Enabled bool            `json:"enabled"`
	Email   string          `json:"email,omitempty"`
	Skills  map[string]int  `json:"skills,omitempty" doc:"levels from 1 to 10"`
	Limits  map[string]int  `json:"limits,omitempty" doc:"how many tasks at once, by class and total"`
	Load    map[string]int  `json:"load,omitempty" doc:"how many he has"`
	Version int64           `json:"version"`
}

func agentView(a interaction.Agent, by interaction.Actor) Agent {
	v := Agent{
		ID: a.ID, Login: a.Login, Name: a.Name, Role: string(a.Role), Groups: same(a.Groups), Ready: a.Ready, Reason: a.Reason, Since: a.Since,
		Enabled: a.Enabled, Version: a.Version, Away: awayView(a.Away),
	}
	if a.ID == by.Agent || by.AtLeast(interaction.RoleSupervisor) {
		v.Email, v.Skills, v.Limits, v.Load = a.Email, a.Skills, plain(a.Limits), plain(a.Load)
	}
	return v
}

func plain(m map[interaction.Channel]int) map[string]int {
	out := make(map[string]int, len(m))
	for k, v := range m {
		out[string(k)] = v
	}
	return out
}

func (s *server) listAgents(ctx context.Context, in *Paged) (*List[Agent], error) {
	page, err := in.page("agents", "")
	if err != nil {
		return nil, err
	}
	by := actorOf(ctx)
	found, err := s.Agents(ctx, by, page)
	if err != nil {
		return nil, err
	}
	return listed("agents", found, func(a interaction.Agent) Agent { return agentView(a, by) }), nil
}

// AgentOutput is one agent.
type AgentOutput struct {
	ETag string `header:"ETag"`
	Body Agent
}

func (s *server) getMe(ctx context.Context, _ *struct{}) (*AgentOutput, error) {
	by := actorOf(ctx)
	a, err := s.Agent(ctx, by.Agent)
	if err != nil {
		return nil, err
	}
	return &AgentOutput{etag(a.Version), agentView(a, by)}, nil
}
