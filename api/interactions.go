package api

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"parley/interaction"
)

// Interaction is an interaction as clients see it.
type Interaction struct {
	ID          interaction.ID    `json:"id"`
	ThreadID    interaction.ID    `json:"thread_id"`
	ContactID   interaction.ID    `json:"contact_id"`
	ParentID    interaction.ID    `json:"parent_id,omitempty" doc:"the one before it in the thread, or the one that it reports on"`
	Channel     string            `json:"channel"`
	EntryPoint  string            `json:"entry_point"`
	Queue       string            `json:"queue"`
	Direction   string            `json:"direction" enum:"in,out"`
	Subject     string            `json:"subject"`
	State       string            `json:"state" enum:"received,automatic,waiting,on_hold,sending,stopped"`
	Language    string            `json:"language"`
	Category    string            `json:"category"`
	Confidence  float64           `json:"confidence"`
	Priority    int               `json:"priority"`
	Data        map[string]string `json:"data"`
	LastAgentID interaction.ID    `json:"last_agent_id,omitempty"`
	OpenedAt    time.Time         `json:"opened_at"`
	StoppedAt   *time.Time        `json:"stopped_at,omitempty"`
	Reason      string            `json:"reason,omitempty" doc:"why it stopped, a code"`
	Messages    int64             `json:"messages" doc:"how many it has; they are numbered from 1"`
	Version     int64             `json:"version"`
	Gone        string            `json:"gone,omitempty" enum:"retention,erased" doc:"why what was said in it is not there any more; counts and times are"`
}

// InteractionDetail is an interaction with its open tasks.
type InteractionDetail struct {
	Interaction
	Tasks      []Task          `json:"tasks" nullable:"false"`
	Categories []CategoryGiven `json:"categories" nullable:"false" doc:"that it belongs to, best first: several where the model gives a text several"`
	Ways       []Way           `json:"ways" nullable:"false" doc:"by which the customer can be answered, the one that he wrote to last first"`
	Claims     []Claim         `json:"claims" nullable:"false" doc:"whom the customer of a chat says to be, unproven: what is another contact's is not his, until somebody who has made sure merges the two"`
}

// Claim is an identity of another contact that the customer says is his.
type Claim struct {
	Kind      string         `json:"kind" enum:"email,phone"`
	Value     string         `json:"value"`
	Verified  bool           `json:"verified" doc:"always false: what is proven is no claim"`
	ContactID interaction.ID `json:"contact_id,omitempty" doc:"whose it is, where you may know of him: POST /v1/contacts/{contact_id}/merge with this interaction's contact makes the two one"`
	Name      string         `json:"name,omitempty"`
}

// CategoryGiven is a category with how sure it is.
type CategoryGiven struct {
	Category   string  `json:"category"`
	Confidence float64 `json:"confidence"`
}

// Way is an entry point that the customer wrote to, with what its provider allows of an answer.
type Way struct {
	EntryPoint string     `json:"entry_point"`
	Channel    string     `json:"channel"`
	HeardAt    time.Time  `json:"heard_at" doc:"when he last wrote there"`
	Until      *time.Time `json:"until,omitempty" doc:"an answer behind it is refused"`
	Characters int        `json:"characters,omitempty" doc:"that an answer may have"`
	Files      *int       `json:"files,omitempty" doc:"that may go with it; absent: as many as go at all"`
	FileBytes  int64      `json:"file_bytes,omitempty" doc:"that each of them may have"`
}

func wayView(w interaction.Way) Way {
	way := Way{EntryPoint: w.EntryPoint, Channel: string(w.Channel), HeardAt: w.Heard, Until: moment(w.Until()), Characters: w.Bounds.Characters, FileBytes: w.Bounds.FileBytes}
	if w.Bounds.Files != 0 {
		files := max(w.Bounds.Files, 0)
		way.Files = &files
	}
	return way
}

func interactionView(i interaction.Interaction) Interaction {
	data := i.Data
	if data == nil {
		data = map[string]string{}
	}
	return Interaction{
		ID: i.ID, ThreadID: i.Thread, ContactID: i.Contact, ParentID: i.Parent, Channel: string(i.Channel), EntryPoint: i.EntryPoint, Queue: i.Queue,
		Direction: string(i.Direction), Subject: i.Subject, State: string(i.State), Language: i.Language, Category: i.Category,
		Confidence: i.Confidence, Priority: i.Priority, Data: data, LastAgentID: i.LastAgent, OpenedAt: i.OpenedAt, StoppedAt: moment(i.StoppedAt),
		Reason: i.Reason, Messages: i.Messages, Version: i.Version, Gone: i.Gone,
	}
}

// InteractionsInput narrows and orders the list of interactions.
type InteractionsInput struct {
	Paged
	State        []string  `query:"state" enum:"received,automatic,waiting,on_hold,sending,stopped" maxItems:"6" doc:"one or several, with commas"`
	Queue        string    `query:"queue" maxLength:"100"`
	Channel      string    `query:"channel" enum:"email,webform,chat,sms,mms,callback,social"`
	Category     string    `query:"category" maxLength:"200"`
	Language     string    `query:"language" maxLength:"20"`
	ContactID    string    `query:"contact_id" maxLength:"64"`
	ThreadID     string    `query:"thread_id" maxLength:"64"`
	AgentID      string    `query:"agent_id" maxLength:"64" doc:"who worked on it last or has a task of it; me"`
	EntryPoint   string    `query:"entry_point" maxLength:"100"`
	Priority     string    `query:"priority" pattern:"^-?[0-9]{1,9}$" patternDescription:"an integer"`
	OpenedAfter  time.Time `query:"opened_after"`
	OpenedBefore time.Time `query:"opened_before"`
	Sort         string    `query:"sort" enum:"opened_at,-opened_at,priority,-priority" default:"-opened_at"`
}

func (in *InteractionsInput) filter(by interaction.Actor) (f interaction.InteractionFilter, err error) {
	f = interaction.InteractionFilter{
		Queue: in.Queue, Category: in.Category, Language: in.Language, EntryPoint: in.EntryPoint, Channel: interaction.Channel(in.Channel),
		OpenedAfter: in.OpenedAfter, OpenedBefore: in.OpenedBefore,
		States: each(in.State, func(s string) interaction.State { return interaction.State(s) }),
	}
	if f.Contact, err = optionalID("contact_id", in.ContactID); err != nil {
		return f, err
	}
	if f.Thread, err = optionalID("thread_id", in.ThreadID); err != nil {
		return f, err
	}
	if f.Agent, err = agentOrMe("agent_id", in.AgentID, by); err != nil {
		return f, err
	}
	if in.Priority != "" {
		priority, err := strconv.Atoi(in.Priority)
		if err != nil {
			return f, interaction.Invalid("bad_parameter", "priority", "is an integer")
		}
		f.Priority = &priority
	}
	return f, nil
}

// agentOrMe reads an agent's id, or "me" for who asks.
func agentOrMe(field, s string, by interaction.Actor) (interaction.ID, error) {
	if s == "me" {
		return by.Agent, nil
	}
	return optionalID(field, s)
}

func (s *server) listInteractions(ctx context.Context, in *InteractionsInput) (*List[Interaction], error) {
	by := actorOf(ctx)
	f, err := in.filter(by)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprint("interactions", f.States, f.Queue, f.Category, f.Language, f.EntryPoint, f.Channel, f.Contact, f.Thread, f.Agent, in.Priority,
		f.OpenedAfter, f.OpenedBefore, in.Sort)
	page, err := in.page(name, in.Sort)
	if err != nil {
		return nil, err
	}
	found, err := s.Store.Interactions(ctx, by, f, page)
	if err != nil {
		return nil, err
	}
	return listed(name, found, interactionView), nil
}

// InteractionOutput is one interaction.
type InteractionOutput struct {
	ETag string `header:"ETag"`
	Body InteractionDetail
}

func (s *server) getInteraction(ctx context.Context, in *ByID) (*InteractionOutput, error) {
	id, err := pathID(in.ID, "interaction")
	if err != nil {
		return nil, err
	}
	v, err := s.Store.Interaction(ctx, actorOf(ctx), id)
	if err != nil {
		return nil, err
	}
	return &InteractionOutput{etag(v.Version), InteractionDetail{
		interactionView(v.Interaction), each(v.Tasks, taskView),
		each(v.Categories, func(c interaction.RankedCategory) CategoryGiven { return CategoryGiven(c) }), each(v.Ways, wayView),
		each(v.Claims, func(c interaction.Claim) Claim {
			return Claim{Kind: c.Kind, Value: c.Value, ContactID: c.Contact, Name: c.Name}
		}),
	}}, nil
}

// ChangedInteraction is an interaction after a command.
type ChangedInteraction struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     Interaction
}

func changed(i interaction.Interaction) *ChangedInteraction {
	return &ChangedInteraction{etag(i.Version), "/v1/interactions/" + string(i.ID), interactionView(i)}
}

// NewInteraction is a message that an agent or an application starts by itself.
type NewInteraction struct {
	Body struct {
		EntryPoint string  `json:"entry_point" minLength:"1" maxLength:"100" doc:"it is sent from here"`
		To         Address `json:"to"`
		Subject    string  `json:"subject,omitempty" maxLength:"900" doc:"of mails"`
		Text       string  `json:"text,omitempty" maxLength:"1048576"`
		HTML       string  `json:"html,omitempty" maxLength:"1048576"`
		Queue      string  `json:"queue,omitempty" maxLength:"100" doc:"the entry point's when empty"`
		Category   string  `json:"category,omitempty" maxLength:"200"`
	}
}

func (s *server) startInteraction(ctx context.Context, in *NewInteraction) (*ChangedInteraction, error) {
	b := in.Body
	to, err := checkRecipient("to", b.To)
	if err != nil {
		return nil, err
	}
	if err := checkLine("subject", b.Subject); err != nil {
		return nil, err
	}
	if err := checkText(b.Text, b.HTML); err != nil {
		return nil, err
	}
	i, err := s.StartOutbound(ctx, actorOf(ctx), interaction.NewOutbound{
		EntryPoint: b.EntryPoint, To: to, Subject: b.Subject, Text: b.Text, HTML: b.HTML, Queue: b.Queue, Category: b.Category,
	})
	if err != nil {
		return nil, err
	}
	return changed(i), nil
}

// Event is one line of the audit.
type Event struct {
	Cursor        string         `json:"cursor"`
	At            time.Time      `json:"at"`
	Code          string         `json:"code"`
	ActorID       interaction.ID `json:"actor_id,omitempty" doc:"empty: the system"`
	InteractionID interaction.ID `json:"interaction_id,omitempty"`
	TaskID        interaction.ID `json:"task_id,omitempty"`
	From          string         `json:"from,omitempty"`
	To            string         `json:"to,omitempty"`
	Data          map[string]any `json:"data"`
}

func eventView(e interaction.Event) Event {
	data := e.Data
	if data == nil {
		data = map[string]any{}
	}
	return Event{e.Cursor, e.At, e.Code, e.Actor, e.Interaction, e.Task, e.From, e.To, data}
}

func (s *server) interactionEvents(ctx context.Context, in *ByID) (*List[Event], error) {
	id, err := pathID(in.ID, "interaction")
	if err != nil {
		return nil, err
	}
	events, err := s.AuditOf(ctx, actorOf(ctx), id)
	if err != nil {
		return nil, err
	}
	return whole(events, eventView), nil
}
