package main

import (
	"embed"
	"html/template"
	"net/http"
	"strings"
	"time"

	"parley/adapters/dialler"
	"parley/api"
	"parley/lib/safehttp"
	"parley/store"
	"parley/web"
)

//go:embed pages/*.html
var pageFiles embed.FS

var pages = template.Must(template.ParseFS(pageFiles, "pages/*.html"))

// dialTime is how long a telephone system may take to say whether it dials: less than an answer of ours may.
const dialTime = 3 * time.Second

// demoChat is the entry point of the demo configuration that its page chats with.
const demoChat = "chat"

// handler joins the API with the few pages that show where to go and what left the house. A process without the API's role answers
// for its health only.
func (h *house) handler() http.Handler {
	rest := api.New(api.Deps{
		Meaning: meaning,
		Dialler: &dialler.Dialler{
			Client: safehttp.New(safehttp.Options{Allow: networks(h.config.Allow), Timeout: dialTime}), Secret: h.secretAt, Clock: time.Now,
		},
		PublicURL: h.publicURL,
		Store:     h.store, Once: store.WithRequest, Part: partOf, Changes: h.changes.Changes, Log: h.log,
		Checks: []api.Check{{Name: "database", Run: h.store.Ping}, {Name: "temporal", Run: h.engine.Ping}, {Name: "schema", Run: h.store.CheckSchema}},
	})
	mux := http.NewServeMux()
	if h.config.runs("adapters") {
		mux.HandleFunc("/in/{entry}/", h.enter)
		mux.Handle("/survey/", h.surveys.Handler())
		mux.Handle("/callback/", h.calls.Page())
	}
	if !h.config.runs("api") {
		mux.Handle("GET /healthz", rest)
		mux.Handle("GET /readyz", rest)
		return mux
	}
	mux.Handle("/", rest)
	mux.Handle("/v1/chats/socket", h.chat.AgentSocket())
	mux.HandleFunc("GET /{$}", h.frontPage)
	widget := web.Widget()
	mux.Handle("GET /in/{entry}/widget.js", widget)
	mux.Handle("GET /in/{entry}/widget/", widget)
	if h.demo {
		mux.Handle("GET /demo/", web.Demo(demoChat))
	}
	if h.outbox != nil {
		mux.HandleFunc("GET /outbox", h.outboxPage)
		mux.HandleFunc("GET /outbox/{name}", h.outboxMail)
	}
	return mux
}

// enter hands a request to the adapter of the entry point that its path names.
func (h *house) enter(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("entry")
	http.StripPrefix("/in/"+name, h.carriers.handler(name)).ServeHTTP(w, r)
}

// frontPage shows where to go.
func (h *house) frontPage(w http.ResponseWriter, _ *http.Request) {
	h.show(w, "front.html", map[string]any{"SMTP": h.config.SMTP, "HTTP": h.config.HTTP, "Outbox": h.outbox != nil, "TemporalUI": h.temporalUI, "Demo": h.demo, "Home": h.config.Home})
}

// outboxPage lists the mail that was caught instead of sent, newest first.
func (h *house) outboxPage(w http.ResponseWriter, _ *http.Request) {
	entries, err := h.outbox.List(200)
	if err != nil {
		http.Error(w, "The outbox cannot be read now; see the log.", http.StatusServiceUnavailable)
		h.log.Error("outbox page", "error", err)
		return
	}
	h.show(w, "outbox.html", map[string]any{"Entries": entries})
}

// outboxMail gives one caught mail as text, never as anything that a browser would run.
func (h *house) outboxMail(w http.ResponseWriter, r *http.Request) {
	raw, err := h.outbox.Open(r.PathValue("name"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	_, _ = w.Write([]byte(strings.ToValidUTF8(string(raw), "\uFFFD")))
}

func (h *house) show(w http.ResponseWriter, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	if err := pages.ExecuteTemplate(w, name, data); err != nil {
		h.log.Error("page not shown", "page", name, "error", err)
	}
}
