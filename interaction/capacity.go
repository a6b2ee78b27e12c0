package interaction

// Total is the limit over all classes, beside the limits of each.
const Total = "total"

// DefaultLimit counts where an agent has no limit set, for a class or in total.
const DefaultLimit = 10

// Capacity is what an agent may have at once across classes of tasks (a channel, or review, consult and settle), beside his limits of each. The
// zero Capacity adds nothing to the limits.
type Capacity struct {
	Weights map[string]int `yaml:"weights,omitempty,flow" json:"weights,omitempty"` // how much one of a class counts against the total; default 1
	Rules   []CapacityRule `yaml:"rules,omitempty,flow" json:"rules,omitempty"`
}

// CapacityRule keeps tasks of a class away from an agent while he has at least so many of each of others: "no chat while on
// 1 email and 1 chat" is {no: chat, while: {email: 1, chat: 1}}. What he has already he keeps.
type CapacityRule struct {
	No    string         `yaml:"no" json:"no,omitempty"` // a class, or any
	While map[string]int `yaml:"while,flow" json:"while,omitempty"`
}

// AnyClass in a rule stands for every class.
const AnyClass = "any"
