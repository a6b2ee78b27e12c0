package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/interaction"
)

// Callbacks is requests to be called.
type Callbacks interface {
	BookCallback(ctx context.Context, by interaction.Actor, r interaction.CallRequest) (interaction.Booked, error)
	Callbacks(ctx context.Context, by interaction.Actor, f interaction.CallbackFilter, p interaction.Page) (interaction.Listed[interaction.Call], error)
	Callback(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.Call, error)
	CallbackSlots(ctx context.Context, entryPoint, zone string, from, to time.Time) ([]interaction.CallSlotView, error)
	MoveCallback(ctx context.Context, by interaction.Actor, id interaction.ID, to interaction.CallWhen, version int64) (interaction.Call, error)
	CancelCallback(ctx context.Context, by interaction.Actor, id interaction.ID, version int64) (interaction.Call, error)
	BeginDial(ctx context.Context, by interaction.Actor, callback interaction.ID) (interaction.Dial, error)
	EndDial(ctx context.Context, d interaction.Dial, state interaction.DialState) error
}

// Callback is one request to be called.
type Callback struct {
	ID         interaction.ID `json:"id" doc:"its interaction's too"`
	EntryPoint string         `json:"entry_point"`
	Queue      string         `json:"queue"`
	Phone      string         `json:"phone" doc:"E.164"`
	Extension  string         `json:"extension,omitempty"`
	Tel        string         `json:"tel" doc:"the number as a link that a softphone dials (RFC 3966)"`
	Name       string         `json:"name"`
	Email      string         `json:"email,omitempty"`
	Topic      string         `json:"topic"`
	Text       string         `json:"text" doc:"what he wrote; further words are messages of the interaction"`
	Language   string         `json:"language"`
	Mode       string         `json:"mode" enum:"now,free,slot"`
	Zone       string         `json:"zone" doc:"the customer's"`
	Local      string         `json:"local,omitempty" doc:"of a slot: the time on his wall, which stays when the zone's rules change"`
	DueAt      time.Time      `json:"due_at" doc:"when he is called, or called again"`
	ExpiresAt  time.Time      `json:"expires_at" doc:"he is not called any more behind this"`
	State      string         `json:"state" enum:"waiting,done,failed,cancelled,expired"`
	Outcome    string         `json:"outcome,omitempty" doc:"disposition of the last try"`
	Tries      int            `json:"tries" doc:"made so far"`
	MostTries  int            `json:"most_tries"`
	TaskID     interaction.ID `json:"task_id,omitempty" doc:"of the try that is to be made"`
	TaskState  string         `json:"task_state,omitempty"`
	AgentID    interaction.ID `json:"agent_id,omitempty" doc:"who has it"`
	DialledAt  *time.Time     `json:"dialled_at,omitempty"`
	DialState  string         `json:"dial_state,omitempty" enum:",dialling,ok,failed,unknown" doc:"what is known of the last order to dial in this try"`
	BookedAt   time.Time      `json:"booked_at"`
	EndedAt    *time.Time     `json:"ended_at,omitempty"`
	Version    int64          `json:"version"`
}

func callbackView(c interaction.Call) Callback {
	return Callback{
		ID: c.ID, EntryPoint: c.EntryPoint, Queue: c.Queue, Phone: c.Phone, Extension: c.Extension, Tel: telLink(c.Phone, c.Extension), Name: c.Name, Email: c.Email, Topic: c.Topic,
		Text: c.Text, Language: c.Language, Mode: string(c.Mode), Zone: c.Zone, Local: c.Local, DueAt: c.Due.UTC(), ExpiresAt: c.Expires.UTC(), State: string(c.State),
		Outcome: c.Outcome, Tries: c.Tries, MostTries: c.Most, TaskID: c.Task, TaskState: string(c.TaskState), AgentID: c.Agent, DialledAt: moment(c.Dialled),
		DialState: string(c.DialState), BookedAt: c.Booked.UTC(), EndedAt: moment(c.Ended), Version: c.Version,
	}
}

// telLink is a number as a tel: URI.
func telLink(number, extension string) string {
	if extension != "" {
		return "tel:" + number + ";ext=" + extension
	}
	return "tel:" + number
}

// CallbackOutput is one callback.
type CallbackOutput struct {
	ETag string `header:"ETag"`
	Body Callback
}

func callbackOutput(c interaction.Call, err error) (*CallbackOutput, error) {
	if err != nil {
		return nil, err
	}
	return &CallbackOutput{etag(c.Version), callbackView(c)}, nil
}

// When is when somebody wants to be called.
type When struct {
	Mode string `json:"mode,omitempty" enum:"now,free,slot" doc:"slot where at is given, else the entry point's first"`
	At   string `json:"at,omitempty" maxLength:"40" doc:"of a slot: a moment with its offset (RFC 3339), or a time on the wall of the zone such as 2026-11-24T10:30; of one that comes twice the first is meant"`
	Zone string `json:"zone,omitempty" maxLength:"64" doc:"IANA name; the entry point's when empty"`
}

func (w When) wish() interaction.CallWhen {
	return interaction.CallWhen{Mode: interaction.CallbackMode(w.Mode), At: w.At, Zone: w.Zone}
}

// BookInput asks for a call.
type BookInput struct {
	Body struct {
		When
		EntryPoint string `json:"entry_point" maxLength:"100"`
		Phone      string `json:"phone" maxLength:"60" doc:"as it was written; without its country it is one of the entry point's"`
		Name       string `json:"name,omitempty" maxLength:"200"`
		Email      string `json:"email,omitempty" maxLength:"254"`
		Topic      string `json:"topic,omitempty" maxLength:"200"`
		Text       string `json:"text,omitempty" maxLength:"4000"`
		Language   string `json:"language,omitempty" maxLength:"35"`
	}
}

// BookedOutput is a callback that was booked.
type BookedOutput struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     BookedCallback
}

// BookedCallback is a callback with the customer's link.
type BookedCallback struct {
	Callback
	Link   string `json:"link,omitempty" doc:"by which the customer reads, moves and cancels it; whoever has it may"`
	Merged bool   `json:"merged" doc:"the number waited already: this is its callback, with the words of the request added"`
}

func (s *server) bookCallback(ctx context.Context, in *BookInput) (*BookedOutput, error) {
	b := in.Body
	booked, err := s.BookCallback(ctx, actorOf(ctx), interaction.CallRequest{
		EntryPoint: b.EntryPoint, Phone: b.Phone, Email: b.Email, Name: b.Name, Topic: b.Topic, Text: b.Text, Language: b.Language, CallWhen: b.wish(),
	})
	if err != nil {
		return nil, err
	}
	out := &BookedOutput{etag(booked.Version), "/v1/callbacks/" + string(booked.ID), BookedCallback{Callback: callbackView(booked.Call), Merged: booked.Merged}}
	if booked.Token != "" {
		out.Body.Link = s.PublicURL() + "/callback/" + booked.Token
	}
	return out, nil
}

// CallbacksInput narrows the list of callbacks.
type CallbacksInput struct {
	Paged
	EntryPoint string   `query:"entry_point" maxLength:"100"`
	State      []string `query:"state" enum:"waiting,done,failed,cancelled,expired" maxItems:"5" doc:"one or several, with commas; all when empty"`
	Phone      string   `query:"phone" maxLength:"20" doc:"E.164"`
}

func (s *server) listCallbacks(ctx context.Context, in *CallbacksInput) (*List[Callback], error) {
	f := interaction.CallbackFilter{
		EntryPoint: in.EntryPoint, Phone: in.Phone, States: each(in.State, func(s string) interaction.CallbackState { return interaction.CallbackState(s) }),
	}
	name := fmt.Sprint("callbacks", f)
	page, err := in.page(name, "")
	if err != nil {
		return nil, err
	}
	found, err := s.Store.Callbacks(ctx, actorOf(ctx), f, page)
	if err != nil {
		return nil, err
	}
	return listed(name, found, callbackView), nil
}

func (s *server) getCallback(ctx context.Context, in *ByID) (*CallbackOutput, error) {
	id, err := pathID(in.ID, "callback")
	if err != nil {
		return nil, err
	}
	return callbackOutput(s.Callback(ctx, actorOf(ctx), id))
}

// MoveCallbackInput gives a callback another time.
type MoveCallbackInput struct {
	ByID
	IfMatch
	Body When
}

func (s *server) moveCallback(ctx context.Context, in *MoveCallbackInput) (*CallbackOutput, error) {
	id, version, err := target(in.ByID, in.IfMatch)
	if err != nil {
		return nil, err
	}
	return callbackOutput(s.MoveCallback(ctx, actorOf(ctx), id, in.Body.wish(), version))
}

func (s *server) cancelCallback(ctx context.Context, in *TaskChange) (*CallbackOutput, error) {
	id, version, err := target(in.ByID, in.IfMatch)
	if err != nil {
		return nil, err
	}
	return callbackOutput(s.CancelCallback(ctx, actorOf(ctx), id, version))
}

// SlotsInput asks for free times.
type SlotsInput struct {
	EntryPoint string    `query:"entry_point" required:"true" maxLength:"100"`
	Zone       string    `query:"zone" maxLength:"64" doc:"IANA name that times are shown in; the entry point's when empty"`
	From       time.Time `query:"from" doc:"now when empty"`
	To         time.Time `query:"to" doc:"a day behind from when empty; at most 31 days behind it"`
}

// Slot is a time that can be chosen.
type Slot struct {
	At   time.Time `json:"at"`
	Free int       `json:"free" doc:"how many more callbacks it takes"`
}

func (s *server) listSlots(ctx context.Context, in *SlotsInput) (*List[Slot], error) {
	if in.From.IsZero() {
		in.From = clock()
	}
	if in.To.IsZero() {
		in.To = in.From.AddDate(0, 0, 1)
	}
	if ahead := in.To.Sub(in.From); ahead <= 0 || ahead > 31*24*time.Hour {
		return nil, interaction.Invalid("bad_time", "to", "is a time behind from, by 31 days at most")
	}
	found, err := s.CallbackSlots(ctx, in.EntryPoint, in.Zone, in.From, in.To)
	if err != nil {
		if interaction.KindOf(err) == interaction.KindUnknown {
			err = interaction.Invalid("unknown_entry_point", "entry_point", "there is no such entry point that takes callbacks")
		}
		return nil, err
	}
	return whole(found, func(v interaction.CallSlotView) Slot { return Slot{v.At, v.Free} }), nil
}

// DialOutput is what became of an order to dial.
type DialOutput struct {
	Body struct {
		Number string `json:"number" doc:"E.164"`
		Tel    string `json:"tel" doc:"the number as a link, for a softphone"`
		State  string `json:"state" enum:"ok,unknown,dialling,failed" doc:"ok: the telephone system dials, or, where the entry point has none, the agent does; unknown: nobody knows whether it does"`
	}
}

// dialCallback has the customer's number dialled, for the agent who has the callback. What is asked for again under the same key is not dialled again.
func (s *server) dialCallback(ctx context.Context, in *ByID) (*DialOutput, error) {
	id, err := pathID(in.ID, "callback")
	if err != nil {
		return nil, err
	}
	by := actorOf(ctx)
	d, err := s.BeginDial(ctx, by, id)
	if err != nil {
		return nil, err
	}
	out := &DialOutput{}
	out.Body.Number, out.Body.Tel = d.Number, telLink(d.Number, d.Extension)
	if callOf(ctx).replayed {
		c, err := s.Callback(ctx, by, id)
		out.Body.State = string(c.DialState)
		return out, err
	}
	state := interaction.DialOK
	var refused error
	if d.URL != "" {
		if refused = s.Dialler.Dial(ctx, d); refused != nil {
			if state = interaction.DialFailed; errors.Is(refused, interaction.ErrDialUnknown) {
				state, refused = interaction.DialUnknown, nil
			}
		}
	}
	// The agent may have given up waiting; what is known is written down all the same.
	if err := s.EndDial(context.WithoutCancel(ctx), d, state); err != nil {
		return nil, err
	}
	out.Body.State = string(state)
	if refused != nil {
		e := interaction.Unavailable("not_dialled", refused)
		e.Text = "the telephone system did not take the number; dial it yourself"
		return nil, e
	}
	return out, nil
}

// noDialler is a house whose entry points name telephone systems that it cannot reach.
type noDialler struct{}

// Dial dials nothing.
func (noDialler) Dial(context.Context, interaction.Dial) error {
	return errors.New("this process orders no calls")
}
