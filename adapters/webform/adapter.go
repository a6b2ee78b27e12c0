package webform

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"errors"
	"html/template"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"parley/interaction"
	"parley/lib/mail"
	"parley/lib/pace"
)

// Options set an Adapter up. The zero value of an optional field means its default.
type Options struct {
	Address   func(entryPoint string) (string, bool) // the mail address that an entry point answers from; false for none that takes forms
	Domain    string                                 // Message-IDs end in it
	PerMinute int                                    // forms of one address, or IPv6 network of 64 bits; default 20
	Timeout   time.Duration                          // for the inbox; default 4.5 seconds
	Logger    *slog.Logger
}

// Adapter takes forms for all entry points of its channel.
type Adapter struct {
	opts  Options
	inbox interaction.Inbox
	limit *pace.Limits // of forms
}

var _ interaction.HTTPAdapter = (*Adapter)(nil)

// New checks the options.
func New(opts Options, inbox interaction.Inbox) (*Adapter, error) {
	if inbox == nil || opts.Address == nil || opts.Domain == "" {
		return nil, errors.New("web forms: need an inbox, entry points and a domain")
	}
	if opts.PerMinute == 0 {
		opts.PerMinute = 20
	}
	if opts.Timeout == 0 {
		opts.Timeout = 4500 * time.Millisecond
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	return &Adapter{opts: opts, inbox: inbox, limit: pace.New(float64(opts.PerMinute)/60, opts.PerMinute)}, nil
}

// Handler serves one entry point; paths are relative to it.
func (a *Adapter) Handler(entryPoint string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /messages", func(w http.ResponseWriter, r *http.Request) { a.post(w, r, entryPoint) })
	mux.HandleFunc("OPTIONS /messages", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /form", func(w http.ResponseWriter, r *http.Request) { a.page(w, r, entryPoint) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Any page may post: it sends no cookies, and what comes is a stranger's anyway.
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Allow-Methods", "POST")
		w.Header().Set("Access-Control-Allow-Headers", "Content-Type, Idempotency-Key")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if _, ok := a.opts.Address(entryPoint); !ok {
			a.refuse(w, r, interaction.Unknown("entry_point"))
			return
		}
		if _, pattern := mux.Handler(r); pattern == "" {
			a.refuse(w, r, interaction.Unknown("path"))
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// post takes one form. 202 only when it is committed.
func (a *Adapter) post(w http.ResponseWriter, r *http.Request, entryPoint string) {
	if wait := a.hurry(r.RemoteAddr, time.Now()); wait > 0 {
		a.refuse(w, r, &interaction.Error{Kind: interaction.KindTooMany, Code: "too_many_forms", Text: "too many messages from your address; try again later", RetryAfter: wait})
		return
	}
	f, err := read(w, r)
	if err == nil {
		err = f.check()
	}
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	if f.Website != "" {
		a.opts.Logger.Info("form dropped", "why", "honeypot", "entryPoint", entryPoint)
		a.thank(w, r, "", false) // who fills in what people do not see learns nothing
		return
	}
	address, _ := a.opts.Address(entryPoint)
	raw, err := f.mail(address, a.opts.Domain, time.Now())
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), a.opts.Timeout)
	defer cancel()
	receipt, err := a.inbox.Accept(ctx, interaction.Inbound{
		Channel: interaction.WebForm, Targets: []interaction.Target{{EntryPoint: entryPoint, Address: address}}, Identity: f.identity(time.Now()),
		Facts: interaction.Facts{Peer: r.RemoteAddr, Sender: f.Email}, Raw: raw.reader(), Size: raw.size(),
	})
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	a.opts.Logger.Info("form accepted", "inbound", receipt.ID, "entryPoint", entryPoint, "files", len(f.Files), "repeat", receipt.Repeat)
	a.thank(w, r, receipt.ID, receipt.Repeat)
}

// Form is what a page sends.
type Form struct {
	ID      string                   `json:"id"` // of this sending, made by the page: sent again it is the same message
	Name    string                   `json:"name"`
	Email   string                   `json:"email"`
	Phone   string                   `json:"phone"`
	Subject string                   `json:"subject"`
	Text    string                   `json:"text"`
	Fields  map[string]string        `json:"fields"`  // further fields of the page's form; rules see them as headers X-Form-NAME
	Website string                   `json:"website"` // hidden from people: who fills it in is a program
	Files   []interaction.Attachment `json:"-"`
}

// identity is what makes two sendings the same message: the page's id, or everything that was written and the day.
func (f *Form) identity(now time.Time) [32]byte {
	if f.ID != "" {
		return sha256.Sum256([]byte("id\x00" + f.Email + "\x00" + f.ID))
	}
	h := sha256.New()
	all, _ := json.Marshal(f) // strings and a map of strings: cannot fail; keys are sorted
	h.Write([]byte(now.UTC().Format(time.DateOnly)))
	h.Write(all)
	for _, file := range f.Files {
		sum := sha256.Sum256(file.Data)
		h.Write([]byte(file.Name))
		h.Write(sum[:])
	}
	return [32]byte(h.Sum(nil))
}

// hurry counts a form, and gives the seconds to wait where it is one too many.
func (a *Adapter) hurry(remote string, now time.Time) (seconds int) {
	from, err := netip.ParseAddrPort(remote)
	if err != nil {
		return 0
	}
	wait, ok := a.limit.Take(from.Addr(), now)
	if ok {
		return 0
	}
	return int(math.Ceil(wait.Seconds()))
}

// thank says yes: as JSON, or as a page where a browser sent the form itself.
func (a *Adapter) thank(w http.ResponseWriter, r *http.Request, id interaction.ID, repeat bool) {
	if wantsPage(r) {
		a.show(w, http.StatusAccepted, view{Thanks: true})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	answer := map[string]any{"accepted": true}
	if id != "" {
		answer["id"], answer["repeat"] = id, repeat
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// statuses are the translation of kinds into HTTP.
var statuses = map[interaction.Kind]int{
	interaction.KindInvalid: http.StatusUnprocessableEntity, interaction.KindUnknown: http.StatusNotFound, interaction.KindGone: http.StatusNotFound,
	interaction.KindForbidden: http.StatusForbidden, interaction.KindTooMany: http.StatusTooManyRequests, interaction.KindFull: http.StatusInsufficientStorage,
}

// refuse answers with a problem (RFC 9457), or with the page and what is wrong on it. Nothing of the cause goes out.
func (a *Adapter) refuse(w http.ResponseWriter, r *http.Request, err error) {
	e := &interaction.Error{Kind: interaction.KindUnavailable, Code: "unavailable", Text: "a part of the system is away; try again in a moment", RetryAfter: 5}
	var known *interaction.Error
	status := http.StatusServiceUnavailable
	var wrong *httpError
	switch {
	case errors.As(err, &wrong):
		e, status = wrong.problem, wrong.status
	case errors.As(err, &known) && statuses[known.Kind] != 0:
		e, status = known, statuses[known.Kind]
	}
	if status >= 500 {
		a.opts.Logger.Warn("form not accepted", "error", err)
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(e.RetryAfter))
	}
	if wantsPage(r) {
		a.show(w, status, view{Problem: e.Text, Field: e.Field, Again: r.Header.Get("Referer") != ""})
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	problem := map[string]any{"type": "urn:parley:problem:" + e.Code, "title": http.StatusText(status), "status": status, "code": e.Code, "detail": e.Text}
	if e.Field != "" {
		problem["field"] = e.Field
	}
	_ = json.NewEncoder(w).Encode(problem)
}

//go:embed form.html
var pageText string

var page = template.Must(template.New("form").Parse(pageText))

// view is what the page shows.
type view struct {
	ID, Problem, Field string
	Thanks, Again      bool
}

// page gives the form itself, for a frame of any site.
func (a *Adapter) page(w http.ResponseWriter, _ *http.Request, _ string) {
	a.show(w, http.StatusOK, view{ID: string(interaction.NewID())})
}

func (a *Adapter) show(w http.ResponseWriter, status int, v view) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'")
	w.Header().Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	if err := page.Execute(w, v); err != nil {
		a.opts.Logger.Warn("form page not shown", "error", err)
	}
}

// Parser makes messages of forms: they are mail, except that nobody's server vouches for the sender.
type Parser struct{ mail.Parser }
