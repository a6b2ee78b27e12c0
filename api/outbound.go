package api

import (
	"context"
	"fmt"
	"time"

	"parley/interaction"
)

// Outbound reads the outbound queue.
type Outbound interface {
	Leaving(ctx context.Context, by interaction.Actor, f interaction.LeavingFilter, p interaction.Page) (interaction.Listed[interaction.Leaving], error)
}

// Leaving is a message on its way out.
type Leaving struct {
	InteractionID interaction.ID        `json:"interaction_id"`
	Message       int64                 `json:"message"`
	Kind          string                `json:"kind" enum:"reply,auto,transcript,survey"`
	Channel       string                `json:"channel"`
	EntryPoint    string                `json:"entry_point" doc:"it leaves by"`
	Queue         string                `json:"queue"`
	AuthorID      interaction.ID        `json:"author_id,omitempty" doc:"absent when Parley wrote it"`
	Subject       string                `json:"subject,omitempty"`
	State         interaction.SendState `json:"state" enum:"queued,in_flight,unknown" doc:"unknown: the line broke before the other side's answer; a person settles it"`
	Attempts      int                   `json:"attempts"`
	Code          string                `json:"code,omitempty" doc:"why the last attempt came to nothing"`
	Answer        string                `json:"answer,omitempty" doc:"what the other side said to it"`
	Since         time.Time             `json:"since"`
	BegunAt       *time.Time            `json:"begun_at,omitempty" doc:"the last attempt"`
}

func leavingView(l interaction.Leaving) Leaving {
	return Leaving{
		InteractionID: l.Interaction, Message: l.Message, Kind: string(l.Kind), Channel: string(l.Channel), EntryPoint: l.EntryPoint, Queue: l.Queue,
		AuthorID: l.Author, Subject: l.Subject, State: l.State, Attempts: l.Attempts, Code: l.Code, Answer: l.Answer, Since: l.Since, BegunAt: moment(l.Begun),
	}
}

// LeavingInput narrows the outbound queue.
type LeavingInput struct {
	Paged
	State      []string `query:"state" enum:"queued,in_flight,unknown" maxItems:"3" doc:"one or several, with commas; all when empty"`
	Queue      string   `query:"queue" maxLength:"100"`
	EntryPoint string   `query:"entry_point" maxLength:"100" doc:"it leaves by"`
	Channel    string   `query:"channel" maxLength:"20"`
}

func (s *server) listOutbound(ctx context.Context, in *LeavingInput) (*List[Leaving], error) {
	f := interaction.LeavingFilter{
		States: each(in.State, func(s string) interaction.SendState { return interaction.SendState(s) }),
		Queue:  in.Queue, EntryPoint: in.EntryPoint, Channel: interaction.Channel(in.Channel),
	}
	name := fmt.Sprint("outbound", f)
	page, err := in.page(name, "")
	if err != nil {
		return nil, err
	}
	found, err := s.Leaving(ctx, actorOf(ctx), f, page)
	if err != nil {
		return nil, err
	}
	return listed(name, found, leavingView), nil
}
