package session

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"parley/lib/smpp"
)

// bind is the customer's side of the first exchange on a connection.
func bind(ctx context.Context, conn net.Conn, command smpp.Command, b smpp.Bind, o Options) (*Conn, error) {
	c := newConn(conn, o)
	c.command = command
	_ = conn.SetDeadline(time.Now().Add(c.options.AnswerWithin))
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	c.next = 1
	if err := c.send(&smpp.PDU{Command: command, Sequence: 1, Body: &b}); err != nil {
		return nil, err
	}
	answer, err := firstPDU(conn)
	if err != nil {
		return nil, fmt.Errorf("wait for the answer to %s: %w", command, err)
	}
	if answer.Command != command.Response() && answer.Command != smpp.GenericNack {
		return nil, fmt.Errorf("%w: %s was answered with %s", ErrBind, command, answer.Command)
	}
	if answer.Status != smpp.StatusOK || answer.Command == smpp.GenericNack {
		return nil, fmt.Errorf("%w: %w", ErrBind, &Refusal{answer.Status})
	}
	if body, ok := answer.Body.(*smpp.BindResp); ok {
		c.peer = body.SystemID
	}
	return c, conn.SetDeadline(time.Time{})
}

// Refusal is a status that is not OK, as an error.
type Refusal struct{ Status smpp.Status }

func (r *Refusal) Error() string { return r.Status.String() }

func firstPDU(conn net.Conn) (*smpp.PDU, error) {
	for {
		raw, err := smpp.Read(conn)
		if err != nil {
			return nil, err
		}
		p, err := smpp.Decode(raw)
		if p != nil && p.Command == smpp.Outbind { // has no answer and changes nothing: we bind anyway
			continue
		}
		return p, err
	}
}

// Carrier is the SMSC's side: it takes binds and gives a Conn for each.
type Carrier struct {
	Options
	SystemID string

	// Bind decides on a bind by the status that it answers with.
	Bind func(ctx context.Context, command smpp.Command, b *smpp.Bind) smpp.Status
	// Bound is told of each connection once it is bound; it must not block. Optional.
	Bound func(c *Conn)
}

// Serve speaks with one customer until the connection ends.
func (s *Carrier) Serve(ctx context.Context, conn net.Conn) error {
	defer conn.Close()
	options := s.Options
	options.Handle = s.handle
	c := newConn(conn, options)
	_ = conn.SetReadDeadline(time.Now().Add(c.options.AnswerWithin))
	for c.command == 0 {
		raw, err := smpp.Read(conn)
		if err != nil {
			return err
		}
		p, err := smpp.Decode(raw)
		var broken *smpp.Error
		status := smpp.StatusBindState
		if b, ok := p.Body.(*smpp.Bind); ok && err == nil {
			status = s.Bind(ctx, p.Command, b)
			c.peer = b.SystemID
		} else if errors.As(err, &broken) {
			status = broken.Status
		}
		answer := p.Answer(status)
		if body, ok := answer.Body.(*smpp.BindResp); ok {
			body.SystemID = s.SystemID
			answer.TLVs = smpp.TLVs{smpp.Uint8(smpp.TagInterfaceVersion, 0x34)}
			c.command = p.Command
		}
		if err := c.send(answer); err != nil {
			return err
		}
	}
	_ = conn.SetReadDeadline(time.Time{})
	if s.Bound != nil {
		s.Bound(c)
	}
	return c.run(ctx)
}

// handle refuses what the bind does not allow.
func (s *Carrier) handle(ctx context.Context, c *Conn, p *smpp.PDU) *smpp.PDU {
	switch p.Command {
	case smpp.BindReceiver, smpp.BindTransmitter, smpp.BindTransceiver:
		return p.Answer(smpp.StatusAlreadyBound)
	}
	if c.command == smpp.BindReceiver && p.Command != smpp.DataSM {
		return p.Answer(smpp.StatusBindState)
	}
	if s.Options.Handle == nil {
		return p.Answer(smpp.StatusUnknownCommand)
	}
	return s.Options.Handle(ctx, c, p)
}
