package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"

	"parley/interaction"
	"parley/lib/template"
)

// PreviewInput names a standard response, or has one that is being written, and the interaction that it is to be filled in for.
type PreviewInput struct {
	Body struct {
		InteractionID string `json:"interaction_id" maxLength:"64" doc:"that one may read"`
		ResponseID    string `json:"response_id,omitempty" maxLength:"64"`
		Subject       string `json:"subject,omitempty" maxLength:"900" doc:"instead of response_id"`
		Text          string `json:"text,omitempty" maxLength:"65536"`
		HTML          string `json:"html,omitempty" maxLength:"65536"`
	}
}

// Preview is a response as the customer would read it. Nothing is kept or sent.
type Preview struct {
	Content
	SafeHTML    string       `json:"safe_html,omitempty" doc:"the HTML cleaned, to be shown"`
	Empty       []string     `json:"empty" nullable:"false" doc:"fields that it names and that say nothing here"`
	Attachments []Attachment `json:"attachments" nullable:"false"`
}

// PreviewOutput is the answer to a preview.
type PreviewOutput struct {
	Body Preview
}

func (s *server) previewResponse(ctx context.Context, in *PreviewInput) (*PreviewOutput, error) {
	b := in.Body
	if (b.ResponseID == "") == (b.Subject+b.Text+b.HTML == "") {
		return nil, interaction.Invalid("one_response", "response_id", "or a text: give one of them")
	}
	r := interaction.Response{Subject: b.Subject, Text: b.Text, HTML: b.HTML}
	if b.ResponseID != "" {
		id, err := interaction.ParseID("response_id", b.ResponseID)
		if err != nil {
			return nil, err
		}
		if r, err = s.Response(ctx, actorOf(ctx), id); err != nil {
			return nil, err
		}
	}
	of, err := interaction.ParseID("interaction_id", b.InteractionID)
	if err != nil {
		return nil, err
	}
	values, err := s.ResponseValues(ctx, actorOf(ctx), of)
	if err != nil {
		return nil, err
	}
	f := filler{values: values}
	out := Preview{Content: Content{Subject: f.fill("subject", r.Subject, false), Text: f.fill("text", r.Text, false), HTML: f.fill("html", r.HTML, true)}}
	if f.err != nil {
		return nil, f.err
	}
	out.SafeHTML, out.Empty, out.Attachments = safeHTML(out.HTML), same(f.empty), attachmentViews(r.Files)
	return &PreviewOutput{out}, nil
}

// filler fills in one field after the other; the first error stays.
type filler struct {
	values map[string]any
	empty  []string
	err    error
}

func (f *filler) fill(field, source string, html bool) string {
	if source == "" || f.err != nil {
		return ""
	}
	t, err := template.Compile(source, interaction.TemplateFields)
	var wrong *template.Error
	if errors.As(err, &wrong) {
		f.err = interaction.Invalid("bad_template", field, "line %d, column %d: %s", wrong.Line, wrong.Column, wrong.Reason).
			With("line", wrong.Line).With("column", wrong.Column).With("code_name", wrong.Name)
		return ""
	}
	if err != nil {
		f.err = fmt.Errorf("compiling a response: %w", err)
		return ""
	}
	text, err := t.Render(f.values, html)
	if err != nil {
		f.err = interaction.Invalid("bad_template", field, "cannot be filled in: %s", err)
	}
	for _, name := range t.Fields() {
		if v := f.values[name]; (v == nil || v == "") && !slices.Contains(f.empty, name) {
			f.empty = append(f.empty, name)
		}
	}
	return text
}

func (s *server) uploadLibraryFile(c *gin.Context) error { return s.keepUpload(c, s.SaveLibraryFile) }

func (s *server) responseFile(c *gin.Context) error {
	ctx := c.Request.Context()
	r, err := s.response(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(c.Param("attachment"))
	if err != nil || n < 1 || n > len(r.Files) {
		return interaction.Unknown("attachment")
	}
	data, err := s.UploadData(ctx, r.Files[n-1].Upload)
	if err != nil {
		return err
	}
	download(c, r.Files[n-1].Type, r.Files[n-1].Name, data)
	return nil
}
