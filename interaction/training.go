package interaction

import (
	"encoding/json"
	"time"
)

// WorkflowTraining is the workflow that trains a model; its id is the training's.
const WorkflowTraining = "Training"

// LabelledText is a text with the categories that people gave it. The category "oos" says that it fits nowhere.
type LabelledText struct {
	Text       string   `json:"text"`
	Categories []string `json:"categories,omitempty"`
}

// TextSet is an uploaded set of labelled texts of one language.
type TextSet struct {
	Name     string
	Language string
	Texts    []LabelledText // empty in lists
	Size     int
	At       time.Time
}

// NewTraining asks for a model of one language.
type NewTraining struct {
	Language string
	Sets     []string // uploaded sets to learn from
	Labels   bool     // also from what people said of interactions of that language
	Handled  bool     // and from those that people answered without a word against their category
	Profile  string   // accurate or fast
}

// TrainingState tells how far a training is.
type TrainingState string

// States of a training.
const (
	TrainingQueued    TrainingState = "queued"
	TrainingGathered  TrainingState = "gathered" // its texts are put down: what comes later does not change them
	TrainingJudged    TrainingState = "judged"   // a model of four fifths has been judged on the rest
	TrainingDone      TrainingState = "done"     // the model of all texts is there
	TrainingFailed    TrainingState = "failed"
	TrainingCancelled TrainingState = "cancelled"
)

// Over reports whether nothing more happens in it.
func (s TrainingState) Over() bool {
	return s == TrainingDone || s == TrainingFailed || s == TrainingCancelled
}

// TrainingRun is one training with how far it has come.
type TrainingRun struct {
	ID       ID
	Language string
	Profile  string
	Sets     []string
	Labels   bool
	Handled  bool
	State    TrainingState
	Texts    int
	Done, Of int    // parts of the work of the present state
	Reason   string // why it failed
	Model    ID     // that it made
	Agent    ID
	At       time.Time
	Ended    time.Time
}

// ModelView is a stored model without its bytes.
type ModelView struct {
	ID        ID
	Language  string
	At        time.Time
	Active    bool
	Activated time.Time // for the last time; zero: never
	Training  ID        // empty: of configuration files
	Size      int64     // bytes
	Report    json.RawMessage
}

// LabelSource tells who said what a message is about.
type LabelSource string

// Sources of labels. The first two name the right category, the others only say that one was wrong.
const (
	LabelAgent      LabelSource = "agent"      // an agent changed the category
	LabelSupervisor LabelSource = "supervisor" // an order did
	LabelRejected   LabelSource = "rejected"   // an agent rejected the suggested response
	LabelAnswered   LabelSource = "answered"   // the customer wrote again after an automatic answer
)

// Label is what somebody said of a message's category.
type Label struct {
	Interaction ID
	Message     int64
	Source      LabelSource
	Category    string // that is right; empty where only Wrong is known
	Wrong       string // that the system had given
	Agent       ID
	At          time.Time
}

// TrainingReport is what is kept of how a model was judged; the report itself is the classifier's.
type TrainingReport[R any] struct {
	Learned       int     `json:"learned"` // texts that the judged model learned from
	Judged        int     `json:"judged"`  // texts that it was judged on
	Profile       string  `json:"profile"`
	OutsideRecall float64 `json:"outside_recall"` // negative without texts that fit nowhere
	MicroF1       float64 `json:"micro_f1"`       // negative where a text has one category
	Report        R       `json:"report"`
}

// ModelMix is a category of which a share is taken for another.
type ModelMix struct {
	True  string  `json:"true"`
	Given string  `json:"given"`
	Count int     `json:"count"`
	Share float64 `json:"share"`
}
