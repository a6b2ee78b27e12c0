package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"slices"
	"strings"
	"time"
)

// steps gives each write its deadline: go-smtp sets one for commands only, so a
// mail to a host that stops reading would hang for ever.
type steps struct {
	net.Conn
	timeout time.Duration
}

// Write is one write within the time of a step.
func (s *steps) Write(b []byte) (int, error) {
	if err := s.Conn.SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
		return 0, err
	}
	return s.Conn.Write(b)
}

// protect brings TLS onto a connection as the policy says. go-smtp decides on
// STARTTLS before it knows what the host offers, so the first words are spoken
// here; the greeting is given to its client once more.
func (s *Sender) protect(ctx context.Context, conn net.Conn, policy TLSPolicy, host string) (net.Conn, error) {
	switch policy {
	case TLSNone:
		return conn, nil
	case TLSImplicit:
		return s.handshake(ctx, conn, policy, host)
	}
	conn.SetDeadline(time.Now().Add(s.opts.StepTimeout))
	defer conn.SetDeadline(time.Time{})
	// Its buffer is dropped with it: what a host, or somebody in between, sends behind its answer to STARTTLS is never read.
	text := textproto.NewConn(conn)
	if _, _, err := text.ReadResponse(220); err != nil {
		return nil, err
	}
	if err := text.PrintfLine("EHLO %s", s.opts.Hostname); err != nil {
		return nil, err
	}
	code, offer, err := text.ReadResponse(0)
	if err != nil {
		return nil, err
	}
	offered := code == 250 && slices.ContainsFunc(strings.Split(offer, "\n"), func(line string) bool { return strings.EqualFold(strings.TrimSpace(line), "STARTTLS") })
	if !offered {
		if policy == TLSRequired {
			return nil, errors.New("the server offers no STARTTLS, which the policy requires")
		}
		return greeted(conn), nil
	}
	if err := text.PrintfLine("STARTTLS"); err != nil {
		return nil, err
	}
	if _, _, err := text.ReadResponse(220); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoTLS, err)
	}
	secure, err := s.handshake(ctx, conn, policy, host)
	if err != nil {
		return nil, err
	}
	return greeted(secure), nil
}

// errNoTLS says that TLS was offered and did not come about.
var errNoTLS = errors.New("tls")

func (s *Sender) handshake(ctx context.Context, conn net.Conn, policy TLSPolicy, host string) (net.Conn, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.opts.TLSConfig != nil {
		config = s.opts.TLSConfig.Clone()
	}
	if config.ServerName == "" {
		config.ServerName = host
	}
	if policy == TLSOpportunistic {
		config.InsecureSkipVerify = true // better than in clear, which is the alternative (RFC 7435)
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.StepTimeout)
	defer cancel()
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoTLS, err)
	}
	return secure, nil
}

// greeted gives a connection on which the host seems to greet once more.
func greeted(conn net.Conn) net.Conn {
	return &replay{Conn: conn, first: strings.NewReader("220 ready\r\n")}
}

type replay struct {
	net.Conn
	first *strings.Reader
}

// Read gives the greeting, and then what the host says.
func (r *replay) Read(b []byte) (int, error) {
	if n, err := r.first.Read(b); err != io.EOF {
		return n, err
	}
	return r.Conn.Read(b)
}
