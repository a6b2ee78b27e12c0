package interaction

import "time"

// This file holds what people ask for. The API makes these of a request, the store carries them out in one
// transaction each; a command written against an old version is refused as stale.

// Reply is what an agent answers the customer.
type Reply struct {
	Subject     string // empty: "Re: " and the subject of what it answers
	Text        string
	HTML        string
	Cc          []Address
	Attachments []File
	Disposition string
	EntryPoint  string // by which it goes out; empty: the one that the customer wrote to last
	Responses   []ID   // standard responses that it was made of
}

// Draft is what an agent has written so far.
type Draft struct {
	Task        ID
	Author      ID
	Subject     string
	Text        string
	HTML        string
	Attachments []File
	Answers     []ID // consults whose answers were joined to it
	SavedAt     time.Time
	Version     int64 // 0: there is none
}

// Asked is who is consulted: an agent, or anybody of a group.
type Asked struct {
	Agent ID
	Group string
}

// Transfer is where a task goes: to a queue or to an agent, with a word for him.
type Transfer struct {
	Queue string
	Agent ID
	Note  string
}

// Done is how an agent ends a task without a reply.
type Done struct {
	Disposition string // of a handle task: a code
	Answer      string // of a consult
	Outcome     string // of a settle task: sent or not_sent
}

// Decision is a reviewer's word on a reply.
type Decision struct {
	Verdict string // approve, return, stop or reassign
	Text    string // approve: the edited text, when not empty
	HTML    string
	Subject string
	Comment string // for the author; required when returned
	Reason  string // stop: a code
	Agent   ID     // reassign: to this reviewer; empty: to anybody else

	Evaluation map[string]int // answers to the policy's form, by question
}

// Order is a supervisor's order on one interaction; which fields count follows from its name.
type Order struct {
	Name     string // OrderHold … OrderStop
	Queue    string // move
	Agent    ID     // reassign
	Priority int    // priority
	Data     map[string]string
	Response ID     // auto-respond: the standard response to send; empty: the best one
	Category string // recategorize; empty: let the model say it again
	Reason   string // stop: a code; of every other order a word for the audit
	Force    bool   // also while an agent holds it or it is on offer; never while being sent
}

// NewOutbound is a message that an agent or an application starts by itself.
type NewOutbound struct {
	EntryPoint string // it is sent from here
	To         Address
	Subject    string
	Text       string
	HTML       string
	Queue      string // empty: the entry point's
	Category   string
}
