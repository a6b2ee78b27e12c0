package test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/lib/mail"
	"parley/test/wire"
)

// TestAnAutomaticAnswerIsApprovedSentAndExplained changes what the demo answers to forgotten passwords. While the new text is a draft nobody is answered by
// it and a person gets the task; once it is approved and active it goes out with its HTML and its file, and the events say why.
func TestAnAutomaticAnswerIsApprovedSentAndExplained(t *testing.T) {
	p := newProduct(t)
	p.start()
	root, ann := p.person("PARLEY_ADMIN_TOKEN"), p.person("PARLEY_AGENT_TOKEN")

	file := p.uploadForResponses(root, "steps.txt", "1. Open the page. 2. Enter your address.")
	path := "/v1/configuration/responses/password-reset-en"
	answer := map[string]any{
		"usage": "auto_response", "category": "account/password", "language": "en", "subject": "Your password ({{ interaction.reference }})",
		"text": "Dear {{ contact.name }}, the steps are attached.", "html": "<p>Dear {{ contact.name }}, <b>the steps are attached.</b></p>",
		"attachments": []map[string]any{{"name": "steps.txt", "sha256": file}},
	}
	wrong := map[string]any{"usage": "auto_response", "category": "account/password", "language": "en", "text": "Dear {{ contact.nmae }}"}
	refused := wire.Refused(root.Call(t.Context(), http.MethodPut, path, "", wrong, nil))
	require.NotNil(t, refused)
	require.Equal(t, http.StatusUnprocessableEntity, refused.Status)
	require.Contains(t, refused.Detail, `line 1, column 9: there is no field "contact.nmae"`)
	p.call(root, http.MethodPut, path, answer, nil)

	question := wire.Mail{
		From: "Nora <nora@customers.example.test>", Subject: "Please help me to log in", MessageID: "password-1@customers.example.test",
		Text: "Hello,\n\nI forgot my password and cannot log in to my account any more. Please help me to reset my password.\n\nNora",
	}
	p.mail("nora@customers.example.test", question)
	task := p.claimNext(ann, "handle")
	var opened struct{ Suggestions []struct{ Name string } }
	p.call(ann, http.MethodGet, "/v1/tasks/"+task.ID, nil, &opened)
	for _, s := range opened.Suggestions {
		require.NotEqual(t, "password-reset-en", s.Name, "a draft is suggested to nobody")
	}

	var found struct {
		Items []struct{ ID, State string }
	}
	p.call(root, http.MethodGet, "/v1/responses?state=draft&q=steps", nil, &found)
	require.Len(t, found.Items, 1)
	response := found.Items[0].ID
	p.call(root, http.MethodPost, "/v1/responses/"+response+"/approve", nil, nil)
	p.call(root, http.MethodPost, "/v1/responses/"+response+"/activate", nil, nil)

	question.From, question.Subject, question.MessageID = `"Nora <b>" <other@customers.example.test>`, "I forgot my password", "password-2@customers.example.test"
	p.mail("other@customers.example.test", question)
	i := p.find(ann, question.Subject)
	p.stopped(ann, i.ID, "answered_automatically")
	var sent *wire.Delivery
	for _, d := range p.sink.All() {
		if d.InReplyTo == question.MessageID {
			require.Nil(t, sent, "one answer")
			sent = &d
		}
	}
	require.NotNil(t, sent)
	require.True(t, sent.Automatic)
	require.Contains(t, sent.Subject, "Your password (")
	got := mail.Parse(sent.Raw)
	require.Contains(t, got.Text, "Dear Nora <b>, the steps are attached.")
	require.Contains(t, got.HTML, "Dear Nora &lt;b&gt;, <b>the steps are attached.</b>")
	require.Len(t, got.Attachments, 1)
	require.Equal(t, "steps.txt", got.Attachments[0].Name)
	data, err := mail.Part(sent.Raw, got.Attachments[0].Part)
	require.NoError(t, err)
	require.Equal(t, "1. Open the page. 2. Enter your address.", string(data))

	why := p.answerWritten(ann, i.ID)
	require.Equal(t, "account/password", why.Category)
	require.Equal(t, response, why.Response)
	require.EqualValues(t, 2, why.Version)
	require.NotEmpty(t, why.Model)
	require.GreaterOrEqual(t, why.Confidence, why.Threshold)
	require.Positive(t, why.Threshold)
	require.NotNil(t, why.Rules)
	p.stop()
}

// explanation is what the event of an automatic answer says of its reasons.
type explanation struct {
	Category, Response, Model string
	Version                   int64
	Confidence, Threshold     float64
	Rules                     []string
}

// answerWritten gives the reasons of the one automatic answer of an interaction.
func (p *product) answerWritten(by wire.Client, id string) (why explanation) {
	p.t.Helper()
	p.await(stepLimit, "the answer's event", func(ctx context.Context) error {
		events, err := wire.List[struct {
			Code string
			Data explanation
		}](ctx, by, "/v1/interactions/"+url.PathEscape(id)+"/events", nil)
		for _, e := range events {
			if e.Code == "answer.written" {
				why = e.Data
				return nil
			}
		}
		if err == nil {
			err = fmt.Errorf("not among %d", len(events))
		}
		return err
	})
	return why
}

// uploadForResponses uploads a file for standard responses and gives its SHA-256.
func (p *product) uploadForResponses(by wire.Client, name, content string) string {
	p.t.Helper()
	var kept struct {
		SHA256 string `json:"sha256"`
	}
	p.upload(by, "/v1/responses/files", name, content, &kept)
	return kept.SHA256
}

// upload posts a form with a file.
func (p *product) upload(by wire.Client, path, name, content string, into any) {
	p.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", name)
	require.NoError(p.t, err)
	_, err = part.Write([]byte(content))
	require.NoError(p.t, err)
	require.NoError(p.t, form.Close())
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, "http://"+p.http+path, &body)
	require.NoError(p.t, err)
	request.Header.Set("Content-Type", form.FormDataContentType())
	request.Header.Set("Authorization", "Bearer "+by.Token)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(p.t, err)
	defer answer.Body.Close()
	require.Equal(p.t, http.StatusCreated, answer.StatusCode)
	require.NoError(p.t, json.NewDecoder(answer.Body).Decode(into))
}
