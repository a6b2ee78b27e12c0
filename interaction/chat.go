package interaction

import (
	"context"
	"time"
)

// This file holds the words of chat. A session is one interaction of channel chat; its messages are rows of their own,
// numbered from 1 under the session row's lock. The workflow hears of a session by News (joined, left, answered, ended), never of single messages.

// ChatRole tells who somebody is in a session.
type ChatRole string

// Roles in a session.
const (
	ChatCustomer   ChatRole = "customer"
	ChatAgent      ChatRole = "agent"
	ChatSupervisor ChatRole = "supervisor"
	ChatSystem     ChatRole = "system" // the workflow speaks
)

// ChatMode is how somebody takes part. It can be changed in any order while he is there.
type ChatMode string

// Modes of taking part. The customer sees who is full; of silent and coaching people he learns nothing.
const (
	ChatFull   ChatMode = "full"   // speaks to everybody
	ChatCoach  ChatMode = "coach"  // speaks to agents only
	ChatSilent ChatMode = "silent" // reads along
)

// ChatKind tells what a message is.
type ChatKind string

// Kinds of messages. All of them are kept and numbered; typing and read notices are not messages.
const (
	ChatText      ChatKind = "text"
	ChatNote      ChatKind = "note"      // for agents only: an internal note, a coach's word
	ChatURL       ChatKind = "url"       // a page that an agent shows; Text is an http or https URL
	ChatFile      ChatKind = "file"      // File says which
	ChatJoined    ChatKind = "joined"    // From came
	ChatLeft      ChatKind = "left"      // From went
	ChatQuestion  ChatKind = "question"  // the workflow asks; the customer's next text is the answer
	ChatAlert     ChatKind = "alert"     // nobody has said anything for long
	ChatEnded     ChatKind = "ended"     // Text is the code of who or what ended it
	ChatRenamed   ChatKind = "renamed"   // From has another nickname now
	ChatAttention ChatKind = "attention" // for agents only: what the system tells them, as a code
)

// Party is somebody in a session. A customer's and the system's Agent is empty.
type Party struct {
	Role ChatRole `json:"role"`
	Name string   `json:"name,omitempty"` // nickname
	// Agent is who it is; told to agents only.
	Agent ID `json:"agent,omitempty"`
}

// ChatMessage is one numbered message of a session.
type ChatMessage struct {
	Session  ID        `json:"session"`
	Number   int64     `json:"number"`
	At       time.Time `json:"at"`
	From     Party     `json:"from"`
	Kind     ChatKind  `json:"kind"`
	Text     string    `json:"text,omitempty"`
	File     *File     `json:"file,omitempty"`
	Choices  []string  `json:"choices,omitempty"`   // of a question: the answers that are offered
	ClientID string    `json:"client_id,omitempty"` // of the client that sent it; makes retries safe
	Internal bool      `json:"internal,omitempty"`  // for agents only: never shown to the customer
}

// ChatSession is a session as agents see it.
type ChatSession struct {
	ID         ID // the interaction's
	EntryPoint string
	Contact    ID
	Nickname   string
	Language   string
	Page       string // address of the page that the customer is on
	OpenedAt   time.Time
	EndedAt    time.Time // zero while it lives
	EndedBy    string    // code: customer, agent, supervisor, inactive, workflow
	Async      bool      // sleeps for days instead of minutes
	Last       int64     // number of the newest message
	Parties    []Participant
}

// Participant is somebody who is, or was, in a session.
type Participant struct {
	Party
	Mode     ChatMode
	JoinedAt time.Time
	LeftAt   time.Time // zero while he is there
	ReadTo   int64     // number of the newest message that he has seen
}

// NewChat is what a customer brings when he opens a session.
type NewChat struct {
	EntryPoint string
	Nickname   string
	Subject    string
	Language   string            // BCP 47; empty: the entry point's
	Page       string            // http or https URL
	Identities []Attribute       // that are proven to be his: his contact is who has them
	Claims     []Attribute       // what he says of himself: email, phone …; see Claim
	Data       map[string]string // attached to the interaction
	Peer       string            // address of his host; personal, kept with the session
	Key        string            // of the client: opening again with the same key gives the same session
}

// ChatTicket is what a customer holds: the session and the secret that proves it is his. The store keeps a hash of the secret.
type ChatTicket struct {
	Session ID
	Token   string
	Last    int64
}

// ChatPost is one message to be appended. The answer to the same ClientID of the same party is the same, however often it is sent;
// with other content it is the conflict id_reused.
type ChatPost struct {
	Session  ID
	From     Party
	Kind     ChatKind
	Text     string
	File     ID       // an upload of this session
	Choices  []string // of a question
	Asks     string   // of a question: the key under which the customer's next text is attached; it stays open until he answers well
	AskKind  string   // of a question: text (when empty), email or phone
	ClientID string   // the workflow uses the step's name: a step that runs again says nothing twice
}

// ChatPosted is what became of one of them: its number and time, or why not.
type ChatPosted struct {
	Message ChatMessage
	Repeat  bool
	Err     error
}

// ChatStore keeps sessions; the store implements it and the chat adapter calls it.
type ChatStore interface {
	// OpenChat commits the session with its contact, its interaction and what starts its workflow.
	OpenChat(ctx context.Context, c NewChat) (ChatTicket, error)
	// ChatCustomer proves a customer's secret; unknown where it is wrong, was revoked, or the session is long over.
	ChatCustomer(ctx context.Context, session ID, token string) (ChatSession, error)
	// ChatAgent gives a session to an actor who is in it; to anybody else it is unknown.
	ChatAgent(ctx context.Context, by Actor, session ID) (ChatSession, error)
	// ChatsOf gives the living sessions that an actor is in.
	ChatsOf(ctx context.Context, by Actor) ([]ChatSession, error)
	// PostChats appends all posts in one transaction, each numbered under its session's row lock; the answers are in the order of the posts.
	PostChats(ctx context.Context, posts []ChatPost) ([]ChatPosted, error)
	// ChatMessages gives what is behind a number, oldest first, at most limit; internal ones only when asked.
	ChatMessages(ctx context.Context, session ID, after int64, internal bool, limit int) ([]ChatMessage, error)
	// ReadChats notes how far people have read. It is not a message and wakes nobody; a lower number than before changes nothing.
	ReadChats(ctx context.Context, marks []ChatMark) error
	// ChatStands tells how the sessions stand now; those that are erased are absent. Hubs ask it each second, in case they were not told.
	ChatStands(ctx context.Context, sessions []ID) ([]ChatStand, error)
	// NoticeChat tells the hubs, of this process and of others, of something that is not kept: who is typing, how far somebody has read, the place
	// in the queue. It may be lost.
	NoticeChat(n ChatNotice)
	// ChatSettings gives the policies of an enabled entry point for chats, defaults filled in.
	ChatSettings(ctx context.Context, entryPoint string) (ChatSettings, error)
	// JoinChat brings a supervisor in, or changes how he or an agent takes part; ChatMode "" takes him out. An agent who holds a task of the
	// session comes and goes with that.
	JoinChat(ctx context.Context, by Actor, session ID, mode ChatMode) (ChatSession, error)
	// EndChat ends the session for everybody; ending it again changes nothing.
	EndChat(ctx context.Context, session ID, who Party, code string) error
	// WantTranscript notes where the customer wants the transcript to be mailed when the session is over; an empty address: nowhere.
	WantTranscript(ctx context.Context, session ID, address string) error
	// SaveChatFile keeps a file of the session within its limits; a post of kind file names it.
	SaveChatFile(ctx context.Context, session ID, who Party, name, mediaType string, data []byte) (File, error)
	// ChatFile gives a file of the session with its bytes.
	ChatFile(ctx context.Context, session, upload ID) (File, []byte, error)
	// InviteChat asks a colleague, or anybody of a group, into a session that the actor is in: who takes the consult task takes part in that mode.
	InviteChat(ctx context.Context, by Actor, session, agent ID, group string, mode ChatMode, word string) (ID, error)
	// ChatSurvey gives what the customer of a session that is over is asked, or unknown: nothing. AnswerSurvey keeps his answers, once, and RefuseSurveys
	// that he wants to be asked nothing again.
	ChatSurvey(ctx context.Context, session ID) (SurveySheet, error)
	AnswerSurvey(ctx context.Context, interaction ID, answers map[string]string) error
	RefuseSurveys(ctx context.Context, interaction ID) error
	// RefusedChat writes into the audit that somebody tried what is not his.
	RefusedChat(ctx context.Context, session ID, who Party, what string) error
}

// ChatMark is how far somebody has read.
type ChatMark struct {
	Session ID
	Who     Party
	Number  int64
}

// ChatStand is how a session stands: the number of its newest message, whether its customer's secret is still good, and which agents are in it.
type ChatStand struct {
	Session ID
	Last    int64
	Open    bool
	Agents  []ID
}

// ChatAppended tells a hub, behind a commit, what was appended to a session. Messages is empty where another process did it: then they are
// read by number.
type ChatAppended struct {
	Session  ID
	Last     int64
	Messages []ChatMessage
}

// ChatNotice is something about a session that is not kept.
type ChatNotice struct {
	Session ID             `json:"s"`
	Kind    ChatNoticeKind `json:"k"`
	From    Party          `json:"f"`           // between processes without a name
	On      bool           `json:"o,omitempty"` // of typing and presence
	Read    int64          `json:"r,omitempty"` // of read: number of the newest message that was seen
	Place   int            `json:"p,omitempty"` // of position: in the queue, from 1
	Wait    int            `json:"w,omitempty"` // of position: expected, in seconds
}

// ChatNoticeKind tells what a notice is about.
type ChatNoticeKind string

// Kinds of notices.
const (
	NoticeTyping   ChatNoticeKind = "typing"
	NoticeRead     ChatNoticeKind = "read"
	NoticePosition ChatNoticeKind = "position"
	NoticePresence ChatNoticeKind = "presence" // the customer has a connection, or has had none for a while; for agents
)

// ChatLimits is what a client is told of the policies when it is welcomed, so that it can refuse early and ask rightly.
type ChatLimits struct {
	MaxText      int    `json:"max_text"` // bytes of UTF-8
	MaxFiles     int    `json:"max_files"`
	MaxFileBytes int64  `json:"max_file_bytes"`
	MaxBytes     int64  `json:"max_bytes"`
	Transcript   string `json:"transcript"` // asked, always or never
}

// ChatSettings are the policies of a chat's entry point; zero values mean the defaults.
type ChatSettings struct {
	Origins       []string          `yaml:"origins,omitempty" json:"origins,omitempty"`             // pages that may open sessions, as scheme://host[:port]; empty: the server's own only
	Greeting      map[string]string `yaml:"greeting,omitempty" json:"greeting,omitempty"`           // by language; Liquid like standard responses
	Questions     []ChatAsk         `yaml:"questions,omitempty" json:"questions,omitempty"`         // asked before an agent is invited
	Async         bool              `yaml:"async,omitempty" json:"async,omitempty"`                 // 24 h and 1 h instead of 255 s and 45 s
	AlertSeconds  int               `yaml:"alert_seconds,omitempty" json:"alert_seconds,omitempty"` // default 255, asynchronous 86400
	SecondAlert   int               `yaml:"second_alert_seconds,omitempty" json:"second_alert_seconds,omitempty"`
	CloseSeconds  int               `yaml:"close_seconds,omitempty" json:"close_seconds,omitempty"`   // behind the last alert; default 45, asynchronous 3600
	MaxText       int               `yaml:"max_text,omitempty" json:"max_text,omitempty"`             // bytes of one message; default 4096
	MaxFiles      int               `yaml:"max_files,omitempty" json:"max_files,omitempty"`           // default 3
	MaxFileBytes  int64             `yaml:"max_file_bytes,omitempty" json:"max_file_bytes,omitempty"` // default 2 MiB
	MaxBytes      int64             `yaml:"max_bytes,omitempty" json:"max_bytes,omitempty"`           // of all files of a session; default 5 MiB
	WaitSeconds   int               `yaml:"wait_seconds,omitempty" json:"wait_seconds,omitempty"`     // how long the customer waits for an agent before WhenNobody; default 600, asynchronous 86400
	WrapUpSeconds int               `yaml:"wrap_up_seconds,omitempty" json:"wrap_up_seconds,omitempty"`
	WhenNobody    string            `yaml:"when_nobody,omitempty" json:"when_nobody,omitempty"` // message, callback or stop; default message
	WhenClosed    string            `yaml:"when_closed,omitempty" json:"when_closed,omitempty"` // the same, out of hours
	WhenGone      string            `yaml:"when_gone,omitempty" json:"when_gone,omitempty"`     // the same, where the customer leaves before anybody has come
	Transcript    string            `yaml:"transcript,omitempty" json:"transcript,omitempty"`   // asked, always or never; default asked

	// Mail is the entry point of channel email that transcripts are sent from and messages left here go to; without one there is neither.
	Mail string `yaml:"mail,omitempty" json:"mail,omitempty"`
	// Callback is the entry point of channel callback by which customers are called where a policy says callback.
	Callback string `yaml:"callback,omitempty" json:"callback,omitempty"`
	// IdentityKey is where the secret is (env:PARLEY_LINK_NAME or file:NAME) by which pages prove who their visitors are; empty: all of them only say so.
	IdentityKey string `yaml:"identity_secret,omitempty" json:"identity_secret,omitempty"`
	// Texts replace what the system says, by name (closed, nobody, address, message, taken, goodbye, callback) and language.
	Texts map[string]map[string]string `yaml:"texts,omitempty" json:"texts,omitempty"`
}

// ChatAsk is one question of the workflow; the answer becomes attached data under Key.
type ChatAsk struct {
	Key     string            `yaml:"key,omitempty" json:"key,omitempty"`
	Text    map[string]string `yaml:"text,omitempty" json:"text,omitempty"` // by language
	Choices []string          `yaml:"choices,omitempty" json:"choices,omitempty"`
	Kind    string            `yaml:"kind,omitempty" json:"kind,omitempty"` // text, email or phone: the last two also identify the contact
}

// News of a chat.
const (
	NewsJoined   NewsKind = "joined"   // an agent has come, who holds the handle task: Agent, Task
	NewsLeft     NewsKind = "left"     // he has lost it while the session lives, and the customer waits again: Agent, Task; Code is asleep where he has put it away, and woken when the customer speaks then
	NewsAnswered NewsKind = "answered" // the customer answered the question Code
	NewsEnded    NewsKind = "ended"    // the session is over: Code says by whom
)

// WorkflowChat is the workflow type of chats.
const WorkflowChat = "Chat"
