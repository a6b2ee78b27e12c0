package callback

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"parley/interaction"
)

// maxBody bounds what is sent, in bytes.
const maxBody = 64 << 10

// Request is what a page sends to book a call.
type Request struct {
	Token    string `json:"token"` // of GET token: one books one callback
	Phone    string `json:"phone"`
	Name     string `json:"name"`
	Email    string `json:"email"`
	Topic    string `json:"topic"`
	Text     string `json:"text"`
	Language string `json:"language"`
	Website  string `json:"website"` // hidden from people: who fills it in is a program
	interaction.CallWhen
}

// Answer is what became of it.
type Answer struct {
	State  interaction.CallbackState `json:"state"`
	Mode   interaction.CallbackMode  `json:"mode,omitempty"`
	Phone  string                    `json:"phone,omitempty"` // as it will be called
	DueAt  string                    `json:"due_at,omitempty"`
	Zone   string                    `json:"zone,omitempty"`
	Link   string                    `json:"link,omitempty"` // of the page where it is read, moved and cancelled
	Merged bool                      `json:"merged"`         // the number waited for a call already; the words of this request were added
	Repeat bool                      `json:"repeat"`         // the same form was sent before
}

// token gives a form's token.
func (a *Adapter) token(w http.ResponseWriter, r *http.Request, place *interaction.CallbackPlace) {
	key, err := a.desk.CallbackKey(r.Context())
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	a.answer(w, http.StatusOK, map[string]string{"token": makeToken(key, place.EntryPoint, a.opts.Clock())})
}

// slots gives the free times of one day, in the zone that was asked for.
func (a *Adapter) slots(w http.ResponseWriter, r *http.Request, place *interaction.CallbackPlace) {
	zone := zoneOf(r.FormValue("zone"), place)
	day := r.FormValue("day")
	if day == "" {
		day = place.Now.In(zone).Format(time.DateOnly)
	}
	from, err := time.ParseInLocation(time.DateOnly, day, zone)
	if err != nil {
		a.refuse(w, r, interaction.Invalid("bad_day", "day", "is no day such as 2026-11-24"))
		return
	}
	free, err := a.desk.CallbackSlots(r.Context(), place.EntryPoint, zone.String(), from, from.AddDate(0, 0, 1))
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	type slot struct {
		At   string `json:"at"`
		Free int    `json:"free"`
	}
	items := make([]slot, len(free))
	for n, s := range free {
		items[n] = slot{s.At.Format(time.RFC3339), s.Free}
	}
	a.answer(w, http.StatusOK, map[string]any{"zone": zone.String(), "items": items})
}

// book takes a request as JSON.
func (a *Adapter) book(w http.ResponseWriter, r *http.Request, place *interaction.CallbackPlace) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		a.problem(w, http.StatusUnsupportedMediaType, &interaction.Error{Code: "media_type", Text: "send application/json"})
		return
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			a.problem(w, http.StatusRequestEntityTooLarge, &interaction.Error{Code: "too_large", Text: "this is more than can be taken"})
		}
		return
	}
	var in Request
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil || d.More() {
		a.problem(w, http.StatusBadRequest, &interaction.Error{Code: "bad_json", Text: "this is no JSON object with the fields of a request, and no others"})
		return
	}
	booked, err := a.take(r, place, in)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	a.answer(w, http.StatusCreated, answerOf(booked, a.link(booked.Token)))
}

func answerOf(b interaction.Booked, link string) Answer {
	out := Answer{State: b.State, Merged: b.Merged, Repeat: b.Repeat}
	if b.Token == "" { // whose the number is we do not know: nothing is told of its callback
		return out
	}
	out.Mode, out.Phone, out.Zone, out.Link = b.Mode, b.Phone, b.Zone, link
	due := b.Due.UTC()
	if zone, err := time.LoadLocation(b.Zone); err == nil {
		due = due.In(zone)
	}
	out.DueAt = due.Format(time.RFC3339)
	return out
}

// take books what a form says.
func (a *Adapter) take(r *http.Request, place *interaction.CallbackPlace, in Request) (interaction.Booked, error) {
	if err := a.hurry(r); err != nil {
		return interaction.Booked{}, err
	}
	key, err := a.desk.CallbackKey(r.Context())
	if err != nil {
		return interaction.Booked{}, err
	}
	nonce, err := readToken(key, place.EntryPoint, in.Token, a.opts.Clock())
	if err != nil {
		return interaction.Booked{}, err
	}
	if in.Website != "" {
		a.opts.Log.Info("callback dropped", "why", "honeypot", "entryPoint", place.EntryPoint)
		return interaction.Booked{Merged: true, Call: interaction.Call{State: interaction.CallbackWaiting}}, nil // it learns nothing
	}
	booked, err := a.desk.BookCallback(r.Context(), interaction.Actor{}, interaction.CallRequest{
		EntryPoint: place.EntryPoint, Key: nonce, Phone: in.Phone, Email: in.Email, Name: in.Name, Topic: in.Topic, Text: in.Text, Language: in.Language, CallWhen: in.CallWhen,
	})
	if err == nil {
		a.opts.Log.Info("callback booked", "interaction", booked.ID, "entryPoint", place.EntryPoint, "repeat", booked.Repeat, "merged", booked.Merged)
	}
	return booked, err
}

func (a *Adapter) answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // whoever went away reads no answer
}

// statuses translates kinds of failure.
var statuses = map[interaction.Kind]int{
	interaction.KindInvalid: http.StatusUnprocessableEntity, interaction.KindUnknown: http.StatusNotFound, interaction.KindForbidden: http.StatusForbidden,
	interaction.KindConflict: http.StatusConflict, interaction.KindStale: http.StatusConflict, interaction.KindGone: http.StatusGone,
	interaction.KindTooMany: http.StatusTooManyRequests,
}

// failure gives an error as strangers may read it, with its status.
func (a *Adapter) failure(err error) (*interaction.Error, int) {
	var known *interaction.Error
	if errors.As(err, &known) && statuses[known.Kind] != 0 {
		return known, statuses[known.Kind]
	}
	a.opts.Log.Warn("callback not taken", "error", err)
	return interaction.Unavailable("unavailable", err), http.StatusServiceUnavailable
}

func (a *Adapter) refuse(w http.ResponseWriter, _ *http.Request, err error) {
	e, status := a.failure(err)
	a.problem(w, status, e)
}

// problem answers as RFC 9457 says.
func (a *Adapter) problem(w http.ResponseWriter, status int, e *interaction.Error) {
	body := map[string]any{"type": "urn:parley:problem:" + e.Code, "title": http.StatusText(status), "status": status, "code": e.Code, "detail": e.Text}
	if e.Field != "" {
		body["field"] = e.Field
	}
	if next, ok := e.Detail[interaction.DetailNext]; ok {
		body[interaction.DetailNext] = next
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(e.RetryAfter))
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
