package smtp

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

const (
	maxCommand   = 2048             // bytes of a command line: RFC 5321 has 512, its extensions add to that
	maxNonsense  = 1 << 20          // bytes of a line that is too long before nobody listens any more
	tlsHandshake = 30 * time.Second // for a client to bring TLS up
	lastBytes    = time.Second      // for a client to read why it was turned away
)

// guard stands between a client and go-smtp and sees every byte before it. It gives go-smtp one command at a time, so that both agree at any
// moment whether the client speaks commands, a mail or a chunk; it finds the end of a mail itself, and it ends sessions that mean to
// be understood differently by two servers:
//
//   - a mail whose end is not CRLF . CRLF, but something that other servers take for it (SMTP smuggling), see content;
//   - commands sent together with STARTTLS, which somebody in between may have put there (CVE-2011-0411);
//   - a mail sent together with DATA, before anybody has said that it may come.
//
// TLS is brought up here, below go-smtp, and what comes out of it passes a guard again.
type guard struct {
	*conn          // the client, with its deadlines
	net   net.Conn // where bytes come from: conn, or the TLS connection on it
	in    *bufio.Reader

	line   []byte   // of a command, what go-smtp has not read yet
	asked  string   // the command that is being answered, in capitals
	chunk  int64    // bytes that follow a BDAT
	mail   *content // while a mail is on its way in
	silent bool     // the client was greeted before TLS
	over   bool     // nothing more is taken from this client
	linger bool     // it was turned away: let it read why
	handed bool     // it goes on under TLS with another guard
	wrongs int      // refusals so far
}

func newGuard(c *conn, over net.Conn) *guard {
	c.answersOn(over)
	return &guard{conn: c, net: over, in: bufio.NewReaderSize(over, 16<<10)}
}

// tls is the state of TLS, if there is any.
func (g *guard) tls() (tls.ConnectionState, bool) {
	secure, ok := g.net.(*tls.Conn)
	if !ok {
		return tls.ConnectionState{}, false
	}
	return secure.ConnectionState(), true
}

// Read gives go-smtp a command, or what follows a BDAT. Of a mail it gives nothing: the session reads that from content, and what it has left is dropped here.
func (g *guard) Read(b []byte) (n int, err error) {
	switch {
	case len(b) == 0:
		return 0, nil
	case len(g.line) > 0:
	case g.over:
		return 0, io.EOF
	case g.mail != nil:
		if _, err := io.Copy(io.Discard, g.mail); err != nil {
			return 0, err
		}
		return 0, io.EOF
	case g.chunk > 0:
		n, err = g.in.Read(b[:min(int64(len(b)), g.chunk)])
		g.chunk -= int64(n)
		return n, g.fatal(err)
	default:
		if g.line, err = g.command(); err != nil {
			return 0, g.fatal(err)
		}
	}
	n = copy(b, g.line)
	g.line = g.line[n:]
	return n, nil
}

// fatal makes an error the last thing that is read: who comes back behind it could be anywhere in a mail.
func (g *guard) fatal(err error) error {
	g.over = g.over || err != nil
	return err
}

// command reads the next command that is go-smtp's to answer.
func (g *guard) command() ([]byte, error) {
	for {
		line, err := g.readLine()
		if err != nil {
			return nil, err
		}
		g.asked = strings.ToUpper(strings.TrimSpace(string(line)))
		verb, arg, _ := strings.Cut(g.asked, " ")
		switch {
		case verb == "STARTTLS" && arg != "":
			if err := g.say("501 5.5.4 STARTTLS takes no parameters"); err != nil {
				return nil, err
			}
		case verb == "STARTTLS" && g.in.Buffered() > 0:
			return nil, g.refuse("503 5.5.1 Nothing may be sent behind STARTTLS before its answer")
		case verb == "STARTTLS" && g.mayUpgrade():
			return nil, g.upgrade()
		case verb == "DATA" && g.in.Buffered() > 0:
			return nil, g.refuse("503 5.5.1 Nothing may be sent behind DATA before its answer")
		case verb == "BDAT":
			if answer := g.expectChunk(arg); answer != "" {
				if err := g.say(answer); err != nil {
					return nil, err
				}
				continue
			}
			return line, nil
		default:
			return line, nil
		}
	}
}

// readLine reads one line. One that is too long becomes an empty one, which go-smtp calls a syntax error.
func (g *guard) readLine() ([]byte, error) {
	line, err := g.in.ReadSlice('\n')
	for read := len(line); errors.Is(err, bufio.ErrBufferFull); read += len(line) {
		if read > maxNonsense {
			return nil, g.refuse("500 5.5.2 The line is too long")
		}
		line, err = g.in.ReadSlice('\n')
		if err == nil {
			return []byte("\r\n"), nil
		}
	}
	if err != nil {
		return nil, err
	}
	if len(line) > maxCommand {
		return []byte("\r\n"), nil
	}
	return append([]byte(nil), line...), nil
}

// expectChunk prepares for the bytes behind a BDAT (RFC 3030). It reads the arguments as go-smtp does, which takes the chunk whatever it answers, and
// leaves it where it is only when it cannot read its size. A chunk of nothing is refused here, unless it ends what came before.
func (g *guard) expectChunk(arg string) (answer string) {
	args := strings.Fields(arg)
	last := len(args) == 2 && args[1] == "LAST"
	if len(args) == 0 || len(args) > 2 || len(args) == 2 && !last {
		return ""
	}
	size, err := strconv.ParseUint(args[0], 10, 32)
	if err != nil {
		return ""
	}
	if size == 0 && !last {
		return "501 5.5.4 A chunk of no size"
	}
	g.chunk = int64(size)
	if g.chunk > g.owner.opts.MaxSize {
		g.hurry(lastWords)
	}
	return ""
}

func (g *guard) mayUpgrade() bool {
	_, secure := g.tls()
	return g.owner.opts.TLSConfig != nil && !secure
}

// upgrade brings TLS up and hands the client to a session that knows nothing of what was said in clear (RFC 3207 section 4.2). For this session it is over.
func (g *guard) upgrade() error {
	if err := g.say("220 2.0.0 Ready to start TLS"); err != nil {
		return err
	}
	secure := tls.Server(g.net, g.owner.opts.TLSConfig)
	ctx, cancel := context.WithTimeout(g.owner.base, tlsHandshake)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		g.owner.log.Debug("tls handshake", "peer", g.RemoteAddr().String(), "error", err)
		return io.EOF
	}
	next := newGuard(g.conn, secure)
	next.silent, next.wrongs = true, g.wrongs
	if g.owner.secured.hand(next) {
		g.handed = true
	}
	return io.EOF
}

// say answers a command that go-smtp does not see.
func (g *guard) say(answer string) error {
	_, err := g.Write([]byte(answer + "\r\n"))
	return err
}

// refuse turns the client away.
func (g *guard) refuse(answer string) error {
	g.over, g.linger = true, true
	g.owner.log.Warn("session refused", "answer", answer, "peer", g.RemoteAddr().String())
	if err := g.say(answer); err != nil {
		return err
	}
	return io.EOF
}

// Write passes an answer on, with the code that RFC 5321 has for it, and follows what it means for the next bytes.
func (g *guard) Write(b []byte) (int, error) {
	if g.silent {
		g.silent = false
		return len(b), nil
	}
	answer := correct(b, g.asked)
	if g.mail != nil {
		g.over = g.over || !g.mail.ended // the rest of a mail is no command
		g.linger = g.linger || errors.Is(g.mail.err, errOddEnd)
		g.mail = nil
	}
	if string(answer[:min(len(answer), 3)]) == "354" {
		g.mail = &content{guard: g, left: g.owner.opts.MaxSize}
	}
	if answer[0] == '5' {
		g.wrongs++
		g.owner.tarpit(g.wrongs)
	}
	if _, err := g.net.Write(answer); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Close ends the connection, unless it goes on under TLS. It may be called twice.
func (g *guard) Close() error {
	if g.handed {
		return nil
	}
	if tcp, ok := g.Conn.(*net.TCPConn); ok && g.linger {
		g.linger = false // a close with bytes unread would take the answer back
		if tcp.CloseWrite() == nil && tcp.SetReadDeadline(time.Now().Add(lastBytes)) == nil {
			_, _ = io.CopyN(io.Discard, tcp, maxNonsense)
		}
	}
	return g.net.Close()
}
