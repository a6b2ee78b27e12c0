package interaction

import (
	"slices"
	"time"
)

// This file holds what people look at: lists and single things with what belongs to them.

// Page asks for one page of a list.
type Page struct {
	Limit int    // how many at most
	After string // where the page before ended, as Listed.Next said; empty: from the beginning
	Sort  string // one of the list's own names, with "-" for descending; empty: its default
}

// Listed is one page.
type Listed[T any] struct {
	Items []T
	Next  string // where the next page begins; empty on the last
}

// InteractionFilter narrows a list of interactions; empty fields do not count.
type InteractionFilter struct {
	States                                []State
	Queue, Category, Language, EntryPoint string
	Channel                               Channel
	Contact, Thread, Agent                ID // Agent: who worked on it last or holds a task of it
	Priority                              *int
	OpenedAfter, OpenedBefore             time.Time
}

// TaskFilter narrows a list of tasks. Without states it means the open ones.
type TaskFilter struct {
	States      []TaskState
	Kinds       []TaskKind
	Queue       string
	Agent       ID
	Interaction ID
}

// ContactFilter narrows a list of contacts.
type ContactFilter struct {
	Name      string    // begins so, whatever the case
	Attribute Attribute // has exactly this one
}

// InteractionView is an interaction with its open tasks that the viewer may know of.
type InteractionView struct {
	Interaction
	Tasks      []Task
	Categories []RankedCategory // that it belongs to, best first: several where its model gives several
	Ways       []Way            // by which the customer can be answered, the one that he wrote to last first
	Claims     []Claim          // whom the customer says to be without proof; of a chat, or of what it became
}

// MessageView is a message with what became of its sending.
type MessageView struct {
	Message
	Send *Send // nil: it was never decided to send it
	Chat bool  // said in its chat, and numbered there
}

// Send is where the ledger stands with a message.
type Send struct {
	State    SendState
	Attempts int
	Code     string // the other side's own code, e.g. "451 4.3.0"

	Receipt ReceiptState // what the carrier said since; empty: nothing
}

// TaskView is a task with what its agent needs.
type TaskView struct {
	Task
	Disposition string // of a task that is over
	Answer      string // of a consult or review that is over
	Consults    []Consult
	Draft       *Draft              // without its texts; nil: none
	Suggestions []SuggestedResponse // that may be used today, best first
	Ways        []Way               // by which the customer can be answered, and until when; of a task to answer
}

// Consult is a question that was asked for a task.
type Consult struct {
	ID       ID
	Agent    ID     // who was asked or has answered
	Group    string // or which group
	Question string
	Answer   string
	State    TaskState
}

// ReviewView is a review with the reply to decide on and the message that it answers.
type ReviewView struct {
	Task
	Reply   Message
	Answers *Message   // nil: the customer has written none
	Open    OpenReview // why it was drawn, and by when it is to be decided
	Form    *Form      // to be filled in with the decision; nil: none
}

// ContactView is a contact with his newest interactions that the viewer may know of.
type ContactView struct {
	Contact
	Interactions []Interaction
}

// Category is one node of the category tree.
type Category struct {
	Name  string
	Title string
	Skill string
	Queue string
}

// QueueView is a queue with how it stands.
type QueueView struct {
	Name    string
	Title   string
	Group   string
	Waiting int       // tasks that nobody has
	Held    int       // tasks that somebody works on
	Oldest  time.Time // since when the oldest to handle waits; zero: none does
}

// StreamEvent is an event with what decides who may hear of it.
type StreamEvent struct {
	Event
	Group  string   // of the interaction's queue
	Groups []string // of the agent that it is about
	Kind   TaskKind
	Agents []ID // whom it concerns: who holds the task or has it reserved
}

// VisibleTo reports whether the actor may hear of the event (mission P3): what concerns himself, and what happens
// in his groups; of reviews from senior on.
func (e *StreamEvent) VisibleTo(a Actor) bool {
	switch {
	case a.Role == RoleAdmin:
		return true
	case a.Agent != "" && (e.Actor == a.Agent || slices.Contains(e.Agents, a.Agent)):
		return true
	case a.AtLeast(RoleSupervisor) && slices.ContainsFunc(e.Groups, func(g string) bool { return slices.Contains(a.Groups, g) }):
		return true // a person of theirs
	case !a.AtLeast(RoleAgent) || e.Group == "" || !slices.Contains(a.Groups, e.Group):
		return false
	case e.Kind == TaskReview:
		return a.AtLeast(RoleSenior)
	case e.Kind == TaskConsult:
		return a.AtLeast(RoleSupervisor)
	}
	return true
}

// NewToken is a token to be kept: its hash, never itself.
type NewToken struct {
	Agent   ID
	Kind    string // TokenAPI or TokenSession
	Label   string
	Hash    []byte
	Expires time.Time // zero: never
}

// Kinds of tokens.
const (
	TokenAPI     = "api"
	TokenSession = "session"
)
