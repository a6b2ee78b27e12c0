package smtp

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/interaction"
	"parley/lib/mail"
)

// host is a scripted smart host. It answers as a good one does, except to the
// commands in says, where an empty answer closes the socket and "hang" says nothing.
type host struct {
	says map[string]string // by the command's beginning; "greeting", "body" and "dot" are those that are no command
	once bool              // what it says so, it says once
	tls  *tls.Config

	mu    sync.Mutex
	said  map[string]bool
	open  []net.Conn
	mails []string
	heard []string
	addr  string
}

func (h *host) start(t *testing.T) *host {
	t.Helper()
	if h.addr == "" {
		h.addr = "127.0.0.1:0"
	}
	ln, err := net.Listen("tcp", h.addr)
	require.NoError(t, err)
	h.addr = ln.Addr().String()
	var sessions sync.WaitGroup
	t.Cleanup(func() { ln.Close(); sessions.Wait() })
	sessions.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			h.mu.Lock()
			h.open = append(h.open, conn)
			h.mu.Unlock()
			sessions.Go(func() { h.serve(conn) })
		}
	})
	return h
}

// cut closes all connections, as a server does that was idle for long.
func (h *host) cut() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.open {
		c.Close()
	}
}

// lines are the commands that were heard.
func (h *host) lines() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.heard...)
}

// count tells how often a command was heard.
func (h *host) count(verb string) (n int) {
	for _, line := range h.lines() {
		if strings.HasPrefix(line, verb) {
			n++
		}
	}
	return n
}

func (h *host) serve(conn net.Conn) {
	defer func() { conn.Close() }()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	in := bufio.NewReader(conn)
	if !h.reply(conn, in, "greeting", "220 host") {
		return
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		h.mu.Lock()
		h.heard = append(h.heard, line)
		h.mu.Unlock()
		verb := strings.ToUpper(strings.SplitN(line, " ", 2)[0])
		switch verb {
		case "EHLO":
			offer := "250-host\r\n250-SIZE 1000000\r\n250-SMTPUTF8\r\n250-AUTH PLAIN\r\n"
			if _, secure := conn.(*tls.Conn); h.tls != nil && !secure {
				offer += "250-STARTTLS\r\n"
			}
			if !h.reply(conn, in, verb, offer+"250 8BITMIME") {
				return
			}
		case "STARTTLS":
			if !h.reply(conn, in, verb, "220 go") {
				return
			}
			conn = tls.Server(conn, h.tls)
			in = bufio.NewReader(conn)
		case "AUTH":
			if !h.reply(conn, in, verb, "235 welcome") {
				return
			}
		case "DATA":
			if !h.reply(conn, in, verb, "354 go on") {
				return
			}
			if _, changed := h.says[verb]; (!changed || h.once) && !h.data(conn, in) {
				return
			}
		default:
			if _, ok := h.says[line]; ok {
				verb = line
			}
			if verb == "" {
				return
			}
			if !h.reply(conn, in, verb, "250 ok") {
				return
			}
		}
	}
}

// data reads a mail; only one whose dot came is there.
func (h *host) data(conn net.Conn, in *bufio.Reader) bool {
	var all strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return false
		}
		if _, cuts := h.answer("body"); cuts {
			return false
		}
		if line == ".\r\n" {
			break
		}
		all.WriteString(strings.TrimPrefix(line, "."))
	}
	h.mu.Lock()
	h.mails = append(h.mails, all.String())
	h.mu.Unlock()
	return h.reply(conn, in, "dot", "250 2.0.0 kept")
}

// answer gives what the host says at a step that is not the usual.
func (h *host) answer(step string) (string, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	answer, changed := h.says[step]
	if changed && h.once {
		if h.said[step] {
			return "", false
		}
		if h.said == nil {
			h.said = map[string]bool{}
		}
		h.said[step] = true
	}
	return answer, changed
}

func (h *host) reply(conn net.Conn, in *bufio.Reader, step, usual string) bool {
	answer, changed := h.answer(step)
	switch {
	case !changed:
		answer = usual
	case answer == "":
		return false
	case answer == "hang":
		io.Copy(io.Discard, in)
		return false
	}
	_, err := io.WriteString(conn, answer+"\r\n")
	return err == nil
}

func (h *host) got() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.mails...)
}

func (h *host) sender(t *testing.T, opts SenderOptions) *Sender {
	t.Helper()
	opts.Addr, opts.Hostname, opts.Logger = h.addr, "mx.example.test", testLog(t)
	setDefault(&opts.TLS, TLSNone)
	setDefault(&opts.StepTimeout, 5*time.Second)
	setDefault(&opts.AnswerTimeout, 5*time.Second)
	s, err := NewSender(opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestSends(t *testing.T) {
	adaptertest.Send(t, func(t *testing.T) adaptertest.Outlet {
		h := (&host{}).start(t)
		return adaptertest.Outlet{Sender: h.sender(t, SenderOptions{}), Left: func() int { return len(h.got()) }}
	})
}

// TestEveryLineCanFail: at each step of the dialogue the host closes, says "not
// now", says "no", talks nonsense or says nothing. Before the dot the message is
// queued or refused and nothing has left; behind it only a clear answer is one.
func TestEveryLineCanFail(t *testing.T) {
	const queued, notSent, unknown, sent = interaction.SendQueued, interaction.SendNotSent, interaction.SendUnknown, interaction.SendSent
	steps := []struct {
		step               string
		closed, later, no  interaction.SendState
		nonsense, silent   interaction.SendState
		committed, mailOut bool
	}{
		{"greeting", queued, queued, queued, queued, queued, false, false},
		{"EHLO", queued, queued, queued, queued, queued, false, false},
		{"MAIL", queued, queued, notSent, queued, queued, false, false},
		{"RCPT", queued, queued, notSent, queued, queued, false, false},
		{"DATA", queued, queued, notSent, queued, queued, false, false},
		{"dot", unknown, queued, notSent, unknown, unknown, true, true},
		{"QUIT", sent, sent, sent, sent, sent, true, true},
	}
	for _, s := range steps {
		for how, c := range map[string]struct {
			says string
			want interaction.SendState
			code string
		}{
			"closes":         {"", s.closed, ""},
			"not now":        {"451 4.3.0 not now", s.later, "451 4.3.0"},
			"no":             {"554 5.7.1 no", s.no, "554 5.7.1"},
			"bad address":    {"550 5.1.1 nobody", s.no, "550 5.1.1"},
			"talks nonsense": {"what?", s.nonsense, ""},
			"says nothing":   {"hang", s.silent, ""},
		} {
			t.Run(s.step+" "+how, func(t *testing.T) {
				t.Parallel()
				patience := 10 * time.Second
				if c.says == "hang" {
					patience = time.Second
				}
				h := (&host{says: map[string]string{s.step: c.says}}).start(t)
				commits := 0
				o := h.sender(t, SenderOptions{StepTimeout: patience, AnswerTimeout: patience}).Send(t.Context(), adaptertest.Example(), func(context.Context) error {
					commits++
					return nil
				})
				require.Equal(t, c.want, o.State, "%+v", o)
				require.Equal(t, s.committed, commits == 1, "%d commits", commits)
				require.Equal(t, s.mailOut, len(h.got()) == 1)
				require.Equal(t, how == "bad address" && o.State == notSent, o.Permanent)
				if s.step != "QUIT" {
					require.Equal(t, c.code, o.Code)
				}
				require.False(t, o.Aborted)
			})
		}
	}
}

func TestAbortNeverSendsTheDot(t *testing.T) {
	h := (&host{}).start(t)
	big := adaptertest.Example()
	big.Text = strings.Repeat("line\n", 10000)
	o := h.sender(t, SenderOptions{}).Send(t.Context(), big, func(context.Context) error { return fmt.Errorf("owned by another") })
	require.True(t, o.Aborted)
	h2 := (&host{}).start(t) // a whole session on another host, so that the first had its time
	require.Equal(t, interaction.SendSent, h2.sender(t, SenderOptions{}).Send(t.Context(), big, func(context.Context) error { return nil }).State)
	require.Empty(t, h.got())
	require.Equal(t, big.Text, mail.Parse([]byte(h2.got()[0])).Text)
}

func TestTheOthersGetItWhenOneRecipientIsRefused(t *testing.T) {
	h := (&host{says: map[string]string{"RCPT TO:<bad@example.org>": "550 5.1.1 nobody"}}).start(t)
	out := adaptertest.Example()
	out.To = append([]interaction.Address{{Address: "bad@example.org"}}, out.To...)
	out.Cc = []interaction.Address{{Address: "ANNA@example.org"}}
	o := h.sender(t, SenderOptions{}).Send(t.Context(), out, func(context.Context) error { return nil })
	require.Equal(t, interaction.SendSent, o.State)
	require.Contains(t, o.Text, "not to bad@example.org: 550 5.1.1 nobody")
	require.Len(t, h.got(), 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	require.Equal(t, 2, strings.Count(strings.Join(h.heard, "\n"), "RCPT TO"), "an address is told once")
}

func TestTLSAndPassword(t *testing.T) {
	server, pool := certificate(t)
	none := func(context.Context) error { return nil }
	for name, c := range map[string]struct {
		host   *host
		opts   SenderOptions
		want   interaction.SendState
		secure bool
	}{
		"required":                     {&host{tls: server}, SenderOptions{TLS: TLSRequired, TLSConfig: &tls.Config{RootCAs: pool}}, interaction.SendSent, true},
		"required, not offered":        {&host{}, SenderOptions{TLS: TLSRequired}, interaction.SendQueued, false},
		"required, unknown authority":  {&host{tls: server}, SenderOptions{TLS: TLSRequired}, interaction.SendQueued, false},
		"required, refused":            {&host{tls: server, says: map[string]string{"STARTTLS": "454 4.7.0 not now"}}, SenderOptions{TLS: TLSRequired}, interaction.SendQueued, false},
		"required, something injected": {&host{tls: server, says: map[string]string{"STARTTLS": "220 go\r\n250 injected"}}, SenderOptions{TLS: TLSRequired, TLSConfig: &tls.Config{RootCAs: pool}}, interaction.SendSent, true},
		"opportunistic":                {&host{tls: server}, SenderOptions{TLS: TLSOpportunistic}, interaction.SendSent, true},
		"opportunistic, not offered":   {&host{}, SenderOptions{TLS: TLSOpportunistic}, interaction.SendSent, false},
		"password":                     {&host{tls: server}, SenderOptions{TLS: TLSRequired, TLSConfig: &tls.Config{RootCAs: pool}, User: "u", Password: "p"}, interaction.SendSent, true},
		"wrong password":               {&host{says: map[string]string{"AUTH": "535 5.7.8 wrong"}}, SenderOptions{User: "u", Password: "p"}, interaction.SendQueued, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := c.host.start(t)
			o := h.sender(t, c.opts).Send(t.Context(), adaptertest.Example(), none)
			require.Equal(t, c.want, o.State, "%+v", o)
			h.mu.Lock()
			defer h.mu.Unlock()
			heard := strings.Join(h.heard, "\n")
			require.Equal(t, c.secure, strings.Contains(heard, "STARTTLS\nEHLO"), heard)
			if c.opts.User != "" {
				require.Contains(t, heard, "AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00u\x00p")))
			}
		})
	}
}

func TestWhatTheHostCannotTakeIsRefusedHere(t *testing.T) {
	h := (&host{says: map[string]string{"EHLO": "250-host\r\n250 SIZE 100"}}).start(t)
	o := h.sender(t, SenderOptions{}).Send(t.Context(), adaptertest.Example(), nil)
	require.Equal(t, "552 5.3.4", o.Code)
	out := adaptertest.Example()
	out.To[0].Address = "jörg@example.org"
	o = h.sender(t, SenderOptions{}).Send(t.Context(), out, nil)
	require.Equal(t, interaction.SendNotSent, o.State)
	require.Equal(t, "553 5.6.7", o.Code)
}

func TestSenderOptionsAreChecked(t *testing.T) {
	_, err := NewSender(SenderOptions{Addr: "mail.example.org:25", User: "u", StepTimeout: -1})
	for _, what := range []string{"hostname", "password needs", "negative"} {
		require.ErrorContains(t, err, what)
	}
}

func TestSendsToOurOwnListener(t *testing.T) {
	inbox := &adaptertest.Inbox{}
	l := listen(t, Options{}, inbox)
	s, err := NewSender(SenderOptions{Addr: l.Addr().String(), Hostname: "mx.example.org", PlainOnly: true})
	require.NoError(t, err)
	defer s.Close()
	out := adaptertest.Example()
	out.To[0].Address = adaptertest.KnownAddress
	out.Text = ".dots\n..\nand 'From '\nFrom here\n"
	o := s.Send(t.Context(), out, func(context.Context) error { return nil })
	require.Equal(t, interaction.SendSent, o.State)
	want, err := mail.Compose(out, mail.ComposeOptions{})
	require.NoError(t, err)
	require.Equal(t, string(want), string(inbox.All(t, 1)[0].Content))
}
