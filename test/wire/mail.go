package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"regexp"
	"strings"
	"time"
)

// Session is one SMTP connection. It sends mail byte for byte, which net/smtp does not: that one mends line ends.
type Session struct {
	conn net.Conn
	text *textproto.Conn
}

// answerTime bounds the wait for one answer.
const answerTime = 20 * time.Second

// Dial opens a session and says hello.
func Dial(ctx context.Context, address string) (*Session, error) {
	dialer := net.Dialer{Timeout: answerTime}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	s := &Session{conn, textproto.NewConn(conn)}
	if _, err := s.answer(220); err != nil {
		s.Close()
		return nil, err
	}
	if err := s.command(250, "EHLO customer.example.test"); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close ends the connection without a word.
func (s *Session) Close() { _ = s.text.Close() }

func (s *Session) answer(want int) (string, error) {
	if err := s.conn.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return "", err
	}
	_, text, err := s.text.ReadResponse(want)
	return text, err
}

func (s *Session) command(want int, format string, args ...any) error {
	if err := s.text.PrintfLine(format, args...); err != nil {
		return err
	}
	_, err := s.answer(want)
	return err
}

// Send sends one mail, whose lines end in CRLF. The answer is the server's; an error of *textproto.Error is its no, any other says
// that nobody knows what became of the mail.
func (s *Session) Send(from, to string, raw []byte) (string, error) {
	if err := s.command(250, "MAIL FROM:<%s>", from); err != nil {
		return "", err
	}
	if err := s.command(250, "RCPT TO:<%s>", to); err != nil {
		return "", err
	}
	if err := s.command(354, "DATA"); err != nil {
		return "", err
	}
	if err := s.conn.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return "", err
	}
	if _, err := s.conn.Write(stuffed(raw)); err != nil {
		return "", err
	}
	return s.answer(250)
}

// stuffed doubles dots at the beginning of lines and adds the end of data.
func stuffed(raw []byte) []byte {
	if bytes.HasPrefix(raw, []byte(".")) {
		raw = append([]byte("."), raw...)
	}
	raw = bytes.ReplaceAll(raw, []byte("\r\n."), []byte("\r\n.."))
	if !bytes.HasSuffix(raw, []byte("\r\n")) {
		raw = append(raw[:len(raw):len(raw)], "\r\n"...)
	}
	return append(raw[:len(raw):len(raw)], ".\r\n"...)
}

// Code is the server's no in an error of Send; 0 when there was no answer.
func Code(err error) int {
	var no *textproto.Error
	if errors.As(err, &no) {
		return no.Code
	}
	return 0
}

// Post sends one mail on a session of its own.
func Post(ctx context.Context, address, from, to string, raw []byte) error {
	s, err := Dial(ctx, address)
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.Send(from, to, raw)
	return err
}

var lineEnd = regexp.MustCompile(`\r?\n`)

// CRLF ends every line as mail does; a carriage return that ends no line stays.
func CRLF(raw []byte) []byte { return lineEnd.ReplaceAll(raw, []byte("\r\n")) }

// Mail writes a plain mail.
type Mail struct {
	From, To, Subject, MessageID, InReplyTo string
	Headers                                 []string // further ones, whole lines
	Text                                    string
}

// Bytes gives the mail as it goes over the wire.
func (m Mail) Bytes() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "From: %s\nTo: <%s>\nSubject: %s\nDate: Fri, 01 May 2026 10:00:00 +0000\n", m.From, m.To, m.Subject)
	if m.MessageID != "" {
		fmt.Fprintf(&b, "Message-ID: <%s>\n", m.MessageID)
	}
	if m.InReplyTo != "" {
		fmt.Fprintf(&b, "In-Reply-To: <%s>\nReferences: <%s>\n", m.InReplyTo, m.InReplyTo)
	}
	for _, h := range m.Headers {
		b.WriteString(h + "\n")
	}
	b.WriteString("MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n" + m.Text + "\n")
	return CRLF([]byte(b.String()))
}
