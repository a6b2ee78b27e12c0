// Package conversation is what the system itself says and does in a chat: it greets, asks, tells that nobody is there, makes a message by mail of
// what the customer wrote, and keeps the transcript (mission C2, C7, C8). Each step is one transaction of the store, which hands the
// session in and writes down what is decided here.
package conversation

import (
	"context"
	"net/url"
	"time"

	"parley/activities"
	"parley/interaction"
)

// Store is what the subject needs. Both run decide inside their transaction; run again for the same step they give what was decided then.
type Store interface {
	TurnChat(ctx context.Context, id interaction.ID, step string, decide func(interaction.ChatView) interaction.ChatTurn) (interaction.ChatTold, error)
	KeepTranscript(ctx context.Context, id interaction.ID, step string, write func(interaction.ChatView) interaction.ChatPaper) (interaction.ChatKept, error)
}

// Renderer fills the field codes of a text; values are named like "contact.name".
type Renderer interface {
	Render(source string, values map[string]any) (string, error)
}

// Hours tells whether a moment is in the open time of the calendar of this definition; nil is the calendar of all hours.
type Hours interface {
	Open(definition []byte, at time.Time) (bool, error)
}

// Activities are the steps of this subject.
type Activities struct {
	Store    Store
	Renderer Renderer
	Hours    Hours
	// Address gives where customers reach this house's pages, without a slash at its end; nil or empty: nowhere, and nobody is shown a form.
	Address func() string
}

// Turn names a step of a chat's story.
type Turn struct {
	Interaction interaction.ID
	Step        string
	Question    int    // which of the entry point's, from 0
	Policy      string // what a chat that comes to nothing turns into
	Reason      string // why it does, as a code
}

// BeginChat greets the customer, or says that it is out of hours, and tells the workflow the policies.
func (a *Activities) BeginChat(ctx context.Context, in Turn) (interaction.ChatTold, error) {
	return a.turn(ctx, in, func(v interaction.ChatView) interaction.ChatTurn {
		turn := interaction.ChatTurn{Told: a.policies(v.Settings)}
		open, err := a.Hours.Open(v.Calendar, v.At)
		if turn.Told.Closed = !open && err == nil; !turn.Told.Closed { // a customer must not wait for somebody to mend a calendar
			turn.Say = a.fill(v, v.Settings.Greeting)
		}
		return turn
	})
}

// policies are what the workflow needs of the settings. Without an entry point for mail nothing can become a message, and without one for callbacks
// nobody is called.
func (a *Activities) policies(s interaction.ChatSettings) interaction.ChatTold {
	instead := func(policy string) string {
		if policy == interaction.InsteadCallback && s.Callback != "" {
			return interaction.InsteadBook
		}
		if policy != interaction.InsteadMessage || s.Mail == "" {
			return interaction.InsteadStop
		}
		return policy
	}
	return interaction.ChatTold{
		Questions: len(s.Questions), WaitSeconds: s.WaitSeconds, WrapUpSeconds: s.WrapUpSeconds,
		WhenNobody: instead(s.WhenNobody), WhenClosed: instead(s.WhenClosed), WhenGone: instead(s.WhenGone),
	}
}

// form is the address of the page where a customer can have himself called; empty: there is none.
func (a *Activities) form(s interaction.ChatSettings) string {
	if s.Callback == "" || a.Address == nil || a.Address() == "" {
		return ""
	}
	return a.Address() + "/in/" + url.PathEscape(s.Callback) + "/"
}

// AskCustomer puts one of the entry point's questions, unless its answer is known already or the session is over.
func (a *Activities) AskCustomer(ctx context.Context, in Turn) (interaction.ChatTold, error) {
	return a.turn(ctx, in, func(v interaction.ChatView) interaction.ChatTurn {
		if in.Question >= len(v.Settings.Questions) { // the configuration has changed meanwhile
			return interaction.ChatTurn{}
		}
		return a.ask(v, v.Settings.Questions[in.Question])
	})
}

// ask puts a question that has no answer yet.
func (a *Activities) ask(v interaction.ChatView, q interaction.ChatAsk) interaction.ChatTurn {
	known := v.Data[q.Key] != "" || q.Kind == "email" && v.Email != ""
	if known || !v.Session.EndedAt.IsZero() {
		return interaction.ChatTurn{}
	}
	words := a.fill(v, q.Text)
	if words == "" {
		words = a.text(v, textOf[q.Key])
	}
	return interaction.ChatTurn{Ask: &q, Words: words, Told: interaction.ChatTold{Asked: q.Key}}
}

// AskForMessage says why nobody comes, and asks for what a message by mail lacks: an address, then words; or for what a callback lacks. Nothing asked: it has all it
// can get.
func (a *Activities) AskForMessage(ctx context.Context, in Turn) (interaction.ChatTold, error) {
	return a.turn(ctx, in, func(v interaction.ChatView) interaction.ChatTurn {
		var turn interaction.ChatTurn
		switch {
		case in.Policy == interaction.InsteadBook:
			turn = a.askForCall(v)
		case v.Email == "":
			q, _ := v.Settings.Ask(interaction.AskAddress)
			turn = a.ask(v, q)
		case !wrote(v):
			q, _ := v.Settings.Ask(interaction.AskMessage)
			turn = a.ask(v, q)
		}
		if in.Question == 0 && v.Session.EndedAt.IsZero() {
			turn.Say = a.text(v, textOf[in.Reason])
		}
		return turn
	})
}

// EndOfChat makes a message by mail of what the customer wrote, or has him called back, if the policy says so and it can be done, and ends the session. The reason
// that it tells is the chat's.
func (a *Activities) EndOfChat(ctx context.Context, in Turn) (interaction.ChatTold, error) {
	return a.turn(ctx, in, func(v interaction.ChatView) interaction.ChatTurn {
		turn := interaction.ChatTurn{End: "workflow", Told: interaction.ChatTold{Reason: in.Reason}}
		say := textOf[in.Reason]
		booking := in.Policy == interaction.InsteadBook
		switch {
		case booking && agreed(v) && v.Phone != "":
			turn.Call = a.call(v, in.Reason)
			return turn
		case booking:
			say = "goodbye" // why nobody comes, he has heard
		}
		if (in.Policy == interaction.InsteadMessage || booking) && v.Settings.Mail != "" {
			say = "goodbye"
			if v.Email != "" && wrote(v) {
				turn.Letter = letter(v)
				turn.Told.Reason = "left_message"
				say = "taken"
			}
		}
		if v.Session.EndedAt.IsZero() {
			turn.Say = a.text(v, say)
			if form := a.form(v.Settings); form != "" && (booking || in.Policy == interaction.InsteadCallback) {
				turn.Say += "\n" + a.text(v, "callback") + " " + form
			}
		}
		return turn
	})
}

func (a *Activities) turn(ctx context.Context, in Turn, decide func(interaction.ChatView) interaction.ChatTurn) (interaction.ChatTold, error) {
	told, err := a.Store.TurnChat(ctx, in.Interaction, in.Step, decide)
	return told, activities.Failure(err)
}

// KeepChatTranscript keeps what was said as one message of the interaction, once, and tells whether it is to be mailed.
func (a *Activities) KeepChatTranscript(ctx context.Context, in Turn) (interaction.ChatKept, error) {
	kept, err := a.Store.KeepTranscript(ctx, in.Interaction, in.Step, a.paper)
	return kept, activities.Failure(err)
}
