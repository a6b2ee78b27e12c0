package dialler

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/lib/auth"
	"parley/lib/safehttp"
)

var at = time.Unix(1_800_000_000, 0)

func dialler(timeout time.Duration, allow ...netip.Prefix) *Dialler {
	return &Dialler{
		Client: safehttp.New(safehttp.Options{Allow: allow, Timeout: timeout, MaxBody: 1 << 10}), Clock: func() time.Time { return at },
		Secret: func(place string) (string, error) {
			if place != "env:PARLEY_LINK_PBX" {
				return "", errors.New("no such place")
			}
			return "sesame", nil
		},
	}
}

var loopback = netip.MustParsePrefix("127.0.0.0/8")

// What a telephone system says decides whether the agent may order again: only a clear no is one (W-23).
func TestWhatATelephoneSystemSays(t *testing.T) {
	tests := []struct {
		name    string
		answer  http.HandlerFunc
		dialled bool
		unknown bool
	}{
		{"it dials", says(200, `{"dialled": true}`), true, false},
		{"it has taken the order", says(202, `{"dialled": true, "call": 7}`), true, false},
		{"it does not dial", says(200, `{"dialled": false, "reason": "no line"}`), false, false},
		{"it refuses", says(403, `no`), false, false},
		{"nothing", says(200, ``), false, true},
		{"garbage", says(200, `<html>OK</html>`), false, true},
		{"not a yes", says(200, `{"ok": true}`), false, true},
		{"trouble", says(500, `{"dialled": true}`), false, true},
		{"elsewhere", says(302, ``), false, true},
		{"too much", says(200, `{"dialled": true, "log": "`+string(make([]byte, 2<<10))+`"}`), false, true},
		{"it hangs up", func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			_ = conn.Close()
		}, false, true},
		{"too late", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var calls atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				_, _ = io.Copy(io.Discard, r.Body) // so that the server sees when who called is gone
				tt.answer(w, r)
			}))
			t.Cleanup(server.Close)
			err := dialler(300*time.Millisecond, loopback).Dial(t.Context(), interaction.Dial{ID: interaction.NewID(), URL: server.URL})
			require.Equal(t, tt.dialled, err == nil, "%v", err)
			require.Equal(t, tt.unknown, errors.Is(err, interaction.ErrDialUnknown), "%v", err)
			require.EqualValues(t, 1, calls.Load())
		})
	}
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestAnOrderIsSigned(t *testing.T) {
	order := interaction.Dial{ID: interaction.NewID(), Number: "+4930901820", Login: "ann", Secret: "env:PARLEY_LINK_PBX"}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get(HeaderSignature) != auth.Sign(body, at, []byte("sesame")) || r.Header.Get(HeaderOrder) != string(order.ID) {
			w.WriteHeader(401)
			return
		}
		says(200, `{"dialled": true}`)(w, r)
	}))
	t.Cleanup(server.Close)
	order.URL = server.URL
	require.NoError(t, dialler(time.Second, loopback).Dial(t.Context(), order))
	order.Secret = "env:PARLEY_LINK_GONE"
	require.ErrorContains(t, dialler(time.Second, loopback).Dial(t.Context(), order), "no such place")
}

// What was never sent was not carried out: the agent may order again at once.
func TestNothingWasSent(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := "http://" + ln.Addr().String()
	require.NoError(t, ln.Close())
	for _, d := range []*Dialler{dialler(time.Second, loopback), dialler(time.Second)} { // nobody listens; not an address that may be called
		err := d.Dial(t.Context(), interaction.Dial{ID: interaction.NewID(), URL: nobody})
		require.Error(t, err)
		require.NotErrorIs(t, err, interaction.ErrDialUnknown)
	}
}
