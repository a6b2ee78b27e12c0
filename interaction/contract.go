package interaction

// Task queues of the workers. One a class of work, so that limits are set for each.
const (
	QueueInteractions = "interactions"
)

// SignalNews is the one signal a running interaction hears; its payload is News.
const SignalNews = "news"

// QueryWhere asks a running interaction where its story stands; the answer is Where.
const QueryWhere = "where"

// KitVersion is the version of the designer's kit that new interactions start
// on. A change of the kit's command order is gated by the version in Start, so that
// running interactions go on as they began (architecture rule 11).
const KitVersion = 1

// Start is the input of every workflow. It carries ids and codes only
// (architecture rule 2).
type Start struct {
	Interaction ID        `json:"interaction"`
	Channel     Channel   `json:"channel"`
	EntryPoint  string    `json:"entryPoint,omitempty"`
	Direction   Direction `json:"direction,omitempty"`
	Kit         int       `json:"kit"`
	Number      int64     `json:"number"` // of the outbox row; news up to it is old
	Message     int64     `json:"message,omitempty"`
	Agent       ID        `json:"agent,omitempty"`  // who began it, when Direction is Out
	Code        string    `json:"code,omitempty"`   // what it is about, as far as a story wants to know: a report's kind
	Survey      bool      `json:"survey,omitempty"` // its entry point asks customers; stories that were begun without it have no such step
	Carried     *Carried  `json:"carried,omitempty"`
}

// Carried is what a workflow hands to itself when it continues as new: what
// the story has done, so that it is told again from the results and not done again.
type Carried struct {
	Steps    []StepResult `json:"steps"`
	Seen     int64        `json:"seen"`
	Round    int          `json:"round"`
	Newest   int64        `json:"newest"`   // number of the newest inbound message
	Answered int64        `json:"answered"` // up to this message the customer has got his answer
	Held     bool         `json:"held,omitempty"`
	Category string       `json:"category,omitempty"` // set by a supervisor's order
	Pending  []News       `json:"pending,omitempty"`  // heard, and nobody has waited for it yet

	Chat *ChatStanding `json:"chat,omitempty"` // of a chat
}

// StepResult is the result of one step that is over.
type StepResult struct {
	Step   string `json:"step"`
	Result []byte `json:"result"` // JSON
}

// NewsKind tells what a signal is about.
type NewsKind string

// What a workflow hears of. Everything else (offers, claims, drafts, releases) wakes nobody.
const (
	NewsStart    NewsKind = "start"    // not a signal: the outbox row that starts the workflow
	NewsMessage  NewsKind = "message"  // the customer wrote
	NewsReply    NewsKind = "reply"    // an agent released a reply; Message is its number
	NewsDone     NewsKind = "done"     // an agent ended the task without a reply; Code is the disposition
	NewsDecision NewsKind = "decision" // a reviewer decided; Code is approved, returned or stopped
	NewsSettled  NewsKind = "settled"  // a person settled an unknown send; Code is sent or not_sent
	NewsMoved    NewsKind = "moved"    // a callback has another time; Task is its open one
	NewsReport   NewsKind = "report"   // of a message of ours, nothing for people; Code is its kind
	NewsOrder    NewsKind = "order"    // a supervisor's order; Code is its name
)

// Orders of a supervisor, as News.Code of kind order.
const (
	OrderHold         = "hold"
	OrderResume       = "resume"
	OrderMove         = "move"
	OrderReassign     = "reassign"
	OrderPriority     = "priority"
	OrderData         = "data"
	OrderAutoRespond  = "auto-respond"
	OrderRecategorize = "recategorize"
	OrderStop         = "stop"
)

// News is one outbox row as the workflow hears it, numbered per interaction; a
// number that is not higher than the last one seen is dropped.
type News struct {
	Number  int64    `json:"number"`
	Kind    NewsKind `json:"kind"`
	Task    ID       `json:"task,omitempty"`
	Message int64    `json:"message,omitempty"`
	Agent   ID       `json:"agent,omitempty"`
	Code    string   `json:"code,omitempty"`
	Value   string   `json:"value,omitempty"` // reason code, queue or response id of an order
}

// Where answers QueryWhere: the story so far, in codes.
type Where struct {
	Step  string   `json:"step"`
	Seen  int64    `json:"seen"`
	Round int      `json:"round"`
	Steps []string `json:"steps"`
}

// Names of the workflow types, as entry points bind to them.
const (
	WorkflowEmail    = "Email"
	WorkflowOutbound = "Outbound"
	WorkflowReport   = "Report"
	WorkflowMMS      = "MMS"
	WorkflowSocial   = "Social"
	WorkflowSMS      = "SMS"
	WorkflowCallback = "Callback"
)
