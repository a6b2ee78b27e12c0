package interaction

import "time"

// SelectionState is where an order on many interactions stands.
type SelectionState string

// The states of a selection.
const (
	SelectionChecking  SelectionState = "checking"  // the dry run is under way
	SelectionChecked   SelectionState = "checked"   // it shows what would change; nothing has
	SelectionRunning   SelectionState = "running"   // it is carried out, an interaction at a time
	SelectionDone      SelectionState = "done"      // all are over
	SelectionCancelled SelectionState = "cancelled" // what was done stays done
)

// ItemState is where one interaction of a selection stands.
type ItemState string

// The states of an item.
const (
	ItemUnchecked ItemState = "unchecked"
	ItemPlanned   ItemState = "planned" // it would be changed as its changes say
	ItemRefused   ItemState = "refused" // it would not be, or was not, as its refusal says
	ItemDone      ItemState = "done"
)

// NewSelection asks for an order on many interactions: those of the ids, or the open ones that the filter finds.
type NewSelection struct {
	Order     Order
	IDs       []ID
	Filter    InteractionFilter
	PerSecond float64
}

// MaxSelection is how many interactions a selection can have.
const MaxSelection = 10000

// Bounds of a selection's rate, in interactions a second.
const (
	DefaultPerSecond = 20
	MaxPerSecond     = 200
)

// Selection is an order on many interactions with how far it has come.
type Selection struct {
	ID                            ID
	Agent                         ID // who gave it
	Order                         Order
	UndoOf                        ID
	State                         SelectionState
	Reason                        string // why it was cancelled: a code
	PerSecond                     float64
	CreatedAt                     time.Time
	BegunAt, EndedAt              time.Time // zero: not yet
	Total, Planned, Refused, Done int
	Version                       int64
}

// SelectionItem is one interaction of a selection.
type SelectionItem struct {
	Number      int
	Interaction ID
	State       ItemState
	Changes     []OrderChange
	Refusal     *Refusal
	Undoable    bool // it is done and can be taken back while nothing else changes
	At          time.Time
}

// OrderChange is one thing that an order changes; of attached data only the keys are told.
type OrderChange struct {
	Field  string `json:"field"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Refusal says why an order is not carried out, as the API would say it of a single one.
type Refusal struct {
	Code   string         `json:"code"`
	Text   string         `json:"text"`
	Detail map[string]any `json:"detail,omitempty"`
}

// SelectionTransitions lists every allowed change of a selection's state.
var SelectionTransitions = []Transition{
	{"selection.checked", string(SelectionChecking), string(SelectionChecked)},
	{"selection.run", string(SelectionChecked), string(SelectionRunning)},
	{"selection.done", string(SelectionRunning), string(SelectionDone)},
	{"selection.cancelled", string(SelectionChecking), string(SelectionCancelled)},
	{"selection.cancelled", string(SelectionChecked), string(SelectionCancelled)},
	{"selection.cancelled", string(SelectionRunning), string(SelectionCancelled)},
}
