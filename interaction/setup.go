package interaction

import "encoding/json"

// Setup is the configuration of a house, as files under version control hold it (mission P6).
type Setup struct {
	Groups      []Group         `yaml:"groups" json:"groups"`
	Queues      []Queue         `yaml:"queues" json:"queues"`
	EntryPoints []EntryPoint    `yaml:"entry_points" json:"entry_points"`
	Agents      []NewAgent      `yaml:"agents" json:"agents"`
	Categories  []CategorySetup `yaml:"categories" json:"categories"`
	Responses   []Answer        `yaml:"responses" json:"responses"`
	Rules       []Rule          `yaml:"-" json:"rules"`    // definitions are the screening package's own form
	Models      []Model         `yaml:"-" json:"-"`        // trained from what Training names
	Training    []Training      `yaml:"training" json:"-"` // labelled texts, a file a language
}

// Group is a team.
type Group struct {
	Name  string `yaml:"name" json:"name"`
	Title string `yaml:"title" json:"title"`
}

// Queue is where tasks wait, with the policies that go with it.
type Queue struct {
	Name          string        `yaml:"name" json:"name"`
	Title         string        `yaml:"title" json:"title"`
	Group         string        `yaml:"group" json:"group"`
	Priority      int           `yaml:"priority" json:"priority"`
	Chain         []RouteTarget `yaml:"chain" json:"chain"`
	ReviewPercent *int          `yaml:"review_percent" json:"review_percent"` // of replies, 0 to 100; default 100
	RouteSeconds  int           `yaml:"route_seconds" json:"route_seconds"`   // default 12 h
	HandleSeconds int           `yaml:"handle_seconds" json:"handle_seconds"` // default 180 min
	OfferSeconds  int           `yaml:"offer_seconds" json:"offer_seconds"`   // default 30
	Push          bool          `yaml:"push" json:"push"`                     // tasks are offered; otherwise they are pulled
}

// EntryPoint is an address that customers write to, and the workflow and queue behind it.
type EntryPoint struct {
	Name     string  `yaml:"name" json:"name"`
	Channel  Channel `yaml:"channel" json:"channel"`
	Address  string  `yaml:"address" json:"address"`
	Disabled bool    `yaml:"disabled" json:"disabled"`
	Workflow string  `yaml:"workflow" json:"workflow"`
	Queue    string  `yaml:"queue" json:"queue"`
	FromName string  `yaml:"from_name" json:"from_name"`
	Language string  `yaml:"language" json:"language"` // default en
}

// NewAgent is a person as configuration names him; his password or token comes another way.
type NewAgent struct {
	Login  string         `yaml:"login" json:"login"`
	Name   string         `yaml:"name" json:"name"`
	Email  string         `yaml:"email" json:"email"`
	Role   Role           `yaml:"role" json:"role"`
	Groups []string       `yaml:"groups" json:"groups"`
	Skills map[string]int `yaml:"skills" json:"skills"`
	Limits map[string]int `yaml:"limits" json:"limits"` // by channel or kind of task, and total
}

// CategorySetup is one leaf or node of the category tree; the name is its path.
type CategorySetup struct {
	Name           string   `yaml:"name" json:"name"`
	Title          string   `yaml:"title" json:"title"`
	Skill          string   `yaml:"skill" json:"skill"`                     // that its tasks ask for
	Queue          string   `yaml:"queue" json:"queue"`                     // empty: the entry point's
	AutoThreshold  *float64 `yaml:"auto_threshold" json:"auto_threshold"`   // confidence for an automatic response; default 0.85
	RouteThreshold *float64 `yaml:"route_threshold" json:"route_threshold"` // confidence to route by it; default 0.5
}

// Answer is a standard response as configuration names it.
type Answer struct {
	Name     string `yaml:"name" json:"name"`
	Category string `yaml:"category" json:"category"`
	Language string `yaml:"language" json:"language"`
	Usage    Usage  `yaml:"usage" json:"usage"`
	Approved bool   `yaml:"approved" json:"approved"`
	Subject  string `yaml:"subject" json:"subject"`
	Text     string `yaml:"text" json:"text"`
}

// Rule is one screening rule; the order of a Setup is the order they run in.
type Rule struct {
	Name       string
	Enabled    bool
	Definition json.RawMessage
}

// Training names the labelled texts of one language.
type Training struct {
	Language string `yaml:"language"`
	File     string `yaml:"file"` // CSV with the columns text and category, beside the file that names it
}

// Model is a trained model in its own bytes.
type Model struct {
	ID       ID
	Name     string // what it tells: category
	Language string
	Data     []byte
	Source   string // hash of the texts it was trained on: the same texts are not trained again
}
