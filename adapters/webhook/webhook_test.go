package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/lib/safehttp"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func poster() *Poster {
	return &Poster{
		Client: safehttp.New(safehttp.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Timeout: time.Second, MaxBody: 1 << 10}),
		Clock:  func() time.Time { return noon },
	}
}

func TestADeliveryIsSignedWithEverySecret(t *testing.T) {
	var body []byte
	var header http.Header
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		header = r.Header
		w.WriteHeader(http.StatusNoContent)
	}))
	defer s.Close()
	id := interaction.NewID()
	o := poster().Post(t.Context(), interaction.WebhookCall{
		Webhook: interaction.Webhook{Name: "crm", URL: s.URL}, Secrets: [][]byte{[]byte("new"), []byte("old")},
		Events: []interaction.Event{
			{Cursor: "7.1", At: noon, Code: "interaction.stopped", Interaction: id, From: "automatic", To: "stopped", Data: map[string]any{"reason": "answered"}},
			{Cursor: "9.4", At: noon, Code: "send.sent", Interaction: id, Data: map[string]any{}},
		},
	})
	require.Equal(t, interaction.WebhookOutcome{Delivered: true}, o)
	require.Equal(t, "crm", header.Get(HeaderWebhook))
	require.Equal(t, "7.1-9.4", header.Get(HeaderDelivery))

	var d Delivery
	require.NoError(t, json.Unmarshal(body, &d))
	require.Len(t, d.Events, 2)
	require.Equal(t, Event{ID: "7.1", At: noon, Code: "interaction.stopped", Interaction: id, From: "automatic", To: "stopped", Data: map[string]any{"reason": "answered"}}, d.Events[0])

	// A receiver checks so: the parts of the header by hand, the MAC over what came.
	parts := strings.Split(header.Get(HeaderSignature), ",")
	require.Len(t, parts, 3)
	seconds := strings.TrimPrefix(parts[0], "t=")
	require.Equal(t, "1772366400", seconds)
	for n, secret := range []string{"new", "old"} {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(seconds + "." + string(body)))
		require.Equal(t, "v1="+hex.EncodeToString(mac.Sum(nil)), parts[n+1])
	}
}

func TestOutcomes(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/endless":
			w.WriteHeader(http.StatusOK)
			_, _ = w.Write(make([]byte, 1<<20))
		case "/never":
			<-release
		case "/gone":
			w.WriteHeader(http.StatusGone)
		case "/later":
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/at":
			w.Header().Set("Retry-After", noon.Add(time.Minute).Format(http.TimeFormat))
			w.WriteHeader(http.StatusTooManyRequests)
		case "/moved":
			http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
		}
	}))
	defer s.Close()
	defer close(release)
	for path, want := range map[string]interaction.WebhookOutcome{
		"/":        {Delivered: true},
		"/endless": {Delivered: true}, // it said yes; what else it says is not read
		"/gone":    {Gone: true, Answer: "410 Gone"},
		"/later":   {Answer: "503 Service Unavailable", After: 2 * time.Minute},
		"/at":      {Answer: "429 Too Many Requests", After: time.Minute},
		"/moved":   {Answer: "307 Temporary Redirect"}, // a signature is for one address
	} {
		require.Equal(t, want, poster().Post(t.Context(), interaction.WebhookCall{Webhook: interaction.Webhook{URL: s.URL + path}}), path)
	}
	o := poster().Post(t.Context(), interaction.WebhookCall{Webhook: interaction.Webhook{URL: s.URL + "/never"}})
	require.False(t, o.Delivered)
	require.Contains(t, strings.ToLower(o.Answer), "timeout") // which of two clocks ran out first is chance
	o = poster().Post(t.Context(), interaction.WebhookCall{Webhook: interaction.Webhook{URL: "http://169.254.169.254/"}})
	require.Contains(t, o.Answer, safehttp.ErrForbidden.Error())
}
