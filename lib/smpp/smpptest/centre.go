// Package smpptest is a message centre that misbehaves on demand: what links and those who send over them do about it can be seen from its side.
package smpptest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"parley/lib/smpp"
	"parley/lib/smpp/sms"
)

// Centre takes messages as real ones do: what it has answered with OK, or taken without being able to say so, counts as received. Its fields are set before
// anybody connects.
type Centre struct {
	Password string
	Delay    time.Duration // before an answer
	LateBy   time.Duration // how long an answer that is late takes
	Down     bool          // nobody can connect

	mu       sync.Mutex
	faults   []Fault
	received map[string]int // texts
	order    []string
	most     int // requests that were unanswered at once
	inside   int
	names    int
	binds    []time.Time
}

// Fault is what happens to the next submit_sm.
type Fault int

// The faults.
const (
	None       Fault = iota
	KillBefore       // the connection is cut, the message was not taken
	KillAfter        // it was taken, and the connection cut before the answer
	HalfOpen         // nothing is read or answered any more
	Throttle         // 0x58
	Full             // 0x14
	Late             // the answer comes after the time for it is over
	Twice            // the answer comes twice
	Stranger         // an answer to a question that nobody asked comes before
	Unbind           // the centre says good-bye, without taking the message
	Disorder         // the answer comes behind the next one's
	Garbage          // something that is no PDU
	Faults           // how many there are
)

// NewCentre is one whose password is "secret" and which does nothing wrong yet.
func NewCentre() *Centre {
	return &Centre{Password: "secret", LateBy: time.Minute, received: map[string]int{}}
}

// Plan has these faults happen to the next messages, one each. What was planned before is forgotten.
func (s *Centre) Plan(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = faults
}

// Left is how many faults are still to come.
func (s *Centre) Left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.faults)
}

// Received is how often each text was taken.
func (s *Centre) Received() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.received)
}

// Order gives the texts in the order in which they were taken.
func (s *Centre) Order() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.order)
}

// Most is how many requests were unanswered at once at most.
func (s *Centre) Most() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most
}

// Binds gives the moments at which somebody tried to bind.
func (s *Centre) Binds() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.binds)
}

// Dial connects to the centre, without a network.
func (s *Centre) Dial(ctx context.Context) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Down {
		return nil, errors.New("connection refused")
	}
	ours, theirs := net.Pipe()
	go s.serve(ctx, theirs)
	return ours, nil
}

func (s *Centre) next() Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults) == 0 {
		return None
	}
	f := s.faults[0]
	s.faults = s.faults[1:]
	return f
}

func (s *Centre) take(p *smpp.PDU) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := p.Content(sms.GSM7).Text
	s.received[text]++
	s.order = append(s.order, text)
}

// name answers that a message was taken, under a name of its own.
func (s *Centre) name(p *smpp.PDU) *smpp.PDU {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names++
	answer := p.Answer(smpp.StatusOK)
	answer.Body = &smpp.MessageResp{MessageID: fmt.Sprintf("%x", 0x1000+s.names)}
	return answer
}

func (s *Centre) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inside += n
	s.most = max(s.most, s.inside)
}

// serve speaks with one link, by hand: a well-behaved library could not misbehave.
func (s *Centre) serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	write := make(chan struct{}, 1) // a mutex would stop the test's clock
	putRaw := func(raw []byte) {
		write <- struct{}{}
		defer func() { <-write }()
		_, _ = conn.Write(raw)
	}
	put := func(p *smpp.PDU) {
		raw, err := p.Encode()
		if err != nil {
			panic(err)
		}
		putRaw(raw)
	}
	var held *smpp.PDU // an answer that waits for the next one
	for {
		raw, err := smpp.Read(conn)
		if err != nil {
			return
		}
		p, err := smpp.Decode(raw)
		if err != nil {
			return
		}
		switch p.Command {
		case smpp.BindTransceiver, smpp.BindTransmitter, smpp.BindReceiver:
			if !s.bound(p, put) {
				return
			}
			continue
		case smpp.Unbind:
			put(p.Answer(smpp.StatusOK))
			return
		case smpp.EnquireLink:
			put(p.Answer(smpp.StatusOK))
			continue
		case smpp.SubmitSM:
		default:
			continue
		}
		s.count(1)
		f, answer := s.next(), s.name(p)
		switch f {
		case KillBefore:
			s.count(-1)
			return
		case KillAfter:
			s.take(p)
			s.count(-1)
			return
		case HalfOpen:
			s.count(-1)
			<-ctx.Done()
			return
		case Throttle, Full:
			answer = p.Answer(map[Fault]smpp.Status{Throttle: smpp.StatusThrottled, Full: smpp.StatusQueueFull}[f])
		case Unbind:
			s.count(-1)
			put(&smpp.PDU{Command: smpp.Unbind, Sequence: 1})
			return
		case Garbage:
			s.count(-1)
			putRaw([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			return
		case Stranger:
			put(&smpp.PDU{Command: smpp.SubmitSM.Response(), Sequence: 0x7ffffff0, Body: &smpp.MessageResp{MessageID: "x"}})
		case Disorder:
			if held == nil {
				s.take(p)
				s.count(-1)
				held = answer
				time.AfterFunc(time.Second, func() { put(answer) }) // at the latest; then it comes twice
				continue
			}
		case Late:
			s.take(p)
			s.count(-1)
			time.AfterFunc(s.LateBy, func() { put(answer) })
			continue
		}
		if answer.Status == smpp.StatusOK {
			s.take(p)
		}
		before := held
		held = nil
		time.AfterFunc(s.Delay, func() {
			s.count(-1)
			put(answer)
			if f == Twice {
				put(answer)
			}
			if before != nil {
				put(before)
			}
		})
	}
}

func (s *Centre) bound(p *smpp.PDU, put func(*smpp.PDU)) bool {
	s.mu.Lock()
	s.binds = append(s.binds, time.Now())
	good := p.Body.(*smpp.Bind).Password == s.Password
	s.mu.Unlock()
	if !good {
		put(p.Answer(smpp.StatusInvalidPassword))
		return false
	}
	answer := p.Answer(smpp.StatusOK)
	answer.Body = &smpp.BindResp{SystemID: "centre"}
	put(answer)
	return true
}
