package api

import (
	"reflect"
	"time"

	"parley/interaction"
)

// Response is a standard response.
type Response struct {
	ID          interaction.ID `json:"id"`
	Name        string         `json:"name"`
	Category    string         `json:"category"`
	Language    string         `json:"language"`
	Usage       string         `json:"usage" enum:"acknowledgement,auto_response,suggestion,snippet"`
	State       string         `json:"state" enum:"draft,approved,active" doc:"approved: people may use it; active: the system picks it, one for each category, language and usage"`
	Starts      *time.Time     `json:"starts,omitempty"`
	Expires     *time.Time     `json:"expires,omitempty"`
	Subject     string         `json:"subject"`
	Text        string         `json:"text" doc:"with its field codes"`
	HTML        string         `json:"html,omitempty" doc:"with its field codes; the text alone when empty"`
	Attachments []Attachment   `json:"attachments" nullable:"false"`
	Version     int64          `json:"version" doc:"of what it says"`
}

func responseView(r interaction.Response) Response {
	return Response{
		r.ID, r.Name, r.Category, r.Language, string(r.Usage), string(r.State), moment(r.Starts), moment(r.Expires), r.Subject, r.Text, r.HTML,
		attachmentViews(r.Files), r.Version,
	}
}

// Suggestion is a standard response that may answer a task.
type Suggestion struct {
	Response
	Filled Content `json:"filled" doc:"what it says to this customer; name its id in the reply's responses if you use it, and the ids of its attachments if they shall go with it"`
}

func suggestionView(r interaction.SuggestedResponse) Suggestion {
	return Suggestion{responseView(r.Response), Content(r.Filled)}
}

// ResponseName is one version of a standard response.
type ResponseName struct {
	ID      interaction.ID `json:"id"`
	Version int64          `json:"version"`
}

// ResponseVersion is what a standard response said once.
type ResponseVersion struct {
	Version     int64          `json:"version"`
	At          time.Time      `json:"at"`
	AuthorID    interaction.ID `json:"author_id,omitempty" doc:"empty: it came from files"`
	ApproverID  interaction.ID `json:"approver_id,omitempty"`
	ApprovedAt  *time.Time     `json:"approved_at,omitempty" doc:"when it was first approved; absent: never"`
	Name        string         `json:"name"`
	Category    string         `json:"category"`
	Language    string         `json:"language"`
	Usage       string         `json:"usage"`
	Starts      *time.Time     `json:"starts,omitempty"`
	Expires     *time.Time     `json:"expires,omitempty"`
	Subject     string         `json:"subject"`
	Text        string         `json:"text"`
	HTML        string         `json:"html,omitempty"`
	Attachments []Attachment   `json:"attachments" nullable:"false"`
}

func versionView(v interaction.ResponseVersion) ResponseVersion {
	return ResponseVersion{
		v.Version, v.At, v.Author, v.Approver, moment(v.ApprovedAt), v.Name, v.Category, v.Language, string(v.Usage), moment(v.Starts), moment(v.Expires),
		v.Subject, v.Text, v.HTML, attachmentViews(v.Files),
	}
}

// ResponseDiff is what differs between two versions.
type ResponseDiff struct {
	From    int64              `json:"from"`
	To      int64              `json:"to"`
	Fields  []SetupFieldChange `json:"fields" nullable:"false" doc:"what else differs: category, language, usage, starts, expires, attachments"`
	Subject []Piece            `json:"subject_diff" nullable:"false"`
	Text    []Piece            `json:"text_diff" nullable:"false" doc:"word by word: same and removed are the text before, same and added the text after"`
	HTML    []Piece            `json:"html_diff" nullable:"false"`
}

func diffVersions(from, to interaction.ResponseVersion) ResponseDiff {
	before, after := versionView(from), versionView(to)
	d := ResponseDiff{
		From: from.Version, To: to.Version, Fields: []SetupFieldChange{},
		Subject: pieces(from.Subject, to.Subject), Text: pieces(from.Text, to.Text), HTML: pieces(from.HTML, to.HTML),
	}
	for _, f := range []struct {
		name          string
		before, after any
	}{
		{"category", before.Category, after.Category},
		{"language", before.Language, after.Language},
		{"usage", before.Usage, after.Usage},
		{"starts", before.Starts, after.Starts},
		{"expires", before.Expires, after.Expires},
		{"attachments", before.Attachments, after.Attachments},
	} {
		if !reflect.DeepEqual(f.before, f.after) {
			d.Fields = append(d.Fields, SetupFieldChange{f.name, f.before, f.after})
		}
	}
	return d
}

// ResponseUse is one thing that needs a standard response.
type ResponseUse struct {
	By    string `json:"by" enum:"categories,selections,open_interactions" doc:"categories: it answers them by itself, empty name: all of them"`
	Name  string `json:"name,omitempty"`
	Count int64  `json:"count"`
}

// ResponseCount is how often a standard response was suggested, chosen and sent in a time.
type ResponseCount struct {
	ResponseID interaction.ID `json:"response_id"`
	Name       string         `json:"name"`
	State      string         `json:"state"`
	Suggested  int64          `json:"suggested" doc:"with interactions, to their agents"`
	Chosen     int64          `json:"chosen" doc:"by agents, for a reply"`
	Unchanged  int64          `json:"unchanged" doc:"of the chosen, those that were sent word for word"`
	Change     *float64       `json:"change,omitempty" doc:"mean share of the words that agents changed, 0 to 1"`
	Automatic  int64          `json:"automatic" doc:"sent by the system"`
	LastAt     *time.Time     `json:"last_at,omitempty"`
}

func countView(c interaction.ResponseCount) ResponseCount {
	v := ResponseCount{c.Response, c.Name, string(c.State), c.Suggested, c.Chosen, c.Unchanged, nil, c.Automatic, moment(c.Last)}
	if c.Chosen > 0 {
		v.Change = &c.Change
	}
	return v
}
