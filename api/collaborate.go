package api

import (
	"context"

	"parley/interaction"
)

// ConsultInput asks colleagues and groups about a held task.
type ConsultInput struct {
	ByID
	Body struct {
		AgentID  string   `json:"agent_id,omitempty" maxLength:"64" doc:"one colleague"`
		Group    string   `json:"group,omitempty" maxLength:"100" doc:"or anybody of a group"`
		AgentIDs []string `json:"agent_ids,omitempty" maxItems:"20" doc:"or several, each by a question of his own"`
		Groups   []string `json:"groups,omitempty" maxItems:"20"`
		Question string   `json:"question" minLength:"1" maxLength:"20000"`
	}
}

// ConsultOutput is the first question that was asked, with all of them.
type ConsultOutput struct {
	Location string `header:"Location"`
	Body     struct {
		Consult
		Consults []Consult `json:"consults" nullable:"false" doc:"all that were asked"`
	}
}

func (s *server) consult(ctx context.Context, in *ConsultInput) (*ConsultOutput, error) {
	id, err := pathID(in.ID, "task")
	if err != nil {
		return nil, err
	}
	b := in.Body
	if b.AgentID != "" {
		b.AgentIDs = append([]string{b.AgentID}, b.AgentIDs...)
	}
	if b.Group != "" {
		b.Groups = append([]string{b.Group}, b.Groups...)
	}
	var whom []interaction.Asked
	for _, agent := range b.AgentIDs {
		parsed, err := interaction.ParseID("agent_ids", agent)
		if err != nil {
			return nil, err
		}
		whom = append(whom, interaction.Asked{Agent: parsed})
	}
	for _, group := range b.Groups {
		if group == "" {
			return nil, interaction.Invalid("unknown_group", "groups", "has an empty name")
		}
		whom = append(whom, interaction.Asked{Group: group})
	}
	if len(whom) == 0 {
		return nil, interaction.Invalid("one_target", "agent_id", "give agent_id or group, or several in agent_ids and groups")
	}
	tasks, err := s.ConsultAll(ctx, actorOf(ctx), id, whom, b.Question)
	if err != nil {
		return nil, err
	}
	asked := make([]Consult, len(tasks))
	for n, task := range tasks {
		asked[n] = Consult{ID: task, Agent: whom[n].Agent, Group: whom[n].Group, Question: b.Question}
	}
	return consulted(asked...), nil
}

// consulted answers with the questions that were asked, or an invitation.
func consulted(asked ...Consult) *ConsultOutput {
	out := &ConsultOutput{Location: "/v1/tasks/" + string(asked[0].ID)}
	for n := range asked {
		asked[n].State = string(interaction.TaskQueued)
	}
	out.Body.Consult, out.Body.Consults = asked[0], asked
	return out
}

// JoinInput joins answers to the draft; If-Match is the draft's own version.
type JoinInput struct {
	ByID
	IfMatch
	Body *struct {
		ConsultIDs []string `json:"consult_ids,omitempty" maxItems:"40" doc:"all that are answered and not in it yet when empty"`
	} `required:"false"`
}

func (s *server) joinAnswers(ctx context.Context, in *JoinInput) (*DraftOutput, error) {
	id, version, err := target(in.ByID, in.IfMatch)
	if err != nil {
		return nil, err
	}
	var which []interaction.ID
	if in.Body != nil {
		for _, text := range in.Body.ConsultIDs {
			parsed, err := interaction.ParseID("consult_ids", text)
			if err != nil {
				return nil, err
			}
			which = append(which, parsed)
		}
	}
	d, err := s.JoinAnswers(ctx, actorOf(ctx), id, version, which)
	if err != nil {
		return nil, err
	}
	return draftOutput(d), nil
}
