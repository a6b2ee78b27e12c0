package interaction

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// CallbackSettings are the policies of an entry point of channel callback. The zero value means the defaults.
type CallbackSettings struct {
	Country   string            `yaml:"country,omitempty" json:"country,omitempty"`                       // of numbers without an international prefix, two letters; none: they are refused
	Modes     []CallbackMode    `yaml:"modes,omitempty,flow" json:"modes,omitempty"`                      // default all
	Zone      string            `yaml:"zone,omitempty" json:"zone,omitempty"`                             // of times without one, and whose wall clock slots lie on; default that of the calendar, or UTC
	Bucket    int               `yaml:"bucket_minutes,omitempty" json:"bucket_minutes,omitempty"`         // length of a slot; default 5
	Capacity  int               `yaml:"capacity,omitempty" json:"capacity,omitempty"`                     // callbacks of a slot; default 2
	Horizon   int               `yaml:"horizon_days,omitempty" json:"horizon_days,omitempty"`             // how far ahead can be booked; default 30
	Tries     int               `yaml:"tries,omitempty" json:"tries,omitempty"`                           // default 3
	Retry     int               `yaml:"retry_minutes,omitempty" json:"retry_minutes,omitempty"`           // of open time between tries; default 30
	Limit     int               `yaml:"limit_minutes,omitempty" json:"limit_minutes,omitempty"`           // behind its time a callback expires; default 1440
	Again     []string          `yaml:"again,omitempty,flow" json:"again,omitempty"`                      // dispositions that mean "not reached"; default no_answer, busy, voicemail
	Duplicate string            `yaml:"duplicate,omitempty" json:"duplicate,omitempty"`                   // a second request of a number that waits: refuse (default) or merge
	Blocked   []string          `yaml:"blocked,omitempty,flow" json:"blocked,omitempty"`                  // beginnings of numbers that are not called, as +49900
	Premium   bool              `yaml:"premium,omitempty" json:"premium,omitempty"`                       // numbers that cost more than a call are called, too
	Countries []string          `yaml:"countries,omitempty,flow" json:"countries,omitempty"`              // whose numbers are called; none: all
	Origins   []string          `yaml:"origins,omitempty,flow" json:"origins,omitempty"`                  // of pages beside our own that may book or show the form, as https://www.example.org
	Notify    string            `yaml:"notify,omitempty" json:"notify,omitempty"`                         // entry point of email or sms that tells a customer who was not reached; none: nobody does
	Text      map[string]string `yaml:"text,omitempty" json:"text,omitempty"`                             // what it tells, by language
	Guard     int               `yaml:"dial_guard_seconds,omitempty" json:"dial_guard_seconds,omitempty"` // no number is dialled twice within; default 120
	DialURL   string            `yaml:"dial_url,omitempty" json:"dial_url,omitempty"`                     // of a telephone system that dials when it is asked to; none: the agent dials
	DialKey   string            `yaml:"dial_secret,omitempty" json:"dial_secret,omitempty"`               // where the secret is that signs such orders: env:PARLEY_LINK_NAME or file:NAME
}

// Values of Duplicate.
const (
	DuplicateRefuse = "refuse"
	DuplicateMerge  = "merge"
)

// WithDefaults fills in what is not said.
func (s CallbackSettings) WithDefaults() CallbackSettings {
	if len(s.Modes) == 0 {
		s.Modes = []CallbackMode{CallNow, CallFree, CallSlot}
	}
	for _, d := range []struct {
		field *int
		value int
	}{{&s.Bucket, 5}, {&s.Capacity, 2}, {&s.Horizon, 30}, {&s.Tries, 3}, {&s.Retry, 30}, {&s.Limit, 1440}, {&s.Guard, 120}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if len(s.Again) == 0 {
		s.Again = []string{"no_answer", "busy", "voicemail"}
	}
	if s.Duplicate == "" {
		s.Duplicate = DuplicateRefuse
	}
	return s
}

// Check gives what is wrong with the settings, each an *Error that names the field.
func (s CallbackSettings) Check() []*Error {
	var errs []*Error
	bad := func(field, format string, args ...any) {
		errs = append(errs, Invalid("bad_value", field, format, args...))
	}
	s.checkNumbers(bad)
	for _, m := range s.Modes {
		if m != CallNow && m != CallFree && m != CallSlot {
			bad("modes", "%q is none of now, free, slot", m)
		}
	}
	for _, c := range append(slices.Clone(s.Countries), s.Country) {
		if c != "" && (len(c) != 2 || strings.ToUpper(c) != c) {
			bad("country", "%q is no country; write two capital letters such as DE", c)
		}
	}
	for _, b := range s.Blocked {
		if !strings.HasPrefix(b, "+") {
			bad("blocked", "%q does not begin with +; write the beginning of an international number", b)
		}
	}
	if _, err := time.LoadLocation(s.Zone); err != nil || s.Zone == "Local" {
		bad("zone", "%q is no time zone; write one such as Europe/Berlin", s.Zone)
	}
	if s.Duplicate != "" && s.Duplicate != DuplicateRefuse && s.Duplicate != DuplicateMerge {
		bad("duplicate", "%q is neither refuse nor merge", s.Duplicate)
	}
	if s.Notify != "" && len(s.Text) == 0 {
		bad("text", "is missing; write what a customer is told who was not reached")
	}
	for _, o := range s.Origins {
		if u, err := url.Parse(o); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
			bad("origins", "%q is no origin; write one such as https://www.example.org", o)
		}
	}
	if u, err := url.Parse(s.DialURL); s.DialURL != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil) {
		bad("dial_url", "is no address of a telephone system; write one such as https://pbx.example.org/dial, without name and password")
	}
	if s.DialKey != "" && !SecretPlace.MatchString(s.DialKey) {
		bad("dial_secret", "is not a place; write env:PARLEY_LINK_NAME or file:NAME")
	}
	return errs
}

func (s CallbackSettings) checkNumbers(bad func(field, format string, args ...any)) {
	for _, f := range []struct {
		name        string
		value, most int
	}{
		{"bucket_minutes", s.Bucket, 240},
		{"capacity", s.Capacity, 100_000},
		{"horizon_days", s.Horizon, 366},
		{"tries", s.Tries, 20},
		{"retry_minutes", s.Retry, 7 * 1440},
		{"limit_minutes", s.Limit, 30 * 1440},
		{"dial_guard_seconds", s.Guard, 3600},
	} {
		if f.value < 0 || f.value > f.most {
			bad(f.name, "is out of bounds; write a number from 1 to %d", f.most)
		}
	}
	if s.Bucket > 0 && 1440%s.Bucket != 0 {
		bad("bucket_minutes", "does not divide a day; write 5, 10, 15, 20, 30 or 60")
	}
}

// callbackSettings checks what of an entry point is about callbacks.
func callbackSettings(at place, e EntryPoint) {
	if (e.Channel == Callback) != (e.Workflow == WorkflowCallback) {
		at.fault("workflow", e.Workflow, "does not fit channel %s; callbacks are handled by %s, and nothing else is", e.Channel, WorkflowCallback)
	}
	if e.Callback != nil {
		if e.Channel != Callback {
			at.fault("callback", "", "is for entry points of channel callback; leave it out")
		}
		at.names("callback.notify", e.Callback.Notify, ListEntryPoints)
		for _, wrong := range e.Callback.Check() {
			at.fault("callback."+wrong.Field, "", "%s", wrong.Text)
		}
	}
}
