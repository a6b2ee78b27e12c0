package smshttp

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the provider's signature is made so
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/interaction"
	"parley/lib/safehttp"
)

// Twilio is the provider of that name, and whoever is compatible with it.
type Twilio struct {
	Account string
	Token   string // signs calls, and is the password
	API     string // default https://api.twilio.com
	Public  string // URL of the entry point as the provider calls it, with a slash at its end
	From    string // a number; default the entry point's address
	Service string // a messaging service instead of From
}

// Sign makes the signature of a call: HMAC-SHA1 over the full URL and the sorted parameters of a form.
func (t Twilio) Sign(address string, form url.Values) string {
	mac := hmac.New(sha1.New, []byte(t.Token))
	mac.Write([]byte(address))
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		values := slices.Clone(form[name])
		slices.Sort(values)
		for _, value := range slices.Compact(values) {
			mac.Write([]byte(name + value))
		}
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// addresses are the URLs that the provider may have signed: with and without the scheme's own port.
func addresses(full string) []string {
	u, err := url.Parse(full)
	if err != nil {
		return nil
	}
	list := []string{full}
	usual := map[string]string{"https": "443", "http": "80"}[u.Scheme]
	switch u.Port() {
	case "":
		u.Host += ":" + usual
		list = append(list, u.String())
	case usual:
		u.Host = u.Hostname()
		list = append(list, u.String())
	}
	return list
}

// signed reports whether the call carries the provider's signature, in constant time.
func (t Twilio) signed(r *http.Request, path string, body []byte, form url.Values) bool {
	given := []byte(r.Header.Get("X-Twilio-Signature"))
	full := strings.TrimSuffix(t.Public, "/") + "/" + strings.TrimPrefix(path, "/")
	if r.URL.RawQuery != "" {
		full += "?" + r.URL.RawQuery
	}
	if sum := r.URL.Query().Get("bodySHA256"); sum != "" { // a body that is no form is signed by its hash, which is in the URL
		own := sha256.Sum256(body)
		if !hmac.Equal([]byte(strings.ToLower(sum)), []byte(hex.EncodeToString(own[:]))) {
			return false
		}
		form = nil
	}
	found := 0
	for _, address := range addresses(full) {
		if hmac.Equal([]byte(t.Sign(address, form)), given) {
			found++
		}
	}
	return found > 0
}

// twilioAnswer says that we have nothing to say on the spot.
const twilioAnswer = `<?xml version="1.0" encoding="UTF-8"?><Response></Response>`

// Receive reads a message at the entry point's URL and a receipt at status behind it.
func (t Twilio) Receive(r *http.Request, path string, body []byte, _ time.Time) (Call, error) {
	if r.Method != http.MethodPost {
		return Call{}, errors.New("calls are made by POST")
	}
	form, err := formOf(r, body)
	if err != nil {
		return Call{}, err
	}
	if !t.signed(r, path, body, form) {
		return Call{}, ErrForged
	}
	call := Call{Type: "text/xml", Answer: twilioAnswer}
	if account := form.Get("AccountSid"); account != t.Account {
		return Call{}, fmt.Errorf("%w: it is of another account", ErrForged)
	}
	id := form.Get("MessageSid")
	if id == "" {
		id = form.Get("SmsSid")
	}
	if id == "" {
		return Call{}, errors.New("MessageSid is missing")
	}
	if strings.Trim(path, "/") == "status" {
		call.Receipt = twilioReceipt(id, form)
		return call, nil
	}
	m := &Incoming{ID: t.Account + "/" + id, From: form.Get("From"), To: form.Get("To"), Text: form.Get("Body"), Call: string(body)}
	n, _ := strconv.Atoi(form.Get("NumMedia"))
	for i := range min(n, maxMedia) {
		m.Media = append(m.Media, Media{URL: form.Get(fmt.Sprint("MediaUrl", i)), Type: form.Get(fmt.Sprint("MediaContentType", i))})
	}
	call.Message = m
	return call, nil
}

// formOf reads the body as a form, or as flat JSON.
func formOf(r *http.Request, body []byte) (url.Values, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, errors.New("the content type cannot be read")
	}
	if kind == "application/json" {
		flat := map[string]string{}
		if err := json.Unmarshal(body, &flat); err != nil {
			return nil, errors.New("the body is no flat JSON object of strings")
		}
		form := url.Values{}
		for name, value := range flat {
			form.Set(name, value)
		}
		return form, nil
	}
	if kind != "application/x-www-form-urlencoded" {
		return nil, fmt.Errorf("the content type %s is not understood", kind)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errors.New("the body is no form")
	}
	return form, nil
}

func twilioReceipt(id string, form url.Values) *interaction.Receipted {
	status := form.Get("MessageStatus")
	word := &interaction.Receipted{ID: id, State: interaction.ReceiptPending, Code: strings.TrimSpace(status + " " + form.Get("ErrorCode"))}
	switch status {
	case "delivered":
		word.State = interaction.ReceiptDelivered
	case "read":
		word.State = interaction.ReceiptRead
	case "failed", "undelivered", "canceled":
		word.State = interaction.ReceiptFailed
	}
	return word
}

// Submit makes a POST to Messages.json. The idempotency token makes a second one with the same key the same message.
func (t Twilio) Submit(ctx context.Context, m Submission) (*http.Request, string, error) {
	api := t.API
	if api == "" {
		api = "https://api.twilio.com"
	}
	form := url.Values{"To": {m.To}, "Body": {m.Text}}
	switch {
	case t.Service != "":
		form.Set("MessagingServiceSid", t.Service)
	case t.From != "":
		form.Set("From", t.From)
	default:
		form.Set("From", m.From)
	}
	if t.Public != "" {
		form.Set("StatusCallback", strings.TrimSuffix(t.Public, "/")+"/status")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(api, "/")+"/2010-04-01/Accounts/"+url.PathEscape(t.Account)+"/Messages.json", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, "", err
	}
	r.SetBasicAuth(t.Account, t.Token)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	token := sha256.Sum256([]byte(m.Key))
	r.Header.Set("I-Twilio-Idempotency-Token", hex.EncodeToString(token[:16]))
	return r, "", nil
}

// Judge reads the answer: the message's sid, or a code of the provider's.
func (t Twilio) Judge(answer safehttp.Answer) interaction.Outcome {
	var body struct {
		SID     string `json:"sid"`
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	_ = json.Unmarshal(answer.Body, &body)
	o := interaction.Outcome{Code: strconv.Itoa(answer.Status), Text: body.Message}
	if body.Code != 0 {
		o.Code = strconv.Itoa(body.Code)
	}
	switch {
	case answer.Status >= 200 && answer.Status < 300 && body.SID != "":
		o.State, o.Names = interaction.SendSent, []interaction.CarrierName{{ID: body.SID}}
	case answer.Status == http.StatusTooManyRequests || answer.Status == http.StatusServiceUnavailable:
		o.State = interaction.SendQueued
	case answer.Status >= 400 && answer.Status < 500:
		o.State, o.Permanent = interaction.SendNotSent, body.Code == 21211 || body.Code == 21614 // no number, no mobile's number
	default:
		o.State = interaction.SendUnknown
	}
	return o
}

// Fetch asks for a medium, with the password only where it is the provider's own host that asks for it.
func (t Twilio) Fetch(ctx context.Context, address string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, errors.New("the medium's address is none")
	}
	api, err := url.Parse(t.API)
	own := err == nil && t.API != "" && r.URL.Host == api.Host
	if own || r.URL.Scheme == "https" && r.URL.Host == "api.twilio.com" {
		r.SetBasicAuth(t.Account, t.Token)
	}
	return r, nil
}
