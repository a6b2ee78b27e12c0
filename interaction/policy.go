package interaction

// Choice is how one of several agents who fit is chosen.
type Choice string

// The choices. Each falls back to the longest idle, and then to the lower id.
const (
	LongestIdle Choice = "longest_idle"
	LeastLoaded Choice = "least_loaded"
	BestSkill   Choice = "best_skill" // the highest level in the skill that is asked for; plain longest idle where none is
)

// Policy is how a queue's tasks are routed: which is first, and who gets it. The zero Policy is strict priority, then age, and the longest idle.
type Policy struct {
	Choice  Choice // empty: LongestIdle
	Ageing  int    // seconds of waiting that count as one step of priority; 0: priority goes before any age
	Service int    // 0 to 100: how far a task's deadline decides its place, instead of its age
}

// Calendar is a business calendar as configuration writes it; what the texts mean is checked by who compiles them.
//
//	name: office
//	zone: Europe/Berlin
//	week:
//	  mon-thu: ["09:00-12:30", "13:30-18:00"]
//	  fri: ["09:00-14:00"]
//	holidays: ["01-01", "12-25", "2026-04-03"]
//	exceptions:
//	  "2026-12-24": ["09:00-12:00"]
type Calendar struct {
	Name       string              `yaml:"name" json:"name,omitempty"`
	Zone       string              `yaml:"zone" json:"zone,omitempty"`                        // IANA name
	Week       map[string][]string `yaml:"week,omitempty" json:"week,omitempty"`              // mon to sun, or a range of days, to periods; a day that is not named is closed
	Holidays   []string            `yaml:"holidays,omitempty,flow" json:"holidays,omitempty"` // closed: a date, or month and day for every year
	Exceptions map[string][]string `yaml:"exceptions,omitempty" json:"exceptions,omitempty"`  // other periods on a date; they go before holidays and week
}
