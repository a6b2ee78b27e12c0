// Package smshttp is the way in and out for short messages over providers that speak HTTP: they call us when a message or a receipt came, and we call them to
// send. What differs between providers is a Provider: Twilio (and who is compatible) and Kannel's smsbox are here, another one is one file.
//
// A provider that repeats a call makes no second message: the provider's own id is the source key, and so an old call that somebody plays again changes nothing.
package smshttp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"parley/interaction"
	"parley/lib/phone"
	"parley/lib/safehttp"
)

// Provider is what a provider's interface has of its own.
type Provider interface {
	// Receive checks that a call is the provider's and reads it. path is what stands behind the entry point's own URL. The error is ErrForged, or says what cannot be read.
	Receive(r *http.Request, path string, body []byte, now time.Time) (Call, error)
	// Submit makes the request that sends a message, and the name that its receipts will use if the provider lets us choose it.
	Submit(ctx context.Context, m Submission) (r *http.Request, name string, err error)
	// Judge says what an answer to it means; a name that the provider gave is in Names.
	Judge(answer safehttp.Answer) interaction.Outcome
	// Fetch makes the request for a medium of a message.
	Fetch(ctx context.Context, address string) (*http.Request, error)
}

// ErrForged says that a call does not come from the provider.
var ErrForged = errors.New("the call is not signed by the provider")

// Call is what a provider told: a message, a receipt, or neither.
type Call struct {
	Message *Incoming
	Receipt *interaction.Receipted // without the entry point
	Type    string                 // media type of the answer
	Answer  string
}

// Incoming is a message as the provider gave it. As JSON it is the raw form of what arrives here.
type Incoming struct {
	ID    string  `json:"id"` // the provider's own
	From  string  `json:"from"`
	To    string  `json:"to"`
	Text  string  `json:"text"`
	Media []Media `json:"media,omitempty"`
	Call  string  `json:"call"` // as it came over the wire
}

// Media is a file that came with a message.
type Media struct {
	URL   string `json:"url"`
	Type  string `json:"type"`
	Data  []byte `json:"data,omitempty"`
	Error string `json:"error,omitempty"` // why it could not be fetched
}

// Submission is a message on its way out.
type Submission struct {
	Key  string // of the ledger; the same for every attempt
	From string
	To   string // E.164
	Text string
}

// Options set an Adapter up.
type Options struct {
	Provider   Provider
	Kind       string // of the link
	EntryPoint string
	Region     string // ISO 3166-1 alpha-2: of numbers without a country's code
	MaxText    int    // characters that a message may have
	CatchAll   bool   // what comes for a number that no entry point has goes to the link's own
	Inbox      interaction.Inbox
	Entries    interaction.EntryPoints
	Receipts   interaction.Receipts
	Client     *safehttp.Client
	Log        *slog.Logger
	Clock      func() time.Time // default time.Now
}

// Adapter is one account with a provider. It is an HTTPAdapter and a Sender.
type Adapter struct{ Options }

var (
	_ interaction.HTTPAdapter = (*Adapter)(nil)
	_ interaction.Sender      = (*Adapter)(nil)
)

// New checks the options.
func New(o Options) (*Adapter, error) {
	if o.Provider == nil || o.Inbox == nil || o.Entries == nil || o.Receipts == nil || o.Client == nil {
		return nil, errors.New("smshttp adapter: needs a provider, an inbox, entry points, receipts and a client")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.MaxText == 0 {
		o.MaxText = 1600
	}
	return &Adapter{o}, nil
}

// Limits of what strangers send.
const (
	maxCall      = 64 << 10
	maxMedia     = 10
	acceptWithin = 4 * time.Second
	fetchWithin  = 8 * time.Second
)

// Handler takes the provider's calls for an entry point.
func (a *Adapter) Handler(entryPoint string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if cause := recover(); cause != nil {
				a.Log.Error("call of a provider panicked", "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
				answer(w, http.StatusServiceUnavailable, "", "try again later")
			}
		}()
		a.serve(w, r, entryPoint)
	})
}

func (a *Adapter) serve(w http.ResponseWriter, r *http.Request, entryPoint string) {
	if r.Method != http.MethodPost && r.Method != http.MethodGet {
		w.Header().Set("Allow", "GET, POST")
		answer(w, http.StatusMethodNotAllowed, "", "GET or POST")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCall))
	if err != nil {
		answer(w, http.StatusRequestEntityTooLarge, "", "the call is too large")
		return
	}
	call, err := a.Provider.Receive(r, r.URL.Path, body, a.Clock())
	switch {
	case errors.Is(err, ErrForged):
		a.Log.Warn("a call that is not the provider's was refused", "entry_point", entryPoint, "error", err)
		answer(w, http.StatusForbidden, "", "the signature is wrong")
		return
	case err != nil:
		answer(w, http.StatusBadRequest, "", err.Error())
		return
	}
	if err := a.take(r, call, entryPoint); err != nil {
		a.refuse(w, err)
		return
	}
	answer(w, http.StatusOK, call.Type, call.Answer)
}

// refuse says no for good only to what is wrong for good.
func (a *Adapter) refuse(w http.ResponseWriter, err error) {
	var e *interaction.Error
	if errors.As(err, &e) && (e.Kind == interaction.KindInvalid || e.Kind == interaction.KindUnknown) {
		answer(w, http.StatusUnprocessableEntity, "", e.Code)
		return
	}
	a.Log.Warn("a provider's call was put off", "error", err)
	w.Header().Set("Retry-After", "30")
	answer(w, http.StatusServiceUnavailable, "", "try again later")
}

func answer(w http.ResponseWriter, status int, mediaType, text string) {
	if mediaType == "" {
		mediaType = "text/plain; charset=utf-8"
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

// take keeps what the provider told.
func (a *Adapter) take(r *http.Request, call Call, entryPoint string) error {
	if word := call.Receipt; word != nil {
		ctx, cancel := context.WithTimeout(r.Context(), acceptWithin)
		defer cancel()
		word.EntryPoint = a.EntryPoint
		_, err := a.Receipts.Receipt(ctx, *word)
		return err
	}
	m := call.Message
	if m == nil {
		return nil
	}
	target, err := a.target(r.Context(), m.To, entryPoint)
	if err != nil {
		return err
	}
	a.fetch(r.Context(), m)
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), acceptWithin)
	defer cancel()
	_, err = a.Inbox.Accept(ctx, interaction.Inbound{
		Channel: interaction.SMS, Targets: []interaction.Target{{EntryPoint: target, Address: m.To}}, Identity: sha256.Sum256([]byte(a.Kind + "\x00" + m.ID)),
		Raw: bytes.NewReader(raw), Size: int64(len(raw)), Facts: interaction.Facts{Peer: r.RemoteAddr, Sender: a.number(m.From), Via: a.Kind},
	})
	return err
}

// target finds whose number was written to.
func (a *Adapter) target(ctx context.Context, to, entryPoint string) (string, error) {
	name, err := a.Entries.EntryPoint(ctx, interaction.SMS, to)
	var e *interaction.Error
	if a.CatchAll && errors.As(err, &e) && e.Kind == interaction.KindUnknown {
		return entryPoint, nil
	}
	return name, err
}

// fetch gets the media from the provider, as far as that goes: a message without its picture is better than none.
func (a *Adapter) fetch(ctx context.Context, m *Incoming) {
	if len(m.Media) > maxMedia {
		m.Media = m.Media[:maxMedia]
	}
	ctx, cancel := context.WithTimeout(ctx, fetchWithin)
	defer cancel()
	for i := range m.Media {
		file := &m.Media[i]
		r, err := a.Provider.Fetch(ctx, file.URL)
		if err != nil {
			file.Error = err.Error()
			continue
		}
		got, err := a.Client.Do(r)
		switch {
		case err != nil:
			file.Error = "it could not be fetched"
			a.Log.Warn("media of a message could not be fetched", "error", err)
		case got.Status != http.StatusOK:
			file.Error = fmt.Sprintf("the provider answered %d", got.Status)
		default:
			file.Data = got.Body
			file.Type = http.DetectContentType(got.Body)
		}
	}
}

// number gives an address its one spelling, where it is a number of the world.
func (a *Adapter) number(text string) string {
	if n, err := phone.Parse(text, a.Region); err == nil {
		return n.E164
	}
	return text
}
