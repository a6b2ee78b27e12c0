package sms

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Element is one information element of a user data header (TS 23.040 section 9.2.3.24).
type Element struct {
	ID   byte
	Data []byte
}

// Identifiers of the elements that we read.
const (
	ElementConcat8  = 0x00 // reference of 8 bits
	ElementPorts8   = 0x04
	ElementPorts16  = 0x05
	ElementConcat16 = 0x08 // reference of 16 bits
)

// Header is a user data header.
type Header []Element

// ErrHeader says that what calls itself a user data header is none.
var ErrHeader = errors.New("not a user data header")

// ParseHeader takes the header off the front of a message's octets. The message is whole in the answer when it fails.
func ParseHeader(data []byte) (Header, []byte, error) {
	if len(data) == 0 {
		return nil, data, fmt.Errorf("%w: the message is empty", ErrHeader)
	}
	size := int(data[0])
	if size+1 > len(data) {
		return nil, data, fmt.Errorf("%w: its length says %d octets, %d follow", ErrHeader, size, len(data)-1)
	}
	var h Header
	for rest := data[1 : size+1]; len(rest) > 0; {
		if len(rest) < 2 || int(rest[1])+2 > len(rest) {
			return nil, data, fmt.Errorf("%w: element 0x%02x goes beyond the header's end", ErrHeader, rest[0])
		}
		h = append(h, Element{ID: rest[0], Data: rest[2 : 2+int(rest[1])]})
		rest = rest[2+int(rest[1]):]
	}
	return h, data[size+1:], nil
}

// Bytes gives the header with its length in front, empty without elements.
func (h Header) Bytes() []byte {
	if len(h) == 0 {
		return nil
	}
	out := []byte{0}
	for _, e := range h {
		out = append(append(out, e.ID, byte(len(e.Data))), e.Data...)
	}
	out[0] = byte(len(out) - 1)
	return out
}

// Concat tells which part of a long message this is.
type Concat struct {
	Reference int  `json:"reference"`
	Wide      bool `json:"wide"` // the reference has 16 bits: it is another one than the same number with 8
	Total     int  `json:"total"`
	Part      int  `json:"part"` // from 1
}

// MaxParts is how many parts a message that we join may have. More is nobody's message.
const MaxParts = 64

// Sound reports whether these numbers can be those of a part.
func (c Concat) Sound() bool { return c.Part >= 1 && c.Part <= c.Total && c.Total <= MaxParts }

// ErrConcat says that a header's elements do not tell one part of one message.
var ErrConcat = errors.New("not a part of a long message")

// Concat finds the part's numbers; nil where there are none. Elements of a wrong size, or two that contradict each other, are an error.
func (h Header) Concat() (*Concat, error) {
	var found *Concat
	for _, e := range h {
		var c Concat
		switch {
		case e.ID == ElementConcat8 && len(e.Data) == 3:
			c = Concat{Reference: int(e.Data[0]), Total: int(e.Data[1]), Part: int(e.Data[2])}
		case e.ID == ElementConcat16 && len(e.Data) == 4:
			c = Concat{Reference: int(binary.BigEndian.Uint16(e.Data)), Wide: true, Total: int(e.Data[2]), Part: int(e.Data[3])}
		case e.ID == ElementConcat8 || e.ID == ElementConcat16:
			return nil, fmt.Errorf("%w: element 0x%02x has %d octets", ErrConcat, e.ID, len(e.Data))
		default:
			continue
		}
		if found != nil && *found != c {
			return nil, fmt.Errorf("%w: two elements contradict each other", ErrConcat)
		}
		found = &c
	}
	if found != nil && !found.Sound() {
		return nil, fmt.Errorf("%w: part %d of %d", ErrConcat, found.Part, found.Total)
	}
	return found, nil
}

// Ports finds the application's ports, as port addressing gives them.
func (h Header) Ports() (destination, source int, ok bool) {
	for _, e := range h {
		switch {
		case e.ID == ElementPorts8 && len(e.Data) == 2:
			return int(e.Data[0]), int(e.Data[1]), true
		case e.ID == ElementPorts16 && len(e.Data) == 4:
			return int(binary.BigEndian.Uint16(e.Data)), int(binary.BigEndian.Uint16(e.Data[2:])), true
		}
	}
	return 0, 0, false
}

// element writes the part's numbers.
func (c Concat) element() Element {
	if c.Wide {
		return Element{ID: ElementConcat16, Data: []byte{byte(c.Reference >> 8), byte(c.Reference), byte(c.Total), byte(c.Part)}}
	}
	return Element{ID: ElementConcat8, Data: []byte{byte(c.Reference), byte(c.Total), byte(c.Part)}}
}
