package mastodon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"parley/interaction"
	"parley/lib/safehttp"
	"parley/lib/sending"
	"parley/lib/social"
)

// repeats is how often a post is sent again whose answer was lost: the server takes a second one with the same key for what it is (for an hour).
const repeats = 3

// Send posts an answer that mentions the customer, as openly as what it answers. Its files are given to the server before; nobody sees them until a post names them.
func (a *Account) Send(ctx context.Context, out interaction.Outbound, commit func(context.Context) error) interaction.Outcome {
	post, err := a.post(out)
	if err != nil {
		return sending.Impossible(err)
	}
	if wait := a.rest.Left(a.Clock()); wait > 0 {
		return interaction.Outcome{State: interaction.SendQueued, Code: "429", Text: "the server wants to be left alone", Wait: wait}
	}
	if len(out.Attachments) > 0 && ctx.Err() != nil {
		return sending.Ended(context.Cause(ctx))
	}
	for _, file := range out.Attachments {
		id, failed := a.give(ctx, file)
		if failed != nil {
			return *failed
		}
		post.Media = append(post.Media, id)
	}
	return sending.Once(ctx, a.Log, commit, func() interaction.Outcome { return a.insist(ctx, out, post) })
}

// insist sends the post, and again where nobody knows whether it arrived.
func (a *Account) insist(ctx context.Context, out interaction.Outbound, post newPost) interaction.Outcome {
	pause := a.Pause
	for n := 0; ; n++ {
		o := a.try(ctx, out, post, n == 0)
		if o.State != interaction.SendUnknown || n == repeats {
			return o
		}
		select {
		case <-ctx.Done():
			return o
		case <-time.After(pause):
		}
		pause *= 2
	}
}

// newPost is the body of a request to post.
type newPost struct {
	Status     string   `json:"status"`
	Answers    string   `json:"in_reply_to_id,omitempty"`
	Visibility string   `json:"visibility"`
	Media      []string `json:"media_ids,omitempty"`
}

// post makes the body, or says why the message cannot be sent so.
func (a *Account) post(out interaction.Outbound) (newPost, error) {
	to, text, files, err := sending.Message(out, maxFiles, maxFile)
	if err == nil {
		err = takes(files)
	}
	if err != nil {
		return newPost{}, err
	}
	if !strings.HasPrefix(to, "@") || len(to) < 2 || strings.ContainsAny(to, " \t\r\n") {
		return newPost{}, fmt.Errorf("%q is no account", to)
	}
	if !mentions(text, to) {
		text = strings.TrimSpace(to + " " + text)
	}
	name, host, _ := strings.Cut(to[1:], "@")
	counted := utf8.RuneCountInString(text) // the server does not count the host of a mention
	if host != "" {
		counted -= utf8.RuneCountInString(to) - utf8.RuneCountInString("@"+name)
	}
	if counted > a.Settings.Max {
		return newPost{}, fmt.Errorf("the text has %d characters with the mention, at most %d may go", counted, a.Settings.Max)
	}
	p := newPost{Status: text, Visibility: "direct", Answers: a.answered(out)}
	if out.Visibility.Open() {
		p.Visibility = string(out.Visibility)
	}
	return p, nil
}

// mentions reports whether a text mentions the account already.
func mentions(text, account string) bool {
	for word := range strings.FieldsSeq(text) {
		if strings.EqualFold(strings.TrimRight(word, ".,:;!?"), account) {
			return true
		}
	}
	return false
}

// answered is the id of the post that out answers, empty for none of this server's.
func (a *Account) answered(out interaction.Outbound) string {
	rest, ok := strings.CutPrefix(out.InReplyTo, "social:"+Kind+":"+a.host+"/")
	if !ok {
		return ""
	}
	me, _, _ := strings.Cut(rest, ":")
	return social.IDOf(Kind, a.host+"/"+me, out.InReplyTo)
}

// try makes one request. first says that nothing can have arrived before it.
func (a *Account) try(ctx context.Context, out interaction.Outbound, post newPost, first bool) interaction.Outcome {
	r, err := a.api.request(ctx, http.MethodPost, "/api/v1/statuses", nil, post)
	if err != nil {
		return sending.Impossible(err)
	}
	key := sha256.Sum256([]byte(out.Key))
	r.Header.Set("Idempotency-Key", hex.EncodeToString(key[:]))
	answer, err := a.Client.Do(r)
	if err != nil {
		o := interaction.Outcome{State: interaction.SendUnknown, Code: "answer_lost", Text: err.Error()}
		if first && safehttp.NeverLeft(err) {
			o.State, o.Code = interaction.SendQueued, "server_away"
		}
		return o
	}
	return a.outcome(answer, out, first)
}

// outcome reads the answer.
func (a *Account) outcome(answer safehttp.Answer, out interaction.Outbound, first bool) interaction.Outcome {
	var sent status
	err := a.api.judge(answer, &sent)
	var no *refusal
	switch {
	case err == nil && sent.ID != "":
		return interaction.Outcome{State: interaction.SendSent, Code: "200", ID: social.Name(Kind, a.name(sent.Account), out.Visibility, sent.ID)}
	case !errors.As(err, &no):
		return interaction.Outcome{State: interaction.SendUnknown, Code: "answer_lost", Text: errGarbled.Error()}
	}
	o := interaction.Outcome{State: interaction.SendNotSent, Code: strconv.Itoa(no.Status), Text: no.Text}
	switch {
	case no.Status == http.StatusTooManyRequests:
		a.rest.Want(a.Clock(), no.Wait)
		o.State, o.Wait = interaction.SendQueued, no.Wait
		if !first { // the one before it may have arrived
			o.State = interaction.SendUnknown
		}
	case no.Status == http.StatusUnauthorized:
		o.Code, o.Text = "reconnect", "the access token is not valid any more: give the link a new one, then send again"
	case no.Status == http.StatusNotFound:
		o.Code, o.Text = "gone", "the post that this answers is gone"
	case no.Status >= 500:
		o.State = interaction.SendUnknown
	}
	return o
}
