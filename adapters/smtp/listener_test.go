package smtp

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/interaction"
	"parley/lib/mail"
)

// listen starts a listener on a free port.
func listen(t *testing.T, opts Options, inbox interaction.Inbox) *Listener {
	t.Helper()
	opts.Addr, opts.Hostname = "127.0.0.1:0", "mx.example.test"
	if opts.SpoolDir == "" {
		opts.SpoolDir = t.TempDir()
	}
	opts.Logger = testLog(t)
	l, err := New(opts, inbox, adaptertest.EntryPoints())
	require.NoError(t, err)
	require.NoError(t, l.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Second)
		defer cancel()
		if err := l.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return l
}

func testLog(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

// client speaks SMTP line by line.
type client struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	last string // answer that a script looks at
}

func dial(t *testing.T, l *Listener) *client {
	t.Helper()
	conn, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &client{t: t, conn: conn, in: bufio.NewReader(conn)}
}

// answer reads one whole answer; empty where the connection ended.
func (c *client) answer() string {
	var all strings.Builder
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return ""
		}
		all.WriteString(line)
		if len(line) < 4 || line[3] == ' ' {
			return all.String()
		}
	}
}

// say sends a line and expects an answer that begins so.
func (c *client) say(line, want string) string {
	c.t.Helper()
	_, err := io.WriteString(c.conn, line+"\r\n")
	require.NoError(c.t, err)
	got := c.answer()
	require.True(c.t, strings.HasPrefix(got, want), "%.60s: got %q, want %q", line, got, want)
	return got
}

// hello greets and begins a mail.
func (c *client) hello() string {
	c.t.Helper()
	require.True(c.t, strings.HasPrefix(c.answer(), "220 mx.example.test"))
	return c.say("EHLO client.example.org", "250")
}

func (c *client) begin() {
	c.t.Helper()
	c.hello()
	c.say("MAIL FROM:<anna@example.org>", "250")
	c.say("RCPT TO:<support@example.test>", "250")
}

func TestReceives(t *testing.T) {
	adaptertest.Receive(t, func(t *testing.T, inbox interaction.Inbox, entries interaction.EntryPoints) adaptertest.Way {
		l := listen(t, Options{}, inbox)
		return adaptertest.Way{Adapter: l, Deliver: func(address, content string) adaptertest.Answer {
			return deliver(l.Addr().String(), address, content)
		}}
	})
}

// deliver sends one mail as a simple client does.
func deliver(addr, to, content string) adaptertest.Answer {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return adaptertest.Gone
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	in := bufio.NewReader(conn)
	for _, line := range []string{"", "HELO client", "MAIL FROM:<anna@example.org>", "RCPT TO:<" + to + ">", "DATA", "Subject: x\r\n\r\n" + content + "\r\n."} {
		if line != "" {
			io.WriteString(conn, line+"\r\n")
		}
		answer, err := in.ReadString('\n')
		switch {
		case err != nil:
			return adaptertest.Gone
		case answer[0] == '4':
			return adaptertest.Later
		case answer[0] == '5':
			return adaptertest.No
		}
	}
	return adaptertest.Yes
}

func TestExtensionsAndFacts(t *testing.T) {
	inbox := &adaptertest.Inbox{}
	server, pool := certificate(t)
	l := listen(t, Options{TLSConfig: server}, inbox)
	c := dial(t, l)
	offer := c.hello()
	for _, ext := range []string{"STARTTLS", "SIZE 31457280", "8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES", "CHUNKING"} {
		require.Contains(t, offer, ext)
	}
	c.say("STARTTLS", "220")
	secure := tls.Client(c.conn, &tls.Config{RootCAs: pool, ServerName: "mx.example.test"})
	require.NoError(t, secure.Handshake())
	c.conn, c.in = secure, bufio.NewReader(secure)
	require.NotContains(t, c.say("EHLO client.example.org", "250"), "STARTTLS")
	c.say("MAIL FROM:<> BODY=8BITMIME SMTPUTF8", "250")
	c.say("RCPT TO:<support@example.test>", "250")
	c.say("RCPT TO:<help@example.test>", "250")
	c.say("RCPT TO:<sales@example.test>", "250")
	c.say("DATA", "354")
	got := c.say("Subject: x\r\n\r\n..dot\r\n.", "250 2.0.0 OK: queued as ")
	in := inbox.All(t, 1)[0]
	require.Equal(t, "Subject: x\r\n\r\n.dot\r\n", string(in.Content))
	require.Equal(t, mail.ContentKey(in.Content), in.Identity)
	require.Equal(t, []interaction.Target{{EntryPoint: "support", Address: "support@example.test"}, {EntryPoint: "sales", Address: "sales@example.test"}}, in.Targets)
	require.True(t, in.Facts.NullPath)
	require.True(t, in.Facts.SMTPUTF8)
	require.Equal(t, "8BITMIME", in.Facts.BodyType)
	require.Equal(t, "client.example.org", in.Facts.Helo)
	require.Contains(t, in.Facts.TLS, "TLS 1.3")
	require.Len(t, strings.TrimSpace(strings.TrimPrefix(got, "250 2.0.0 OK: queued as ")), 36)
}

// TestDialogues: one refused line each, and the mail after it is taken.
func TestDialogues(t *testing.T) {
	for name, lines := range map[string][][2]string{
		"unknown recipient":           {{"MAIL FROM:<a@example.org>", "250"}, {"RCPT TO:<nobody@example.test>", "550 5.1.1"}, {"DATA", "50"}},
		"entry points away":           {{"MAIL FROM:<a@example.org>", "250"}, {"RCPT TO:<broken@example.test>", "451 4.3.0"}},
		"declared too large":          {{"MAIL FROM:<a@example.org> SIZE=999999999", "552 5.3.4"}},
		"E-26 not ASCII":              {{"MAIL FROM:<ä@example.org>", "553 5.6.7"}},
		"E-26 recipient not ASCII":    {{"MAIL FROM:<a@example.org>", "250"}, {"RCPT TO:<sü@example.test>", "553 5.6.7"}},
		"E-26 broken UTF-8":           {{"MAIL FROM:<a\xff@example.org> SMTPUTF8", "553 5.6.7"}},
		"S-19 CR inside":              {{"MAIL FROM:<a\rX: y@example.org>", "5"}},
		"no such command":             {{"FROB", "500"}},
		"DATA first":                  {{"DATA", "503"}},
		"BDAT first":                  {{"BDAT 5\r\nabc", "503"}},
		"BDAT of no size":             {{"MAIL FROM:<a@example.org>", "250"}, {"RCPT TO:<support@example.test>", "250"}, {"BDAT x", "501"}},
		"BDAT given up":               {{"MAIL FROM:<a@example.org>", "250"}, {"RCPT TO:<support@example.test>", "250"}, {"BDAT 5\r\nabc", "250"}, {"RSET", "250"}},
		"E-23 a hundred Received":     {{"MAIL FROM:<a@example.org>", "250"}, {"RCPT TO:<support@example.test>", "250"}, {"DATA", "354"}, {strings.Repeat("Received: x\r\n", 100) + "\r\nx\r\n.", "554 5.4.6"}},
		"E-23 loop marks of ours":     {{"MAIL FROM:<a@example.org>", "250"}, {"RCPT TO:<support@example.test>", "250"}, {"DATA", "354"}, {"X-Parley-Loop: a\r\nX-Parley-Loop: a\r\n\r\nx\r\n.", "554 5.4.6"}},
		"all recipients taken back":   {{"MAIL FROM:<a@example.org>", "250"}, {"RCPT TO:<support@example.test>", "250"}, {"RSET", "250"}, {"DATA", "503"}},
		"E-04 data larger than limit": {{"MAIL FROM:<a@example.org> SIZE=10", "250"}, {"RCPT TO:<support@example.test>", "250"}, {"DATA", "354"}, {strings.Repeat(strings.Repeat("x", 998)+"\r\n", 70) + ".", "552 5.3.4"}},
	} {
		t.Run(name, func(t *testing.T) {
			inbox := &adaptertest.Inbox{}
			c := dial(t, listen(t, Options{MaxSize: 64 << 10}, inbox))
			c.hello()
			for _, l := range lines {
				c.say(l[0], l[1])
			}
			inbox.All(t, 0)
			c.say("RSET", "250")
			c.say("MAIL FROM:<anna@example.org>", "250")
			c.say("RCPT TO:<support@example.test>", "250")
			c.say("DATA", "354")
			c.say("Subject: next\r\n\r\nx\r\n.", "250")
			inbox.All(t, 1)
			c.say("QUIT", "221")
		})
	}
}

// TestTooManyRecipientsAreDeferredTheOthersServed: of five thousand the first hundred are served, and the others are told at once to come again (E-05).
func TestTooManyRecipientsAreDeferredTheOthersServed(t *testing.T) {
	inbox := &adaptertest.Inbox{}
	c := dial(t, listen(t, Options{MaxRecipients: 100}, inbox))
	c.hello()
	c.say("MAIL FROM:<anna@example.org>", "250")
	for range 100 {
		c.say("RCPT TO:<support@example.test>", "250")
	}
	for range 4900 {
		c.say("RCPT TO:<sales@example.test>", "452 4.5.3")
	}
	c.say("DATA", "354")
	c.say("x\r\n.", "250")
	require.Len(t, inbox.All(t, 1)[0].Targets, 1)
}

func TestPipelinedAndChunkedMail(t *testing.T) {
	inbox := &adaptertest.Inbox{}
	c := dial(t, listen(t, Options{}, inbox))
	c.hello()
	io.WriteString(c.conn, "MAIL FROM:<a@example.org>\r\nRCPT TO:<support@example.test>\r\nBDAT 6\r\nSub\r\n\r"+"BDAT 5 LAST\r\n\nx\ny\n")
	for range 4 {
		require.Equal(t, "250", c.answer()[:3])
	}
	require.Equal(t, "Sub\r\n\r\nx\ny\n", string(inbox.All(t, 1)[0].Content))
}

// TestLargeMailIsSpooled: the bytes are whole, and the folder is empty while they are there.
func TestLargeMailIsSpooled(t *testing.T) {
	dir := t.TempDir()
	inbox := &adaptertest.Inbox{}
	c := dial(t, listen(t, Options{SpoolDir: dir}, inbox))
	c.begin()
	c.say("DATA", "354")
	line := []byte(strings.Repeat("y", 5000) + "\r\n") // longer than RFC 5321 allows, as it comes
	body := bytes.Repeat(line, 1000)
	_, err := c.conn.Write(body)
	require.NoError(t, err)
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, files)
	c.say(".", "250")
	got := inbox.All(t, 1)[0]
	require.True(t, bytes.Equal(body, got.Content))
	require.Equal(t, mail.ContentKey(body), got.Identity)
	require.EqualValues(t, len(body), got.Size)
}

func TestAConnectionThatBreaksLeavesNothing(t *testing.T) {
	for name, end := range map[string]string{"in memory": "x", "in the spool": strings.Repeat(strings.Repeat("x", 900)+"\r\n", 1000), "before the dot": "x\r\n."} {
		t.Run(name, func(t *testing.T) {
			inbox := &adaptertest.Inbox{}
			l := listen(t, Options{}, inbox)
			c := dial(t, l)
			c.begin()
			c.say("DATA", "354")
			io.WriteString(c.conn, end)
			c.conn.Close()
			require.Eventually(t, func() bool { l.mu.Lock(); defer l.mu.Unlock(); return len(l.conns) == 0 }, 5*time.Second, time.Millisecond)
			inbox.All(t, 0)
		})
	}
}

func TestASlowClientIsCutOff(t *testing.T) {
	inbox := &adaptertest.Inbox{}
	c := dial(t, listen(t, Options{IdleTimeout: time.Second}, inbox))
	c.begin()
	c.say("DATA", "354")
	require.True(t, strings.HasPrefix(c.answer(), "421 4.4.2"))
	inbox.All(t, 0)
}

func TestClientsBeyondTheLimitAreTurnedAway(t *testing.T) {
	l := listen(t, Options{MaxSessions: 1}, &adaptertest.Inbox{})
	first := dial(t, l)
	first.hello()
	require.True(t, strings.HasPrefix(dial(t, l).answer(), "421 4.3.2"))
	first.say("NOOP", "250")
}

// TestStopLetsAMailEnd: an idle client hears 421, a mail that is being committed gets its answer.
func TestStopLetsAMailEnd(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	inbox := inboxFunc(func(context.Context, interaction.Inbound) (interaction.Receipt, error) {
		close(entered)
		<-release
		return interaction.Receipt{ID: interaction.NewID()}, nil
	})
	l := listen(t, Options{}, inbox)
	idle, busy := dial(t, l), dial(t, l)
	idle.hello()
	busy.begin()
	busy.say("DATA", "354")
	io.WriteString(busy.conn, "x\r\n.\r\n")
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- l.Stop(t.Context()) }()
	require.True(t, strings.HasPrefix(idle.answer(), "421 4.3.2"))
	require.Empty(t, idle.answer())
	close(release)
	require.True(t, strings.HasPrefix(busy.answer(), "250 2.0.0"))
	require.True(t, strings.HasPrefix(busy.answer(), "421 4.3.2"))
	require.NoError(t, <-stopped)
}

// TestStopHonoursItsDeadline: a mail that does not end is cut off.
func TestStopHonoursItsDeadline(t *testing.T) {
	l := listen(t, Options{}, &adaptertest.Inbox{})
	c := dial(t, l)
	c.begin()
	c.say("DATA", "354")
	require.Eventually(t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		for conn := range l.conns {
			conn.mu.Lock()
			defer conn.mu.Unlock()
			return conn.receiving
		}
		return false
	}, 5*time.Second, time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, l.Stop(ctx), context.DeadlineExceeded)
	require.NotContains(t, c.answer(), "250")
}

func TestOptionsAreChecked(t *testing.T) {
	_, err := New(Options{Addr: "nowhere", MaxSize: 1, MaxRecipients: 3, SpoolDir: "/does/not/exist"}, &adaptertest.Inbox{}, adaptertest.EntryPoints())
	for _, what := range []string{"addr", "hostname", "max size", "max recipients", "spool dir"} {
		require.ErrorContains(t, err, what)
	}
}

// TestErrorsBecomeCodes is the whole translation.
func TestErrorsBecomeCodes(t *testing.T) {
	for kind, want := range map[interaction.Kind]string{
		interaction.KindInvalid: "554 5.6.0", interaction.KindUnknown: "550 5.1.1", interaction.KindGone: "550 5.1.1", interaction.KindForbidden: "550 5.7.1",
		interaction.KindConflict: "451 4.3.0", interaction.KindStale: "451 4.3.0", interaction.KindTooMany: "451 4.7.1", interaction.KindFull: "452 4.3.1",
		interaction.KindUnavailable: "451 4.3.0",
	} {
		reply := replyFor(fmt.Errorf("wrapped: %w", &interaction.Error{Kind: kind, Text: "internals"}))
		require.Equal(t, want, codeText(reply.Code, reply.EnhancedCode), kind)
		require.NotContains(t, reply.Message, "internals")
	}
	require.Equal(t, 451, replyFor(io.EOF).Code)
}

type inboxFunc func(context.Context, interaction.Inbound) (interaction.Receipt, error)

func (f inboxFunc) Accept(ctx context.Context, in interaction.Inbound) (interaction.Receipt, error) {
	return f(ctx, in)
}

// certificate makes one for mx.example.test and 127.0.0.1.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		DNSNames: []string{"mx.example.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}
