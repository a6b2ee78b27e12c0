package safehttp

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

// own is a server of this machine that must never be reached; PORT stands for its port.
func own(t *testing.T) (port string, reached *atomic.Int32) {
	t.Helper()
	reached = new(atomic.Int32)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			reached.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	require.NoError(t, err)
	return port, reached
}

func TestNoSpellingReachesThisMachine(t *testing.T) {
	port, reached := own(t)
	c := New(Options{Timeout: 3 * time.Second})
	for _, spelling := range []string{
		"http://127.0.0.1:PORT/", "http://127.0.0.2:PORT/", "http://127.1:PORT/", "http://127.0.1:PORT/", "http://127.255.255.254:PORT/",
		"http://0:PORT/", "http://0.0.0.0:PORT/", "http://0.0.0.1:PORT/", "http://2130706433:PORT/", "http://017700000001:PORT/",
		"http://0x7f000001:PORT/", "http://0x7f.1:PORT/", "http://0x7f.0x0.0x0.0x1:PORT/", "http://0177.0.0.1:PORT/", "http://0177.0.0.01:PORT/",
		"http://127.0.0.1.:PORT/", "http://localhost:PORT/", "http://LOCALHOST:PORT/", "http://localhost.:PORT/", "http://localhost.localdomain:PORT/",
		"http://[::1]:PORT/", "http://[0:0:0:0:0:0:0:1]:PORT/", "http://[::]:PORT/", "http://[::ffff:127.0.0.1]:PORT/", "http://[::ffff:7f00:1]:PORT/",
		"http://[0:0:0:0:0:ffff:127.0.0.1]:PORT/", "http://[::127.0.0.1]:PORT/", "http://[::7f00:1]:PORT/", "http://[64:ff9b::127.0.0.1]:PORT/",
		"http://[64:ff9b::7f00:1]:PORT/", "http://[64:ff9b:1::7f00:1]:PORT/", "http://[2002:7f00:1::]:PORT/", "http://[fe80::1%25lo]:PORT/", "http://[fe80::1]:PORT/",
		"http://[fc00::1]:PORT/", "http://[fd00:ec2::254]/", "http://[ff02::1]:PORT/", "http://[fec0::1]:PORT/", "http://[100::1]:PORT/",
		"http://169.254.169.254/latest/meta-data/", "http://[::ffff:169.254.169.254]/", "http://[2002:a9fe:a9fe::]/", "http://0xa9fea9fe/", "http://2852039166/",
		"http://10.0.0.1:PORT/", "http://10.255.255.255:PORT/", "http://172.16.0.1:PORT/", "http://172.31.255.255:PORT/", "http://192.168.0.1:PORT/",
		"http://100.64.0.1:PORT/", "http://192.0.0.192:PORT/", "http://198.18.0.1:PORT/", "http://224.0.0.1:PORT/", "http://240.0.0.1:PORT/", "http://255.255.255.255:PORT/",
		"http://①②⑦.⓪.⓪.①:PORT/", "http://127。0。0。1:PORT/", "http://127.0.0.1%2523:PORT/", "http://user@127.0.0.1:PORT/", "http://user:pass@localhost:PORT/",
		"http://example.com@127.0.0.1:PORT/", "http://127.0.0.1:PORT#@example.com/", `http://127.0.0.1:PORT\@example.com/`, "https://127.0.0.1:PORT/",
		"ftp://127.0.0.1:PORT/", "gopher://127.0.0.1:PORT/_x", "file:///etc/passwd", "unix:///run/x.sock", "http:///path", "http://:PORT/", "//127.0.0.1:PORT/",
	} {
		_, err := c.Get(t.Context(), strings.ReplaceAll(spelling, "PORT", port))
		require.Error(t, err, spelling)
	}
	require.Zero(t, reached.Load())
}

func TestARedirectIsCheckedLikeTheFirstAddress(t *testing.T) {
	port, reached := own(t)
	from := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.2:"+port+"/", http.StatusFound)
	}))
	defer from.Close()
	allowed := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}

	_, err := New(Options{Allow: allowed, Redirects: 3}).Get(t.Context(), from.URL)
	require.ErrorIs(t, err, ErrForbidden)
	answer, err := New(Options{Allow: allowed}).Get(t.Context(), from.URL)
	require.NoError(t, err, "without redirects the answer is what came")
	require.Equal(t, http.StatusFound, answer.Status)
	require.Zero(t, reached.Load())
}

// A name that is public when it is looked at and ours when it is dialled: the address counts that is dialled.
func TestANameThatChangesItsMind(t *testing.T) {
	port, reached := own(t)
	var asked atomic.Int32
	resolver := names(t, func(string) [4]byte {
		if asked.Add(1) == 1 {
			return [4]byte{203, 0, 113, 7} // a documentation address: refused as well
		}
		return [4]byte{127, 0, 0, 1}
	})
	c := New(Options{Resolver: resolver, Timeout: 3 * time.Second})
	for range 5 {
		_, err := c.Get(t.Context(), "http://rebinding.example.test:"+port+"/")
		require.ErrorIs(t, err, ErrForbidden)
	}
	require.GreaterOrEqual(t, asked.Load(), int32(5))
	require.Zero(t, reached.Load())
}

// names is a resolver that asks a DNS server of this test.
func names(t *testing.T, answer func(name string) [4]byte) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m.Response, m.Authoritative, m.Additionals = true, true, nil
			if q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: answer(q.Name.String())},
				}}
			}
			if packed, err := m.Pack(); err == nil {
				_, _ = server.WriteTo(packed, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

// What never ends, however fast or slowly it comes, is cut (H-14, H-28).
func TestAnswersAreBounded(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/endless":
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		case "/slow": // a byte now and then, for ever
			for {
				select {
				case <-release:
					return
				case <-time.After(50 * time.Millisecond):
				}
				if _, err := w.Write([]byte("x")); err != nil {
					return
				}
				w.(http.Flusher).Flush()
			}
		case "/never":
			<-release
		default:
			_, _ = w.Write([]byte("hello"))
		}
	}))
	defer s.Close()
	defer close(release)
	c := New(Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, MaxBody: 100 << 10, Timeout: time.Second})

	answer, err := c.Get(t.Context(), s.URL)
	require.NoError(t, err)
	require.Equal(t, "hello", string(answer.Body))
	_, err = c.Get(t.Context(), s.URL+"/endless")
	require.ErrorIs(t, err, ErrTooLarge)
	for _, path := range []string{"/never", "/slow"} {
		_, err = c.Get(t.Context(), s.URL+path)
		var timeout net.Error
		require.True(t, errors.As(err, &timeout) && timeout.Timeout(), "%s: %v", path, err)
	}
}

func TestPublicAddressesMayBeReached(t *testing.T) {
	for _, a := range []string{"8.8.8.8", "93.184.216.34", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::", "::ffff:8.8.8.8", "172.32.0.1", "100.128.0.1"} {
		require.NoError(t, Check(netip.MustParseAddr(a), nil), a)
	}
}
