// Package smpp reads and writes the PDUs of SMPP 3.4 (Short Message Peer-to-Peer Protocol Specification v3.4, Issue 1.2; sections are its). It is
// the codec alone: it knows neither connections nor time. Package parley/lib/smpp/session speaks the protocol with it, as the carrier's side and as its
// customer's; package parley/lib/smpp/sms knows what is inside a message.
//
// What does not fit the specification is refused with an Error that names the field, its place and the status to answer with; what could be read
// before it is given beside the error.
package smpp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// PDU is one protocol data unit.
type PDU struct {
	Command  Command
	Status   Status
	Sequence uint32
	Body     Body // nil where the command has none, or a response came without
	TLVs     TLVs
}

// Sizes.
const (
	headerSize = 16
	// MaxSize is how large a PDU may be: a message_payload of 64 KiB and the rest.
	MaxSize = 70 << 10
)

// Causes of an Error.
var (
	ErrCommandLength  = errors.New("command_length does not fit")
	ErrUnknownCommand = errors.New("unknown command_id")
	ErrNoEnd          = errors.New("the C-octet string has no end")
	ErrTooLong        = errors.New("the value is longer than the field may be")
	ErrShort          = errors.New("the PDU ends within the field")
	ErrLength         = errors.New("sm_length is larger than the rest")
	ErrTLV            = errors.New("the TLV goes beyond the PDU's end")
)

// Error says what is wrong with a PDU, and where.
type Error struct {
	Field  string
	Offset int // of the octet at which the field begins
	Status Status
	Err    error
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s at octet %d: %v (%s)", e.Field, e.Offset, e.Err, e.Status)
}

func (e *Error) Unwrap() error { return e.Err }

// Fatal reports whether the octets that follow on the connection cannot be told apart any more.
func (e *Error) Fatal() bool { return errors.Is(e.Err, ErrCommandLength) }

// Read takes one PDU's octets off a stream. An *Error that is Fatal means that the stream is lost; other errors are the reader's.
func Read(r io.Reader) ([]byte, error) {
	var head [headerSize]byte
	if _, err := io.ReadFull(r, head[:4]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size < headerSize || size > MaxSize {
		return nil, &Error{Field: "command_length", Status: StatusInvalidCommand, Err: fmt.Errorf("%w: %d octets, a PDU has %d to %d", ErrCommandLength, size, headerSize, MaxSize)}
	}
	if _, err := io.ReadFull(r, head[4:]); err != nil {
		return nil, unexpected(err)
	}
	raw := make([]byte, size)
	copy(raw, head[:])
	if _, err := io.ReadFull(r, raw[headerSize:]); err != nil {
		return nil, unexpected(err)
	}
	return raw, nil
}

func unexpected(err error) error {
	if err == io.EOF { //nolint:errorlint // ReadFull gives it bare
		return io.ErrUnexpectedEOF
	}
	return err
}

// Decode reads one whole PDU. On an error the PDU holds what came before it, and is nil only if there is not even a header.
func Decode(raw []byte) (*PDU, error) {
	if len(raw) < headerSize {
		return nil, &Error{Field: "command_length", Status: StatusInvalidCommand, Err: fmt.Errorf("%w: %d octets, a header has %d", ErrCommandLength, len(raw), headerSize)}
	}
	p := &PDU{
		Command: Command(binary.BigEndian.Uint32(raw[4:])), Status: Status(binary.BigEndian.Uint32(raw[8:])), Sequence: binary.BigEndian.Uint32(raw[12:]),
	}
	if size := binary.BigEndian.Uint32(raw); uint64(size) != uint64(len(raw)) {
		return p, &Error{Field: "command_length", Status: StatusInvalidCommand, Err: fmt.Errorf("%w: it says %d octets, there are %d", ErrCommandLength, size, len(raw))}
	}
	layout, ok := commands[p.Command]
	if !ok {
		return p, &Error{Field: "command_id", Offset: 4, Status: StatusUnknownCommand, Err: fmt.Errorf("%w 0x%08x", ErrUnknownCommand, uint32(p.Command))}
	}
	r := &reader{raw: raw, at: headerSize}
	if layout.body != nil && (len(raw) > headerSize || !layout.short) {
		p.Body = layout.body()
		p.Body.walk(r)
	}
	if r.err == nil {
		p.TLVs = r.tlvs()
	}
	if r.err != nil {
		return p, r.err
	}
	return p, nil
}

// Encode writes a PDU. It refuses what Decode would refuse.
func (p *PDU) Encode() ([]byte, error) {
	w := &writer{out: make([]byte, headerSize, 128)}
	if p.Body != nil {
		p.Body.walk(w)
	}
	for _, t := range p.TLVs {
		w.tlv(t)
	}
	if w.err != nil {
		return nil, fmt.Errorf("%s: %w", p.Command, w.err)
	}
	if len(w.out) > MaxSize {
		return nil, fmt.Errorf("%s: %w: %d octets", p.Command, ErrCommandLength, len(w.out))
	}
	binary.BigEndian.PutUint32(w.out, uint32(len(w.out)))
	binary.BigEndian.PutUint32(w.out[4:], uint32(p.Command))
	binary.BigEndian.PutUint32(w.out[8:], uint32(p.Status))
	binary.BigEndian.PutUint32(w.out[12:], p.Sequence)
	return w.out, nil
}

// Answer makes the response to a request: generic_nack where the command has none.
func (p *PDU) Answer(status Status) *PDU {
	a := &PDU{Command: p.Command.Response(), Status: status, Sequence: p.Sequence}
	layout, ok := commands[a.Command]
	if !ok {
		a.Command = GenericNack
		return a
	}
	if layout.body != nil && (status == StatusOK || a.Command == DeliverSM.Response()) {
		a.Body = layout.body()
	}
	return a
}
