package smshttp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/interaction"
)

const public = "https://parley.example.test/in/texts/"

var now = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func twilio() Twilio { return Twilio{Account: "AC1", Token: "12345", Public: public} }

func open(t *testing.T, p Provider, inbox interaction.Inbox, entries interaction.EntryPoints, change func(*Options)) *Adapter {
	t.Helper()
	o := Options{
		Provider: p, Kind: "twilio", EntryPoint: "support", Inbox: inbox, Entries: entries, Receipts: &adaptertest.Receipts{}, Clock: func() time.Time { return now },
		Client: adaptertest.Loopback(),
	}
	if change != nil {
		change(&o)
	}
	a, err := New(o)
	require.NoError(t, err)
	return a
}

// webhook is a call of the provider's for a message.
func webhook(form url.Values) *http.Request {
	body := form.Encode()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Twilio-Signature", twilio().Sign(public, form))
	return r
}

func said(id, to, text string) url.Values {
	return url.Values{"AccountSid": {"AC1"}, "MessageSid": {id}, "From": {"+491701234567"}, "To": {to}, "Body": {text}, "NumMedia": {"0"}}
}

func call(a *Adapter, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	a.Handler("support").ServeHTTP(w, r)
	return w
}

func TestReceive(t *testing.T) {
	adaptertest.Receive(t, func(t *testing.T, inbox interaction.Inbox, entries interaction.EntryPoints) adaptertest.Way {
		a, s := open(t, twilio(), inbox, entries, nil), &adaptertest.Called{}
		return adaptertest.Way{Adapter: s, Deliver: func(address, content string) adaptertest.Answer {
			if s.Stopped() {
				return adaptertest.Gone
			}
			return adaptertest.OfStatus(call(a, webhook(said("SM-"+content, address, content))).Code)
		}}
	})
}

// TestSignature is S-26: the published vector, and thirty ways to get it wrong.
func TestSignature(t *testing.T) {
	for caller, want := range map[string]string{"+12349013030": "0/KCTR6DLpKmkAf8muzZqo1nDgQ=", "+14158675309": "RSOYDt4T1cUTdK1PDd93/VVr8B8="} {
		form := url.Values{"CallSid": {"CA1234567890ABCDE"}, "Caller": {caller}, "Digits": {"1234"}, "From": {caller}, "To": {"+18005551212"}}
		require.Equal(t, want, Twilio{Token: "12345"}.Sign("https://mycompany.com/myapp.php?foo=1&bar=2", form))
	}

	good := said("SM1", "support@example.test", "hello")
	sign := twilio().Sign(public, good)
	with := func(change func(url.Values)) url.Values {
		f := url.Values{}
		for k, v := range good {
			f[k] = append([]string{}, v...)
		}
		change(f)
		return f
	}
	type mutation struct {
		name      string
		form      url.Values
		signature string
		query     string
		path      string
	}
	var list []mutation
	for name := range good {
		list = append(list,
			mutation{name: name + " changed", form: with(func(f url.Values) { f.Set(name, f.Get(name)+"1") })},
			mutation{name: name + " missing", form: with(func(f url.Values) { f.Del(name) })},
			mutation{name: name + " twice", form: with(func(f url.Values) { f.Add(name, "other") })})
	}
	list = append(list,
		mutation{name: "no signature", signature: "-"}, mutation{name: "empty base64", signature: "===="}, mutation{name: "cut", signature: sign[:len(sign)-4]},
		mutation{name: "lower case", signature: strings.ToLower(sign)}, mutation{name: "longer", signature: sign + "A"}, mutation{name: "hex", signature: hex.EncodeToString([]byte(sign))},
		mutation{name: "another token's", signature: Twilio{Token: "12346"}.Sign(public, good)}, mutation{name: "http's", signature: twilio().Sign(strings.Replace(public, "https", "http", 1), good)},
		mutation{name: "another host's", signature: twilio().Sign("https://evil.example.test/in/texts/", good)}, mutation{name: "another port's", signature: twilio().Sign("https://parley.example.test:8443/in/texts/", good)},
		mutation{name: "another entry point's", signature: twilio().Sign("https://parley.example.test/in/other/", good)}, mutation{name: "a query added", query: "a=1"},
		mutation{name: "another path", path: "/status"}, mutation{name: "a parameter added", form: with(func(f url.Values) { f.Set("Extra", "1") })},
		mutation{name: "of the URL alone", signature: twilio().Sign(public, nil)}, mutation{name: "a body hash that is not the body's", query: "bodySHA256=" + strings.Repeat("0", 64)},
	)
	require.GreaterOrEqual(t, len(list), 30)
	for _, m := range list {
		t.Run(m.name, func(t *testing.T) {
			inbox := &adaptertest.Inbox{}
			a := open(t, twilio(), inbox, adaptertest.EntryPoints(), nil)
			f, path := m.form, "/"
			if f == nil {
				f = good
			}
			if m.path != "" {
				path = m.path
			}
			r := httptest.NewRequest(http.MethodPost, path+"?"+m.query, strings.NewReader(f.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			switch m.signature {
			case "":
				r.Header.Set("X-Twilio-Signature", sign)
			case "-":
			default:
				r.Header.Set("X-Twilio-Signature", m.signature)
			}
			require.Equal(t, http.StatusForbidden, call(a, r).Code)
			inbox.All(t, 0)
		})
	}
	for name, address := range map[string]string{"as configured": public, "with the port": strings.Replace(public, ".test/", ".test:443/", 1)} {
		t.Run("good "+name, func(t *testing.T) {
			r := webhook(good)
			r.Header.Set("X-Twilio-Signature", twilio().Sign(address, good))
			require.Equal(t, http.StatusOK, call(open(t, twilio(), &adaptertest.Inbox{}, adaptertest.EntryPoints(), nil), r).Code)
		})
	}
}

func TestAJSONBodyIsSignedByItsHash(t *testing.T) {
	body := `{"AccountSid":"AC1","MessageSid":"SM1","From":"+491701234567","To":"support@example.test","Body":"hello"}`
	sum := sha256.Sum256([]byte(body))
	query := "bodySHA256=" + hex.EncodeToString(sum[:])
	for text, want := range map[string]int{body: http.StatusOK, strings.Replace(body, "hello", "hallo", 1): http.StatusForbidden} {
		r := httptest.NewRequest(http.MethodPost, "/?"+query, strings.NewReader(text))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Twilio-Signature", twilio().Sign(public+"?"+query, nil))
		require.Equal(t, want, call(open(t, twilio(), &adaptertest.Inbox{}, adaptertest.EntryPoints(), nil), r).Code)
	}
}

// TestAnOldCallPlayedAgainChangesNothing is S-27.
func TestAnOldCallPlayedAgainChangesNothing(t *testing.T) {
	inbox := &adaptertest.Inbox{}
	a := open(t, twilio(), inbox, adaptertest.EntryPoints(), nil)
	for range 2 {
		require.Equal(t, http.StatusOK, call(a, webhook(said("SM1", "support@example.test", "hello"))).Code)
	}
	all := inbox.All(t, 2)
	require.Equal(t, all[0].Identity, all[1].Identity, "the house knows it by its source key, whenever it comes")

	k := open(t, Kannel{Password: "secret"}, inbox, adaptertest.EntryPoints(), nil)
	for age, want := range map[time.Duration]int{0: 200, 9 * time.Minute: 200, 11 * time.Minute: 403, -11 * time.Minute: 403, 24 * time.Hour: 403} {
		r := httptest.NewRequest(http.MethodGet, fmt.Sprintf("/mo?secret=secret&id=k1&time=%d&from=%%2B491701234567&to=support%%40example.test&text=hi", now.Add(-age).Unix()), http.NoBody)
		require.Equal(t, want, call(k, r).Code, age)
	}
	require.Equal(t, 403, call(k, httptest.NewRequest(http.MethodGet, "/mo?secret=wrong&id=k1&time=1&from=1&to=2&text=hi", http.NoBody)).Code)
}

func TestReceiptsAreHandedOn(t *testing.T) {
	words := &adaptertest.Receipts{}
	a := open(t, twilio(), &adaptertest.Inbox{}, adaptertest.EntryPoints(), func(o *Options) { o.Receipts = words })
	for status, want := range map[string]interaction.ReceiptState{
		"sent": interaction.ReceiptPending, "delivered": interaction.ReceiptDelivered, "undelivered": interaction.ReceiptFailed, "read": interaction.ReceiptRead,
	} {
		form := url.Values{"AccountSid": {"AC1"}, "MessageSid": {"SM1"}, "MessageStatus": {status}}
		r := webhook(form)
		r.URL.Path = "/status"
		r.Header.Set("X-Twilio-Signature", twilio().Sign(public+"status", form))
		require.Equal(t, http.StatusOK, call(a, r).Code)
		word := words.All()[len(words.All())-1]
		require.Equal(t, want, word.State)
		require.Equal(t, "SM1", word.ID)
		require.Equal(t, "support", word.EntryPoint)
	}
	k := open(t, Kannel{Password: "secret"}, &adaptertest.Inbox{}, adaptertest.EntryPoints(), func(o *Options) { o.Receipts = words })
	require.Equal(t, 200, call(k, httptest.NewRequest(http.MethodGet, fmt.Sprintf("/dlr?secret=secret&id=abc&time=%d&type=1", now.Unix()), http.NoBody)).Code)
	require.Equal(t, interaction.ReceiptDelivered, words.All()[len(words.All())-1].State)
}

// carrier is a provider that takes everything.
type carrier struct {
	mu     sync.Mutex
	calls  []*http.Request
	forms  []url.Values
	answer func(w http.ResponseWriter)
}

func (c *carrier) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = r.ParseForm()
	c.calls, c.forms = append(c.calls, r), append(c.forms, r.Form)
	if c.answer != nil {
		c.answer(w)
		return
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, `{"sid":"SM9","status":"queued"}`)
}

func (c *carrier) left() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.calls)
}

func TestSend(t *testing.T) {
	for name, provider := range map[string]func(string) Provider{
		"twilio": func(at string) Provider { return Twilio{Account: "AC1", Token: "12345", API: at, Public: public} },
		"kannel": func(at string) Provider {
			return Kannel{URL: at + "/cgi-bin/sendsms", User: "u", Password: "p", Public: public}
		},
	} {
		t.Run(name, func(t *testing.T) {
			adaptertest.Send(t, func(t *testing.T) adaptertest.Outlet {
				c := &carrier{}
				s := httptest.NewServer(c)
				t.Cleanup(s.Close)
				if name == "kannel" {
					c.answer = func(w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted) }
				}
				return adaptertest.Outlet{Sender: adaptertest.Addressed{Sender: open(t, provider(s.URL), &adaptertest.Inbox{}, adaptertest.EntryPoints(), nil), Customer: "+491701234567"}, Left: c.left}
			})
		})
	}
}

func TestWhatTheProviderSaysIsAnOutcome(t *testing.T) {
	for _, c := range []struct {
		name, body string
		status     int
		want       interaction.SendState
		code       string
		permanent  bool
	}{
		{"taken", `{"sid":"SM9"}`, 201, interaction.SendSent, "201", false},
		{"no such number", `{"code":21211,"message":"Invalid 'To'"}`, 400, interaction.SendNotSent, "21211", true},
		{"opted out there", `{"code":21610}`, 400, interaction.SendNotSent, "21610", false},
		{"too many", `{}`, 429, interaction.SendQueued, "429", false},
		{"away", ``, 503, interaction.SendQueued, "503", false},
		{"broken behind the message", ``, 500, interaction.SendUnknown, "500", false},
		{"taken, it seems", `<html>`, 200, interaction.SendUnknown, "200", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &carrier{answer: func(w http.ResponseWriter) { w.WriteHeader(c.status); _, _ = io.WriteString(w, c.body) }}
			s := httptest.NewServer(p)
			defer s.Close()
			a := open(t, Twilio{Account: "AC1", Token: "12345", API: s.URL, Public: public}, &adaptertest.Inbox{}, adaptertest.EntryPoints(), nil)
			out := adaptertest.Example()
			out.To = []interaction.Address{{Address: "+491701234567"}}
			o := a.Send(t.Context(), out, func(context.Context) error { return nil })
			require.Equal(t, c.want, o.State)
			require.Equal(t, c.code, o.Code)
			require.Equal(t, c.permanent, o.Permanent)
			require.Equal(t, public+"status", p.forms[0].Get("StatusCallback"))
			require.NotEmpty(t, p.calls[0].Header.Get("I-Twilio-Idempotency-Token"), "a second attempt is the same message")
		})
	}
	a := open(t, Twilio{Account: "AC1", Token: "1", API: "http://127.0.0.1:1"}, &adaptertest.Inbox{}, adaptertest.EntryPoints(), nil)
	out := adaptertest.Example()
	out.To = []interaction.Address{{Address: "+491701234567"}}
	require.Equal(t, interaction.SendQueued, a.Send(t.Context(), out, func(context.Context) error { return nil }).State, "nobody is there: nothing left")
}

func TestMediaAreFetchedSafely(t *testing.T) {
	pictures := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, _, _ := r.BasicAuth(); user != "" {
			t.Error("the password was told to a stranger")
		}
		_, _ = io.WriteString(w, "\x89PNG\r\n\x1a\n")
	}))
	defer pictures.Close()
	form := said("SM1", "support@example.test", "look")
	for n, address := range []string{pictures.URL + "/a", "http://169.254.169.254/latest/meta-data", "file:///etc/passwd"} {
		form.Set(fmt.Sprint("MediaUrl", n), address)
		form.Set(fmt.Sprint("MediaContentType", n), "text/html")
	}
	form.Set("NumMedia", "3")
	inbox := &adaptertest.Inbox{}
	require.Equal(t, http.StatusOK, call(open(t, twilio(), inbox, adaptertest.EntryPoints(), nil), webhook(form)).Code)
	got := inbox.All(t, 1)[0]
	m := Parser{}.Parse(got.Content, got.Facts).Message
	require.Equal(t, []string{ProblemMedia, ProblemMedia}, m.Problems)
	require.Len(t, m.Attachments, 1)
	require.Equal(t, "image/png", m.Attachments[0].Type, "by its content")
	data, err := Part(got.Content, m.Attachments[0].Part)
	require.NoError(t, err)
	require.Equal(t, "\x89PNG\r\n\x1a\n", string(data))
}

func TestKannelsTextIsReadInItsCharset(t *testing.T) {
	inbox := &adaptertest.Inbox{}
	k := open(t, Kannel{Password: "secret"}, inbox, adaptertest.EntryPoints(), nil)
	query := fmt.Sprintf("?secret=secret&id=k1&time=%d&from=%%2B491701234567&to=support%%40example.test&charset=UTF-16BE&text=%%04%%16%%04%%38", now.Unix())
	require.Equal(t, 200, call(k, httptest.NewRequest(http.MethodGet, "/mo"+query, http.NoBody)).Code)
	got := inbox.All(t, 1)[0]
	m := Parser{}.Parse(got.Content, got.Facts)
	require.Equal(t, "Жи", m.Message.Text)
	require.Equal(t, []interaction.Attribute{{Kind: "phone", Value: "+491701234567"}}, m.Identities)
	require.NotContains(t, string(got.Content), "secret", "the secret is kept nowhere")
}

func FuzzReceive(f *testing.F) {
	f.Add("From=%2B1&To=2&Body=hi&MessageSid=1&AccountSid=AC1", "application/x-www-form-urlencoded")
	f.Add(`{"From":"1"}`, "application/json")
	f.Fuzz(func(_ *testing.T, body, kind string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		_, _ = twilio().Receive(r, "/", []byte(body), now)
		Parser{}.Parse([]byte(body), interaction.Facts{})
	})
}
