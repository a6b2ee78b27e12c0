package sms

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// What one message holds (TS 23.040 section 9.2.3.16): 140 octets, or 160 septets of the default alphabet, of which a header takes its share.
const (
	maxSeptets = 160
	maxOctets  = 140
)

// Plan is how a text will travel. Customers and carriers count segments: each is paid for.
type Plan struct {
	Alphabet   Alphabet `json:"alphabet"`
	Segments   int      `json:"segments"`
	Characters int      `json:"characters"` // as people count them
	Units      int      `json:"units"`      // septets, octets or 16-bit units that the text takes
	Left       int      `json:"left"`       // units that the last segment still has room for
}

// Segment is one message of a text that was cut.
type Segment struct {
	Coding Coding
	Header Header // empty for a text that fits into one
	Data   []byte // encoded, without the header
}

// Cut says how texts are cut.
type Cut struct {
	Reference int  // of the parts: the same for all parts of one message, another for the next message to the same number
	Wide      bool // references of 16 bits
	Standard  Alphabet
	Max       int // segments that a message may have; 0: MaxParts
}

// ErrTooLong says that a text would take more segments than it may.
var ErrTooLong = errors.New("the text is too long")

// Measure tells how a text will travel, without cutting it.
func Measure(text string) Plan {
	p, _ := Cut{}.plan(text)
	return p
}

// Split encodes a text and cuts it, never within an escape sequence or a surrogate pair. It takes the carrier's standard alphabet when that has all
// of the text's characters, UCS-2 otherwise.
func (c Cut) Split(text string) ([]Segment, error) {
	if !utf8.ValidString(text) {
		return nil, errors.New("the text is not valid UTF-8")
	}
	limit := c.Max
	if limit == 0 {
		limit = MaxParts
	}
	plan, pieces := c.plan(text)
	if plan.Segments > limit {
		return nil, fmt.Errorf("%w: %d segments, at most %d may go", ErrTooLong, plan.Segments, limit)
	}
	coding := CodingDefault
	if plan.Alphabet == UCS2 {
		coding = CodingUCS2
	}
	segments := make([]Segment, len(pieces))
	for i, piece := range pieces {
		segments[i] = Segment{Coding: coding, Data: piece}
		if len(pieces) > 1 {
			part := Concat{Reference: c.Reference, Wide: c.Wide, Total: len(pieces), Part: i + 1}
			segments[i].Header = Header{part.element()}
		}
	}
	return segments, nil
}

// plan measures and cuts.
func (c Cut) plan(text string) (Plan, [][]byte) {
	alphabet := c.Standard
	if alphabet == "" {
		alphabet = GSM7
	}
	data, ok := alphabet.Encode(text)
	if !ok {
		alphabet = UCS2
		data, _ = UCS2.Encode(text)
	}
	header := len(Header{Concat{Wide: c.Wide}.element()}.Bytes())
	whole, part, unit := maxOctets, maxOctets-header, 1
	switch alphabet {
	case GSM7:
		whole, part = maxSeptets, (maxOctets-header)*8/7
	case UCS2:
		part, unit = part/2*2, 2
	}
	plan := Plan{Alphabet: alphabet, Characters: utf8.RuneCountInString(text), Units: len(data) / unit}
	if len(data) <= whole {
		plan.Segments, plan.Left = 1, (whole-len(data))/unit
		return plan, [][]byte{data}
	}
	var pieces [][]byte
	for len(data) > 0 {
		n := min(part, len(data))
		if n < len(data) {
			n -= overhang(alphabet, data, n)
		}
		pieces = append(pieces, data[:n:n])
		data = data[n:]
	}
	plan.Segments, plan.Left = len(pieces), (part-len(pieces[len(pieces)-1]))/unit
	return plan, pieces
}

// overhang is how many octets before n belong to a character that goes on behind it.
func overhang(a Alphabet, data []byte, n int) int {
	switch a {
	case GSM7:
		if data[n-1] == escape {
			return 1
		}
	case UCS2:
		if data[n-2]&0xfc == 0xd8 { // a high surrogate
			return 2
		}
	case UTF8:
		for back := 0; back < utf8.UTFMax; back++ {
			if utf8.RuneStart(data[n-back]) {
				return back
			}
		}
	}
	return 0
}
