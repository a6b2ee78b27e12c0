package interaction

import "time"

// This file holds what the story of a chat and the store tell each other. The workflow sees ChatTold only: codes and numbers.

// Built-in questions. A chat that comes to nothing asks what a message by mail needs.
const (
	AskAddress = "email"
	AskMessage = "message"
	AskCall    = "call_back" // whether he wants to be called
	AskPhone   = "phone"
)

// What a chat that comes to nothing turns into.
const (
	InsteadMessage  = "message"  // an interaction by mail in the same thread, with what the customer wrote
	InsteadCallback = "callback" // he is called back, if he wants that and his number is known
	InsteadStop     = "stop"     // nothing: it stops with the reason

	// InsteadBook is what the story hears of InsteadCallback. Stories that were begun when the customer was only shown a form have heard InsteadCallback, and go on so.
	InsteadBook = "book"
)

// When a transcript is mailed.
const (
	TranscriptAsked  = "asked"
	TranscriptAlways = "always"
	TranscriptNever  = "never"
)

// ChatTexts are the names of what the system says where a chat comes to nothing; ChatSettings.Texts can replace each.
var ChatTexts = []string{"closed", "nobody", "address", "message", "taken", "goodbye", "callback", "call_back", "phone", "yes", "no", "booked", "not_booked"}

// Ask gives the question of a key: one of the entry point's, or a built-in one.
func (s ChatSettings) Ask(key string) (ChatAsk, bool) {
	for _, q := range s.Questions {
		if q.Key == key {
			return q, true
		}
	}
	switch key {
	case AskAddress:
		return ChatAsk{Key: key, Kind: "email"}, true
	case AskMessage, AskCall:
		return ChatAsk{Key: key, Kind: "text"}, true
	case AskPhone:
		return ChatAsk{Key: key, Kind: "phone"}, true
	}
	return ChatAsk{}, false
}

// ChatView is a session as a step of its story sees it, within the step's transaction.
type ChatView struct {
	Session   ChatSession
	At        time.Time // of the step, by the database's clock
	Calendar  []byte    // definition of the queue's or else the entry point's business hours; nil: all hours
	Settings  ChatSettings
	Asking    string            // key of the open question
	Data      map[string]string // attached to the interaction, answers among it
	Subject   string
	Reference string  // what customers are told of the interaction
	House     string  // the entry point's name towards customers
	Name      string  // of the contact
	Email     string  // the contact's address; empty: none is known
	Phone     string  // what he answered to a question for his number, or else the contact's; empty: none is known
	MailTo    string  // where the customer wants the transcript
	MailFrom  Address // of the entry point that mail goes by; none: Settings.Mail is empty, too
	QueuedAt  time.Time
	Messages  []ChatMessage // all of them, in order
}

// ChatTurn is what the story does in one step, in this order; empty fields do nothing.
type ChatTurn struct {
	Say    string      // told to the customer
	Ask    *ChatAsk    // becomes the open question, with Words
	Words  string      // of the question, in the customer's language
	Letter *ChatLetter // becomes an interaction by mail
	Call   *ChatCall   // is booked before anything is said
	End    string      // ends the session, with this code
	Told   ChatTold
}

// ChatCall has the customer called back.
type ChatCall struct {
	Request CallRequest
	// Booked says what the customer is told, and the reason that the chat stops with. An error is why the callback was refused.
	Booked func(b Booked, refused error) (say, reason string)
}

// ChatLetter is what the customer wrote, as a message by mail.
type ChatLetter struct {
	From    Address
	Subject string
	Text    string
}

// ChatTold is what the workflow hears of a step.
type ChatTold struct {
	Closed        bool   `json:"closed,omitempty"` // out of hours
	Questions     int    `json:"questions,omitempty"`
	WaitSeconds   int    `json:"wait,omitempty"`
	WrapUpSeconds int    `json:"wrapUp,omitempty"`
	WhenNobody    string `json:"whenNobody,omitempty"`
	WhenClosed    string `json:"whenClosed,omitempty"`
	WhenGone      string `json:"whenGone,omitempty"`
	Asked         string `json:"asked,omitempty"`  // key of the question that is open now
	Reason        string `json:"reason,omitempty"` // why the chat stops
}

// Wait is how long a customer waits for an agent.
func (t ChatTold) Wait() time.Duration { return time.Duration(t.WaitSeconds) * time.Second }

// WrapUp is how long an agent has for his disposition when the session is over.
func (t ChatTold) WrapUp() time.Duration { return time.Duration(t.WrapUpSeconds) * time.Second }

// ChatPaper is a transcript: what everybody in the session could read.
type ChatPaper struct {
	Subject string
	Text    string
	HTML    string
	MailTo  string // empty: it is kept and not mailed
	Figures ChatFigures
}

// ChatFigures are the statistics of a session; times are in seconds, -1 where there was nothing to measure.
type ChatFigures struct {
	Seconds         int `json:"seconds"`         // from opening to end
	Waited          int `json:"waited"`          // from the invitation until the first agent came
	FirstResponse   int `json:"firstResponse"`   // from the invitation until an agent first wrote
	AverageResponse int `json:"averageResponse"` // from what the customer wrote until an agent answered it, over all answers
	Agents          int `json:"agents"`          // how many came
	FromCustomer    int `json:"fromCustomer"`    // messages
	FromAgents      int `json:"fromAgents"`
}

// ChatKept is where the transcript is.
type ChatKept struct {
	Message int64 `json:"message,omitempty"` // 0: nothing was said, so there is none
	Mail    bool  `json:"mail,omitempty"`    // its ledger row stands
}

// ChatStanding is a session as its news tell it, carried through continue-as-new.
type ChatStanding struct {
	Present bool      `json:"present,omitempty"` // an agent is there
	Agent   ID        `json:"agent,omitempty"`   // who came last
	Alone   time.Time `json:"alone,omitzero"`    // since when nobody is there
	Asleep  bool      `json:"asleep,omitempty"`  // its agent has put it away: nobody waits
	Over    string    `json:"over,omitempty"`    // code of what ended it
}

// ChatPosition is where a customer stands who waits for an agent.
type ChatPosition struct {
	Session     ID
	Place       int // 1: the next
	WaitSeconds int // 0: nobody was taken lately, so nothing can be said
}
