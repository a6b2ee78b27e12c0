package callback

import (
	_ "embed"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"parley/interaction"
	"parley/lib/webpage"
)

//go:embed page.html
var pageText string

//go:embed page.css
var style string

//go:embed zone.js
var zoneScript string

//go:embed callback.js
var launcherScript string

var page = template.Must(template.New("page").Parse(pageText))

// maxDays is how many days with room the page offers at once.
const maxDays = 10

// view is what the page shows.
type view struct {
	House    string
	Language string
	Dir      string
	Text     map[string]string
	State    string // form, call, merged, unknown, later
	Wrong    *interaction.Error
	Values   Request
	Modes    []interaction.CallbackMode
	Days     []dayView
	Times    []timeView
	Zone     string
	AskZone  bool // the browser says which it is in
	Call     interaction.Call
	Due      string
	CanMove  bool
	Moving   bool   // he is choosing another time
	Next     string // free time that is offered instead
}

// dayView is a day that has room.
type dayView struct {
	Day, Title string
	Chosen     bool
}

// timeView is a time that has room.
type timeView struct {
	At, Title string
	Chosen    bool
}

// offer fills in the days that have room, and the times of the chosen one.
func (a *Adapter) offer(r *http.Request, place *interaction.CallbackPlace, v *view) error {
	v.Modes = place.Settings.Modes
	if !slices.Contains(v.Modes, v.Values.Mode) {
		v.Values.Mode = v.Modes[0]
	}
	zone := zoneOf(v.Values.Zone, place)
	v.Zone, v.AskZone = zone.String(), r.Method == http.MethodGet && r.URL.Query().Get("zone") == ""
	if !slices.Contains(v.Modes, interaction.CallSlot) {
		return nil
	}
	free, err := a.free(r, place, zone)
	if err != nil {
		return err
	}
	chosen := r.FormValue("day")
	if chosen == "" && v.Values.At != "" {
		if at, err := time.Parse(time.RFC3339, v.Values.At); err == nil {
			chosen = at.In(zone).Format(time.DateOnly)
		}
	}
	if chosen == "" && len(free) > 0 {
		chosen = free[0].At.Format(time.DateOnly)
	}
	for _, s := range free {
		day := s.At.Format(time.DateOnly)
		if n := len(v.Days); n == 0 || v.Days[n-1].Day != day {
			if n == maxDays {
				break
			}
			v.Days = append(v.Days, dayView{day, dayTitle(s.At, v.Language), day == chosen})
		}
		if day == chosen {
			at := s.At.Format(time.RFC3339)
			v.Times = append(v.Times, timeView{at, clockTitle(s.At, zone), at == v.Values.At})
		}
	}
	return nil
}

// soon is how many days ahead are looked through first: a place that is open on some of them shows enough of its days.
const soon = 15

// free gives the times that have room, of the next days or, where those have none, of all that can be booked.
func (a *Adapter) free(r *http.Request, place *interaction.CallbackPlace, zone *time.Location) ([]interaction.CallSlotView, error) {
	var free []interaction.CallSlotView
	var err error
	for _, days := range []int{min(soon, place.Settings.Horizon+1), place.Settings.Horizon + 1} {
		free, err = a.desk.CallbackSlots(r.Context(), place.EntryPoint, zone.String(), place.Now, place.Now.AddDate(0, 0, days))
		if err != nil || len(free) > 0 {
			break
		}
	}
	return free, err
}

// clockTitle is a time of day; where the clock shows it twice that day, its offset says which it is.
func clockTitle(at time.Time, zone *time.Location) string {
	local := at.In(zone)
	wall, _ := time.Parse(interaction.WallTime, local.Format(interaction.WallTime)) // its own form
	if len(interaction.OnWall(wall, zone)) > 1 {
		return local.Format("15:04 MST")
	}
	return local.Format("15:04")
}

// form shows the form.
func (a *Adapter) form(w http.ResponseWriter, r *http.Request, place *interaction.CallbackPlace) {
	key, err := a.desk.CallbackKey(r.Context())
	if err != nil {
		a.fail(w, r, place, err)
		return
	}
	q := r.URL.Query()
	a.showForm(w, r, place, http.StatusOK, view{Values: Request{
		Token: makeToken(key, place.EntryPoint, a.opts.Clock()), Topic: clip(q.Get("topic")), CallWhen: interaction.CallWhen{Zone: q.Get("zone")},
	}})
}

func (a *Adapter) showForm(w http.ResponseWriter, r *http.Request, place *interaction.CallbackPlace, status int, v view) {
	v.State, v.House, v.Language = "form", place.Name, languageOf(r, place.Language)
	if err := a.offer(r, place, &v); err != nil {
		a.fail(w, r, place, err)
		return
	}
	a.write(w, status, place.Settings.Origins, v)
}

// sent takes the form: another day is shown, or the call is booked and its page follows.
func (a *Adapter) sent(w http.ResponseWriter, r *http.Request, place *interaction.CallbackPlace) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		a.fail(w, r, place, interaction.Invalid("bad_form", "", "this is no form, or too large a one"))
		return
	}
	f := r.PostForm
	in := Request{
		Token: f.Get("token"), Phone: f.Get("phone"), Name: f.Get("name"), Email: f.Get("email"), Topic: f.Get("topic"), Text: f.Get("text"),
		Language: languageOf(r, place.Language), Website: f.Get("website"), CallWhen: whenOf(r),
	}
	if f.Has("day") {
		in.Mode = interaction.CallSlot
		a.showForm(w, r, place, http.StatusOK, view{Values: in})
		return
	}
	booked, err := a.take(r, place, in)
	if err != nil {
		e, status := a.failure(err)
		v := view{Values: in, Wrong: e}
		v.Next = a.nextOf(e, zoneOf(in.Zone, place), in.Language)
		if e.Kind == interaction.KindForbidden { // the form is too old: it gets a new token and keeps what was written
			if key, err := a.desk.CallbackKey(r.Context()); err == nil {
				v.Values.Token = makeToken(key, place.EntryPoint, a.opts.Clock())
			}
		}
		a.showForm(w, r, place, status, v)
		return
	}
	if booked.Token == "" {
		a.write(w, http.StatusOK, place.Settings.Origins, view{State: "merged", House: place.Name, Language: in.Language})
		return
	}
	http.Redirect(w, r, "/callback/"+booked.Token, http.StatusSeeOther) // here, whatever this house is called outside
}

// whenOf reads when somebody wants to be called out of a form.
func whenOf(r *http.Request) interaction.CallWhen {
	when := interaction.CallWhen{Mode: interaction.CallbackMode(r.PostForm.Get("mode")), Zone: r.PostForm.Get("zone")}
	if when.Mode == interaction.CallSlot {
		when.At = r.PostForm.Get("at")
	}
	return when
}

// nextOf gives the free time that an error offers, as people read it.
func (a *Adapter) nextOf(e *interaction.Error, zone *time.Location, language string) string {
	text, _ := e.Detail[interaction.DetailNext].(string)
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return ""
	}
	return dayTitle(at.In(zone), language) + ", " + clockTitle(at, zone)
}

// fail shows what cannot be done.
func (a *Adapter) fail(w http.ResponseWriter, r *http.Request, place *interaction.CallbackPlace, err error) {
	e, status := a.failure(err)
	v := view{State: "later", Language: languageOf(r, "")}
	var origins []string
	if place != nil {
		v.House, v.Language, origins = place.Name, languageOf(r, place.Language), place.Settings.Origins
	}
	if status == http.StatusNotFound {
		v.State = "unknown"
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", "10")
	}
	a.write(w, status, origins, v)
}

func (a *Adapter) write(w http.ResponseWriter, status int, origins []string, v view) {
	v.Text, v.Dir = webpage.Words(words, v.Language), webpage.Direction(v.Language)
	h := w.Header()
	webpage.SetHeaders(h, "style-src "+webpage.Source(style)+"; script-src "+webpage.Source(zoneScript)+"; form-action 'self'; base-uri 'none'; frame-ancestors "+
		strings.Join(append([]string{"'self'"}, origins...), " "))
	if v.State == "form" {
		h.Set("Referrer-Policy", "same-origin") // without one a browser does not say where the form that it posts comes from
	}
	w.WriteHeader(status)
	if err := page.Execute(w, v); err != nil {
		a.opts.Log.Warn("callback page not written", "error", err)
	}
}

// Style gives the style sheet to the template, which otherwise would not let it pass.
func (view) Style() template.CSS { return template.CSS(style) } //nolint:gosec // a constant of ours

// Script gives the script that tells the browser's zone.
func (view) Script() template.JS { return template.JS(zoneScript) } //nolint:gosec // a constant of ours

// Is reports whether the field is the one that is wrong.
func (v view) Is(field string) bool { return v.Wrong != nil && v.Wrong.Field == field }

// Problem says what is wrong, in the customer's language where there are words for it.
func (v view) Problem() string {
	if v.Wrong == nil {
		return ""
	}
	if text := v.Text["wrong."+v.Wrong.Code]; text != "" {
		return text
	}
	return v.Text["wrong"]
}

// Word gives a text by its name.
func (v view) Word(kind, name string) string { return v.Text[kind+"."+name] }

// clip bounds what a link may put into the form.
func clip(s string) string {
	if r := []rune(s); len(r) > 200 {
		return string(r[:200])
	}
	return s
}

// launcher serves the script that shows the form in a page of others.
func launcher(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	_, _ = w.Write([]byte(launcherScript)) // whoever went away needs none
}
