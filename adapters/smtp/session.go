package smtp

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-smtp"

	"parley/interaction"
	"parley/lib/mail"
)

const (
	maxReceived = 100              // Received fields from which on a mail goes in circles
	maxLoops    = 2                // loop marks of ours, likewise
	lastWords   = 20 * time.Second // for a client to finish a mail that is refused already
)

// session is one client between EHLO and QUIT, and one mail at a time. go-smtp
// runs Data of a BDAT transfer beside the commands, so the mail is under a lock.
type session struct {
	l    *Listener
	conn *guard
	wire *smtp.Conn

	mu    sync.Mutex
	begun bool // behind MAIL
	facts interaction.Facts
	utf8  bool
	to    []interaction.Target
}

// newSession begins with EHLO; after STARTTLS there is a new one.
func (l *Listener) newSession(wire *smtp.Conn) (smtp.Session, error) {
	g, ok := wire.Conn().(*guard)
	if !ok {
		return nil, errNotOurs
	}
	return &session{l: l, conn: g, wire: wire}, nil
}

// Mail begins a mail.
func (s *session) Mail(from string, opts *smtp.MailOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun {
		return &smtp.SMTPError{Code: 503, EnhancedCode: smtp.EnhancedCode{5, 5, 1}, Message: "There is a mail already; end it or take it back by RSET"}
	}
	if err := checkPath(from, opts.UTF8); err != nil {
		return err
	}
	s.begun = true
	s.utf8 = opts.UTF8
	s.to = nil
	s.facts = interaction.Facts{
		Peer: s.conn.RemoteAddr().String(), Helo: printable(s.wire.Hostname()), TLS: s.conn.tlsName(),
		Sender: from, NullPath: from == "", SMTPUTF8: opts.UTF8, BodyType: string(opts.Body),
	}
	return nil
}

// Rcpt takes a recipient whose entry point is known. Two addresses of one entry point are one target.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := checkPath(to, s.utf8); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.l.base, s.l.opts.AcceptTimeout)
	defer cancel()
	name, err := s.l.entries.EntryPoint(ctx, interaction.Email, to)
	if err != nil {
		return s.l.answer(err, s.facts.Peer)
	}
	for _, t := range s.to {
		if t.EntryPoint == name {
			return nil
		}
	}
	s.to = append(s.to, interaction.Target{EntryPoint: name, Address: to})
	return nil
}

// Data receives the mail and has it committed. Only then the answer is 250.
func (s *session) Data(r io.Reader) error {
	s.conn.receive(s.l.opts.DataTimeout)
	s.mu.Lock()
	facts, to := s.facts, s.to
	s.mu.Unlock()
	if len(to) == 0 {
		return smtp.ErrDataReset // RSET came before the transfer began
	}
	_, chunked := r.(*io.PipeReader) // behind BDAT; a mail behind DATA is read without go-smtp
	if !chunked {
		r = s.conn.mail
	}
	got, err := mail.Receive(r, s.l.opts.SpoolDir)
	defer got.Discard()
	if err != nil {
		s.conn.hurry(lastWords)
		return s.l.answerData(err, facts.Peer)
	}
	if chunked && got.Size() == 0 {
		return &smtp.SMTPError{Code: 503, EnhancedCode: smtp.EnhancedCode{5, 5, 1}, Message: "A mail of no bytes"}
	}
	if err := refuseLoop(got.Head()); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.l.base, s.l.opts.AcceptTimeout)
	defer cancel()
	receipt, err := s.l.inbox.Accept(ctx, interaction.Inbound{
		Channel: interaction.Email, Targets: to, Identity: got.Identity(), Facts: facts, Raw: got.Reader(), Size: got.Size(),
	})
	if err != nil {
		return s.l.answer(err, facts.Peer)
	}
	s.l.log.Info("mail accepted", "inbound", receipt.ID, "bytes", got.Size(), "targets", len(to), "repeat", receipt.Repeat)
	return &smtp.SMTPError{Code: 250, EnhancedCode: smtp.EnhancedCode{2, 0, 0}, Message: fmt.Sprintf("OK: queued as %s", receipt.ID)}
}

// Reset forgets the mail. go-smtp calls it after the answer to one was written.
func (s *session) Reset() {
	s.mu.Lock()
	s.begun, s.facts, s.to, s.utf8 = false, interaction.Facts{}, nil, false
	s.mu.Unlock()
	s.conn.received()
}

// Logout ends the session.
func (s *session) Logout() error { return nil }

// refuseLoop answers for mail that goes in circles.
func refuseLoop(head []byte) error {
	received, loops := mail.Hops(head)
	if received >= maxReceived || loops >= maxLoops {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 4, 6}, Message: "This mail goes in circles"}
	}
	return nil
}

// checkPath refuses addresses that hold what no address may, or that are not ASCII without the extension for that.
func checkPath(path string, extended bool) error {
	for _, c := range []byte(path) {
		switch {
		case c < ' ' || c == 0x7f:
			return &smtp.SMTPError{Code: 553, EnhancedCode: smtp.EnhancedCode{5, 1, 3}, Message: "A control character in an address"}
		case c >= 0x80 && !extended:
			return &smtp.SMTPError{Code: 553, EnhancedCode: smtp.EnhancedCode{5, 6, 7}, Message: "An address outside ASCII needs SMTPUTF8"}
		}
	}
	if !utf8.ValidString(path) {
		return &smtp.SMTPError{Code: 553, EnhancedCode: smtp.EnhancedCode{5, 6, 7}, Message: "The address is not valid UTF-8"}
	}
	if len(path) > 320 {
		return &smtp.SMTPError{Code: 553, EnhancedCode: smtp.EnhancedCode{5, 1, 3}, Message: "The address is too long"}
	}
	return nil
}

// tlsName is version and cipher, empty in clear.
func (g *guard) tlsName() string {
	state, ok := g.tls()
	if !ok {
		return ""
	}
	return tls.VersionName(state.Version) + " " + tls.CipherSuiteName(state.CipherSuite)
}

// printable leaves what can be stored and logged of a name that a client gave itself.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	return strings.ToValidUTF8(s[:min(len(s), 255)], "")
}
