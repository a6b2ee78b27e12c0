package interaction

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Usage tells what a standard response is for.
type Usage string

// Usages of standard responses.
const (
	UseAcknowledgement Usage = "acknowledgement"
	UseAutoResponse    Usage = "auto_response"
	UseSuggestion      Usage = "suggestion"
	UseSnippet         Usage = "snippet"
)

// Usages are all of them.
var Usages = []Usage{UseAcknowledgement, UseAutoResponse, UseSuggestion, UseSnippet}

// ResponseState is where a standard response stands. An approved one may be used by people; the active one is what the system picks by itself, and there
// is one for each category, language and usage.
type ResponseState string

// States of standard responses.
const (
	ResponseDraft    ResponseState = "draft"
	ResponseApproved ResponseState = "approved"
	ResponseActive   ResponseState = "active"
)

// ResponseStates are all of them.
var ResponseStates = []ResponseState{ResponseDraft, ResponseApproved, ResponseActive}

// What people do with standard responses. Writing another text makes a draft of any; activating one makes the active one beside it approved.
const (
	ResponseApprove    = "approve"
	ResponseActivate   = "activate"
	ResponseDeactivate = "deactivate"
	ResponseWithdraw   = "withdraw"
)

// ResponseTransitions are the changes of state that there are.
var ResponseTransitions = []Transition{
	{By: ResponseApprove, From: string(ResponseDraft), To: string(ResponseApproved)},
	{By: ResponseActivate, From: string(ResponseApproved), To: string(ResponseActive)},
	{By: ResponseDeactivate, From: string(ResponseActive), To: string(ResponseApproved)},
	{By: ResponseWithdraw, From: string(ResponseApproved), To: string(ResponseDraft)},
	{By: ResponseWithdraw, From: string(ResponseActive), To: string(ResponseDraft)},
}

// Response is one standard response as it stands.
type Response struct {
	ID       ID
	Name     string
	Category string
	Language string
	Usage    Usage
	State    ResponseState
	Starts   time.Time
	Expires  time.Time
	Subject  string
	Text     string
	HTML     string // empty: the text alone
	Files    []File
	Version  int64 // of what it says
	Changes  int64 // of anything, its state included
}

// ResponseVersion is what a standard response said once.
type ResponseVersion struct {
	Response
	At         time.Time
	Author     ID // empty: the system, or files
	Approver   ID
	ApprovedAt time.Time // zero: it never was
}

// ResponseFilter narrows a list of standard responses.
type ResponseFilter struct {
	Category, Language string
	Usage              Usage
	Words              string          // each word occurs in name, subject or text
	States             []ResponseState // of these, whatever their dates; empty: those that people may use today
}

// ResponseText is what a response says with its field codes filled in, or what its author tries.
type ResponseText struct {
	Subject, Text, HTML string
}

// SuggestedResponse is a response that may answer a task, filled in for its interaction.
type SuggestedResponse struct {
	Response
	Filled ResponseText
}

// LibraryText is what suggestions are compared by.
type LibraryText struct {
	ID       ID
	Category string
	Language string
	Text     string // name, subject and text
}

// ResponseUse is one thing that needs a response.
type ResponseUse struct {
	By    string // categories, selections, open_interactions, queued_messages
	Name  string
	Count int64
}

// ResponseCount is how often a response was suggested, chosen and sent in a time.
type ResponseCount struct {
	Response  ID
	Name      string
	State     ResponseState
	Suggested int64   // to agents, with interactions
	Chosen    int64   // by agents, for a reply
	Unchanged int64   // of the chosen, sent word for word
	Change    float64 // mean share of words that agents changed in the chosen ones, 0 to 1
	Automatic int64   // sent by the system
	Last      time.Time
}

// LibraryFile is a file of a standard response as configuration names it.
type LibraryFile struct {
	Name   string `yaml:"name" json:"name"`
	SHA256 string `yaml:"sha256,omitempty" json:"sha256" doc:"of a file that was uploaded for responses"`
	File   string `yaml:"file,omitempty" json:"-"` // where its bytes are, beside the file that names it
	Type   string `yaml:"-" json:"-"`
	Data   []byte `yaml:"-" json:"-"` // what File has; nil: it is in the library already
}

// Answer is a standard response as configuration names it.
type Answer struct {
	Name        string        `yaml:"name" json:"name,omitempty"`
	Category    string        `yaml:"category,omitempty" json:"category,omitempty"`
	Language    string        `yaml:"language" json:"language,omitempty"`
	Usage       Usage         `yaml:"usage" json:"usage,omitempty"`
	State       ResponseState `yaml:"state,omitempty" json:"state,omitempty" doc:"as it is when what it says is the same, draft otherwise, when left out"`
	Starts      *time.Time    `yaml:"starts,omitempty" json:"starts,omitempty"`
	Expires     *time.Time    `yaml:"expires,omitempty" json:"expires,omitempty"`
	Subject     string        `yaml:"subject,omitempty" json:"subject,omitempty"`
	Text        string        `yaml:"text" json:"text,omitempty"`
	HTML        string        `yaml:"html,omitempty" json:"html,omitempty"`
	Attachments []LibraryFile `yaml:"attachments,omitempty" json:"attachments,omitempty"`
}

// SaysTheSame reports whether two responses differ in nothing but their states.
func (a Answer) SaysTheSame(as Answer) bool {
	a.State, as.State = "", ""
	return reflect.DeepEqual(fieldsOf(a.withDefaults()), fieldsOf(as.withDefaults()))
}

// withDefaults makes equal what is only written differently: times in other zones, and no state.
func (a Answer) withDefaults() Answer {
	for _, at := range []**time.Time{&a.Starts, &a.Expires} {
		if *at != nil {
			utc := (*at).UTC()
			*at = &utc
		}
	}
	defaultTo(&a.State, ResponseDraft)
	return a
}

// SettleResponses gives states to wanted responses that name none: who says what he said before stays as he is, everything new is a draft.
func SettleResponses(now, wanted []Answer) []Answer {
	settled := slices.Clone(wanted)
	for n, a := range settled {
		if a.State != "" {
			continue
		}
		settled[n].State = ResponseDraft
		if at := slices.IndexFunc(now, func(o Answer) bool { return o.Name == a.Name }); at >= 0 && now[at].SaysTheSame(a) {
			settled[n].State = now[at].State
		}
	}
	return settled
}

// Bounds of a response's files.
const (
	MaxLibraryFile  = 10 << 20 // bytes of one
	MaxLibraryFiles = 10       // of one response
)

func (c *checker) response(at place, r Answer, others []Answer) {
	at.among("usage", string(r.Usage), texts(Usages))
	at.language("language", r.Language)
	at.names("category", r.Category, ListCategories)
	at.needs("text", r.Text, "write the text of the response")
	if r.Usage == UseAutoResponse && r.Category == "" {
		at.fault("category", "", "is missing; name the category that this answers")
	}
	if r.State != "" {
		at.among("state", string(r.State), texts(ResponseStates))
	}
	if r.Starts != nil && r.Expires != nil && !r.Starts.Before(*r.Expires) {
		at.fault("expires", *r.Expires, "is not after starts; write a later time, or leave it out")
	}
	if strings.ContainsAny(r.Subject, "\r\n") {
		at.fault("subject", r.Subject, "is one line; leave the line breaks out")
	}
	if r.State == ResponseActive {
		for _, o := range others {
			if o.State == ResponseActive && o.Name != r.Name && o.Category == r.Category && o.Language == r.Language && o.Usage == r.Usage {
				at.fault("state", string(r.State), "%q is active for the same category, language and usage; make one of them approved", o.Name)
			}
		}
	}
	at.libraryFiles(r.Attachments)
}

func (p place) libraryFiles(list []LibraryFile) {
	if len(list) > MaxLibraryFiles {
		p.fault("attachments", len(list), "are more than %d; leave some out", MaxLibraryFiles)
	}
	for n, f := range list {
		field := fmt.Sprintf("attachments[%d]", n)
		p.needs(field+".name", f.Name, "write the name that customers see")
		if strings.ContainsAny(f.Name, "/\\\r\n\x00") || len(f.Name) > 200 {
			p.fault(field+".name", f.Name, "is not a file's name; leave directories and line breaks out")
		}
		if len(f.SHA256) != 64 || strings.Trim(f.SHA256, "0123456789abcdef") != "" {
			p.fault(field+".sha256", f.SHA256, "is not the SHA-256 of a file in 64 digits; take it from the answer to the upload, or name a file")
		}
	}
}
