package callback

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// now is a Monday.
var now = time.Date(2028, 2, 21, 9, 2, 0, 0, time.UTC)

type always struct{}

func (always) Open(time.Time) bool                     { return true }
func (always) NextOpen(at time.Time) (time.Time, bool) { return at, true }

// desk keeps callbacks by the keys of their forms.
type desk struct {
	place  interaction.CallbackPlace
	booked map[string]interaction.CallRequest
	call   interaction.Call
	away   bool
	merge  bool
	fail   error
}

func (d *desk) CallbackPlace(_ context.Context, entryPoint string) (interaction.CallbackPlace, error) {
	if d.away {
		return d.place, interaction.Unavailable("database_away", errors.New("connection refused at 10.0.0.1"))
	}
	if entryPoint != "line" {
		return d.place, interaction.Unknown("entry_point")
	}
	return d.place, nil
}

func (d *desk) CallbackSlots(_ context.Context, _, zone string, from, to time.Time) ([]interaction.CallSlotView, error) {
	in, err := time.LoadLocation(zone)
	if err != nil {
		return nil, err
	}
	var list []interaction.CallSlotView
	for at := range d.place.Slots(from, to) {
		list = append(list, interaction.CallSlotView{At: at.In(in), Free: 2})
	}
	return list, nil
}

func (d *desk) BookCallback(_ context.Context, by interaction.Actor, r interaction.CallRequest) (interaction.Booked, error) {
	if d.fail != nil {
		return interaction.Booked{}, d.fail
	}
	if by.Agent != "" || r.Key == "" {
		return interaction.Booked{}, errors.New("a customer books under his form's key")
	}
	if r.Phone == "" {
		return interaction.Booked{}, interaction.Invalid("required", "phone", "say what number to call")
	}
	when, err := d.place.Time(r.CallWhen)
	if err != nil {
		return interaction.Booked{}, err
	}
	_, repeat := d.booked[r.Key]
	d.booked[r.Key] = r
	d.call = interaction.Call{ID: "01a20800-0000-7000-8000-000000000001", EntryPoint: "line", Phone: r.Phone, Name: r.Name, Topic: r.Topic, Text: r.Text, CallTime: when, State: interaction.CallbackWaiting, Version: 1}
	if d.merge {
		return interaction.Booked{Call: d.call, Merged: true}, nil
	}
	return interaction.Booked{Call: d.call, Token: "right", Repeat: repeat}, nil
}

func (d *desk) CallbackByToken(_ context.Context, token string) (interaction.Call, error) {
	if token != "right" {
		return interaction.Call{}, interaction.Unknown("callback")
	}
	return d.call, nil
}

func (d *desk) MoveCallback(_ context.Context, _ interaction.Actor, _ interaction.ID, to interaction.CallWhen, version int64) (interaction.Call, error) {
	if version != d.call.Version {
		return d.call, interaction.Stale(d.call.Version)
	}
	when, err := d.place.Time(to)
	if err == nil {
		d.call.CallTime = when
		d.call.Version++
	}
	return d.call, err
}

func (d *desk) CancelCallback(context.Context, interaction.Actor, interaction.ID, int64) (interaction.Call, error) {
	if d.call.State != interaction.CallbackWaiting {
		return d.call, interaction.Conflict("callback_over", "the callback is %s already", d.call.State)
	}
	d.call.State = interaction.CallbackCancelled
	return d.call, nil
}

func (d *desk) CallbackKey(context.Context) ([]byte, error) { return []byte("key"), nil }

type house struct {
	*desk
	a     *Adapter
	clock time.Time
}

func newHouse(t *testing.T, settings interaction.CallbackSettings) *house {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	h := &house{clock: now, desk: &desk{booked: map[string]interaction.CallRequest{}, place: interaction.CallbackPlace{
		EntryPoint: "line", Name: "Kettles <b>& Co", Settings: settings.WithDefaults(), Hours: always{}, Zone: zone, Language: "en", Now: now,
	}}}
	h.a, err = New(Options{Clock: func() time.Time { return h.clock }, PublicURL: func() string { return "https://parley.test" }}, h.desk)
	require.NoError(t, err)
	return h
}

func (h *house) do(t *testing.T, method, path, kind, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	for n := 0; n < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	w := httptest.NewRecorder()
	if strings.HasPrefix(path, "/callback/") {
		h.a.Page().ServeHTTP(w, r)
	} else {
		h.a.Handler("line").ServeHTTP(w, r)
	}
	return w
}

func (h *house) post(t *testing.T, path string, form url.Values) *httptest.ResponseRecorder {
	t.Helper()
	return h.do(t, http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode())
}

func (h *house) token(t *testing.T) string {
	t.Helper()
	var out struct{ Token string }
	require.NoError(t, json.Unmarshal(h.do(t, http.MethodGet, "/token", "", "").Body.Bytes(), &out))
	return out.Token
}

func (h *house) book(t *testing.T, request map[string]any) (int, map[string]any) {
	t.Helper()
	body, err := json.Marshal(request)
	require.NoError(t, err)
	w := h.do(t, http.MethodPost, "/callbacks", "application/json", string(body))
	var out map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &out), w.Body)
	return w.Code, out
}

func TestAPageBooksACall(t *testing.T) {
	h := newHouse(t, interaction.CallbackSettings{})
	token := h.token(t)
	for n := range 5 {
		status, out := h.book(t, map[string]any{"token": token, "phone": "+4930901820", "name": "Nora", "at": "2028-02-22T10:30", "zone": "Asia/Tokyo"})
		require.Equal(t, 201, status, out)
		require.Equal(t, "https://parley.test/callback/right", out["link"])
		require.Equal(t, "2028-02-22T10:30:00+09:00", out["due_at"], "shown back as it was understood")
		require.Equal(t, n > 0, out["repeat"])
	}
	require.Len(t, h.booked, 1, "a form sent five times has one key")

	h.merge = true
	status, out := h.book(t, map[string]any{"token": h.token(t), "phone": "+4930901820"})
	require.Equal(t, 201, status)
	require.Equal(t, map[string]any{"state": "waiting", "merged": true, "repeat": false}, out, "a stranger learns nothing of whose number it is")
}

func TestWhatIsRefused(t *testing.T) {
	h := newHouse(t, interaction.CallbackSettings{Horizon: 10})
	token := h.token(t)
	tests := []struct {
		name, kind, body string
		status           int
		code             string
	}{
		{"no token", "application/json", `{"phone":"+4930901820"}`, 403, "bad_token"},
		{"a made-up token", "application/json", `{"phone":"+4930901820","token":"` + strings.Repeat("A", len(token)) + `"}`, 403, "bad_token"},
		{"fields that are ours", "application/json", `{"token":"` + token + `","phone":"+4930901820","status":"done","agent_id":"x","priority":9}`, 400, "bad_json"},
		{"no JSON", "application/json", `phone=1`, 400, "bad_json"},
		{"two objects", "application/json", `{} {}`, 400, "bad_json"},
		{"nothing", "application/json", ``, 400, "bad_json"},
		{"ten megabytes", "application/json", `{"text":"` + strings.Repeat("x", 10<<20) + `"}`, 413, "too_large"},
		{"another type", "text/xml", `<x/>`, 415, "media_type"},
		{"no phone", "application/json", `{"token":"` + token + `"}`, 422, "required"},
		{"a time too far ahead", "application/json", `{"token":"` + token + `","phone":"+4930901820","at":"2029-01-01T10:00"}`, 422, "time_too_far"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := h.do(t, http.MethodPost, "/callbacks", tt.kind, tt.body)
			require.Equal(t, tt.status, w.Code, w.Body)
			require.Contains(t, w.Body.String(), tt.code)
			require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
		})
	}
	h.clock = now.Add(tokenLife + time.Second)
	status, out := h.book(t, map[string]any{"token": token, "phone": "+4930901820"})
	require.Equal(t, 403, status)
	require.Equal(t, "old_token", out["code"])
	require.Empty(t, h.booked)
	_, err := readToken([]byte("key"), "other", token, now)
	require.Error(t, err, "a token is for one entry point")

	h.away = true
	w := h.do(t, http.MethodGet, "/token", "", "")
	require.Equal(t, 503, w.Code)
	require.NotContains(t, w.Body.String(), "10.0.0.1")
}

func TestProgramsAreSlow(t *testing.T) {
	h := newHouse(t, interaction.CallbackSettings{})
	status, _ := h.book(t, map[string]any{"token": h.token(t), "phone": "+4930901820", "website": "spam"})
	require.Equal(t, 201, status)
	require.Empty(t, h.booked, "who fills in what people do not see books nothing and does not learn it")
	for range h.a.opts.PerMinute {
		status, _ = h.book(t, map[string]any{"phone": "+4930901820"})
	}
	require.Equal(t, 429, status)
	for range h.a.opts.PerMinute {
		status = h.do(t, http.MethodGet, "/callback/wrong", "", "").Code
	}
	require.Equal(t, 429, status, "guessing links is slow")
	require.Equal(t, 200, h.do(t, http.MethodGet, "/slots", "", "").Code)
}

func TestPagesOfOthers(t *testing.T) {
	h := newHouse(t, interaction.CallbackSettings{Origins: []string{"https://www.shop.test"}})
	w := h.do(t, http.MethodGet, "/token", "", "", "Origin", "https://www.shop.test")
	require.Equal(t, 200, w.Code)
	require.Equal(t, "https://www.shop.test", w.Header().Get("Access-Control-Allow-Origin"))
	for _, ours := range []string{"https://parley.test", "http://example.com"} { // as customers know us, and as the request names us
		w = h.do(t, http.MethodGet, "/token", "", "", "Origin", ours)
		require.Equal(t, 200, w.Code, ours)
	}
	for _, origin := range []string{"https://evil.test", "null", "https://www.shop.test.evil.test"} {
		w = h.do(t, http.MethodGet, "/token", "", "", "Origin", origin)
		require.Equal(t, 403, w.Code, origin)
		require.Empty(t, w.Header().Get("Access-Control-Allow-Origin"))
	}
	w = h.do(t, http.MethodGet, "/", "", "")
	require.Contains(t, w.Header().Get("Content-Security-Policy"), "frame-ancestors 'self' https://www.shop.test")
	require.Contains(t, h.do(t, http.MethodGet, "/callback.js", "", "").Header().Get("Content-Type"), "javascript")
}

var hidden = regexp.MustCompile(`name="token" value="([^"]+)"`)

// The page works without a script: another day is asked of the server, and what was written stays.
func TestTheFormIsFilledIn(t *testing.T) {
	h := newHouse(t, interaction.CallbackSettings{Bucket: 60})
	w := h.do(t, http.MethodGet, "/?zone=Europe/London&topic=A+%3Cscript%3E", "", "", "Accept-Language", "de-AT,de;q=0.9")
	body := w.Body.String()
	require.Equal(t, 200, w.Code)
	require.Contains(t, body, "Wir rufen Sie zurück")
	require.NotContains(t, body, "<b>&")
	require.NotContains(t, body, "A <script>")
	require.Contains(t, body, "Europe/London")
	policy := w.Header().Get("Content-Security-Policy")
	require.Contains(t, policy, "default-src 'none'; style-src 'sha256-")
	require.NotContains(t, policy, "unsafe")
	require.Equal(t, "same-origin", w.Header().Get("Referrer-Policy"), "a browser that may not tell posts with the origin null, which is refused")
	token := hidden.FindStringSubmatch(body)[1]

	form := url.Values{"token": {token}, "phone": {"+49 30 901820"}, "name": {"Nora \"N\""}, "text": {"It <b>leaks"}, "zone": {"Europe/London"}, "day": {"2028-02-23"}}
	w = h.post(t, "/", form)
	require.Equal(t, 200, w.Code)
	require.Empty(t, h.booked, "looking at another day books nothing")
	body = w.Body.String()
	require.Contains(t, body, `value="2028-02-23" formnovalidate aria-pressed="true"`)
	require.Contains(t, body, "2028-02-23T10:00:00Z")
	require.Contains(t, body, "Nora &#34;N&#34;")
	require.Contains(t, body, "It &lt;b&gt;leaks")

	form.Del("day")
	form.Set("mode", "slot")
	form.Set("at", "2028-02-20T10:00:00Z")
	w = h.post(t, "/", form)
	require.Equal(t, 422, w.Code)
	require.Contains(t, w.Body.String(), `role="alert"`)
	form.Set("at", "2028-02-23T10:00:00Z")
	w = h.post(t, "/", form)
	require.Equal(t, http.StatusSeeOther, w.Code, w.Body)
	require.Equal(t, "/callback/right", w.Header().Get("Location"))
	require.Len(t, h.booked, 1)

	form.Set("token", "x")
	w = h.post(t, "/", form)
	require.Equal(t, 403, w.Code)
	require.NotEqual(t, "x", hidden.FindStringSubmatch(w.Body.String())[1], "it keeps what was written and can be sent again")
	h.merge = true
	form.Set("token", h.token(t))
	require.Contains(t, h.post(t, "/", form).Body.String(), "waits for a call already")
}

func TestALinkReadsMovesAndCancels(t *testing.T) {
	h := newHouse(t, interaction.CallbackSettings{})
	status, _ := h.book(t, map[string]any{"token": h.token(t), "phone": "+4930901820", "topic": "Kettle", "at": "2028-02-22T10:30"})
	require.Equal(t, 201, status)
	w := h.do(t, http.MethodGet, "/callback/right", "", "")
	require.Equal(t, 200, w.Code)
	require.Contains(t, w.Body.String(), "Tue 22 Feb, 10:30")
	require.Equal(t, "no-referrer", w.Header().Get("Referrer-Policy"))

	require.Equal(t, 422, h.post(t, "/callback/right", url.Values{}).Code)
	w = h.post(t, "/callback/right", url.Values{"do": {"move"}, "version": {"9"}, "mode": {"free"}})
	require.Equal(t, 409, w.Code)
	require.Contains(t, w.Body.String(), "changed meanwhile")
	w = h.post(t, "/callback/right", url.Values{"day": {"2028-02-24"}, "zone": {"Europe/Berlin"}})
	require.Contains(t, w.Body.String(), "2028-02-24T11:00:00&#43;01:00")
	require.Contains(t, w.Body.String(), `<details class="card" open>`)
	require.Equal(t, int64(1), h.call.Version)
	w = h.post(t, "/callback/right", url.Values{"do": {"move"}, "version": {"1"}, "mode": {"slot"}, "at": {"2028-02-24T11:00:00+01:00"}, "zone": {"Europe/Berlin"}})
	require.Equal(t, http.StatusSeeOther, w.Code, w.Body)
	require.Contains(t, h.do(t, http.MethodGet, "/callback/right", "", "").Body.String(), "Thu 24 Feb, 11:00")

	h.call.TaskState = interaction.TaskHeld
	require.Contains(t, h.do(t, http.MethodGet, "/callback/right", "", "").Body.String(), "Somebody is about to call you")
	w = h.post(t, "/callback/right", url.Values{"do": {"cancel"}})
	require.Equal(t, http.StatusSeeOther, w.Code)
	require.Contains(t, h.do(t, http.MethodGet, "/callback/right", "", "").Body.String(), "The call is cancelled")
	require.Equal(t, 409, h.post(t, "/callback/right", url.Values{"do": {"cancel"}}).Code)
	require.Equal(t, 404, h.do(t, http.MethodGet, "/callback/wrong", "", "").Code)
}

func TestFreeTimes(t *testing.T) {
	h := newHouse(t, interaction.CallbackSettings{Bucket: 60})
	w := h.do(t, http.MethodGet, "/slots?day=2028-02-22&zone=America/New_York", "", "")
	var out struct {
		Zone  string
		Items []struct{ At string }
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &out))
	require.Equal(t, "America/New_York", out.Zone)
	require.Len(t, out.Items, 24)
	require.Equal(t, "2028-02-22T00:00:00-05:00", out.Items[0].At)
	require.Equal(t, 422, h.do(t, http.MethodGet, "/slots?day=2028-02-30", "", "").Code)
	w = h.do(t, http.MethodGet, "/slots?zone=Mars", "", "")
	require.Contains(t, w.Body.String(), "Europe/Berlin", "a zone that is not known is the house's")
}

func TestEveryLanguageHasEveryWord(t *testing.T) {
	for name, by := range words {
		for _, l := range []string{"en", "de", "fr", "es"} {
			require.NotEmpty(t, by[l], "%s in %s", name, l)
		}
	}
}

// Whatever somebody sends, the page shows it as text and does not fail.
func FuzzForm(f *testing.F) {
	f.Add("+49", "<script>alert(1)</script>", "slot", "2028-02-22T10:00:00Z", "UTC", "")
	f.Add("", "\xff\x00", "now", "x", "../../etc/passwd", "2028-02-30")
	f.Fuzz(func(t *testing.T, phone, text, mode, at, zone, day string) {
		h := newHouse(t, interaction.CallbackSettings{Bucket: 60})
		form := url.Values{"token": {h.token(t)}, "phone": {phone}, "text": {text}, "mode": {mode}, "at": {at}, "zone": {zone}}
		if day != "" {
			form.Set("day", day)
		}
		w := h.post(t, "/", form)
		require.Less(t, w.Code, 500)
		require.NotContains(t, strings.Replace(w.Body.String(), "<script>"+zoneScript, "", 1), "<script")
	})
}
