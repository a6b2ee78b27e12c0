package house

import (
	"io"
	"log"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Sink takes all mail that the house sends, as a smart host would, and remembers who got how much of it.
type Sink struct {
	server   *smtp.Server
	listener net.Listener
	mu       sync.Mutex
	got      map[string]int
	first    map[string]chan struct{}
}

// NewSink starts a sink on a free port.
func NewSink() (*Sink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Sink{listener: l, got: map[string]int{}, first: map[string]chan struct{}{}}
	s.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &sinkSession{sink: s}, nil }))
	s.server.Domain, s.server.ReadTimeout, s.server.ErrorLog = "sink.example.test", time.Minute, log.New(io.Discard, "", 0)
	go func() { _ = s.server.Serve(l) }() // ends with Close
	return s, nil
}

// Address is host:port of the sink.
func (s *Sink) Address() string { return s.listener.Addr().String() }

// Close ends it.
func (s *Sink) Close() error { return s.server.Close() }

// Got is how many mails an address has been sent.
func (s *Sink) Got(address string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got[address]
}

// First is closed when the address gets its first mail.
func (s *Sink) First(address string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.arrival(address)
}

func (s *Sink) arrival(address string) chan struct{} {
	c, ok := s.first[address]
	if !ok {
		c = make(chan struct{})
		s.first[address] = c
	}
	return c
}

func (s *Sink) take(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.got[address]++; s.got[address] == 1 {
		close(s.arrival(address))
	}
}

type sinkSession struct {
	sink *Sink
	to   []string
}

func (s *sinkSession) Mail(string, *smtp.MailOptions) error { return nil }

func (s *sinkSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *sinkSession) Data(r io.Reader) error {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	for _, address := range s.to {
		s.sink.take(address)
	}
	return nil
}

func (s *sinkSession) Reset()        { s.to = nil }
func (s *sinkSession) Logout() error { return nil }
