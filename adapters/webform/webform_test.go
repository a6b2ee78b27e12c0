package webform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/interaction"
)

func adapter(t *testing.T, inbox interaction.Inbox, perMinute int) http.Handler {
	t.Helper()
	a, err := New(Options{
		Address: func(name string) (string, bool) { return "support@example.test", name == "contact" }, Domain: "example.test", PerMinute: perMinute,
		Logger: slog.New(slog.DiscardHandler),
	}, inbox)
	require.NoError(t, err)
	return a.Handler("contact")
}

func post(h http.Handler, kind, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/messages", strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func parsed(t *testing.T, in adaptertest.Received) interaction.Parsed {
	t.Helper()
	return Parser{}.Parse(in.Content, in.Facts)
}

// TestReceive is the suite of ways in, over a real connection: a handler that panics ends it.
func TestReceive(t *testing.T) {
	names := map[string]string{adaptertest.KnownAddress: "support"}
	adaptertest.Receive(t, func(t *testing.T, inbox interaction.Inbox, _ interaction.EntryPoints) adaptertest.Way {
		a, err := New(Options{
			Address: func(name string) (string, bool) { return adaptertest.KnownAddress, name == "support" }, Domain: "example.test", Logger: slog.New(slog.DiscardHandler),
		}, inbox)
		require.NoError(t, err)
		mux := http.NewServeMux()
		for _, name := range []string{"support", "nobody"} {
			mux.Handle("/in/"+name+"/", http.StripPrefix("/in/"+name, a.Handler(name)))
		}
		server := httptest.NewUnstartedServer(mux)
		server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		server.Start()
		t.Cleanup(server.Close)
		return adaptertest.Way{Mounted: true, Deliver: func(address, content string) adaptertest.Answer {
			name := names[address]
			if name == "" {
				name = "nobody"
			}
			body, _ := json.Marshal(map[string]string{"email": "anna@example.org", "text": content})
			answer, err := server.Client().Post(server.URL+"/in/"+name+"/messages", "application/json", bytes.NewReader(body))
			if err != nil {
				return adaptertest.Gone
			}
			defer answer.Body.Close()
			switch answer.StatusCode {
			case http.StatusAccepted:
				return adaptertest.Yes
			case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusInsufficientStorage:
				return adaptertest.Later
			}
			return adaptertest.No
		}}
	})
}

func TestAFormIsAMessage(t *testing.T) {
	inbox := &adaptertest.Inbox{}
	w := post(adapter(t, inbox, 0), "application/json; charset=UTF-8",
		`{"name":"Jörg Ä","email":"joerg@example.org","phone":"+49 30 1","subject":"Größe?","text":"Passt es?\n.\nGruß","fields":{"Order":"4711 ü"}}`)
	require.Equal(t, http.StatusAccepted, w.Code, w.Body.String())
	in := inbox.All(t, 1)[0]
	require.Equal(t, interaction.WebForm, in.Channel)
	require.Equal(t, []interaction.Target{{EntryPoint: "contact", Address: "support@example.test"}}, in.Targets)
	p := parsed(t, in)
	require.Equal(t, interaction.Address{Name: "Jörg Ä", Address: "joerg@example.org"}, p.Message.From)
	require.Equal(t, "Größe?", p.Message.Subject)
	require.Equal(t, "Passt es?\n.\nGruß\n\nOrder: 4711 ü\nPhone: +49 30 1\n", p.Message.Text)
	require.Equal(t, []interaction.Attribute{{Kind: "email", Value: "joerg@example.org"}}, p.Identities)
	require.Empty(t, p.Message.Machine)
	found := ""
	for _, h := range p.Message.Headers {
		if strings.EqualFold(h.Name, "X-Form-Order") {
			found = h.Value
		}
	}
	require.Contains(t, found, "4711")
}

func TestFilesComeAlong(t *testing.T) {
	inbox := &adaptertest.Inbox{}
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for name, value := range map[string]string{"name": "Anna", "email": "anna@example.org", "text": "See the picture", "fields.Order": "1", "website": ""} {
		require.NoError(t, m.WriteField(name, value))
	}
	file, err := m.CreateFormFile("file", `..\evil/bild "1".png`)
	require.NoError(t, err)
	picture := append([]byte("\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte{1}, 1000)...)
	_, _ = file.Write(picture)
	empty, err := m.CreateFormFile("file", "")
	require.NoError(t, err)
	_, _ = empty.Write(nil)
	require.NoError(t, m.Close())
	w := post(adapter(t, inbox, 0), m.FormDataContentType(), body.String(), "Accept", "text/html,*/*")
	require.Equal(t, http.StatusAccepted, w.Code, w.Body.String())
	require.Contains(t, w.Body.String(), "Thank you")
	got := parsed(t, inbox.All(t, 1)[0]).Message.Attachments
	require.Len(t, got, 1)
	require.Equal(t, `bild "1".png`, got[0].Name)
	require.Equal(t, "image/png", got[0].Type)
	require.EqualValues(t, len(picture), got[0].Size)
}

func TestABrowsersFormWithoutScripts(t *testing.T) {
	inbox := &adaptertest.Inbox{}
	h := adapter(t, inbox, 0)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/form", nil))
	require.Equal(t, http.StatusOK, w.Code)
	require.Contains(t, w.Body.String(), `name="website"`)
	require.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'")
	require.NotContains(t, w.Header().Get("Content-Security-Policy"), "frame-ancestors", "any site may embed it")
	w = post(h, "application/x-www-form-urlencoded", url.Values{"email": {"a@example.org"}, "text": {"x"}}.Encode())
	require.Equal(t, http.StatusAccepted, w.Code)
	w = post(h, "application/x-www-form-urlencoded", url.Values{"email": {"<script>"}, "text": {"x"}}.Encode(), "Accept", "text/html")
	require.Equal(t, http.StatusUnprocessableEntity, w.Code)
	require.NotContains(t, w.Body.String(), "<script>")
	require.Contains(t, w.Body.String(), "email")
}

func TestTheSameSendingIsOne(t *testing.T) {
	inbox := &adaptertest.Inbox{}
	h := adapter(t, inbox, 0)
	form := `{"id":"%s","email":"a@example.org","text":"%s"}`
	for _, c := range [][2]string{{"1", "x"}, {"1", "x"}, {"2", "x"}, {"", "x"}, {"", "x"}, {"", "y"}} {
		require.Equal(t, http.StatusAccepted, post(h, "application/json", fmt.Sprintf(form, c[0], c[1])).Code)
	}
	all := inbox.All(t, 6)
	require.Equal(t, all[0].Identity, all[1].Identity)
	require.NotEqual(t, all[0].Identity, all[2].Identity)
	require.Equal(t, all[3].Identity, all[4].Identity)
	require.NotEqual(t, all[3].Identity, all[5].Identity)
	w := post(h, "application/json", `{"email":"a@example.org","text":"z"}`, "Idempotency-Key", "2")
	require.Equal(t, http.StatusAccepted, w.Code)
	require.Equal(t, all[2].Identity, inbox.All(t, 7)[6].Identity)
}

func TestWhoFillsInWhatPeopleDoNotSeeIsThankedAndDropped(t *testing.T) {
	inbox := &adaptertest.Inbox{}
	w := post(adapter(t, inbox, 0), "application/json", `{"email":"a@example.org","text":"buy","website":"http://spam.example"}`)
	require.Equal(t, http.StatusAccepted, w.Code)
	inbox.All(t, 0)
}

func TestRefusals(t *testing.T) {
	long := strings.Repeat("x", 60_000)
	for name, c := range map[string]struct {
		kind, body string
		status     int
		code       string
		field      string
	}{
		"no type":            {"", "{}", 415, "wrong_content_type", ""},
		"text":               {"text/plain", "{}", 415, "wrong_content_type", ""},
		"another charset":    {"application/json; charset=latin1", "{}", 415, "wrong_charset", ""},
		"empty":              {"application/json", "", 400, "bad_body", ""},
		"no JSON":            {"application/json", "{", 400, "bad_body", ""},
		"an array":           {"application/json", "[]", 400, "bad_type", ""},
		"a number for text":  {"application/json", `{"text":1}`, 400, "bad_type", "text"},
		"two values":         {"application/json", `{"email":"a@example.org","text":"x"}{}`, 400, "bad_body", ""},
		"an unknown field":   {"application/json", `{"email":"a@example.org","text":"x","priority":9}`, 400, "unknown_field", "priority"},
		"no boundary":        {"multipart/form-data", "x", 400, "bad_body", ""},
		"cut":                {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nx", 400, "bad_body", ""},
		"unknown form field": {"application/x-www-form-urlencoded", "status=1", 400, "unknown_field", "status"},
		"too large":          {"application/json", `{"text":"` + strings.Repeat("x", 300<<10) + `"}`, 413, "too_large", ""},
		"no address":         {"application/json", `{"text":"x"}`, 422, "missing", "email"},
		"no text":            {"application/json", `{"email":"a@example.org","text":"  "}`, 422, "missing", "text"},
		"a bad address":      {"application/json", `{"email":"a","text":"x"}`, 422, "bad_email", "email"},
		"a name and address": {"application/json", `{"email":"Anna <a@example.org>","text":"x"}`, 422, "bad_email", "email"},
		"two addresses":      {"application/json", `{"email":"a@example.org,b@example.org","text":"x"}`, 422, "bad_email", "email"},
		"a line break":       {"application/json", `{"email":"a@example.org","subject":"a\r\nBcc: b@example.org","text":"x"}`, 422, "bad_line", "subject"},
		"NUL":                {"application/json", `{"email":"a@example.org","text":"a\u0000b"}`, 422, "bad_text", "text"},
		"long text":          {"application/json", `{"email":"a@example.org","text":"` + long + `"}`, 422, "too_long", "text"},
		"a bad field name":   {"application/json", `{"email":"a@example.org","text":"x","fields":{"a: b":"c"}}`, 422, "bad_field_name", "fields"},
		"a bad field":        {"application/json", `{"email":"a@example.org","text":"x","fields":{"a":"b\nc"}}`, 422, "bad_line", "fields.a"},
	} {
		t.Run(name, func(t *testing.T) {
			inbox := &adaptertest.Inbox{}
			w := post(adapter(t, inbox, 0), c.kind, c.body)
			require.Equal(t, c.status, w.Code, w.Body.String())
			var problem struct{ Code, Field, Detail string }
			require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &problem))
			require.Equal(t, c.code, problem.Code)
			require.Equal(t, c.field, problem.Field)
			inbox.All(t, 0)
		})
	}
}

func TestTooManyForms(t *testing.T) {
	inbox := &adaptertest.Inbox{}
	h := adapter(t, inbox, 3)
	for n := range 3 {
		require.Equal(t, http.StatusAccepted, post(h, "application/json", fmt.Sprintf(`{"email":"a@example.org","text":"%d"}`, n)).Code)
	}
	w := post(h, "application/json", `{"email":"a@example.org","text":"x"}`)
	require.Equal(t, http.StatusTooManyRequests, w.Code)
	require.NotEmpty(t, w.Header().Get("Retry-After"))
	inbox.All(t, 3)
}

func TestNoEntryPointNoPath(t *testing.T) {
	a, err := New(Options{Address: func(string) (string, bool) { return "", false }, Domain: "example.test"}, &adaptertest.Inbox{})
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, post(a.Handler("gone"), "application/json", `{}`).Code)
	w := httptest.NewRecorder()
	adapter(t, &adaptertest.Inbox{}, 0).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/other", nil))
	require.Equal(t, http.StatusNotFound, w.Code)
}

// inboxFunc is an inbox that fails.
type inboxFunc func() error

func (f inboxFunc) Accept(_ context.Context, in interaction.Inbound) (interaction.Receipt, error) {
	_, _ = io.Copy(io.Discard, in.Raw)
	return interaction.Receipt{}, f()
}

func TestNoYesBeforeTheCommit(t *testing.T) {
	for status, err := range map[int]error{
		http.StatusServiceUnavailable: interaction.Unavailable("database_away", errors.New("internals")), http.StatusInsufficientStorage: &interaction.Error{Kind: interaction.KindFull, Code: "disk_full"},
	} {
		w := post(adapter(t, inboxFunc(func() error { return err }), 0), "application/json", `{"email":"a@example.org","text":"x"}`)
		require.Equal(t, status, w.Code)
		require.NotContains(t, w.Body.String(), "internals")
	}
}
