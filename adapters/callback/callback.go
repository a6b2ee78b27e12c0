// Package callback is the customer's side of being called: a page and a JSON interface by which he books a call now, when somebody is free or at a time, and the
// page behind his link, where he reads, moves and cancels it. The link's token is the right to do so; opening it changes nothing, since mail programs and
// scanners open links by themselves.
//
// Who books shows a token that the form was given: one token is one callback, however often the form is sent, and programs that post without having asked
// for one are refused.
package callback

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"parley/interaction"
	"parley/lib/pace"
)

// Options set an Adapter up; zero values mean the defaults.
type Options struct {
	Log *slog.Logger
	// Address tells where a request comes from; nil: from its connection.
	Address func(*http.Request) netip.Addr
	// PublicURL gives where customers reach this house's pages, without a slash at its end; nil: links are paths.
	PublicURL func() string
	Timeout   time.Duration // of one request's work; default 4.5 s
	PerMinute int           // bookings, changes and wrong links of one address, or IPv6 network of 64 bits; default 20
	Clock     func() time.Time
}

// Adapter serves the entry points of channel callback.
type Adapter struct {
	desk  interaction.CallbackDesk
	opts  Options
	limit *pace.Limits // what an address asks for
}

// New makes an adapter over what keeps callbacks.
func New(opts Options, desk interaction.CallbackDesk) (*Adapter, error) {
	if desk == nil {
		return nil, errors.New("callbacks: need what keeps them")
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Address == nil {
		opts.Address = func(r *http.Request) netip.Addr {
			a, _ := netip.ParseAddrPort(r.RemoteAddr)
			return a.Addr()
		}
	}
	if opts.PublicURL == nil {
		opts.PublicURL = func() string { return "" }
	}
	if opts.Timeout == 0 {
		opts.Timeout = 4500 * time.Millisecond
	}
	if opts.PerMinute == 0 {
		opts.PerMinute = 20
	}
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	return &Adapter{desk: desk, opts: opts, limit: pace.New(float64(opts.PerMinute)/60, opts.PerMinute)}, nil
}

var _ interaction.HTTPAdapter = (*Adapter)(nil)

// Handler serves one entry point; paths are relative to it.
func (a *Adapter) Handler(entryPoint string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.at(entryPoint, a.form))
	mux.HandleFunc("POST /{$}", a.at(entryPoint, a.sent))
	mux.HandleFunc("GET /token", a.at(entryPoint, a.token))
	mux.HandleFunc("GET /slots", a.at(entryPoint, a.slots))
	mux.HandleFunc("POST /callbacks", a.at(entryPoint, a.book))
	mux.HandleFunc("OPTIONS /", a.at(entryPoint, func(w http.ResponseWriter, _ *http.Request, _ *interaction.CallbackPlace) {
		w.WriteHeader(http.StatusNoContent)
	}))
	mux.HandleFunc("GET /callback.js", launcher)
	return mux
}

// Page serves the customers' links, /callback/{token}.
func (a *Adapter) Page() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /callback/{token}", a.bounded(a.show))
	mux.HandleFunc("POST /callback/{token}", a.bounded(a.change))
	return mux
}

// bounded gives a request's work a deadline.
func (a *Adapter) bounded(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), a.opts.Timeout)
		defer cancel()
		serve(w, r.WithContext(ctx))
	}
}

// at finds the entry point, and refuses pages that may not book with it.
func (a *Adapter) at(entryPoint string, serve func(http.ResponseWriter, *http.Request, *interaction.CallbackPlace)) http.HandlerFunc {
	return a.bounded(func(w http.ResponseWriter, r *http.Request) {
		place, err := a.desk.CallbackPlace(r.Context(), entryPoint)
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Add("Vary", "Origin")
		if origin := r.Header.Get("Origin"); origin != "" && !a.isOurs(origin, r.Host) {
			if !slices.Contains(place.Settings.Origins, origin) {
				a.refuse(w, r, interaction.Forbidden("origin_not_allowed", "this page may not book here"))
				return
			}
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Allow-Methods", "GET, POST")
			h.Set("Access-Control-Allow-Headers", "Content-Type")
		}
		serve(w, r, &place)
	})
}

// isOurs reports whether a request comes from a page of ours, by the name that it was asked for or the one that customers know. A sandboxed frame says
// "null" and is none.
func (a *Adapter) isOurs(origin, host string) bool {
	from, err := url.Parse(origin)
	if err != nil || from.Host == "" {
		return false
	}
	public, err := url.Parse(a.opts.PublicURL())
	return from.Host == host || err == nil && from.Host == public.Host
}

// link is the address of a customer's page.
func (a *Adapter) link(token string) string { return a.opts.PublicURL() + "/callback/" + token }

// hurry counts what an address does, and refuses it where it is too much.
func (a *Adapter) hurry(r *http.Request) error {
	if _, ok := a.limit.Take(a.opts.Address(r), a.opts.Clock()); ok {
		return nil
	}
	return &interaction.Error{
		Kind: interaction.KindTooMany, Code: "too_many_requests", Text: "too many requests from your address; try again in a minute", RetryAfter: 60 / a.opts.PerMinute * 2,
	}
}

// zoneOf gives the zone that times are shown in: the customer's, or the house's where he has none that is known.
func zoneOf(name string, place *interaction.CallbackPlace) *time.Location {
	if zone, err := time.LoadLocation(name); name != "" && name != "Local" && err == nil {
		return zone
	}
	return place.Zone
}

// languageOf gives the language to speak: the one that was asked for, or the browser's first.
func languageOf(r *http.Request, place string) string {
	if l := r.FormValue("language"); l != "" && len(l) <= 35 {
		return l
	}
	first, _, _ := strings.Cut(r.Header.Get("Accept-Language"), ",")
	first, _, _ = strings.Cut(strings.TrimSpace(first), ";")
	if first == "" || first == "*" || len(first) > 35 {
		return place
	}
	return first
}
