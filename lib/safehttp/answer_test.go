package safehttp

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "7": 7 * time.Second, "-7": 0, "7.5": 0, "soon": 0,
		"100000": 24 * time.Hour, "99999999999999999999": 24 * time.Hour,
		"Sun, 01 Mar 2026 12:01:00 GMT":  time.Minute,
		"Sunday, 01-Mar-26 12:01:00 GMT": time.Minute,
		"Sun, 01 Mar 2026 11:59:00 GMT":  0,
		"Sun, 01 Mar 2099 12:00:00 GMT":  24 * time.Hour,
	} {
		require.Equal(t, want, RetryAfter(http.Header{"Retry-After": {value}}, now), value)
	}
	require.Zero(t, RetryAfter(nil, now))
}

func TestNeverLeft(t *testing.T) {
	away := httptest.NewServer(nil)
	away.Close()
	cut := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer cut.Close()
	c := New(Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Timeout: 3 * time.Second})
	for name, k := range map[string]struct {
		url  string
		want bool
	}{
		"a forbidden address":        {"http://127.0.0.2/", true},
		"a forbidden URL":            {"ftp://127.0.0.1/", true},
		"nobody listens":             {away.URL, true},
		"cut off without any answer": {cut.URL, false},
	} {
		_, err := c.Get(t.Context(), k.url)
		require.Error(t, err, name)
		require.Equal(t, k.want, NeverLeft(err), name)
	}
	require.False(t, NeverLeft(nil))
}

// What a POST carries goes where it was addressed to and nowhere else, and it is done once.
func TestAPostIsNotRedirected(t *testing.T) {
	var elsewhere atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			elsewhere.Add(1)
			return
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer s.Close()
	c := New(Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Redirects: 3})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, bytes.NewReader([]byte("a message")))
	require.NoError(t, err)
	answer, err := c.Do(r)
	require.NoError(t, err)
	require.Equal(t, http.StatusTemporaryRedirect, answer.Status)
	require.Zero(t, elsewhere.Load())
	answer, err = c.Get(t.Context(), s.URL)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.Status)
	require.EqualValues(t, 1, elsewhere.Load())
}
