package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/mail"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Delivery is one mail that came to the sink.
type Delivery struct {
	At         time.Time
	From       string // of the envelope; empty is the null path
	To         []string
	MessageID  string
	InReplyTo  string
	References []string
	Subject    string
	Automatic  bool
	Raw        []byte
}

// Sink is the smart host at the far end: it takes every mail and keeps it in memory.
type Sink struct {
	listener net.Listener
	server   *smtp.Server
	hear     func(Delivery)

	mu  sync.Mutex
	all []Delivery
}

// NewSink listens at the address. hear is called with each mail before the sender gets its yes; it may be nil.
func NewSink(ctx context.Context, address string, hear func(Delivery)) (*Sink, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("sink: %w", err)
	}
	s := &Sink{listener: listener, hear: hear}
	s.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &sinkSession{sink: s}, nil }))
	s.server.Domain, s.server.EnableSMTPUTF8 = "sink.example.test", true
	s.server.MaxMessageBytes = 64 << 20
	s.server.ErrorLog = log.New(io.Discard, "", 0) // senders are killed here: broken connections are no news
	go func() { _ = s.server.Serve(listener) }()   // ends with Close
	return s, nil
}

// Address is where it listens.
func (s *Sink) Address() string { return s.listener.Addr().String() }

// Close ends it.
func (s *Sink) Close() error { return s.server.Close() }

// All gives what has come so far, in its order.
func (s *Sink) All() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Delivery(nil), s.all...)
}

// Has reports whether a mail of this Message-ID has come.
func (s *Sink) Has(messageID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.all {
		if d.MessageID == messageID {
			return true
		}
	}
	return false
}

func (s *Sink) take(d Delivery) {
	s.mu.Lock()
	s.all = append(s.all, d)
	s.mu.Unlock()
	if s.hear != nil {
		s.hear(d)
	}
}

type sinkSession struct {
	sink *Sink
	from string
	to   []string
}

// Mail begins a mail.
func (s *sinkSession) Mail(from string, _ *smtp.MailOptions) error {
	s.from, s.to = from, nil
	return nil
}

// Rcpt takes any recipient.
func (s *sinkSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

// Data takes the mail. One that breaks off before its end did not come.
func (s *sinkSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return &smtp.SMTPError{Code: 554, Message: "This is no mail"}
	}
	auto := m.Header.Get("Auto-Submitted")
	s.sink.take(Delivery{
		At: time.Now(), From: s.from, To: s.to, Raw: raw, Subject: m.Header.Get("Subject"), Automatic: auto != "" && auto != "no",
		MessageID: bare(m.Header.Get("Message-ID")), InReplyTo: bare(m.Header.Get("In-Reply-To")), References: ids(m.Header.Get("References")),
	})
	return nil
}

// Reset forgets the mail.
func (s *sinkSession) Reset() { s.from, s.to = "", nil }

// Logout ends the session.
func (s *sinkSession) Logout() error { return nil }

func bare(id string) string { return strings.Trim(strings.TrimSpace(id), "<>") }

func ids(field string) (list []string) {
	for _, id := range strings.Fields(field) {
		list = append(list, bare(id))
	}
	return list
}

// Ports gives free ports of loopback, as host:port: below those that the system gives to outgoing connections, so that a server that
// was killed finds its port free again.
func Ports(ctx context.Context, n int) ([]string, error) {
	var addresses []string
	for tries := 0; len(addresses) < n; tries++ {
		if tries == 1000 {
			return nil, errors.New("no free port between 10000 and 20000")
		}
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(10000)))
		if err != nil {
			continue
		}
		defer func() { _ = l.Close() }() // at the end: no port is given twice
		addresses = append(addresses, l.Addr().String())
	}
	return addresses, nil
}
