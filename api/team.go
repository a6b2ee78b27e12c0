package api

import (
	"context"
	"time"

	"parley/interaction"
)

// TeamMember is an agent with what he has at this moment.
type TeamMember struct {
	Agent
	Holds []Holding `json:"holds" nullable:"false"`
}

// Holding is a task that an agent has.
type Holding struct {
	TaskID        interaction.ID `json:"task_id"`
	InteractionID interaction.ID `json:"interaction_id"`
	Kind          string         `json:"kind" enum:"handle,review,consult,settle,callback"`
	State         string         `json:"state" enum:"offered,held,snoozed"`
	Queue         string         `json:"queue"`
	Since         *time.Time     `json:"since,omitempty" doc:"since when he holds it"`
	Until         *time.Time     `json:"until,omitempty" doc:"when it goes back, or comes again, by itself"`
}

func (s *server) listTeam(ctx context.Context, in *Paged) (*List[TeamMember], error) {
	page, err := in.page("team", "")
	if err != nil {
		return nil, err
	}
	by := actorOf(ctx)
	found, err := s.Team(ctx, by, page)
	if err != nil {
		return nil, err
	}
	return listed("team", found, func(m interaction.TeamMember) TeamMember {
		return TeamMember{agentView(m.Agent, by), each(m.Holds, func(h interaction.Holding) Holding {
			return Holding{h.Task, h.Interaction, string(h.Kind), string(h.State), h.Queue, moment(h.Since), moment(h.Until)}
		})}
	}), nil
}

// TakeBackInput takes work back from an agent.
type TakeBackInput struct {
	ByID
	Body struct {
		TaskIDs   []string `json:"task_ids,omitempty" maxItems:"1000" doc:"these; all that he has when empty"`
		Queue     string   `json:"queue,omitempty" maxLength:"100" doc:"where they go instead of back to their own queues"`
		ToAgentID string   `json:"to_agent_id,omitempty" maxLength:"64" doc:"for whom they are reserved"`
		Reason    string   `json:"reason,omitempty" maxLength:"200" doc:"a word for the audit"`
		StayReady bool     `json:"stay_ready,omitempty" doc:"he stays ready for offers; otherwise he is absent until he says that he is ready"`
	}
}

// TakenBack tells what was taken back.
type TakenBack struct {
	Body struct {
		TaskIDs []interaction.ID `json:"task_ids" nullable:"false"`
		Left    int              `json:"left" doc:"tasks that he keeps: of other groups"`
	}
}

func (s *server) takeBack(ctx context.Context, in *TakeBackInput) (*TakenBack, error) {
	id, err := pathID(in.ID, "agent")
	if err != nil {
		return nil, err
	}
	if err := checkLine("reason", in.Body.Reason); err != nil {
		return nil, err
	}
	what := interaction.TakeBack{Queue: in.Body.Queue, Reason: in.Body.Reason, NotReady: !in.Body.StayReady}
	for _, t := range in.Body.TaskIDs {
		task, err := interaction.ParseID("task_ids", t)
		if err != nil {
			return nil, err
		}
		what.Tasks = append(what.Tasks, task)
	}
	if what.Agent, err = optionalID("to_agent_id", in.Body.ToAgentID); err != nil {
		return nil, err
	}
	taken, err := s.TakeBack(ctx, actorOf(ctx), id, what)
	if err != nil {
		return nil, err
	}
	out := &TakenBack{}
	out.Body.TaskIDs, out.Body.Left = same(taken.Tasks), taken.Left
	return out, nil
}
