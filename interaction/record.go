package interaction

import "time"

// Interaction is one piece of work from arrival to stop; one durable workflow, whose id is the interaction's.
type Interaction struct {
	ID         ID
	Thread     ID
	Contact    ID
	Parent     ID // the interaction before it in the thread, or the one it reports on; may be empty
	Channel    Channel
	EntryPoint string
	Queue      string
	Direction  Direction
	Subject    string
	State      State
	Language   string // BCP 47 primary tag, "und" when unclear, empty before understanding
	Category   string
	Confidence float64 // of the category, 0 to 1
	Priority   int     // higher is sooner
	Data       map[string]string
	LastAgent  ID
	OpenedAt   time.Time
	StoppedAt  time.Time // zero while open
	Reason     string    // why it stopped: a code
	Messages   int64     // how many messages it has; they are numbered from 1
	Version    int64
	Gone       string `json:",omitempty"` // why what was said in it is not there any more: GoneErased or GoneRetention; empty: it is there
}

// Direction tells who began.
type Direction string

// Directions.
const (
	In  Direction = "in"
	Out Direction = "out"
)

// MessageKind tells what a message is.
type MessageKind string

// Message kinds. A reply is written by an agent and is under review or released; only
// a message with a ledger row has left.
const (
	MessageIn    MessageKind = "in"
	MessageReply MessageKind = "reply"
	MessageAuto  MessageKind = "auto" // acknowledgement or automatic response
	MessageNote  MessageKind = "note" // for agents only

	MessageTranscript MessageKind = "transcript" // what was said in a chat; kept once, and mailed if it has a ledger row
	MessageSurvey     MessageKind = "survey"     // asks the customer how it was
)

// Message is one text within an interaction. Bodies live in PostgreSQL only.
type Message struct {
	Interaction ID
	Number      int64 // from 1, without gaps
	Kind        MessageKind
	At          time.Time
	Author      ID // the agent who wrote it; empty for the customer and the system
	From        Address
	ReplyTo     Address // where an answer goes; From when empty
	To, Cc      []Address
	Subject     string
	Text        string
	HTML        string
	ReplyText   string // the new part, without what was quoted
	MessageID   string // without angle brackets
	InReplyTo   string
	References  []string
	Inbound     ID // where the raw bytes are kept
	Attachments []File
	Problems    []string // what the parser had to work around
	Machine     string   // kind of machine mail, empty for people's
	EntryPoint  string   // it came in or goes out by; empty: the interaction's own
	Headers     []Header
	Visibility  Visibility // who can read it; empty on channels between two people
	Withdrawn   bool       // the customer took it back: its words and files are not shown any more

	// Auth says how the checks of an inbound mail's sender went, by method: spf, dkim, dmarc, arc; empty where none were made.
	Auth map[string]string

	Response        ID // the standard response that an automatic mail says; empty: none
	ResponseVersion int64
}

// Header is one header field of an inbound mail, decoded; screening rules read them.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// File describes one attachment; the bytes are a part of the raw mail or an upload.
type File struct {
	Name      string `json:"name"`
	Type      string `json:"type"`
	Size      int64  `json:"size"`
	SHA256    string `json:"sha256"`
	Inline    bool   `json:"inline,omitempty"`
	ContentID string `json:"contentId,omitempty"`
	Part      int    `json:"part,omitempty"`   // index within the raw mail
	Upload    ID     `json:"upload,omitempty"` // or the upload
}

// TaskKind tells what an agent is asked to do.
type TaskKind string

// Task kinds.
const (
	TaskHandle  TaskKind = "handle"  // answer the customer
	TaskReview  TaskKind = "review"  // decide on a colleague's reply
	TaskConsult TaskKind = "consult" // answer a colleague
	TaskSettle  TaskKind = "settle"  // say what became of a send whose outcome is unknown

	TaskCallback TaskKind = "callback" // call the customer
)

// Task is what an agent holds.
type Task struct {
	ID            ID
	Interaction   ID
	Kind          TaskKind
	Step          string // the step of the workflow that opened it
	Channel       Channel
	Class         string // what it counts as in an agent's load
	State         TaskState
	Queue         string
	Demand        Demand
	Chain         []RouteTarget
	ChainStep     int
	Priority      int
	OpenedAt      time.Time // age counts from here, whatever happens between
	DueAt         time.Time // by the service objective of its queue; zero: none
	NotBefore     time.Time // zero: at once
	Agent         ID        // who holds it or is asked
	ReservedFor   ID        // only this agent may have it until ReservedUntil
	ReservedUntil time.Time
	OfferUntil    time.Time
	Refused       []ID // not offered to these again
	Author        ID   // review: the author, who may never decide
	Parent        ID   // consult: the asking task
	Message       int64
	Note          string // for the next agent: consult question, transfer note, reviewer's comment
	Cycles        int    // how often a reviewer has returned it
	Transfers     int
	Version       int64
}

// Demand is what a task asks of an agent at this moment.
type Demand struct {
	Skill string `json:"skill,omitempty"`
	Level int    `json:"level,omitempty"` // 1 to 10; the agent's must be at least this
	Group string `json:"group,omitempty"`
	Agent ID     `json:"agent,omitempty"`
}

// RouteTarget is one link in a task's chain: who may have it, and for how long before the next link opens.
type RouteTarget struct {
	Kind    TargetKind `json:"kind" yaml:"kind"`
	Name    string     `json:"name,omitempty" yaml:"name,omitempty"`   // skill, group, queue or agent id
	Level   int        `json:"level,omitempty" yaml:"level,omitempty"` // for a skill
	Seconds int        `json:"seconds,omitempty" yaml:"seconds,omitempty"`
}

// TargetKind names who a target means.
type TargetKind string

// Target kinds.
const (
	ToLastAgent TargetKind = "last_agent"
	ToAgent     TargetKind = "agent"
	ToSkill     TargetKind = "skill"
	ToGroup     TargetKind = "group"
	ToQueue     TargetKind = "queue"
)

// Role is what a person may do (mission P3).
type Role string

// Roles, each with all rights of the one before except designer, who configures and does not answer.
const (
	RoleAgent      Role = "agent"
	RoleSenior     Role = "senior"
	RoleSupervisor Role = "supervisor"
	RoleDesigner   Role = "designer"
	RoleAdmin      Role = "admin"
)

// Actor is who does something: a person by token, or the system itself.
type Actor struct {
	Agent  ID // empty for the system
	Login  string
	Role   Role
	Groups []string
	Token  ID // which token, for rate limits and revocation
}

// System is the actor of what workflows and background parts do.
var System = Actor{Role: RoleAdmin, Login: "system"}

// AtLeast reports whether the actor's role has all rights of role.
func (a Actor) AtLeast(role Role) bool { return rank[a.Role] >= rank[role] }

// Configures reports whether the actor may change the configuration.
func (a Actor) Configures() bool { return a.Role == RoleDesigner || a.Role == RoleAdmin }

var rank = map[Role]int{RoleDesigner: 0, RoleAgent: 1, RoleSenior: 2, RoleSupervisor: 3, RoleAdmin: 4}

// Agent is a person who works here.
type Agent struct {
	ID       ID
	Login    string
	Name     string
	Email    string
	Role     Role
	Enabled  bool
	Groups   []string
	Skills   map[string]int  // level 1 to 10
	Limits   map[Channel]int // how many tasks of a channel at once; "total" over all
	Capacity Capacity        // what he may have at once across classes
	Load     map[Channel]int
	Ready    bool
	Reason   string          // why not ready
	Since    time.Time       // of the ready state
	Away     map[string]Away // classes of tasks that he is not ready for
	Version  int64
}

// Contact is a customer, known by ranked attributes.
type Contact struct {
	ID         ID
	Name       string
	Attributes []Attribute
	CreatedAt  time.Time
	Version    int64
}

// Attribute identifies a contact on a channel, e.g. email, phone.
type Attribute struct {
	Kind      string     `json:"kind"`
	Value     string     `json:"value"`
	FailedAt  *time.Time `json:"failed_at,omitempty"`  // what was sent there bounced for good
	FailedWhy string     `json:"failed_why,omitempty"` // the reason, as lib/mail/bounce names it
}

// Event is one line of the audit: ids, codes and counts, nothing personal.
type Event struct {
	Cursor      string // place in the stream; opaque
	At          time.Time
	Code        string
	Actor       ID
	Interaction ID
	Task        ID
	From, To    string
	Data        map[string]any
}
