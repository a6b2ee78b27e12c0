// Package survey is the page behind the link of a survey's mail: a form without a script, whose answers are taken once. The link's token is the right to
// answer; opening it changes nothing, since mail programs and scanners open links by themselves.
package survey

import (
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"parley/interaction"
	"parley/lib/pace"
	"parley/lib/webpage"
)

//go:embed page.html
var files embed.FS

var page = template.Must(template.New("page.html").Funcs(template.FuncMap{"string": strconv.Itoa}).ParseFS(files, "page.html"))

// Bounds of the page.
const (
	maxForm   = 256 << 10 // bytes
	perSecond = 0.2       // wrong tokens of one address
	burst     = 20
)

// Options set a page up; zero values mean the defaults.
type Options struct {
	Log *slog.Logger
	// Address tells where a request comes from; nil: from its connection.
	Address func(*http.Request) netip.Addr
}

// Page serves the surveys' links, /survey/{token}.
type Page struct {
	store   interaction.SurveyStore
	log     *slog.Logger
	address func(*http.Request) netip.Addr
	guesses *pace.Limits // of tokens, that were wrong
}

// New makes a page over a store.
func New(opts Options, store interaction.SurveyStore) (*Page, error) {
	if store == nil {
		return nil, errors.New("survey page: needs a store")
	}
	p := &Page{store: store, log: opts.Log, address: opts.Address, guesses: pace.New(perSecond, burst)}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if p.address == nil {
		p.address = func(r *http.Request) netip.Addr {
			a, _ := netip.ParseAddrPort(r.RemoteAddr)
			return a.Addr()
		}
	}
	return p, nil
}

// Handler serves the page.
func (p *Page) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /survey/{token}", p.show)
	mux.HandleFunc("POST /survey/{token}", p.take)
	return mux
}

// shown is what the page is filled with.
type shown struct {
	Sheet   interaction.SurveySheet
	Answers map[string]string
	Wrong   string // key of the answer that is wrong
	State   string // ask, thanks, answered, refused, unknown, later
	Text    map[string]string
	Dir     string
}

// show asks. A score in the link chooses the first question's answer and no more.
func (p *Page) show(w http.ResponseWriter, r *http.Request) {
	sheet, ok := p.sheet(w, r)
	if !ok {
		return
	}
	v := shown{Sheet: sheet, State: "ask", Answers: map[string]string{}}
	if sheet.Answered {
		v.State = "answered"
	} else if q := sheet.Questions; len(q) > 0 && q[0].Kind == interaction.SurveyScore {
		v.Answers[q[0].Key] = r.URL.Query().Get("score")
	}
	p.write(w, http.StatusOK, v)
}

// take keeps the answers, or that the customer wants to be asked no more, or both.
func (p *Page) take(w http.ResponseWriter, r *http.Request) {
	sheet, ok := p.sheet(w, r)
	if !ok {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		p.write(w, http.StatusBadRequest, shown{Sheet: sheet, State: "ask", Answers: map[string]string{}, Wrong: "form"})
		return
	}
	v := shown{Sheet: sheet, State: "thanks", Answers: map[string]string{}}
	for _, q := range sheet.Questions {
		if value := strings.TrimSpace(strings.ReplaceAll(r.PostForm.Get("q_"+q.Key), "\r\n", "\n")); value != "" {
			v.Answers[q.Key] = value
		}
	}
	never := r.PostForm.Has("never")
	if never {
		if err := p.store.RefuseSurveys(r.Context(), sheet.Interaction); err != nil {
			p.fail(w, sheet, err)
			return
		}
		v.State = "refused"
		if len(v.Answers) == 0 {
			p.write(w, http.StatusOK, v)
			return
		}
	}
	err := p.store.AnswerSurvey(r.Context(), sheet.Interaction, v.Answers)
	var wrong *interaction.Error
	switch {
	case err == nil:
		p.write(w, http.StatusOK, v)
	case interaction.KindOf(err) == interaction.KindConflict:
		v.State = "answered"
		p.write(w, http.StatusConflict, v)
	case interaction.KindOf(err) == interaction.KindInvalid && errors.As(err, &wrong):
		v.State, v.Wrong = "ask", wrong.Field
		p.write(w, http.StatusUnprocessableEntity, v)
	default:
		p.fail(w, sheet, err)
	}
}

// sheet reads what the link asks; a wrong token counts against its address.
func (p *Page) sheet(w http.ResponseWriter, r *http.Request) (interaction.SurveySheet, bool) {
	from, now := p.address(r), time.Now()
	if p.guesses.Spent(from, now) {
		w.Header().Set("Retry-After", "10")
		p.write(w, http.StatusTooManyRequests, shown{State: "later"})
		return interaction.SurveySheet{}, false
	}
	sheet, err := p.store.SurveyByToken(r.Context(), r.PathValue("token"))
	if err != nil {
		if interaction.KindOf(err) == interaction.KindUnknown {
			p.guesses.Take(from, now)
		}
		p.fail(w, sheet, err)
	}
	return sheet, err == nil
}

func (p *Page) fail(w http.ResponseWriter, sheet interaction.SurveySheet, err error) {
	if interaction.KindOf(err) == interaction.KindUnknown {
		p.write(w, http.StatusNotFound, shown{Sheet: sheet, State: "unknown"})
		return
	}
	p.log.Warn("survey not served", "adapter", "survey", "interaction", sheet.Interaction, "error", err)
	w.Header().Set("Retry-After", "10")
	p.write(w, http.StatusServiceUnavailable, shown{Sheet: sheet, State: "later"})
}

func (p *Page) write(w http.ResponseWriter, status int, v shown) {
	v.Text, v.Dir = webpage.Words(texts, v.Sheet.Language), webpage.Direction(v.Sheet.Language)
	webpage.SetHeaders(w.Header(), "style-src "+styleSource+"; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	w.WriteHeader(status)
	if err := page.Execute(w, v); err != nil {
		p.log.Warn("survey page not written", "adapter", "survey", "error", err)
	}
}
