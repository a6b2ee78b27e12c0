package api

import (
	"context"
	"fmt"
	"time"

	"parley/interaction"
)

// Task is what an agent is asked to do.
type Task struct {
	ID            interaction.ID `json:"id"`
	InteractionID interaction.ID `json:"interaction_id"`
	Kind          string         `json:"kind" enum:"handle,review,consult,settle,callback"`
	State         string         `json:"state" enum:"queued,offered,held,snoozed,suspended,done,withdrawn"`
	Queue         string         `json:"queue"`
	Channel       string         `json:"channel"`
	Priority      int            `json:"priority"`
	OpenedAt      time.Time      `json:"opened_at"`
	DueAt         *time.Time     `json:"due_at,omitempty" doc:"when the customer should have his answer, by the queue's service objective in its business hours"`
	NotBefore     *time.Time     `json:"not_before,omitempty" doc:"nobody gets it before then; of a callback that is when the customer is called"`
	AgentID       interaction.ID `json:"agent_id,omitempty" doc:"who holds it or is asked"`
	ReservedFor   interaction.ID `json:"reserved_for,omitempty" doc:"only this agent may have it until reserved_until"`
	ReservedUntil *time.Time     `json:"reserved_until,omitempty"`
	OfferUntil    *time.Time     `json:"offer_until,omitempty"`
	Demand        Demand         `json:"demand" doc:"what it asks of an agent now"`
	Message       int64          `json:"message" doc:"number of the message to answer, review or settle"`
	Note          string         `json:"note" doc:"a colleague's word: question, transfer note or reviewer's comment"`
	AuthorID      interaction.ID `json:"author_id,omitempty" doc:"of a review: who wrote the reply and may not decide; of a consult: who asks"`
	ParentID      interaction.ID `json:"parent_id,omitempty" doc:"of a consult: the asking task"`
	Cycles        int            `json:"cycles" doc:"how often a reviewer has returned it"`
	Transfers     int            `json:"transfers"`
	Version       int64          `json:"version"`
}

// Demand is what a task asks of an agent.
type Demand struct {
	Skill string `json:"skill,omitempty"`
	Level int    `json:"level,omitempty"`
	Group string `json:"group,omitempty"`
}

// TaskDetail is a task with what its agent needs.
type TaskDetail struct {
	Task
	Disposition string       `json:"disposition,omitempty"`
	Answer      string       `json:"answer,omitempty" doc:"of a consult or review that is over"`
	Consults    []Consult    `json:"consults" nullable:"false"`
	Draft       *DraftInfo   `json:"draft,omitempty" doc:"what has been written so far; its text is at /draft"`
	Suggestions []Suggestion `json:"suggestions" nullable:"false" doc:"up to 3 standard responses that may answer it, best first"`
	Callback    *Callback    `json:"callback,omitempty" doc:"of a callback: who wants to be called, and why"`
	Ways        []Way        `json:"ways" nullable:"false" doc:"by which the customer can be answered and until when, the one that he wrote to last first; of tasks to answer"`
}

// Consult is a question that was asked for a task.
type Consult struct {
	ID       interaction.ID `json:"id"`
	Agent    interaction.ID `json:"agent,omitempty" doc:"who is asked or has answered"`
	Group    string         `json:"group,omitempty" doc:"or which group"`
	Question string         `json:"question"`
	Answer   string         `json:"answer"`
	State    string         `json:"state"`
}

// DraftInfo tells of a draft without its text.
type DraftInfo struct {
	AuthorID interaction.ID `json:"author_id"`
	SavedAt  time.Time      `json:"saved_at"`
	Version  int64          `json:"version"`
}

func taskView(t interaction.Task) Task {
	return Task{
		ID: t.ID, InteractionID: t.Interaction, Kind: string(t.Kind), State: string(t.State), Queue: t.Queue, Channel: string(t.Channel), Priority: t.Priority,
		OpenedAt: t.OpenedAt, DueAt: moment(t.DueAt), NotBefore: moment(t.NotBefore), AgentID: t.Agent, ReservedFor: t.ReservedFor, ReservedUntil: moment(t.ReservedUntil),
		OfferUntil: moment(t.OfferUntil), Demand: Demand{t.Demand.Skill, t.Demand.Level, t.Demand.Group}, Message: t.Message, Note: t.Note,
		AuthorID: t.Author, ParentID: t.Parent, Cycles: t.Cycles, Transfers: t.Transfers, Version: t.Version,
	}
}

func consultView(c interaction.Consult) Consult {
	return Consult{c.ID, c.Agent, c.Group, c.Question, c.Answer, string(c.State)}
}

// TasksInput narrows the list of tasks.
type TasksInput struct {
	Paged
	State         []string `query:"state" enum:"queued,offered,held,snoozed,suspended,done,withdrawn" maxItems:"5" doc:"one or several, with commas; the open ones when empty"`
	Kind          []string `query:"kind" enum:"handle,review,consult,settle,callback" maxItems:"5"`
	Queue         string   `query:"queue" maxLength:"100"`
	Agent         string   `query:"agent" maxLength:"64" doc:"an id, or me"`
	InteractionID string   `query:"interaction_id" maxLength:"64"`
}

func (s *server) listTasks(ctx context.Context, in *TasksInput) (*List[Task], error) {
	by := actorOf(ctx)
	f := interaction.TaskFilter{
		Queue:  in.Queue,
		States: each(in.State, func(s string) interaction.TaskState { return interaction.TaskState(s) }),
		Kinds:  each(in.Kind, func(s string) interaction.TaskKind { return interaction.TaskKind(s) }),
	}
	var err error
	if f.Agent, err = agentOrMe("agent", in.Agent, by); err != nil {
		return nil, err
	}
	if f.Interaction, err = optionalID("interaction_id", in.InteractionID); err != nil {
		return nil, err
	}
	return s.tasksPage(ctx, by, "tasks", f, in.Paged)
}

func (s *server) tasksPage(ctx context.Context, by interaction.Actor, list string, f interaction.TaskFilter, p Paged) (*List[Task], error) {
	name := fmt.Sprint(list, f)
	page, err := p.page(name, "")
	if err != nil {
		return nil, err
	}
	found, err := s.Tasks(ctx, by, f, page)
	if err != nil {
		return nil, err
	}
	return listed(name, found, taskView), nil
}

// TaskOutput is one task with all that belongs to it.
type TaskOutput struct {
	ETag string `header:"ETag"`
	Body TaskDetail
}

func (s *server) getTask(ctx context.Context, in *ByID) (*TaskOutput, error) {
	id, err := pathID(in.ID, "task")
	if err != nil {
		return nil, err
	}
	v, err := s.TaskView(ctx, actorOf(ctx), id)
	if err != nil {
		return nil, err
	}
	detail := TaskDetail{
		Task: taskView(v.Task), Disposition: v.Disposition, Answer: v.Answer,
		Consults: each(v.Consults, consultView), Suggestions: each(v.Suggestions, suggestionView), Ways: each(v.Ways, wayView),
	}
	if v.Draft != nil {
		detail.Draft = &DraftInfo{v.Draft.Author, v.Draft.SavedAt, v.Draft.Version}
	}
	if v.Kind == interaction.TaskCallback {
		c, err := s.Callback(ctx, actorOf(ctx), v.Interaction)
		if err != nil {
			return nil, err
		}
		call := callbackView(c)
		detail.Callback = &call
	}
	return &TaskOutput{etag(v.Version), detail}, nil
}
