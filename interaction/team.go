package interaction

import "time"

// TeamMember is an agent as his supervisor sees him: with what he holds.
type TeamMember struct {
	Agent
	Holds []Holding
}

// Holding is a task that an agent has: held, on offer to him, or put away.
type Holding struct {
	Task, Interaction ID
	Kind              TaskKind
	State             TaskState
	Queue             string
	Since             time.Time // since when he holds it; zero: not counted yet, or he does not hold it
	Until             time.Time // when it goes back by itself; zero: never
}

// TakeBack takes work back from an agent, as when he is absent.
type TakeBack struct {
	Tasks    []ID   // of his; empty: all that the supervisor may know of
	Queue    string // where they go instead of back to their own queues
	Agent    ID     // for whom they are reserved; empty: nobody
	Reason   string // a word for the audit
	NotReady bool   // he gets no more offers until he says that he is ready
}

// TakenBack tells what was taken back.
type TakenBack struct {
	Tasks []ID
	Left  int // tasks that he keeps: of other groups
}
