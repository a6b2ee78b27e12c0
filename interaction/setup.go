package interaction

import "encoding/json"

// Setup is the configuration of a house, as files under version control hold it (mission P6). Lists are keyed by name; what a setup
// does not name is not its business.
type Setup struct {
	Groups         []Group         `yaml:"groups,omitempty" json:"groups,omitempty"`
	Calendars      []Calendar      `yaml:"calendars,omitempty" json:"calendars,omitempty"`
	Queues         []Queue         `yaml:"queues,omitempty" json:"queues,omitempty"`
	EntryPoints    []EntryPoint    `yaml:"entry_points,omitempty" json:"entry_points,omitempty"`
	Agents         []NewAgent      `yaml:"agents,omitempty" json:"agents,omitempty"`
	Categories     []CategorySetup `yaml:"categories,omitempty" json:"categories,omitempty"`
	Responses      []Answer        `yaml:"responses,omitempty" json:"responses,omitempty"`
	Rules          []Rule          `yaml:"-" json:"rules,omitempty"` // definitions are the screening package's own form
	Reasons        []NotReady      `yaml:"reasons,omitempty" json:"reasons,omitempty"`
	Dispositions   []Disposition   `yaml:"dispositions,omitempty" json:"dispositions,omitempty"`
	Forms          []Form          `yaml:"forms,omitempty" json:"forms,omitempty"`
	ReviewPolicies []ReviewPolicy  `yaml:"review_policies,omitempty" json:"review_policies,omitempty"`
	Webhooks       []Webhook       `yaml:"webhooks,omitempty" json:"webhooks,omitempty"`
	Links          []Link          `yaml:"links,omitempty" json:"links,omitempty"`
	Surveys        []Survey        `yaml:"surveys,omitempty" json:"surveys,omitempty"`
	Retention      []RetentionRule `yaml:"retention,omitempty" json:"retention,omitempty"`
	Models         []Model         `yaml:"-" json:"-"`                  // trained from what Training names
	Training       []Training      `yaml:"training,omitempty" json:"-"` // labelled texts, a file a language
}

// Group is a team.
type Group struct {
	Name  string `yaml:"name" json:"name,omitempty"`
	Title string `yaml:"title,omitempty" json:"title,omitempty"`
}

// Queue is where tasks wait, with the policies that go with it.
type Queue struct {
	Name          string        `yaml:"name" json:"name,omitempty"`
	Title         string        `yaml:"title,omitempty" json:"title,omitempty"`
	Group         string        `yaml:"group" json:"group,omitempty"`
	Priority      int           `yaml:"priority,omitempty" json:"priority,omitempty"`
	Chain         []RouteTarget `yaml:"chain,omitempty" json:"chain,omitempty"`
	ReviewPercent *int          `yaml:"review_percent" json:"review_percent,omitempty"`           // of replies, 0 to 100, where no review policy applies; default 100
	RouteSeconds  int           `yaml:"route_seconds,omitempty" json:"route_seconds,omitempty"`   // default 12 h
	HandleSeconds int           `yaml:"handle_seconds,omitempty" json:"handle_seconds,omitempty"` // default 180 min
	OfferSeconds  int           `yaml:"offer_seconds,omitempty" json:"offer_seconds,omitempty"`   // default 30
	Push          bool          `yaml:"push,omitempty" json:"push,omitempty"`                     // tasks are offered; otherwise they are pulled

	// Which task is first and who gets it; see Policy.
	Choice           Choice `yaml:"choice,omitempty" json:"choice,omitempty"` // default longest_idle
	AgeingSeconds    int    `yaml:"ageing_seconds,omitempty" json:"ageing_seconds,omitempty"`
	ServiceWeight    int    `yaml:"service_weight,omitempty" json:"service_weight,omitempty"`
	ObjectiveSeconds int    `yaml:"objective_seconds,omitempty" json:"objective_seconds,omitempty"` // of open time, until the customer should have his answer; 0: none
	Calendar         string `yaml:"calendar,omitempty" json:"calendar,omitempty"`                   // whose open time counts; empty: the entry point's, or all time
	Overflow         string `yaml:"overflow,omitempty" json:"overflow,omitempty"`                   // the queue that gets what nobody took within route_seconds
	MissedOffers     int    `yaml:"missed_offers,omitempty" json:"missed_offers,omitempty"`         // in a row make an agent not ready; default 3
	ServiceSeconds   int    `yaml:"service_seconds,omitempty" json:"service_seconds,omitempty"`     // what is taken within it was in time, in statistics; default an hour
}

// EntryPoint is an address that customers write to, and the workflow and queue behind it.
type EntryPoint struct {
	Name     string  `yaml:"name" json:"name,omitempty"`
	Channel  Channel `yaml:"channel" json:"channel,omitempty"`
	Address  string  `yaml:"address" json:"address,omitempty"`
	Disabled bool    `yaml:"disabled,omitempty" json:"disabled,omitempty"`
	Workflow string  `yaml:"workflow" json:"workflow,omitempty"`
	Queue    string  `yaml:"queue" json:"queue,omitempty"`
	FromName string  `yaml:"from_name,omitempty" json:"from_name,omitempty"`
	Language string  `yaml:"language,omitempty" json:"language,omitempty"` // default en
	Calendar string  `yaml:"calendar,omitempty" json:"calendar,omitempty"` // its business hours, for queues that have none
	Survey   string  `yaml:"survey,omitempty" json:"survey,omitempty"`     // that its customers are asked when people have answered them; empty: none

	Chat *ChatSettings `yaml:"chat,omitempty" json:"chat,omitempty"` // of channel chat only

	SMS      *SMSSettings      `yaml:"sms,omitempty" json:"sms,omitempty"`           // of channel sms only
	Callback *CallbackSettings `yaml:"callback,omitempty" json:"callback,omitempty"` // of channel callback only

	Joins bool `yaml:"joins,omitempty" json:"joins,omitempty"` // what arrives here joins the contact's open interaction, whatever channel that is of
}

// NewAgent is a person as configuration names him; his password or token comes another way.
type NewAgent struct {
	Login    string         `yaml:"login" json:"login,omitempty"`
	Name     string         `yaml:"name" json:"name,omitempty"`
	Email    string         `yaml:"email,omitempty" json:"email,omitempty"`
	Role     Role           `yaml:"role" json:"role,omitempty"`
	Disabled bool           `yaml:"disabled,omitempty" json:"disabled,omitempty"`
	Groups   []string       `yaml:"groups,omitempty,flow" json:"groups,omitempty"`
	Skills   map[string]int `yaml:"skills,omitempty,flow" json:"skills,omitempty"`
	Limits   map[string]int `yaml:"limits,omitempty,flow" json:"limits,omitempty"` // by channel or kind of task, and total
	Capacity Capacity       `yaml:"capacity,omitempty" json:"capacity,omitzero"`   // across channels
}

// CategorySetup is one leaf or node of the category tree; the name is its path.
type CategorySetup struct {
	Name           string   `yaml:"name" json:"name,omitempty"`
	Title          string   `yaml:"title,omitempty" json:"title,omitempty"`
	Skill          string   `yaml:"skill,omitempty" json:"skill,omitempty"`           // that its tasks ask for
	Queue          string   `yaml:"queue,omitempty" json:"queue,omitempty"`           // empty: the entry point's
	AutoThreshold  *float64 `yaml:"auto_threshold" json:"auto_threshold,omitempty"`   // confidence for an automatic response; default 0.85
	RouteThreshold *float64 `yaml:"route_threshold" json:"route_threshold,omitempty"` // confidence to route by it; default 0.5
}

// Rule is one screening rule; they run in the order of their positions.
type Rule struct {
	Name       string          `json:"name,omitempty"`
	Position   int             `json:"position,omitempty"` // 0: where it is, or behind the others
	Enabled    bool            `json:"enabled,omitempty"`
	Definition json.RawMessage `json:"definition,omitempty"`
}

// NotReady is a reason that agents may give for not being ready.
type NotReady struct {
	Name  string `yaml:"name" json:"name,omitempty"`
	Title string `yaml:"title,omitempty" json:"title,omitempty"`
}

// Disposition is how a task may end, as a code; where it counts follows from its queues and channels (none: all).
type Disposition struct {
	Name     string    `yaml:"name" json:"name,omitempty"`
	Title    string    `yaml:"title,omitempty" json:"title,omitempty"`
	Queues   []string  `yaml:"queues,omitempty,flow" json:"queues,omitempty"`
	Channels []Channel `yaml:"channels,omitempty,flow" json:"channels,omitempty"`
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

// TemplateFields are what the text of a standard response may name.
var TemplateFields = []string{
	"contact.name", "contact.email", "interaction.subject", "interaction.reference", "interaction.category", "interaction.queue", "interaction.received", "agent.name",
}
