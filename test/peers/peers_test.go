// Package peers talks to servers that other people wrote: it sends mail and short messages to them, and takes them.
package peers

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/adapters/smtp"
	"parley/interaction"
)

// receiver is an npm smtp-server that does what its recipients' addresses ask for, see receiver.mjs.
type receiver struct {
	addr string
	mu   sync.Mutex
	got  []taken
}

type taken struct {
	To     []string
	ID     string
	Secure bool
	Size   int
	DKIM   []string // "pass example.test" and the like, by the receiver's own verifier
}

func start(t *testing.T, args ...string) *receiver {
	t.Helper()
	if os.Getenv("PARLEY_TEST_STACK") != "1" {
		t.Skip("SKIPPED: this test needs Node and its packages; set PARLEY_TEST_STACK=1, as make test does")
	}
	require.DirExists(t, "node_modules", "run test/peers/prepare first, as make test does")
	node := exec.CommandContext(t.Context(), "node", append([]string{"receiver.mjs"}, args...)...)
	node.Stderr = os.Stderr
	out, err := node.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, node.Start())
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan(), "the receiver did not start")
	r := &receiver{addr: net.JoinHostPort("127.0.0.1", lines.Text())}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines.Scan() {
			var one taken
			if json.Unmarshal(lines.Bytes(), &one) == nil {
				r.mu.Lock()
				r.got = append(r.got, one)
				r.mu.Unlock()
			}
		}
	}()
	t.Cleanup(func() { _ = node.Process.Kill(); <-read; _ = node.Wait() })
	return r
}

// ids counts what was taken under a Message-ID.
func (r *receiver) ids(id string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.got {
		if one.ID == id {
			n++
		}
	}
	return n
}

func (r *receiver) sender(t *testing.T, opts smtp.SenderOptions) *smtp.Sender {
	t.Helper()
	opts.Addr, opts.Hostname = r.addr, "mx.example.test"
	if opts.TLS == "" {
		opts.TLS = smtp.TLSNone
	}
	s, err := smtp.NewSender(opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func letter(id string, to ...string) interaction.Outbound {
	out := adaptertest.Example()
	out.MessageID, out.To = id+"@example.test", nil
	for _, a := range to {
		out.To = append(out.To, interaction.Address{Address: a})
	}
	return out
}

func agree(context.Context) error { return nil }

// TestEveryRefusalOfAnSMTPServer: each code at each step, for good and once; what is deferred is tried again without anybody's help, and comes once.
func TestEveryRefusalOfAnSMTPServer(t *testing.T) {
	r := start(t)
	s := r.sender(t, smtp.SenderOptions{})
	const sent, notSent, queued, unknown = interaction.SendSent, interaction.SendNotSent, interaction.SendQueued, interaction.SendUnknown
	for to, want := range map[string]struct {
		first, then interaction.SendState
		copies      int
		permanent   bool
	}{
		"anna":          {sent, "", 1, false},
		"rcpt-550":      {notSent, "", 0, true},
		"rcpt-551":      {notSent, "", 0, false},
		"rcpt-552":      {notSent, "", 0, false},
		"rcpt-553":      {notSent, "", 0, false},
		"rcpt-554":      {notSent, "", 0, false},
		"rcpt-450":      {queued, queued, 0, false},
		"rcpt-450-once": {queued, sent, 1, false},
		"rcpt-451-once": {queued, sent, 1, false},
		"rcpt-452-once": {queued, sent, 1, false},
		"rcpt-421-once": {queued, sent, 1, false},
		"dot-554":       {notSent, "", 0, false},
		"dot-550":       {notSent, "", 0, true},
		"dot-552":       {notSent, "", 0, false},
		"dot-451-once":  {queued, sent, 1, false},
		"dot-452-once":  {queued, sent, 1, false},
		"dot-421-once":  {queued, sent, 1, false},
		"dot-slow":      {sent, "", 1, false},
		"dot-close":     {unknown, "", 1, false},
	} {
		out := letter(to, to+"@example.org")
		o := s.Send(t.Context(), out, agree)
		require.Equal(t, want.first, o.State, "%s: %+v", to, o)
		require.Equal(t, want.permanent, o.Permanent, to)
		if o.State == queued {
			require.Eventually(t, func() bool { // the server may be left alone for a moment
				o = s.Send(t.Context(), out, agree)
				return o.State == want.then
			}, 10*time.Second, 100*time.Millisecond, to)
		}
		require.Eventually(t, func() bool { return r.ids(out.MessageID) == want.copies }, 5*time.Second, 10*time.Millisecond, to)
	}
	for from, want := range map[string]interaction.SendState{"mail-550": notSent, "mail-451-once": queued} {
		out := letter(from, "anna@example.org")
		out.Envelope = from + "@example.test"
		require.Equal(t, want, s.Send(t.Context(), out, agree).State, from)
	}
}

func TestAnSMTPServerThatWantsAPassword(t *testing.T) {
	for _, method := range []string{"PLAIN", "LOGIN"} {
		r := start(t, "auth", method)
		require.Equal(t, interaction.SendSent, r.sender(t, smtp.SenderOptions{User: "u", Password: "p"}).Send(t.Context(), letter("a", "a@example.org"), agree).State, method)
		o := r.sender(t, smtp.SenderOptions{User: "u", Password: "wrong"}).Send(t.Context(), letter("b", "a@example.org"), agree)
		require.Equal(t, interaction.SendQueued, o.State, method)
		require.True(t, strings.HasPrefix(o.Code, "535"), o.Code)
		o = r.sender(t, smtp.SenderOptions{}).Send(t.Context(), letter("c", "a@example.org"), agree)
		require.NotEqual(t, interaction.SendSent, o.State, method)
		require.Equal(t, 1, r.ids("a@example.test"))
	}
}

func TestAnSMTPServerWithTLS(t *testing.T) {
	r := start(t, "tls")
	require.Equal(t, interaction.SendSent, r.sender(t, smtp.SenderOptions{TLS: smtp.TLSOpportunistic}).Send(t.Context(), letter("a", "a@example.org"), agree).State)
	require.Equal(t, interaction.SendQueued, r.sender(t, smtp.SenderOptions{TLS: smtp.TLSRequired}).Send(t.Context(), letter("b", "a@example.org"), agree).State,
		"its certificate is nobody's")
	require.Eventually(t, func() bool { return r.ids("a@example.test") == 1 }, 5*time.Second, 10*time.Millisecond)
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Len(t, r.got, 1)
	require.True(t, r.got[0].Secure)
}

func TestALargeMailIsRefusedBeforeItIsSent(t *testing.T) {
	r := start(t)
	out := letter("big", "anna@example.org")
	out.Attachments = []interaction.Attachment{{Name: "a.bin", Type: "application/octet-stream", Data: make([]byte, 1_000_000)}}
	o := r.sender(t, smtp.SenderOptions{}).Send(t.Context(), out, agree)
	require.Equal(t, interaction.SendNotSent, o.State)
	require.Equal(t, "552 5.3.4", o.Code)
}
