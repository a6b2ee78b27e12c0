package smpp

import (
	"encoding/hex"

	"parley/lib/smpp/sms"
)

// Problems that a content can have, as codes. None of them loses anything: the octets are kept.
const (
	ProblemHeader  = "bad_user_data_header" // what should be a header is none
	ProblemParts   = "bad_part_numbers"     // part 4 of 3, part 0, more parts than messages have
	ProblemText    = "undecodable_text"     // the octets are no text in the alphabet they claim
	ProblemBinary  = "binary"               // no text at all
	ProblemPayload = "two_texts"            // short_message and message_payload both hold octets: the first counts
)

// Content is what a message carries, read as far as it can be.
type Content struct {
	Source, Dest Address
	Coding       sms.Coding
	Alphabet     sms.Alphabet
	Header       sms.Header
	Octets       []byte      // without the header
	Text         string      // empty for octets that are no text: Octets has them
	Part         *sms.Concat // nil: the whole message
	SAR          bool        // the part's numbers come from the sar_ parameters
	Receipt      *Receipt    // a receipt, or an intermediate notification
	Problems     []string
}

// Content reads what a submit_sm, deliver_sm or data_sm carries; nil for other PDUs. standard is what the carrier takes data_coding 0 for.
func (p *PDU) Content(standard sms.Alphabet) *Content {
	c := new(Content)
	var class uint8
	switch b := p.Body.(type) {
	case *Message:
		c.Source, c.Dest, c.Coding, class, c.Octets = b.Source, b.Dest, b.Coding, b.ESMClass, b.ShortMessage
	case *Multi:
		c.Source, c.Coding, class, c.Octets = b.Source, b.Coding, b.ESMClass, b.ShortMessage
	case *Data:
		c.Source, c.Dest, c.Coding, class = b.Source, b.Dest, b.Coding, b.ESMClass
	default:
		return nil
	}
	if payload, ok := p.TLVs.Get(TagMessagePayload); ok && len(payload.Value) > 0 {
		if len(c.Octets) == 0 {
			c.Octets = payload.Value
		} else {
			c.problem(ProblemPayload)
		}
	}
	if class&ESMClassHeader == 0 || c.readHeader() {
		c.readText(standard)
	}
	if c.Part == nil {
		c.readSAR(p.TLVs)
	}
	if kind := class & esmClassType; p.Command == DeliverSM || p.Command == DataSM {
		if kind == ESMClassReceipt || kind == ESMClassInterim {
			c.Receipt = readReceipt(c.Octets, p.TLVs)
			c.Receipt.Interim = kind == ESMClassInterim
		}
	}
	return c
}

func (c *Content) problem(code string) { c.Problems = append(c.Problems, code) }

// readHeader answers false where what should be a header is none: then nobody knows where a text would begin.
func (c *Content) readHeader() bool {
	header, rest, err := sms.ParseHeader(c.Octets)
	if err != nil {
		c.problem(ProblemHeader)
		return false
	}
	c.Header, c.Octets = header, rest
	if c.Part, err = header.Concat(); err != nil {
		c.problem(ProblemParts)
	}
	return true
}

// readSAR reads the numbers of section 5.3.2.22 to 24. One part of one is a whole message.
func (c *Content) readSAR(list TLVs) {
	reference, ok1 := list.Int(TagSARReference)
	total, ok2 := list.Int(TagSARTotal)
	part, ok3 := list.Int(TagSARPart)
	if !ok1 && !ok2 && !ok3 {
		return
	}
	concat := sms.Concat{Reference: reference, Wide: true, Total: total, Part: part}
	if !ok1 || !ok2 || !ok3 || !concat.Sound() {
		c.problem(ProblemParts)
		return
	}
	c.Part, c.SAR = &concat, true
}

func (c *Content) readText(standard sms.Alphabet) {
	if standard == "" {
		standard = sms.GSM7
	}
	c.Alphabet = c.Coding.Alphabet(standard)
	text, ok := c.Alphabet.Decode(c.Octets)
	switch {
	case c.Alphabet == sms.Binary:
		c.problem(ProblemBinary)
	case !ok:
		c.problem(ProblemText)
		if c.Alphabet != sms.UCS2 || len(c.Octets)%2 == 0 { // an odd length tells nothing of where characters begin
			c.Text = text
		}
	default:
		c.Text = text
	}
}

// Hex gives the octets as people write them.
func (c *Content) Hex() string { return hex.EncodeToString(c.Octets) }
