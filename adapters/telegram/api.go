package telegram

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"parley/interaction"
	"parley/lib/safehttp"
)

// api calls methods of the Bot API.
type api struct {
	base, token string
	http        *safehttp.Client
	clock       func() time.Time
}

// refusal is the API's no.
type refusal struct {
	Code int           // as the API says, or the HTTP status where it says nothing
	Text string        // its description
	Wait time.Duration // how long it wants to be left alone
}

// Error gives code and description.
func (r *refusal) Error() string { return fmt.Sprintf("telegram says %d: %s", r.Code, r.Text) }

// errGarbled says that the answer is none of the API's: cut off, or somebody else's.
var errGarbled = errors.New("the answer cannot be read")

// request makes the call of a method.
func (a api) request(ctx context.Context, method string, params any) (*http.Request, error) {
	body, err := json.Marshal(params)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	return a.post(ctx, method, "application/json", body)
}

// post makes the call of a method from a body.
func (a api) post(ctx context.Context, method, contentType string, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+"/bot"+a.token+"/"+method, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s: the URL of the API is wrong", method)
	}
	r.Header.Set("Content-Type", contentType)
	return r, nil
}

// call calls a method and reads its result.
func (a api) call(ctx context.Context, method string, params, result any) error {
	r, err := a.request(ctx, method, params)
	if err != nil {
		return err
	}
	answer, err := a.http.Do(r)
	if err != nil {
		return fmt.Errorf("%s: %w", method, quiet(err))
	}
	if err := a.judge(answer, result); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	return nil
}

// judge reads an answer: ok decides, whatever the HTTP status.
func (a api) judge(answer safehttp.Answer, result any) error {
	var body struct {
		OK          *bool           `json:"ok"`
		Result      json.RawMessage `json:"result"`
		Code        int             `json:"error_code"`
		Description string          `json:"description"`
		Parameters  struct {
			RetryAfter int `json:"retry_after"`
		} `json:"parameters"`
	}
	err := json.Unmarshal(answer.Body, &body)
	if err == nil && body.OK != nil && *body.OK && answer.Status == http.StatusOK {
		if err := json.Unmarshal(body.Result, result); err != nil {
			return fmt.Errorf("%w: %w", errGarbled, err)
		}
		return nil
	}
	if (err != nil || body.OK == nil) && answer.Status == http.StatusOK {
		return errGarbled
	}
	no := &refusal{Code: body.Code, Text: body.Description, Wait: time.Duration(body.Parameters.RetryAfter) * time.Second}
	if no.Code == 0 {
		no.Code = answer.Status
	}
	if no.Wait == 0 {
		no.Wait = safehttp.RetryAfter(answer.Header, a.clock())
	}
	return no
}

// quiet takes the URL out of an error: the token is in it.
func quiet(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// waitOf is how long the API wants to be left alone after an error; zero where it did not say.
func waitOf(err error) time.Duration {
	var no *refusal
	if errors.As(err, &no) {
		return no.Wait
	}
	return 0
}

// stateOf tells whether somebody must do something, or it comes right by itself. 409 is another program that fetches the same bot's updates.
func stateOf(err error) interaction.LinkState {
	var no *refusal
	if errors.As(err, &no) && (no.Code == http.StatusUnauthorized || no.Code == http.StatusNotFound || no.Code == http.StatusConflict) {
		return interaction.LinkFault
	}
	if errors.Is(err, errNotOurs) {
		return interaction.LinkFault
	}
	return interaction.LinkAway
}
