package api

import (
	"context"
	"time"

	"parley/interaction"
)

// Selection is one order on many interactions with how far it has come.
type Selection struct {
	ID        interaction.ID `json:"id"`
	AgentID   interaction.ID `json:"agent_id" doc:"who gave the order; it is carried out by his rights of the moment"`
	Order     OrderBody      `json:"order"`
	UndoOf    interaction.ID `json:"undo_of,omitempty"`
	State     string         `json:"state" enum:"checking,checked,running,done,cancelled"`
	Reason    string         `json:"reason,omitempty" doc:"why it was cancelled, a code"`
	PerSecond float64        `json:"per_second"`
	Total     int            `json:"total"`
	Planned   int            `json:"planned" doc:"would be changed, and have not been yet"`
	Refused   int            `json:"refused"`
	Done      int            `json:"done"`
	CreatedAt time.Time      `json:"created_at"`
	BegunAt   *time.Time     `json:"begun_at,omitempty"`
	EndedAt   *time.Time     `json:"ended_at,omitempty"`
	Version   int64          `json:"version"`
}

// OrderBody is an order with its name; which fields count follows from it, as at the single orders' routes.
type OrderBody struct {
	Name       string            `json:"name" enum:"hold,resume,move,reassign,priority,data,auto-respond,recategorize,stop"`
	Queue      string            `json:"queue,omitempty" maxLength:"100" doc:"move"`
	AgentID    string            `json:"agent_id,omitempty" maxLength:"64" doc:"reassign"`
	Priority   int               `json:"priority,omitempty" minimum:"-100" maximum:"100" doc:"priority"`
	Data       map[string]string `json:"data,omitempty" maxProperties:"50" doc:"data; an empty value removes its key"`
	ResponseID string            `json:"response_id,omitempty" maxLength:"64" doc:"auto-respond"`
	Category   string            `json:"category,omitempty" maxLength:"200" doc:"recategorize"`
	Reason     string            `json:"reason,omitempty" maxLength:"200" doc:"stop: a code; otherwise a word for the audit"`
	Force      bool              `json:"force,omitempty"`
}

// order makes the order, checked as by its own route.
func (b OrderBody) order() (interaction.Order, error) {
	base := Forced{Reason: b.Reason, Force: b.Force}
	var made orderBody
	switch b.Name {
	case interaction.OrderMove:
		if b.Queue == "" {
			return interaction.Order{}, interaction.Invalid("required", "order.queue", "names the queue to move to")
		}
		made = moveBody{base, b.Queue}
	case interaction.OrderReassign:
		made = reassignBody{base, b.AgentID}
	case interaction.OrderPriority:
		made = priorityBody{base, b.Priority}
	case interaction.OrderData:
		made = dataBody{base, b.Data}
	case interaction.OrderAutoRespond:
		made = respondBody{base, b.ResponseID}
	case interaction.OrderRecategorize:
		made = categoryBody{base, b.Category}
	case interaction.OrderStop:
		if !isCode(b.Reason) {
			return interaction.Order{}, interaction.Invalid("required", "order.reason", "says why they are stopped, as a code of a-z, 0-9 and _")
		}
		made = stopBody{b.Reason, b.Force}
	default:
		made = holdBody{base}
	}
	o, err := made.order()
	o.Name = b.Name
	return o, err
}

// isCode reports whether s is a short code of a-z, 0-9 and _.
func isCode(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 60
}

// FilterBody names interactions as the list's parameters do.
type FilterBody struct {
	State        []string   `json:"state,omitempty" maxItems:"5" enum:"received,automatic,waiting,on_hold,sending"`
	Queue        string     `json:"queue,omitempty" maxLength:"100"`
	Channel      string     `json:"channel,omitempty" maxLength:"20"`
	Category     string     `json:"category,omitempty" maxLength:"200"`
	Language     string     `json:"language,omitempty" maxLength:"20"`
	EntryPoint   string     `json:"entry_point,omitempty" maxLength:"100"`
	ContactID    string     `json:"contact_id,omitempty" maxLength:"64"`
	AgentID      string     `json:"agent_id,omitempty" maxLength:"64"`
	Priority     *int       `json:"priority,omitempty"`
	OpenedAfter  *time.Time `json:"opened_after,omitempty"`
	OpenedBefore *time.Time `json:"opened_before,omitempty"`
}

func (b FilterBody) filter(by interaction.Actor) (f interaction.InteractionFilter, err error) {
	f = interaction.InteractionFilter{
		Queue: b.Queue, Category: b.Category, Language: b.Language, EntryPoint: b.EntryPoint, Channel: interaction.Channel(b.Channel), Priority: b.Priority,
		States: each(b.State, func(s string) interaction.State { return interaction.State(s) }),
	}
	if b.OpenedAfter != nil {
		f.OpenedAfter = *b.OpenedAfter
	}
	if b.OpenedBefore != nil {
		f.OpenedBefore = *b.OpenedBefore
	}
	if f.Contact, err = optionalID("filter.contact_id", b.ContactID); err != nil {
		return f, err
	}
	f.Agent, err = agentOrMe("filter.agent_id", b.AgentID, by)
	return f, err
}

// SelectionInput asks for an order on many interactions.
type SelectionInput struct {
	Body struct {
		Order     OrderBody   `json:"order"`
		IDs       []string    `json:"ids,omitempty" maxItems:"10000" doc:"these interactions"`
		Filter    *FilterBody `json:"filter,omitempty" doc:"or the open ones that it finds, at most 10,000"`
		PerSecond float64     `json:"per_second,omitempty" minimum:"0.1" maximum:"200" default:"20" doc:"how many a second when it runs"`
	}
}

// SelectionOutput is one selection.
type SelectionOutput struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     Selection
}

func selectionView(s interaction.Selection) Selection {
	o := s.Order
	return Selection{
		ID: s.ID, AgentID: s.Agent, UndoOf: s.UndoOf, State: string(s.State), Reason: s.Reason, PerSecond: s.PerSecond,
		Order: OrderBody{o.Name, o.Queue, string(o.Agent), o.Priority, o.Data, string(o.Response), o.Category, o.Reason, o.Force},
		Total: s.Total, Planned: s.Planned, Refused: s.Refused, Done: s.Done,
		CreatedAt: s.CreatedAt, BegunAt: moment(s.BegunAt), EndedAt: moment(s.EndedAt), Version: s.Version,
	}
}

func selectionAnswer(s interaction.Selection, err error) (*SelectionOutput, error) {
	if err != nil {
		return nil, err
	}
	return &SelectionOutput{etag(s.Version), "/v1/selections/" + string(s.ID), selectionView(s)}, nil
}

func (s *server) createSelection(ctx context.Context, in *SelectionInput) (*SelectionOutput, error) {
	by, b := actorOf(ctx), in.Body
	n := interaction.NewSelection{PerSecond: b.PerSecond}
	var err error
	if n.Order, err = b.Order.order(); err != nil {
		return nil, err
	}
	if (len(b.IDs) == 0) == (b.Filter == nil) {
		return nil, interaction.Invalid("required", "ids", "is given, or filter in its place")
	}
	for _, id := range b.IDs {
		parsed, err := interaction.ParseID("ids", id)
		if err != nil {
			return nil, err
		}
		n.IDs = append(n.IDs, parsed)
	}
	if b.Filter != nil {
		if n.Filter, err = b.Filter.filter(by); err != nil {
			return nil, err
		}
	}
	return selectionAnswer(s.CreateSelection(ctx, by, n))
}

func (s *server) listSelections(ctx context.Context, in *Paged) (*List[Selection], error) {
	page, err := in.page("selections", "")
	if err != nil {
		return nil, err
	}
	found, err := s.Selections(ctx, actorOf(ctx), page)
	if err != nil {
		return nil, err
	}
	return listed("selections", found, selectionView), nil
}

// onSelection makes a handler of a call that is about one selection.
func onSelection(call func(context.Context, interaction.Actor, interaction.ID) (interaction.Selection, error)) func(context.Context, *ByID) (*SelectionOutput, error) {
	return func(ctx context.Context, in *ByID) (*SelectionOutput, error) {
		id, err := pathID(in.ID, "selection")
		if err != nil {
			return nil, err
		}
		return selectionAnswer(call(ctx, actorOf(ctx), id))
	}
}

// SelectionItem is one interaction of a selection.
type SelectionItem struct {
	Number        int            `json:"number"`
	InteractionID interaction.ID `json:"interaction_id"`
	State         string         `json:"state" enum:"unchecked,planned,refused,done"`
	Changes       []OrderChange  `json:"changes" nullable:"false" doc:"what would change, or has changed"`
	Refusal       *Refusal       `json:"refusal,omitempty"`
	Undoable      bool           `json:"undoable"`
	At            *time.Time     `json:"at,omitempty"`
}

// OrderChange is one thing that an order changes. Of attached data only the keys are told.
type OrderChange struct {
	Field  string `json:"field"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Refusal says why an order is not carried out, in the words of the problem that it would be alone.
type Refusal struct {
	Code   string         `json:"code"`
	Text   string         `json:"text"`
	Detail map[string]any `json:"detail,omitempty"`
}

func itemView(i interaction.SelectionItem) SelectionItem {
	v := SelectionItem{
		Number: i.Number, InteractionID: i.Interaction, State: string(i.State), Undoable: i.Undoable, At: moment(i.At),
		Changes: each(i.Changes, func(c interaction.OrderChange) OrderChange { return OrderChange(c) }),
	}
	if i.Refusal != nil {
		v.Refusal = &Refusal{i.Refusal.Code, i.Refusal.Text, i.Refusal.Detail}
	}
	return v
}

// ItemsInput narrows the items of a selection.
type ItemsInput struct {
	ByID
	Paged
	State string `query:"state" enum:"unchecked,planned,refused,done"`
}

func (s *server) selectionItems(ctx context.Context, in *ItemsInput) (*List[SelectionItem], error) {
	id, err := pathID(in.ID, "selection")
	if err != nil {
		return nil, err
	}
	name := "selection " + string(id) + " " + in.State
	page, err := in.page(name, "")
	if err != nil {
		return nil, err
	}
	found, err := s.SelectionItems(ctx, actorOf(ctx), id, interaction.ItemState(in.State), page)
	if err != nil {
		return nil, err
	}
	return listed(name, found, itemView), nil
}
