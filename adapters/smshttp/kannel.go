package smshttp

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"parley/interaction"
	"parley/lib/safehttp"
	"parley/lib/smpp/sms"
)

// Kannel is the HTTP interface of Kannel's smsbox. It calls what its configuration names:
//
//	get-url = "https://…/in/texts/mo?secret=…&id=%I&time=%T&from=%p&to=%P&text=%b&charset=%C"
//
// Calls carry the secret, the time and the message's id: one that is older than the window, or comes again, changes nothing.
type Kannel struct {
	URL      string // of sendsms
	User     string
	Password string // and the secret of its calls
	Public   string // URL of the entry point as Kannel calls it; empty: no receipts are asked for
	From     string
}

// callWindow is how far the time of a call may be from ours.
const callWindow = 10 * time.Minute

// Receive reads a message at mo and a receipt at dlr.
func (k Kannel) Receive(r *http.Request, path string, body []byte, now time.Time) (Call, error) {
	values := r.URL.Query()
	if r.Method == http.MethodPost {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return Call{}, errors.New("the body is no form")
		}
		for name, list := range form {
			values[name] = list
		}
	}
	if k.Password == "" || subtle.ConstantTimeCompare([]byte(values.Get("secret")), []byte(k.Password)) != 1 {
		return Call{}, ErrForged
	}
	seconds, err := strconv.ParseInt(values.Get("time"), 10, 64)
	if err != nil {
		return Call{}, errors.New("time is missing: write time=%T into Kannel's configuration")
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > callWindow || age < -callWindow {
		return Call{}, fmt.Errorf("%w: it is %s old", ErrForged, age.Round(time.Second))
	}
	id := values.Get("id")
	if id == "" {
		return Call{}, errors.New("id is missing: write id=%I into Kannel's configuration")
	}
	if strings.Trim(path, "/") == "dlr" {
		return Call{Receipt: kannelReceipt(id, values)}, nil
	}
	text := values.Get("text")
	if alphabet := charsets[strings.ToLower(values.Get("charset"))]; alphabet != "" {
		text, _ = alphabet.Decode([]byte(text))
	}
	values.Del("secret")
	return Call{Message: &Incoming{ID: id, From: values.Get("from"), To: values.Get("to"), Text: text, Call: values.Encode()}}, nil
}

// charsets are those of %C that are not UTF-8.
var charsets = map[string]sms.Alphabet{"utf-16be": sms.UCS2, "iso-8859-1": sms.Latin1, "windows-1252": sms.Latin1}

// Bits of a delivery report's type.
const (
	kannelDelivered = 1
	kannelFailed    = 2
	kannelRejected  = 16
)

func kannelReceipt(id string, values url.Values) *interaction.Receipted {
	word := &interaction.Receipted{ID: id, State: interaction.ReceiptPending, Code: strings.TrimSpace(values.Get("type") + " " + values.Get("answer"))}
	switch n, _ := strconv.Atoi(values.Get("type")); n {
	case kannelDelivered:
		word.State = interaction.ReceiptDelivered
	case kannelFailed, kannelRejected:
		word.State = interaction.ReceiptFailed
	}
	return word
}

// Submit calls sendsms. Receipts name the message by what we call it: the hash of its key.
func (k Kannel) Submit(ctx context.Context, m Submission) (*http.Request, string, error) {
	sum := sha256.Sum256([]byte(m.Key))
	name := hex.EncodeToString(sum[:16])
	from := k.From
	if from == "" {
		from = m.From
	}
	values := url.Values{"username": {k.User}, "password": {k.Password}, "from": {from}, "to": {m.To}, "text": {m.Text}, "charset": {"UTF-8"}}
	if sms.Measure(m.Text).Alphabet == sms.UCS2 {
		values.Set("coding", "2")
	}
	if k.Public != "" {
		values.Set("dlr-mask", "31")
		values.Set("dlr-url", strings.TrimSuffix(k.Public, "/")+"/dlr?secret="+url.QueryEscape(k.Password)+"&id="+name+"&time=%T&type=%d&answer=%A")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, k.URL+"?"+values.Encode(), http.NoBody)
	return r, name, err
}

// Judge reads smsbox's answer: 202 with "0: …" or "3: …" is taken, 503 is "later".
func (k Kannel) Judge(answer safehttp.Answer) interaction.Outcome {
	text := strings.TrimSpace(string(answer.Body))
	if len(text) > 200 {
		text = text[:200]
	}
	o := interaction.Outcome{Code: strconv.Itoa(answer.Status), Text: strings.ToValidUTF8(text, "\uFFFD")}
	switch {
	case answer.Status == http.StatusAccepted || answer.Status == http.StatusOK:
		o.State = interaction.SendSent
	case answer.Status == http.StatusServiceUnavailable || answer.Status == http.StatusTooManyRequests:
		o.State = interaction.SendQueued
	case answer.Status >= 400 && answer.Status < 500:
		o.State = interaction.SendNotSent
	default:
		o.State = interaction.SendUnknown
	}
	return o
}

// Fetch is never needed: Kannel's messages have no media.
func (k Kannel) Fetch(context.Context, string) (*http.Request, error) {
	return nil, errors.New("there are no media")
}
