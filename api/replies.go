package api

import (
	"context"
	"time"

	"parley/interaction"
)

// ReplyInput answers the customer.
type ReplyInput struct {
	ByID
	IfMatch
	Body struct {
		Subject     string    `json:"subject,omitempty" maxLength:"900" doc:"Re: and the subject of what it answers when empty"`
		Text        string    `json:"text,omitempty" maxLength:"1048576"`
		HTML        string    `json:"html,omitempty" maxLength:"1048576"`
		Cc          []Address `json:"cc,omitempty" maxItems:"50"`
		Attachments []string  `json:"attachments,omitempty" maxItems:"20" doc:"ids of uploads"`
		Responses   []string  `json:"responses,omitempty" maxItems:"5" doc:"ids of the standard responses that it was made of, to be counted"`
		EntryPoint  string    `json:"entry_point,omitempty" maxLength:"100" doc:"by which it goes out; the one that the customer wrote to last when empty"`
		Disposition string    `json:"disposition,omitempty" pattern:"^[a-z0-9_]{1,60}$" patternDescription:"a code of a-z, 0-9 and _"`
	}
}

// ReplyOutput is the reply as it was kept. It leaves once it is approved.
type ReplyOutput struct {
	Body Message
}

func (s *server) reply(ctx context.Context, in *ReplyInput) (*ReplyOutput, error) {
	id, version, err := target(in.ByID, in.IfMatch)
	if err != nil {
		return nil, err
	}
	b := in.Body
	if err := checkText(b.Text, b.HTML); err != nil {
		return nil, err
	}
	if err := checkLine("subject", b.Subject); err != nil {
		return nil, err
	}
	copies, err := checkCopies(b.Cc)
	if err != nil {
		return nil, err
	}
	files, err := s.uploads(ctx, b.Attachments)
	if err != nil {
		return nil, err
	}
	responses, err := idList("responses", b.Responses)
	if err != nil {
		return nil, err
	}
	m, err := s.Reply(ctx, actorOf(ctx), id, version, interaction.Reply{
		Subject: b.Subject, Text: b.Text, HTML: b.HTML, Cc: copies, Attachments: files, Disposition: b.Disposition, EntryPoint: b.EntryPoint, Responses: responses,
	})
	if err != nil {
		return nil, err
	}
	return &ReplyOutput{messageView(interaction.MessageView{Message: m})}, nil
}

// uploads gives the files that ids name.
func (s *server) uploads(ctx context.Context, ids []string) ([]interaction.File, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	parsed, err := idList("attachments", ids)
	if err != nil {
		return nil, err
	}
	return s.Uploads(ctx, actorOf(ctx), parsed)
}

// idList reads a list of ids.
func idList(field string, ids []string) ([]interaction.ID, error) {
	parsed := make([]interaction.ID, len(ids))
	for n, id := range ids {
		var err error
		if parsed[n], err = interaction.ParseID(field, id); err != nil {
			return nil, err
		}
	}
	return parsed, nil
}

// Draft is what an agent has written so far.
type Draft struct {
	AuthorID    interaction.ID   `json:"author_id,omitempty"`
	Subject     string           `json:"subject"`
	Text        string           `json:"text"`
	HTML        string           `json:"html"`
	Attachments []Attachment     `json:"attachments" nullable:"false"`
	Answers     []interaction.ID `json:"answers" nullable:"false" doc:"questions whose answers were joined to it"`
	SavedAt     *time.Time       `json:"saved_at,omitempty"`
	Version     int64            `json:"version" doc:"0: nothing is saved yet"`
}

// DraftOutput is a draft.
type DraftOutput struct {
	ETag string `header:"ETag"`
	Body Draft
}

func draftOutput(d interaction.Draft) *DraftOutput {
	return &DraftOutput{etag(d.Version), Draft{
		AuthorID: d.Author, Subject: d.Subject, Text: d.Text, HTML: d.HTML, Attachments: attachmentViews(d.Attachments), Answers: same(d.Answers), SavedAt: moment(d.SavedAt), Version: d.Version,
	}}
}

func (s *server) getDraft(ctx context.Context, in *ByID) (*DraftOutput, error) {
	id, err := pathID(in.ID, "task")
	if err != nil {
		return nil, err
	}
	d, err := s.TaskDraft(ctx, actorOf(ctx), id)
	if err != nil {
		return nil, err
	}
	return draftOutput(d), nil
}

// DraftInput saves a draft of a held task; If-Match is the draft's own version.
type DraftInput struct {
	ByID
	IfMatch
	Body struct {
		Subject     string   `json:"subject,omitempty" maxLength:"900"`
		Text        string   `json:"text,omitempty" maxLength:"1048576"`
		HTML        string   `json:"html,omitempty" maxLength:"1048576"`
		Attachments []string `json:"attachments,omitempty" maxItems:"20" doc:"ids of uploads"`
	}
}

func (s *server) putDraft(ctx context.Context, in *DraftInput) (*DraftOutput, error) {
	id, version, err := target(in.ByID, in.IfMatch)
	if err != nil {
		return nil, err
	}
	if err := checkLine("subject", in.Body.Subject); err != nil {
		return nil, err
	}
	files, err := s.uploads(ctx, in.Body.Attachments)
	if err != nil {
		return nil, err
	}
	d, err := s.SaveDraft(ctx, actorOf(ctx), id, version, interaction.Draft{Subject: in.Body.Subject, Text: in.Body.Text, HTML: in.Body.HTML, Attachments: files})
	if err != nil {
		return nil, err
	}
	return draftOutput(d), nil
}
