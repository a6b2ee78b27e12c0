// Package session speaks SMPP 3.4 over connections, as the carrier's customer (ESME) and as the carrier (SMSC): binding, requests and their answers
// within a window, life signs, pace, and a link that comes back whatever happens to it. It knows nothing of what is inside the messages.
//
// A request that was written and never answered is told apart from one that never left: only who knows that can decide on a repeat. See Lost.
package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"parley/lib/smpp"
)

// Options bound a connection. Zero values mean the defaults.
type Options struct {
	Window       int           // requests of ours that may be unanswered; default 10
	Enquire      time.Duration // silence after which the other side is asked for a life sign; default 30 s
	AnswerWithin time.Duration // how long an answer may take; default 10 s
	Handlers     int           // requests of the other side that are worked on at once; default 1: in their order
	Log          *slog.Logger

	// Handle answers a request. It is not called for what sessions answer themselves: enquire_link, unbind and PDUs that cannot be read. Nil refuses all.
	Handle func(ctx context.Context, c *Conn, request *smpp.PDU) *smpp.PDU
}

func (o Options) withDefaults() Options {
	if o.Window <= 0 {
		o.Window = 10
	}
	if o.Enquire <= 0 {
		o.Enquire = 30 * time.Second
	}
	if o.AnswerWithin <= 0 {
		o.AnswerWithin = 10 * time.Second
	}
	if o.Handlers <= 0 {
		o.Handlers = 1
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// backlog is how many requests may wait for a handler. None of them is acknowledged yet; what comes beyond is told to come later.
const backlog = 64

// Errors of requests.
var (
	// ErrDown says that nothing left: there is no connection.
	ErrDown = errors.New("the link is down")
	// ErrBind says that the other side refused the bind.
	ErrBind = errors.New("the bind was refused")
)

// Lost says that a request left, or part of it, and its answer never came: nobody here knows whether it was taken.
type Lost struct{ Err error }

func (l *Lost) Error() string { return "the answer was lost: " + l.Err.Error() }
func (l *Lost) Unwrap() error { return l.Err }

// Conn is one connection. It is safe for concurrent use.
type Conn struct {
	net     net.Conn
	options Options
	command smpp.Command // that it was bound with
	peer    string       // system_id of the other side
	inbound chan *smpp.PDU
	done    chan struct{}
	cause   error
	once    sync.Once
	heard   atomic.Int64 // when the last PDU came, in nanoseconds

	write   chan struct{} // holds one while somebody writes
	mu      sync.Mutex    // guards the rest
	next    uint32
	pending map[uint32]chan *smpp.PDU
}

func newConn(conn net.Conn, o Options) *Conn {
	c := &Conn{
		net: conn, options: o.withDefaults(), write: make(chan struct{}, 1), inbound: make(chan *smpp.PDU, backlog), done: make(chan struct{}), pending: map[uint32]chan *smpp.PDU{},
	}
	c.heard.Store(time.Now().UnixNano())
	return c
}

// Command is what the connection was bound with.
func (c *Conn) Command() smpp.Command { return c.command }

// Peer is the other side's system_id.
func (c *Conn) Peer() string { return c.peer }

// Done is closed when the connection has ended; Err tells why.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err is why the connection ended; nil while it has not, and after an unbind.
func (c *Conn) Err() error {
	select {
	case <-c.done:
		return c.cause
	default:
		return nil
	}
}

// run reads until the connection ends, with the handlers and the life signs beside it.
func (c *Conn) run(ctx context.Context) error {
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { c.close(context.Cause(ctx)) })
	defer stop()
	for range c.options.Handlers {
		wg.Go(func() { c.handle(ctx) })
	}
	wg.Go(func() { c.keepAlive(ctx) })
	err := c.read()
	c.close(err)
	cancel()
	wg.Wait()
	return c.cause
}

// close ends the connection once; who waits for an answer learns that it is lost.
func (c *Conn) close(cause error) {
	c.once.Do(func() {
		c.cause = cause
		close(c.done)
		_ = c.net.Close()
	})
}

// read takes PDUs off the connection until it ends.
func (c *Conn) read() error {
	for {
		raw, err := smpp.Read(c.net)
		var broken *smpp.Error
		if errors.As(err, &broken) { // the next PDU cannot be found any more
			_ = c.send(&smpp.PDU{Command: smpp.GenericNack, Status: broken.Status})
			return err
		}
		if err != nil {
			return err
		}
		c.heard.Store(time.Now().UnixNano())
		p, err := smpp.Decode(raw)
		if p.Command.IsResponse() {
			c.answered(p, err)
			continue
		}
		if errors.As(err, &broken) {
			c.options.Log.Warn("smpp request cannot be read", "command", p.Command.String(), "error", broken)
			if err := c.send(p.Answer(broken.Status)); err != nil {
				return err
			}
			continue
		}
		if ended, err := c.request(p); ended || err != nil {
			return err
		}
	}
}

// request answers what needs nobody, and queues the rest for the handlers.
func (c *Conn) request(p *smpp.PDU) (ended bool, err error) {
	switch p.Command {
	case smpp.EnquireLink:
		return false, c.send(p.Answer(smpp.StatusOK))
	case smpp.Unbind:
		return true, c.send(p.Answer(smpp.StatusOK))
	case smpp.AlertNotification, smpp.Outbind:
		return false, nil // neither has an answer
	}
	select {
	case c.inbound <- p:
		return false, nil
	default:
		return false, c.send(p.Answer(smpp.StatusQueueFull))
	}
}

func (c *Conn) handle(ctx context.Context) {
	for {
		select {
		case <-c.done:
			return
		case p := <-c.inbound:
			answer := p.Answer(smpp.StatusUnknownCommand)
			if c.options.Handle != nil {
				answer = c.options.Handle(ctx, c, p)
			}
			if answer == nil {
				continue
			}
			answer.Sequence = p.Sequence
			if err := c.send(answer); err != nil {
				c.close(err)
				return
			}
		}
	}
}

// answered hands an answer to who waits for it. One that nobody waits for came late, twice, or was never asked for.
func (c *Conn) answered(p *smpp.PDU, err error) {
	c.mu.Lock()
	waiting, ok := c.pending[p.Sequence]
	delete(c.pending, p.Sequence)
	c.mu.Unlock()
	if !ok {
		c.options.Log.Warn("smpp answer to no question", "command", p.Command.String(), "sequence", p.Sequence, "status", p.Status.String())
		return
	}
	if err != nil {
		c.options.Log.Warn("smpp answer cannot be read whole", "command", p.Command.String(), "error", err)
	}
	waiting <- p
}

// keepAlive asks for a life sign after a silence, and gives the connection up when none comes.
func (c *Conn) keepAlive(ctx context.Context) {
	for {
		silent := time.Since(time.Unix(0, c.heard.Load()))
		select {
		case <-c.done:
			return
		case <-time.After(c.options.Enquire - silent):
		}
		if time.Since(time.Unix(0, c.heard.Load())) < c.options.Enquire {
			continue
		}
		if _, err := c.Request(ctx, &smpp.PDU{Command: smpp.EnquireLink}, nil); err != nil {
			c.close(fmt.Errorf("no life sign: %w", err))
			return
		}
	}
}

// Request sends a request and waits for its answer, whatever that says. begin is called immediately before the first octet leaves; nothing leaves when
// it fails. Sequence is set. The error is begin's, ErrDown where nothing left, or *Lost.
func (c *Conn) Request(ctx context.Context, p *smpp.PDU, begin func() error) (*smpp.PDU, error) {
	answer := make(chan *smpp.PDU, 1)
	sequence, err := c.expect(answer)
	if err != nil {
		return nil, err
	}
	defer c.forget(sequence)
	p.Sequence = sequence
	raw, err := p.Encode()
	if err != nil {
		return nil, err
	}
	if begin != nil {
		if err := begin(); err != nil {
			return nil, err
		}
	}
	if left, err := c.put(raw); err != nil {
		c.close(err)
		if left == 0 {
			return nil, fmt.Errorf("%w: %w", ErrDown, err)
		}
		return nil, &Lost{err}
	}
	late := time.NewTimer(c.options.AnswerWithin)
	defer late.Stop()
	select {
	case p := <-answer:
		return p, nil
	case <-late.C:
		return nil, &Lost{fmt.Errorf("%s: no answer within %s", p.Command, c.options.AnswerWithin)}
	case <-ctx.Done():
		return nil, &Lost{context.Cause(ctx)}
	case <-c.done:
		select {
		case p := <-answer: // it came with the end
			return p, nil
		default:
		}
		return nil, &Lost{fmt.Errorf("the connection ended: %w", errOr(c.cause))}
	}
}

// expect reserves a sequence number, from 1 to 0x7fffffff and round again, none that still waits.
func (c *Conn) expect(answer chan *smpp.PDU) (uint32, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.done:
		return 0, fmt.Errorf("%w: %w", ErrDown, errOr(c.cause))
	default:
	}
	for {
		c.next = c.next&0x7fffffff + 1
		if _, taken := c.pending[c.next]; !taken && c.next <= 0x7fffffff {
			c.pending[c.next] = answer
			return c.next, nil
		}
	}
}

func (c *Conn) forget(sequence uint32) {
	c.mu.Lock()
	delete(c.pending, sequence)
	c.mu.Unlock()
}

func (c *Conn) send(p *smpp.PDU) error {
	raw, err := p.Encode()
	if err != nil {
		return err
	}
	_, err = c.put(raw)
	return err
}

// put writes one PDU whole and says how much of it left. Who waits behind a write that is stuck leaves nothing when the connection ends.
func (c *Conn) put(raw []byte) (left int, err error) {
	select {
	case c.write <- struct{}{}:
		defer func() { <-c.write }()
	case <-c.done:
		return 0, errOr(c.cause)
	}
	_ = c.net.SetWriteDeadline(time.Now().Add(c.options.AnswerWithin))
	return c.net.Write(raw)
}

// Unbind says good-bye, and ends the connection in any case.
func (c *Conn) Unbind(ctx context.Context) {
	_, _ = c.Request(ctx, &smpp.PDU{Command: smpp.Unbind}, nil)
	c.close(nil)
}

func errOr(err error) error {
	if err == nil {
		return errors.New("it was unbound")
	}
	return err
}
