package interaction

import "time"

// Taken is an inbound row that the intake has marked as tried.
type Taken struct {
	ID         ID
	Channel    Channel
	EntryPoint string
	Address    string
	Facts      Facts
	Size       int64
	Attempts   int  // that nobody has come back from yet, this one among them unless Tried
	Tried      bool // somebody died over it before
}

// Batch is what is unsent of one interaction, in order.
type Batch struct {
	Interaction ID
	Workflow    string // type of the workflow, for a start
	Start       Start
	News        []News
}

// Ask is a task that a workflow opens.
type Ask struct {
	Interaction ID
	Step        string
	Kind        TaskKind
	Queue       string // empty: the interaction's
	Chain       []RouteTarget
	Message     int64 // what it is about: the message to answer, review or settle
	Author      ID    // review: who may not decide
	For         ID    // this agent has the first word, with his draft
	Returned    ID    // the review that returned it: its comment and text come along
	Cycles      int
	NotBefore   time.Time `json:",omitzero"` // nobody gets it before then, and its age counts from then; zero: at once
}

// Withdrawn tells what a withdrawal found.
type Withdrawn struct {
	Done  bool      `json:"done"`            // it is withdrawn
	State TaskState `json:"state,omitempty"` // otherwise: what it is instead; done when its agent was quicker
	Agent ID        `json:"agent,omitempty"`
}

// Review tells what became of a reply's release: a review task, or the ledger row that lets it leave.
type Review struct {
	Needed bool `json:"needed"`
	Task   ID   `json:"task,omitempty"`
}

// Dispatch is a ledger row with what is needed to send its message.
type Dispatch struct {
	State    SendState
	Attempts int
	Repeat   bool
	Attempt  ID // that has begun, when the state is in flight
	Out      Outbound
	Files    []File

	NotBefore time.Time // quiet hours; zero: at once
}

// Stopping tells whether an interaction could stop.
type Stopping struct {
	Stopped bool  `json:"stopped"`
	Last    int64 `json:"last"` // number of the newest news: there is more to hear first
}

// Material is what understanding looks at: one inbound message with its surroundings.
type Material struct {
	Message    Message
	EntryPoint string
	Language   string // of the entry point: what counts when the text's is unclear
	Category   string // what it has so far; empty before the first understanding
	Data       map[string]string
	Contact    ID
}

// Understood is what understanding found, as the workflow sees it: codes and numbers only.
type Understood struct {
	Message    int64   `json:"message"`
	Spam       bool    `json:"spam,omitempty"`
	Machine    bool    `json:"machine,omitempty"` // written by a machine: gets no automatic mail
	NoAuto     bool    `json:"noAuto,omitempty"`  // a rule forbids automatic mail
	Language   string  `json:"language,omitempty"`
	Category   string  `json:"category,omitempty"` // the best one, if it is above its routing threshold
	Confidence float64 `json:"confidence,omitempty"`
	Certain    bool    `json:"certain,omitempty"`    // above the category's threshold for automatic responses
	Queue      string  `json:"queue,omitempty"`      // where a rule or the category wants it; empty: the entry point's
	Skill      string  `json:"skill,omitempty"`      // that the category asks for
	AskOutside bool    `json:"askOutside,omitempty"` // nothing is kept yet: the classifier outside is to be asked first

	// The approved responses that fit, empty where there is none or no automatic mail may go.
	Response        ID `json:"response,omitempty"` // answers it: only when certain
	Acknowledgement ID `json:"acknowledgement,omitempty"`
}

// MayAnswer reports whether automatic mail may answer this message at all.
func (u Understood) MayAnswer() bool { return !u.Spam && !u.Machine && !u.NoAuto }

// CategorySpam is the category that stops an interaction as spam when it is certain: as sure as the category's threshold for automatic responses.
const CategorySpam = "spam"

// CategoryOutside is what labelled texts that fit into no category are called.
const CategoryOutside = "oos"

// Explained is the same with what only PostgreSQL may hold: attached data and the reasons.
type Explained struct {
	Understood
	Priority *int
	Data     map[string]string // attached by rules
	Rules    []string          // that applied, in their order
	Endless  string            // the rule with which rules that trigger each other were stopped
	Model    ID                // that gave the category
	Ranked   []RankedCategory  // best first
	Several  []RankedCategory  // that are each above their routing threshold, where the model gives a text several
	Unfit    bool              // the model takes it to fit into none of its categories
	Outside  string            // the classifier outside that ranked them; empty: the own model did
	Fallback string            // why the classifier outside did not, as a code
	Failed   string            // why nothing was understood, as a code

	Threshold float64 // that the category's confidence had to reach for an automatic response; 0: a rule or a person named it
	Suggested []ID    // standard responses that may answer it, best first
}

// RankedCategory is a category with the confidence that the text belongs to it, 0 to 1.
type RankedCategory struct {
	Category   string  `json:"category"`
	Confidence float64 `json:"confidence"`
}

// AutoAnswer asks for an automatic mail to be written.
type AutoAnswer struct {
	Interaction ID
	Step        string
	Usage       Usage
	Message     int64 // that it answers
	Response    ID    // this one, if it is still good; empty: by category and language
	Forced      bool  // by order: not counted against the window, still never to a machine
}

// AutoAnswered tells what became of it.
type AutoAnswered struct {
	Queued  bool   `json:"queued"`            // it is written and its ledger row stands
	Message int64  `json:"message,omitempty"` // its number
	Reason  string `json:"reason,omitempty"`  // why not: no_response, below_threshold, loop_guard, machine, no_address, own_address
}
