package mastodon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"parley/interaction"
	"parley/lib/safehttp"
	"parley/lib/sending"
)

// What a server takes by default; one that allows less says so itself.
const (
	maxFiles = 4 // of a post
	maxFile  = 16 << 20
)

// takes says which file no server takes: posts show pictures, audio and video.
func takes(files []interaction.Attachment) error {
	for _, f := range files {
		switch top, _, _ := strings.Cut(sending.TypeOf(f), "/"); top {
		case "image", "audio", "video":
		default:
			return fmt.Errorf("a post shows pictures, audio and video; the file %q is neither", f.Name)
		}
	}
	return nil
}

// give uploads a file and gives its id once the server has worked on it. Whatever goes wrong, nothing has left for the customer.
func (a *Account) give(ctx context.Context, f interaction.Attachment) (id string, failed *interaction.Outcome) {
	form := sending.NewForm()
	form.Field("description", f.Name)
	form.File("file", f)
	contentType, body := form.Body()
	r, err := a.api.post(ctx, "/api/v2/media", contentType, body)
	if err != nil {
		o := sending.Impossible(err)
		return "", &o
	}
	answer, err := a.Client.Do(r)
	for tries := 0; ; tries++ {
		if err != nil {
			return "", &interaction.Outcome{State: interaction.SendQueued, Code: "server_away", Text: err.Error()}
		}
		var done bool
		if id, done, err = a.given(answer); err != nil {
			return "", a.notGiven(err)
		}
		if done {
			return id, nil
		}
		if tries == lookings {
			return "", &interaction.Outcome{State: interaction.SendQueued, Code: "media_processing", Text: "the server still works on the file " + f.Name}
		}
		answer, err = a.lookAt(ctx, id)
	}
}

// lookings is how often a file that the server works on is asked for, with a pause before each.
const lookings = 20

// lookAt waits a little and asks for a file that the server works on.
func (a *Account) lookAt(ctx context.Context, id string) (safehttp.Answer, error) {
	select {
	case <-ctx.Done():
		return safehttp.Answer{}, context.Cause(ctx)
	case <-time.After(a.Pause):
	}
	r, err := a.api.request(ctx, http.MethodGet, "/api/v1/media/"+url.PathEscape(id), nil, nil)
	if err != nil {
		return safehttp.Answer{}, err
	}
	return a.Client.Do(r)
}

// given reads what the server says of a file: 200 it is there, 202 and 206 it is worked on.
func (a *Account) given(answer safehttp.Answer) (id string, done bool, err error) {
	switch answer.Status {
	case http.StatusOK, http.StatusAccepted, http.StatusPartialContent:
	default:
		return "", false, a.api.refused(answer.Status, answer.Header, answer.Body)
	}
	var file struct {
		ID    string `json:"id"`
		Error string `json:"error"`
	}
	if err := json.Unmarshal(answer.Body, &file); err != nil || file.ID == "" {
		if file.Error != "" {
			return "", false, &refusal{Status: http.StatusUnprocessableEntity, Text: file.Error}
		}
		return "", false, errGarbled
	}
	return file.ID, answer.Status == http.StatusOK, nil
}

// notGiven is the outcome of a file that the server did not take.
func (a *Account) notGiven(err error) *interaction.Outcome {
	var no *refusal
	if !errors.As(err, &no) {
		return &interaction.Outcome{State: interaction.SendQueued, Code: "server_away", Text: err.Error()}
	}
	o := interaction.Outcome{State: interaction.SendNotSent, Code: strconv.Itoa(no.Status), Text: no.Text}
	switch {
	case no.Status == http.StatusTooManyRequests:
		a.rest.Want(a.Clock(), no.Wait)
		o.State, o.Wait = interaction.SendQueued, no.Wait
	case no.Status == http.StatusUnauthorized:
		o.Code, o.Text = "reconnect", "the access token is not valid any more: give the link a new one, then send again"
	case no.Status == http.StatusForbidden:
		o.Code, o.Text = "reconnect", "the access token does not allow files: give the link one with the scope write:media, then send again"
	case no.Status >= 500:
		o.State, o.Wait = interaction.SendQueued, no.Wait
	}
	return &o
}
