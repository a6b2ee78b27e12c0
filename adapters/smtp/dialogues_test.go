package smtp

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
)

// TestDialogueTable plays testdata/dialogues.txt, each on a listener of its own.
func TestDialogueTable(t *testing.T) {
	table, err := os.ReadFile("testdata/dialogues.txt")
	require.NoError(t, err)
	server, pool := certificate(t)
	all := strings.Split(string(table), "\n== ")[1:]
	require.GreaterOrEqual(t, len(all), 120)
	for _, d := range all {
		name, script, _ := strings.Cut(d, "\n")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := Options{MaxSize: 64 << 10}
			if strings.HasPrefix(script, "secured") {
				opts.TLSConfig = server
			}
			inbox := &adaptertest.Inbox{}
			p := &player{client: dial(t, listen(t, opts, inbox)), inbox: inbox, pool: pool}
			for line := range strings.Lines(script) {
				if line = strings.TrimSuffix(line, "\n"); line != "" {
					p.play(line)
				}
			}
			p.conn.Close()
			inbox.All(t, p.kept)
		})
	}
}

// player is a client that follows a script.
type player struct {
	*client
	inbox *adaptertest.Inbox
	pool  *x509.CertPool
	kept  int
}

func (p *player) play(line string) {
	p.t.Helper()
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "greet":
		p.hear("220 mx.example.test", strings.HasPrefix)
	case "hello":
		p.hello()
	case "mail":
		p.say("MAIL FROM:<anna@example.org>", "250")
		p.say("RCPT TO:<support@example.test>", "250")
	case ">":
		p.tell(expand(rest) + "\r\n")
	case "raw":
		p.tell(expand(rest))
	case "try":
		_, _ = io.WriteString(p.conn, expand(rest)+"\r\n") // it may be turned away in the middle
	case "<":
		p.hear(rest, strings.HasPrefix)
	case "<*":
		require.NotEmpty(p.t, p.heard(rest))
	case "<!":
		p.hear(rest, func(answer, words string) bool { return answer != "" && !strings.Contains(answer, words) })
	case "end":
		require.Empty(p.t, p.answer(), "the connection goes on")
	case "secure":
		secure := tls.Client(p.conn, &tls.Config{RootCAs: p.pool, ServerName: "mx.example.test"})
		require.NoError(p.t, secure.Handshake())
		p.conn, p.in = secure, bufio.NewReader(secure)
	case "kept":
		p.kept, _ = strconv.Atoi(rest)
	case "secured":
	default:
		p.t.Fatalf("the table has a line %q", line)
	}
}

func (p *player) tell(s string) {
	p.t.Helper()
	p.last = ""
	_, err := io.WriteString(p.conn, s)
	require.NoError(p.t, err)
}

func (p *player) hear(words string, right func(answer, words string) bool) {
	p.t.Helper()
	p.last = p.answer()
	require.True(p.t, right(p.last, words), "got %q, want %q", p.last, words)
}

// heard looks for words in the answer, which may be asked for others before.
func (p *player) heard(words string) string {
	p.t.Helper()
	if p.last == "" {
		p.last = p.answer()
	}
	require.Contains(p.t, p.last, words)
	return p.last
}

var repeated = regexp.MustCompile(`\{([^{}*]+)\*(\d+)\}`)

// expand writes out what the table abbreviates.
func expand(s string) string {
	s = repeated.ReplaceAllStringFunc(s, func(m string) string {
		part := repeated.FindStringSubmatch(m)
		n, _ := strconv.Atoi(part[2])
		return strings.Repeat(strings.ReplaceAll(part[1], `\r\n`, "\r\n"), n)
	})
	return strings.NewReplacer("{CRLF}", "\r\n", "{CR}", "\r", "{LF}", "\n", "{NUL}", "\x00").Replace(s)
}

// TestNoEndOfDataIsTwo sends every mix of CR, LF, NUL and dot of up to 6 bytes in a mail, with a second mail behind it in the same
// breath: one mail is stored, or the session is refused with 554 5.6.0, and the second mail never is (E-01).
func TestNoEndOfDataIsTwo(t *testing.T) {
	inbox := &adaptertest.Inbox{}
	l := listen(t, Options{MaxSessions: 100}, inbox)
	mixes := []string{""}
	tried, refused, kept := 0, 0, 0
	for range 6 {
		var longer []string
		for _, m := range mixes {
			for _, c := range []string{"\r", "\n", "\x00", "."} {
				longer = append(longer, m+c)
			}
		}
		mixes = longer
		for _, mix := range mixes {
			before := inbox.Count()
			answer := smuggle(t, l.Addr().String(), mix)
			stored := inbox.Count() - before
			tried++
			switch {
			case stored == 1 && strings.HasPrefix(answer, "250"):
				kept++
			case stored == 0 && strings.HasPrefix(answer, "554 5.6.0"):
				refused++
			default:
				t.Fatalf("%q: %d mails stored, answer %q", mix, stored, answer)
			}
		}
	}
	for _, got := range inbox.All(t, kept) {
		require.True(t, strings.HasPrefix(string(got.Content), "Subject: first\r\n\r\nx"), "%q", got.Content)
	}
	require.Equal(t, 4+16+64+256+1024+4096, tried)
	t.Logf("%d mixes: %d kept as one mail, %d refused", tried, kept, refused)
}

// smuggle sends a mail with the mix inside and a second one behind it, and gives the answer to the first.
func smuggle(t *testing.T, addr, mix string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	c := &client{t: t, conn: conn, in: bufio.NewReader(conn)}
	c.begin()
	c.say("DATA", "354")
	_, err = io.WriteString(conn, "Subject: first\r\n\r\nx"+mix+
		"MAIL FROM:<evil@example.org>\r\nRCPT TO:<support@example.test>\r\nDATA\r\nSubject: second\r\n\r\ny\r\n.\r\nQUIT\r\n")
	require.NoError(t, err)
	first := c.answer()
	for c.answer() != "" { // until the session has ended: what it stores, it has stored
	}
	return first
}

// TestGateTurnsAwayTheHasty: too many connections of one address at a time or in a minute; others are served.
func TestGateTurnsAwayTheHasty(t *testing.T) {
	now := time.Now()
	g := &gate{perAddress: 2, perMinute: 4}
	from := func(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 1} }
	enter := func(ip string) string { return g.enter(from(ip), now) }
	require.Empty(t, enter("192.0.2.1"))
	require.Empty(t, enter("192.0.2.1"))
	require.Contains(t, enter("192.0.2.1"), "421 4.7.0", "two at a time")
	require.Empty(t, enter("192.0.2.2"), "others are served")
	g.leave(from("192.0.2.1"))
	g.leave(from("192.0.2.1"))
	require.Empty(t, enter("192.0.2.1"))
	g.leave(from("192.0.2.1"))
	require.Empty(t, enter("192.0.2.1"))
	g.leave(from("192.0.2.1"))
	require.Contains(t, enter("192.0.2.1"), "in a minute")
	now = now.Add(15 * time.Second)
	require.Empty(t, enter("192.0.2.1"), "one more each quarter of a minute")
	require.Empty(t, enter("2001:db8::1"))
	require.Empty(t, enter("2001:db8::2"))
	require.NotEmpty(t, enter("2001:db8::3"), "one network")
	require.Empty(t, enter("2001:db8:0:1::3"))
}

// TestTarpitHoldsGuessersUp: the answers to the first ten bad recipients come at once, those behind them later and later; a good one never waits.
func TestTarpitHoldsGuessersUp(t *testing.T) {
	c := dial(t, listen(t, Options{Tarpit: 20 * time.Millisecond}, &adaptertest.Inbox{}))
	c.hello()
	c.say("MAIL FROM:<anna@example.org>", "250")
	for range freeWrongs {
		c.say("RCPT TO:<nobody@example.test>", "550")
	}
	begun := time.Now()
	for range 3 {
		c.say("RCPT TO:<nobody@example.test>", "550")
	}
	require.GreaterOrEqual(t, time.Since(begun), 120*time.Millisecond, "1 + 2 + 3 pauses")
	c.say("RCPT TO:<support@example.test>", "250")
}
