package meta

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"parley/interaction"
	"parley/lib/safehttp"
	"parley/lib/sending"
	"parley/lib/social"
)

// Send says something to a customer. A request that was perhaps taken is unknown: the API knows no repeats. Files are given to Meta before anything is said; nobody sees
// them until a message names them.
func (a *Adapter) Send(ctx context.Context, out interaction.Outbound, commit func(context.Context) error) interaction.Outcome {
	if !out.Heard.IsZero() && a.Clock().Sub(out.Heard) > Window {
		return windowClosed
	}
	to, text, files, err := a.message(out)
	if err != nil {
		return sending.Impossible(err)
	}
	if wait := a.rest.Left(a.Clock()); wait > 0 {
		return interaction.Outcome{State: interaction.SendQueued, Code: "429", Text: "Meta wants to be left alone", Wait: wait}
	}
	if len(files) > 0 && ctx.Err() != nil {
		return sending.Ended(context.Cause(ctx))
	}
	given := make([]string, len(files))
	for n, f := range files {
		var failed *interaction.Outcome
		if given[n], failed = a.give(ctx, out, f); failed != nil {
			return *failed
		}
	}
	var parts []func() interaction.Outcome
	for _, body := range a.bodies(to, text, files, given) {
		r, err := a.request(ctx, out, body)
		if err != nil {
			return sending.Impossible(err)
		}
		parts = append(parts, func() interaction.Outcome {
			answer, err := a.Client.Do(r)
			if err != nil {
				return lost(err)
			}
			return a.outcome(answer, out)
		})
	}
	return sending.Once(ctx, a.Log, commit, func() interaction.Outcome { return sending.InParts(parts...) })
}

// windowClosed is an answer that comes too late: it goes back to its author, who may choose another way.
var windowClosed = interaction.Outcome{
	State: interaction.SendNotSent, Code: "window_closed", Text: "the customer last wrote more than 24 hours ago, and Meta lets nobody be answered later; choose another entry point",
}

// message reads who gets what, or says why the message cannot be sent so.
func (a *Adapter) message(out interaction.Outbound) (to, text string, files []interaction.Attachment, err error) {
	to, text, files, err = sending.Message(out, maxFiles, largest[a.Kind])
	switch n := utf8.RuneCountInString(text); {
	case err != nil:
	case !identifies(to):
		err = fmt.Errorf("%q is nobody's id", to)
	case n > a.Settings.Max:
		err = fmt.Errorf("the text has %d characters, at most %d may go", n, a.Settings.Max)
	default:
		err = a.takes(files)
	}
	return to, text, files, err
}

// request makes the call that says something.
func (a *Adapter) request(ctx context.Context, out interaction.Outbound, body any) (*http.Request, error) {
	content, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return a.post(ctx, out, "messages", "application/json", content)
}

// post makes a call below our number or page.
func (a *Adapter) post(ctx context.Context, out interaction.Outbound, path, contentType string, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+"/"+url.PathEscape(out.From.Address)+"/"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Authorization", "Bearer "+a.secrets.Token)
	return r, nil
}

// identifies reports whether a text can be a customer's id: a number, or an id that belongs to the business (letters, digits, dots).
func identifies(id string) bool {
	return id != "" && len(id) <= 128 && strings.IndexFunc(id, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '.' && r != '-' && r != '_'
	}) < 0
}

// lost tells a request that never left from one that nobody knows of.
func lost(err error) interaction.Outcome {
	if safehttp.NeverLeft(err) {
		return interaction.Outcome{State: interaction.SendQueued, Code: "meta_away", Text: err.Error()}
	}
	return interaction.Outcome{State: interaction.SendUnknown, Code: "answer_lost", Text: err.Error()}
}

// graphError is the Graph API's no. It comes with any status, 200 included.
type graphError struct {
	Code    int    `json:"code"`
	Sub     int    `json:"error_subcode"`
	Message string `json:"message"`
	Data    struct {
		Details string `json:"details"`
	} `json:"error_data"`
}

// Error gives what the API says of it.
func (e *graphError) Error() string { return e.Message }

// outcome reads the answer.
func (a *Adapter) outcome(answer safehttp.Answer, out interaction.Outbound) interaction.Outcome {
	var body struct {
		Messages []named     `json:"messages"`   // WhatsApp
		ID       string      `json:"message_id"` // Messenger
		Error    *graphError `json:"error"`
	}
	err := json.Unmarshal(answer.Body, &body)
	if len(body.Messages) > 0 {
		body.ID = body.Messages[0].ID
	}
	switch {
	case err == nil && body.Error == nil && answer.Status == http.StatusOK && body.ID != "":
		return interaction.Outcome{State: interaction.SendSent, Code: "200", ID: social.Name(a.Kind, out.From.Address, interaction.VisiblePrivate, body.ID)}
	case err == nil && body.Error != nil:
		return a.refused(*body.Error, answer)
	case answer.Status == http.StatusTooManyRequests:
		return interaction.Outcome{State: interaction.SendQueued, Code: "429", Wait: a.wanted(answer)}
	case answer.Status >= 400 && answer.Status < 500:
		return interaction.Outcome{State: interaction.SendNotSent, Code: strconv.Itoa(answer.Status), Text: "Meta refused it without a reason"}
	}
	return interaction.Outcome{State: interaction.SendUnknown, Code: "answer_lost", Text: fmt.Sprintf("the answer cannot be read, its status was %d", answer.Status)}
}

// refused translates the API's errors, see "Error codes" of the Cloud API and of the Messenger Platform.
func (a *Adapter) refused(e graphError, answer safehttp.Answer) interaction.Outcome {
	o := interaction.Outcome{State: interaction.SendNotSent, Code: strconv.Itoa(e.Code), Text: e.Message}
	if e.Data.Details != "" {
		o.Text = e.Data.Details
	}
	switch {
	case e.Code == 190 || answer.Status == http.StatusUnauthorized:
		o.Code, o.Text = "reconnect", "the access token is not valid any more: give the link a new one, then send again"
	case e.Code == 131047 || e.Code == 10 && e.Sub == 2018278:
		return windowClosed
	case e.Code == 4 || e.Code == 32 || e.Code == 613 || e.Code == 80007 || e.Code == 130429 || e.Code == 131048 || e.Code == 131056 || answer.Status == http.StatusTooManyRequests:
		o.State, o.Wait = interaction.SendQueued, a.wanted(answer)
	case e.Code == 131026 || e.Code == 551: // the customer has no account any more, or has blocked us
		o.Permanent = true
	case answer.Status >= 500:
		o.State = interaction.SendUnknown
	}
	return o
}

// wanted reads how long the API wants to be left alone, and heeds it from now on.
func (a *Adapter) wanted(answer safehttp.Answer) time.Duration {
	now := a.Clock()
	wait := safehttp.RetryAfter(answer.Header, now)
	a.rest.Want(now, wait)
	return wait
}
