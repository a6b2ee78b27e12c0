package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/interaction"
)

// Away is why somebody is not ready for a class of tasks, and since when.
type Away struct {
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
}

func awayView(away map[string]interaction.Away) map[string]Away {
	out := map[string]Away{}
	for class, a := range away {
		out[class] = Away(a)
	}
	return out
}

// StateInput is what an agent says of himself.
type StateInput struct {
	Body struct {
		Ready  bool              `json:"ready"`
		Reason string            `json:"reason,omitempty" maxLength:"60" doc:"why not, e.g. lunch; one of /v1/reasons where there are any"`
		Away   map[string]string `json:"away,omitempty" maxProperties:"10" doc:"channels, or review and consult, that he is not ready for all the same, each with its reason; {} ends them, left out they stay"`
	}
}

func (s *server) setState(ctx context.Context, in *StateInput) (*AgentOutput, error) {
	b := in.Body
	if err := checkLine("reason", b.Reason); err != nil {
		return nil, err
	}
	for class, reason := range b.Away {
		if !slices.Contains(interaction.TaskClasses, class) {
			return nil, interaction.Invalid("unknown_class", "away."+clip(class), "is none of %s", strings.Join(interaction.TaskClasses, ", "))
		}
		if len(reason) > 60 {
			return nil, interaction.Invalid("too_long", "away."+class, "has up to 60 bytes")
		}
		if err := checkLine("away."+class, reason); err != nil {
			return nil, err
		}
	}
	by := actorOf(ctx)
	a, err := s.SetState(ctx, by, interaction.AgentState{Ready: b.Ready, Reason: b.Reason, Away: b.Away})
	if err != nil {
		return nil, err
	}
	return &AgentOutput{etag(a.Version), agentView(a, by)}, nil
}

// Reason is a reason for not being ready.
type Reason struct {
	Name  string `json:"name"`
	Title string `json:"title"`
}

func (s *server) listReasons(ctx context.Context, _ *struct{}) (*List[Reason], error) {
	found, _, err := s.Words(ctx, "", "")
	if err != nil {
		return nil, err
	}
	return whole(found, func(r interaction.NotReady) Reason { return Reason(r) }), nil
}

// DispositionsInput narrows the list of dispositions to those that count for a task.
type DispositionsInput struct {
	Queue   string `query:"queue" maxLength:"100"`
	Channel string `query:"channel" maxLength:"20"`
}

// Disposition is how a task may end.
type Disposition struct {
	Name     string   `json:"name"`
	Title    string   `json:"title"`
	Queues   []string `json:"queues" nullable:"false" doc:"all when empty"`
	Channels []string `json:"channels" nullable:"false" doc:"all when empty"`
}

func (s *server) listDispositions(ctx context.Context, in *DispositionsInput) (*List[Disposition], error) {
	_, found, err := s.Words(ctx, in.Queue, interaction.Channel(in.Channel))
	if err != nil {
		return nil, err
	}
	return whole(found, func(d interaction.Disposition) Disposition {
		return Disposition{d.Name, d.Title, same(d.Queues), each(d.Channels, func(c interaction.Channel) string { return fmt.Sprint(c) })}
	}), nil
}
