package interaction

import "time"

// ErasureState is where the erasure of a person stands.
type ErasureState string

// The states of an erasure. From the first on he is gone for everybody who asks; what was kept of him goes behind it.
const (
	ErasureStopping ErasureState = "stopping" // his open interactions are being stopped, each by its own workflow
	ErasureErasing  ErasureState = "erasing"  // what was said in them goes, an interaction at a time
	ErasureDone     ErasureState = "done"     // counts and times are left
)

// ErasureTransitions lists every allowed change of an erasure's state.
var ErasureTransitions = []Transition{
	{"contact.erasing", string(ErasureStopping), string(ErasureErasing)},
	{"contact.erased", string(ErasureErasing), string(ErasureDone)},
}

// Reasons of erasures that nobody asks for by the API, and of interactions that end with one.
const (
	ReasonRetention = "retention" // a rule of retention came to him
	ReasonRestored  = "restored"  // he had been erased before a backup was restored in which he was not
	ReasonErased    = "customer_erased"
)

// Why what was said in an interaction is not there any more (Interaction.Gone).
const (
	GoneRetention = "retention"
	GoneErased    = "erased"
)

// Erasure is the order to erase a person, with how far it has come.
type Erasure struct {
	ID       ID
	Contact  ID
	Contacts []ID   // he, and those that were merged into him
	Agent    ID     // who ordered it; empty: nobody did, see Reason
	Reason   string // a code
	State    ErasureState
	Open     int // interactions of his that have not stopped yet
	Erased   int // interactions that were erased
	At       time.Time
	EndedAt  time.Time // zero: not yet
}

// ErasureRecord is what is kept of an erasure outside of the database, so that it can be done again behind the restoring of a backup. It names nobody.
type ErasureRecord struct {
	Erasure  ID        `json:"erasure"`
	Contacts []ID      `json:"contacts"`
	At       time.Time `json:"at"`
	Sources  []string  `json:"sources,omitempty"` // source keys in hex of what he sent: fetched or sent again, it is a repeat
}

// RetentionKind is what a rule of retention is about.
type RetentionKind string

// The kinds, each with more than the one before; times count from the end of an interaction.
const (
	RetainRaw      RetentionKind = "raw"      // the bytes of messages as they came, with the facts of their connections
	RetainFiles    RetentionKind = "files"    // uploaded files, those of chats among them
	RetainContent  RetentionKind = "content"  // all that was said, files and raw bytes included; counts and times stay
	RetainContacts RetentionKind = "contacts" // people with whom nothing happened since: they are erased
)

// RetentionKinds are all of them.
var RetentionKinds = []RetentionKind{RetainRaw, RetainFiles, RetainContent, RetainContacts}

// RetentionRule says for how many days something is kept behind the end of its interaction.
type RetentionRule struct {
	Name    string        `yaml:"name" json:"name,omitempty"`
	Kind    RetentionKind `yaml:"kind" json:"kind,omitempty"`
	Channel Channel       `yaml:"channel,omitempty" json:"channel,omitempty"` // empty: every channel that has no rule of this kind
	Days    int           `yaml:"days" json:"days,omitempty"`
}

// RetentionForecast is what a rule would remove now.
type RetentionForecast struct {
	Rule   RetentionRule
	Before time.Time // of interactions that stopped, or people of whom nothing was heard, before it
	Things int       // interactions or contacts
	More   bool      // there are more than were counted
	Oldest time.Time // zero: nothing would go
}

// ExportState is where an export stands.
type ExportState string

// The states of an export.
const (
	ExportWaiting ExportState = "waiting"
	ExportWriting ExportState = "writing"
	ExportReady   ExportState = "ready"
	ExportFailed  ExportState = "failed"  // tried several times
	ExportExpired ExportState = "expired" // its archive was removed
)

// ExportTransitions lists every allowed change of an export's state.
var ExportTransitions = []Transition{
	{"export.begun", string(ExportWaiting), string(ExportWriting)},
	{"export.begun", string(ExportWriting), string(ExportWriting)},
	{"export.ready", string(ExportWriting), string(ExportReady)},
	{"export.failed", string(ExportWriting), string(ExportFailed)},
	{"export.expired", string(ExportReady), string(ExportExpired)},
	{"export.expired", string(ExportFailed), string(ExportExpired)},
}

// Export is an archive of all that is held on a contact.
type Export struct {
	ID      ID
	Contact ID
	Agent   ID // who asked for it
	State   ExportState
	Size    int64  // of the archive in bytes
	SHA256  string // of the archive
	At      time.Time
	ReadyAt time.Time // zero: not yet
	Attempt int       // of writing it; the archive's pieces belong to one
}

// Gone says that something was there and is not any more, and why: GoneErased or GoneRetention.
func Gone(what, why string) *Error {
	text := "it was removed by a rule of retention"
	if why == GoneErased {
		text = "its customer was erased"
	}
	return (&Error{Kind: KindGone, Code: what + "_gone", Text: text}).With("reason", why)
}
