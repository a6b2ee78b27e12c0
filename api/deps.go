package api

import (
	"context"
	"io"
	"log/slog"
	"time"

	"parley/interaction"
)

// Deps is what the API needs of the rest of the house.
type Deps struct {
	Store
	Once    Once
	Part    Part
	Meaning func(interaction.Setup) []*interaction.Fault // what of a setup does not compile; nil: nobody asks
	Changes func() <-chan struct{}                       // a channel that is closed at the next change; nil: streams poll only
	Checks  []Check                                      // of readiness
	Dialler interaction.Dialler                          // has numbers dialled where an entry point names a telephone system; nil: nothing does

	PublicURL func() string // where customers reach this house's pages; nil: links are paths
	Log       *slog.Logger
	Lifetime  time.Duration // of a session; 12 h when zero

	AnswerTime time.Duration // that the parts behind the API have for one answer; 4.5 s when zero

	RatePerSecond  float64  // calls of one token, 100 when zero
	Burst          int      // 200 when zero
	TrustedProxies []string // addresses whose X-Forwarded-For is believed
}

// Store is everything that is kept, in the parts that the resources use.
type Store interface {
	Accounts
	Interactions
	Tasks
	Reviews
	Knowledge
	Library
	Rules
	Models
	Contacts
	People
	Matching
	Events
	Configurations
	Webhooks
	Links
	Outbound
	Consents
	Chats
	Supervision
	Statistics
	Surveys
	Privacy
	Callbacks
}

// Privacy erases and exports people, and tells what retention would remove.
type Privacy interface {
	EraseContact(ctx context.Context, by interaction.Actor, contact interaction.ID, reason string) (interaction.Erasure, error)
	Erasures(ctx context.Context, page interaction.Page) (interaction.Listed[interaction.Erasure], error)
	Erasure(ctx context.Context, id interaction.ID) (interaction.Erasure, error)
	CreateExport(ctx context.Context, by interaction.Actor, contact interaction.ID) (interaction.Export, error)
	Export(ctx context.Context, id interaction.ID) (interaction.Export, error)
	ReadExport(ctx context.Context, e interaction.Export, w io.Writer) error
	RetentionForecast(ctx context.Context, rules []interaction.RetentionRule) ([]interaction.RetentionForecast, error)
}

// Accounts knows tokens and passwords. Tokens come and go by their hash, passwords encoded.
type Accounts interface {
	ActorByToken(ctx context.Context, hash []byte) (interaction.Actor, error)
	Actors(ctx context.Context, tokens []interaction.ID) (map[interaction.ID]interaction.Actor, error)
	Credentials(ctx context.Context, login string) (agent interaction.ID, encoded string, err error)
	CreateToken(ctx context.Context, by interaction.Actor, n interaction.NewToken) (interaction.ID, error)
	RevokeToken(ctx context.Context, by interaction.Actor, token interaction.ID) error
	SetPassword(ctx context.Context, by interaction.Actor, agent interaction.ID, encoded string) error
}

// Interactions reads and steers interactions.
type Interactions interface {
	Interactions(ctx context.Context, by interaction.Actor, f interaction.InteractionFilter, p interaction.Page) (interaction.Listed[interaction.Interaction], error)
	Interaction(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.InteractionView, error)
	InteractionMessages(ctx context.Context, by interaction.Actor, id interaction.ID) ([]interaction.MessageView, error)
	InteractionMessage(ctx context.Context, by interaction.Actor, id interaction.ID, number int64) (interaction.Message, error)
	AuditOf(ctx context.Context, by interaction.Actor, id interaction.ID) ([]interaction.Event, error)
	Raw(ctx context.Context, inbound interaction.ID) ([]byte, error)
	InboundChannel(ctx context.Context, inbound interaction.ID) (interaction.Channel, error)
	StartOutbound(ctx context.Context, by interaction.Actor, n interaction.NewOutbound) (interaction.Interaction, error)
	Order(ctx context.Context, by interaction.Actor, id interaction.ID, o interaction.Order, version int64) (interaction.Interaction, error)
}

// Tasks reads tasks and moves them between people. A version of 0 is not checked.
type Tasks interface {
	Tasks(ctx context.Context, by interaction.Actor, f interaction.TaskFilter, p interaction.Page) (interaction.Listed[interaction.Task], error)
	TaskView(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.TaskView, error)
	Claim(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.Task, error)
	ClaimNext(ctx context.Context, by interaction.Actor, queue string) (interaction.Task, error)
	AcceptOffer(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.Task, error)
	DeclineOffer(ctx context.Context, by interaction.Actor, id interaction.ID) error
	Release(ctx context.Context, by interaction.Actor, id interaction.ID, version int64) error
	Transfer(ctx context.Context, by interaction.Actor, id interaction.ID, version int64, to interaction.Transfer) error
	SnoozeUntil(ctx context.Context, by interaction.Actor, id interaction.ID, version int64, until time.Time, wakes bool) error
	Reply(ctx context.Context, by interaction.Actor, id interaction.ID, version int64, r interaction.Reply) (interaction.Message, error)
	Complete(ctx context.Context, by interaction.Actor, id interaction.ID, version int64, d interaction.Done) error
	ConsultAll(ctx context.Context, by interaction.Actor, id interaction.ID, whom []interaction.Asked, question string) ([]interaction.ID, error)
	Forward(ctx context.Context, by interaction.Actor, task interaction.ID, f interaction.Forward) (interaction.Interaction, error)
	JoinAnswers(ctx context.Context, by interaction.Actor, task interaction.ID, version int64, which []interaction.ID) (interaction.Draft, error)
	Workbin(ctx context.Context, by interaction.Actor, f interaction.WorkFilter, p interaction.Page) (interaction.Listed[interaction.WorkItem], error)
	SaveDraft(ctx context.Context, by interaction.Actor, task interaction.ID, version int64, d interaction.Draft) (interaction.Draft, error)
	Recategorize(ctx context.Context, by interaction.Actor, id interaction.ID, version int64, category string) error
	RejectSuggestion(ctx context.Context, by interaction.Actor, id interaction.ID, version int64, response interaction.ID) error
	TaskDraft(ctx context.Context, by interaction.Actor, task interaction.ID) (interaction.Draft, error)
	SaveUpload(ctx context.Context, by interaction.Actor, name, mediaType string, data []byte) (interaction.File, error)
	Uploads(ctx context.Context, by interaction.Actor, ids []interaction.ID) ([]interaction.File, error)
	UploadData(ctx context.Context, id interaction.ID) ([]byte, error)
}

// Reviews decides on replies before they leave.
type Reviews interface {
	ReviewView(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.ReviewView, error)
	Decide(ctx context.Context, by interaction.Actor, id interaction.ID, version int64, d interaction.Decision) error
	Edits(ctx context.Context, by interaction.Actor, id interaction.ID, message int64) ([]interaction.Edit, error)
	ReviewRates(ctx context.Context, by interaction.Actor, policy string, agent interaction.ID) ([]interaction.Rate, error)
	Scorecards(ctx context.Context, by interaction.Actor, f interaction.ScoreFilter) ([]interaction.Scorecard, error)
}

// Knowledge is what answers are made of.
type Knowledge interface {
	Categories(ctx context.Context) ([]interaction.Category, error)
}

// Contacts reads contacts.
type Contacts interface {
	Contacts(ctx context.Context, by interaction.Actor, f interaction.ContactFilter, p interaction.Page) (interaction.Listed[interaction.Contact], error)
	Contact(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.ContactView, error)
	History(ctx context.Context, by interaction.Actor, contact interaction.ID, p interaction.Page) (interaction.Listed[interaction.HistoryEntry], error)
	Notes(ctx context.Context, by interaction.Actor, of interaction.Note, p interaction.Page) (interaction.Listed[interaction.Note], error)
	MergeContacts(ctx context.Context, by interaction.Actor, kept, merged interaction.ID) (interaction.Merge, error)
	UnmergeContacts(ctx context.Context, by interaction.Actor, kept, merge interaction.ID) (interaction.Merge, error)
	Merges(ctx context.Context, by interaction.Actor, contact interaction.ID) ([]interaction.Merge, error)
	AddNote(ctx context.Context, by interaction.Actor, n interaction.Note) (interaction.Note, error)
}

// People reads queues and agents.
type People interface {
	Queues(ctx context.Context, by interaction.Actor) ([]interaction.QueueView, error)
	Agents(ctx context.Context, by interaction.Actor, p interaction.Page) (interaction.Listed[interaction.Agent], error)
	Agent(ctx context.Context, id interaction.ID) (interaction.Agent, error)
	SetState(ctx context.Context, by interaction.Actor, state interaction.AgentState) (interaction.Agent, error)
	Words(ctx context.Context, queue string, channel interaction.Channel) ([]interaction.NotReady, []interaction.Disposition, error)
}

// Matching tells what matching knows of a waiting task, and of those of an interaction.
type Matching interface {
	MatchView(ctx context.Context, by interaction.Actor, task interaction.ID) (interaction.MatchView, error)
	MatchViews(ctx context.Context, by interaction.Actor, id interaction.ID) ([]interaction.MatchView, error)
}

// Events is the stream of what happens, in an order that nothing can slip into behind a reader's back.
type Events interface {
	Stream(ctx context.Context, cursor string, limit int) ([]interaction.StreamEvent, error)
	// Follow is Stream, and gives the actors of those of the tokens that are still good as well.
	Follow(ctx context.Context, cursor string, limit int, tokens []interaction.ID) ([]interaction.StreamEvent, map[interaction.ID]interaction.Actor, error)
	LastCursor(ctx context.Context) (string, error)
}

// Configurations reads and changes the configuration. What is there already is shown to same before it is changed (nil: there is none), in the change's own transaction.
type Configurations interface {
	Configuration(ctx context.Context) (interaction.Setup, error)
	Plan(ctx context.Context, setup interaction.Setup, prune bool) ([]interaction.Change, error)
	ApplyChanges(ctx context.Context, by interaction.Actor, setup interaction.Setup, prune bool) ([]interaction.Change, error)
	Put(ctx context.Context, by interaction.Actor, setup interaction.Setup, same func(*interaction.Entry) error) ([]interaction.Change, error)
	Remove(ctx context.Context, by interaction.Actor, list, name string, same func(interaction.Entry) error) error
}

// Once marks what is done under the context as one request of the client: done again under the same key it gives
// the first answer, sets replayed and changes nothing; another hash under the key is a conflict.
type Once func(ctx context.Context, key string, hash []byte, replayed *bool) context.Context

// Part gives the decoded bytes of one part of what came on a channel, by the index in its File.
type Part func(channel interaction.Channel, raw []byte, part int) ([]byte, error)

// Check is one thing that must be well for the process to be ready.
type Check struct {
	Name string
	Run  func(context.Context) error
}

func (d Deps) withDefaults() Deps {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Lifetime == 0 {
		d.Lifetime = 12 * time.Hour
	}
	if d.AnswerTime == 0 {
		d.AnswerTime = 4500 * time.Millisecond
	}
	if d.RatePerSecond == 0 {
		d.RatePerSecond = 100
	}
	if d.Burst == 0 {
		d.Burst = 200
	}
	if d.PublicURL == nil {
		d.PublicURL = func() string { return "" }
	}
	if d.Dialler == nil {
		d.Dialler = noDialler{}
	}
	if d.Changes == nil {
		never := make(chan struct{})
		d.Changes = func() <-chan struct{} { return never }
	}
	return d
}

// Supervision is orders on many interactions, teams and the audit.
type Supervision interface {
	CreateSelection(ctx context.Context, by interaction.Actor, n interaction.NewSelection) (interaction.Selection, error)
	Selections(ctx context.Context, by interaction.Actor, p interaction.Page) (interaction.Listed[interaction.Selection], error)
	Selection(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.Selection, error)
	SelectionItems(ctx context.Context, by interaction.Actor, id interaction.ID, state interaction.ItemState, p interaction.Page) (interaction.Listed[interaction.SelectionItem], error)
	RunSelection(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.Selection, error)
	CancelSelection(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.Selection, error)
	UndoSelection(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.Selection, error)
	Team(ctx context.Context, by interaction.Actor, p interaction.Page) (interaction.Listed[interaction.TeamMember], error)
	TakeBack(ctx context.Context, by interaction.Actor, agent interaction.ID, what interaction.TakeBack) (interaction.TakenBack, error)
	Audit(ctx context.Context, by interaction.Actor, f interaction.AuditFilter, p interaction.Page) (interaction.Listed[interaction.AuditLine], error)
	VerifyAudit(ctx context.Context, head string) (interaction.AuditCheck, error)
}

// Statistics are real-time figures and reports.
type Statistics interface {
	Live(ctx context.Context, by interaction.Actor, hours int) (interaction.Live, error)
	Report(ctx context.Context, by interaction.Actor, q interaction.ReportQuery) ([]interaction.ReportRow, error)
}
