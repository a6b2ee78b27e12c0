package session

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"parley/lib/smpp"
	"parley/lib/smpp/sms"
)

// centre is a message centre that misbehaves on demand. It takes each message as real ones do: what it has answered with OK, or taken without being able to
// say so, counts as received.
type centre struct {
	t        *testing.T
	password string

	mu       sync.Mutex
	faults   []fault
	received map[string]int // texts
	order    []string
	most     int // requests that were unanswered at once
	inside   int
	delay    time.Duration // before an answer
	binds    []time.Time
	down     bool // nobody can connect
}

// fault is what happens to the next submit_sm.
type fault int

const (
	none       fault = iota
	killBefore       // the connection is cut, the message was not taken
	killAfter        // it was taken, and the connection cut before the answer
	halfOpen         // nothing is read or answered any more
	throttle         // 0x58
	full             // 0x14
	late             // the answer comes after the time for it is over
	twice            // the answer comes twice
	stranger         // an answer to a question that nobody asked comes before
	unbind           // the centre says good-bye, without taking the message
	disorder         // the answer comes behind the next one's
	garbage          // something that is no PDU
	faults           // how many there are
)

func newCentre(t *testing.T) *centre {
	return &centre{t: t, password: "secret", received: map[string]int{}}
}

// dial connects to the centre, without a network.
func (s *centre) dial(ctx context.Context) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return nil, errors.New("connection refused")
	}
	ours, theirs := net.Pipe()
	go s.serve(ctx, theirs)
	return ours, nil
}

func (s *centre) next() fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults) == 0 {
		return none
	}
	f := s.faults[0]
	s.faults = s.faults[1:]
	return f
}

func (s *centre) tries() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.binds
}

func (s *centre) left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.faults)
}

func (s *centre) take(p *smpp.PDU) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := p.Content(sms.GSM7).Text
	s.received[text]++
	s.order = append(s.order, text)
}

func (s *centre) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inside += n
	s.most = max(s.most, s.inside)
}

// serve speaks with one link, by hand: a well-behaved library could not misbehave.
func (s *centre) serve(ctx context.Context, conn net.Conn) {
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
		f := s.next()
		answer := p.Answer(smpp.StatusOK)
		switch f {
		case killBefore:
			s.count(-1)
			return
		case killAfter:
			s.take(p)
			s.count(-1)
			return
		case halfOpen:
			s.count(-1)
			<-ctx.Done()
			return
		case throttle, full:
			answer = p.Answer(map[fault]smpp.Status{throttle: smpp.StatusThrottled, full: smpp.StatusQueueFull}[f])
		case unbind:
			s.count(-1)
			put(&smpp.PDU{Command: smpp.Unbind, Sequence: 1})
			return
		case garbage:
			s.count(-1)
			putRaw([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			return
		case stranger:
			put(&smpp.PDU{Command: smpp.SubmitSM.Response(), Sequence: 0x7ffffff0, Body: &smpp.MessageResp{MessageID: "x"}})
		case disorder:
			if held == nil {
				s.take(p)
				s.count(-1)
				held = answer
				time.AfterFunc(time.Second, func() { put(answer) }) // at the latest; then it comes twice
				continue
			}
		case late:
			s.take(p)
			s.count(-1)
			time.AfterFunc(time.Minute, func() { put(answer) })
			continue
		}
		if answer.Status == smpp.StatusOK {
			s.take(p)
		}
		before := held
		held = nil
		time.AfterFunc(s.delay, func() {
			s.count(-1)
			put(answer)
			if f == twice {
				put(answer)
			}
			if before != nil {
				put(before)
			}
		})
	}
}

func (s *centre) bound(p *smpp.PDU, put func(*smpp.PDU)) bool {
	s.mu.Lock()
	s.binds = append(s.binds, time.Now())
	good := p.Body.(*smpp.Bind).Password == s.password
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

func submit(text string) *smpp.PDU {
	return &smpp.PDU{Command: smpp.SubmitSM, Body: &smpp.Message{Dest: smpp.Address{Addr: "491701234567"}, ShortMessage: []byte(text)}}
}
