package interaction

import "time"

// This file is what agents work with at their desks.

// Away is why an agent is not ready for a class of tasks, and since when.
type Away struct {
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
}

// AgentState is what an agent says of himself.
type AgentState struct {
	Ready  bool
	Reason string            // why not
	Away   map[string]string // classes of tasks that he is not ready for all the same, each with its reason; nil: as it is
}

// TaskClasses are what tasks count as in an agent's load: the channel, or the kind when it is not to handle.
var TaskClasses = append(texts(Channels), string(TaskReview), string(TaskConsult), string(TaskSettle))

// WorkFilter narrows a workbin; empty fields do not count.
type WorkFilter struct {
	Group    string // the group's; empty: the actor's own
	States   []TaskState
	Kinds    []TaskKind
	Channel  Channel
	Queue    string
	Category string
	Contact  ID
	Words    string // the subject or the contact's name has each of them
}

// WorkItem is a task in a workbin with what tells it from others.
type WorkItem struct {
	Task
	Subject   string
	Category  string
	Contact   ID
	Name      string    // of the contact
	Messages  int64     // of the interaction
	WroteAt   time.Time // when the customer wrote last
	DraftedAt time.Time // when the draft was saved; zero: there is none
	Answers   int       // of consults, given
	Asked     int       // consults in all
	DueAt     time.Time // by the service objective; zero: there is none
}

// Note is a word among agents, on a contact or on one interaction of his.
type Note struct {
	ID          ID
	Contact     ID
	Interaction ID // empty: on the contact
	Author      ID
	At          time.Time
	Text        string
}

// HistoryEntry is one thing of a contact's history over all channels: a message or a note.
type HistoryEntry struct {
	At          time.Time
	Kind        MessageKind
	Interaction ID
	Channel     Channel // empty for a note on the contact
	Number      int64   // of the message; 0 for a note
	Author      ID
	Subject     string
	Text        string // its beginning
	ID          ID     // of a note
}

// Changed is one thing that happened to an interaction since somebody looked at it.
type Changed struct {
	At    time.Time      `json:"at"`
	Code  string         `json:"code"`
	Actor ID             `json:"actor_id,omitempty"`
	Task  ID             `json:"task_id,omitempty"`
	From  string         `json:"from,omitempty"`
	To    string         `json:"to,omitempty"`
	Data  map[string]any `json:"data,omitempty"`
}
