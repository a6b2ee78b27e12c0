package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/interaction"
)

// WorkInput narrows and sorts a workbin.
type WorkInput struct {
	Paged
	State     []string `query:"state" enum:"queued,offered,held,snoozed,suspended" maxItems:"5" doc:"one or several, with commas"`
	Kind      []string `query:"kind" enum:"handle,review,consult,settle,callback" maxItems:"5"`
	Channel   string   `query:"channel" maxLength:"20"`
	Queue     string   `query:"queue" maxLength:"100"`
	Category  string   `query:"category" maxLength:"200"`
	ContactID string   `query:"contact_id" maxLength:"64"`
	Q         string   `query:"q" maxLength:"200" doc:"words of the subject or the contact's name"`
	Sort      string   `query:"sort" enum:"place,opened_at,-opened_at,priority,-priority,due_at,subject" default:"place" doc:"place: as they are to be done"`
}

// GroupWorkInput names the group as well.
type GroupWorkInput struct {
	WorkInput
	Group string `path:"group" maxLength:"100"`
}

// WorkItem is a task in a workbin with what tells it from others.
type WorkItem struct {
	Task
	Subject   string         `json:"subject"`
	Category  string         `json:"category"`
	ContactID interaction.ID `json:"contact_id"`
	Contact   string         `json:"contact" doc:"name"`
	Messages  int64          `json:"messages" doc:"of the interaction"`
	WroteAt   *time.Time     `json:"wrote_at,omitempty" doc:"when the customer wrote last"`
	DraftedAt *time.Time     `json:"drafted_at,omitempty" doc:"when the draft was saved; absent: there is none"`
	Answers   int            `json:"answers" doc:"that colleagues have given"`
	Asked     int            `json:"asked" doc:"colleagues and groups"`
	DueAt     *time.Time     `json:"due_at,omitempty" doc:"by the service objective"`
}

func workView(w interaction.WorkItem) WorkItem {
	return WorkItem{
		taskView(w.Task), w.Subject, w.Category, w.Contact, w.Name, w.Messages, moment(w.WroteAt), moment(w.DraftedAt), w.Answers, w.Asked, moment(w.DueAt),
	}
}

func (s *server) ownWorkbin(ctx context.Context, in *WorkInput) (*List[WorkItem], error) {
	return s.workbin(ctx, *in, "")
}

// groupWorkbin is for who belongs to the group; others do not know of it.
func (s *server) groupWorkbin(ctx context.Context, in *GroupWorkInput) (*List[WorkItem], error) {
	if by := actorOf(ctx); by.Role != interaction.RoleAdmin && !slices.Contains(by.Groups, in.Group) {
		return nil, interaction.Unknown("group")
	}
	return s.workbin(ctx, in.WorkInput, in.Group)
}

func (s *server) workbin(ctx context.Context, in WorkInput, group string) (*List[WorkItem], error) {
	if len(strings.Fields(in.Q)) > maxWords {
		return nil, malformed("too_many_terms", "q", fmt.Sprintf("has up to %d words", maxWords))
	}
	contact, err := optionalID("contact_id", in.ContactID)
	if err != nil {
		return nil, err
	}
	f := interaction.WorkFilter{
		Group: group, Channel: interaction.Channel(in.Channel), Queue: in.Queue, Category: in.Category, Contact: contact, Words: in.Q,
		States: each(in.State, func(s string) interaction.TaskState { return interaction.TaskState(s) }),
		Kinds:  each(in.Kind, func(s string) interaction.TaskKind { return interaction.TaskKind(s) }),
	}
	name := fmt.Sprintf("workbin %q %s", f, in.Sort)
	page, err := in.page(name, in.Sort)
	if err != nil {
		return nil, err
	}
	found, err := s.Workbin(ctx, actorOf(ctx), f, page)
	if err != nil {
		return nil, err
	}
	return listed(name, found, workView), nil
}
