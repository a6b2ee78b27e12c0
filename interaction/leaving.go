package interaction

import "time"

// Leaving is a message of ours on its way out: released and not yet taken by the other side, or of unknown fate. The list of them is the outbound queue.
type Leaving struct {
	Interaction ID
	Message     int64
	Kind        MessageKind
	Channel     Channel
	EntryPoint  string // it leaves by
	Queue       string // of its interaction
	Author      ID     // empty: Parley itself
	Subject     string
	State       SendState // SendQueued, SendInFlight or SendUnknown
	Attempts    int
	Code        string // why the last attempt came to nothing
	Answer      string // what the other side said to it
	Since       time.Time
	Begun       time.Time // the last attempt; zero: there was none
}

// LeavingFilter narrows the outbound queue; empty fields do not count.
type LeavingFilter struct {
	States            []SendState
	Queue, EntryPoint string
	Channel           Channel
}
