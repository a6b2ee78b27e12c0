package smshttp

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/lib/safehttp"
)

// A file that never ends, or of which a byte comes now and then, is cut at the limit (H-14): the message is taken without it, and says so, while the provider still waits for
// the answer.
func TestMediaThatDoNotEndAreCut(t *testing.T) {
	over := make(chan struct{})
	pictures := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for {
			piece := make([]byte, 64<<10)
			if r.URL.Path == "/slow" {
				piece = piece[:1]
				select {
				case <-over:
					return
				case <-time.After(20 * time.Millisecond):
				}
			}
			if _, err := w.Write(piece); err != nil {
				return
			}
			w.(http.Flusher).Flush()
		}
	}))
	defer pictures.Close()
	defer close(over)
	form := said("SM1", "support@example.test", "look")
	for n, path := range []string{"/endless", "/slow"} {
		form.Set(fmt.Sprint("MediaUrl", n), pictures.URL+path)
	}
	form.Set("NumMedia", "2")
	inbox := &adaptertest.Inbox{}
	a := open(t, twilio(), inbox, adaptertest.EntryPoints(), func(o *Options) {
		o.Client = safehttp.New(safehttp.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Timeout: 500 * time.Millisecond, MaxBody: 1 << 20})
	})
	require.Equal(t, http.StatusOK, call(a, webhook(form)).Code)
	got := inbox.All(t, 1)[0]
	m := Parser{}.Parse(got.Content, got.Facts).Message
	require.Equal(t, "look", m.Text)
	require.Equal(t, []string{ProblemMedia, ProblemMedia}, m.Problems)
	require.Less(t, len(got.Content), 1<<20, "nothing of them was kept")
}
