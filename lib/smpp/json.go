package smpp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"parley/lib/smpp/sms"
)

// View is a PDU as people and programs look at it.
type View struct {
	Command   string      `json:"command"`
	CommandID string      `json:"command_id"`
	Length    int         `json:"length"`
	Status    uint32      `json:"status"`
	StatusIs  string      `json:"status_name"`
	Sequence  uint32      `json:"sequence"`
	Fields    FieldList   `json:"fields"`
	TLVs      []TLVView   `json:"tlvs"`
	Text      *string     `json:"text,omitempty"` // decoded; only of messages
	Content   *InsideView `json:"content,omitempty"`
	Error     string      `json:"error,omitempty"` // what is wrong with it, and where; the rest is what came before
}

// TLVView is one optional parameter.
type TLVView struct {
	Tag    string `json:"tag"`
	Name   string `json:"name,omitempty"`
	Length int    `json:"length"`
	Value  any    `json:"value"`
	Hex    string `json:"hex"`
}

// InsideView is what a message carries.
type InsideView struct {
	Alphabet sms.Alphabet  `json:"alphabet"`
	Header   []ElementView `json:"header,omitempty"`
	Part     *sms.Concat   `json:"part,omitempty"`
	Ports    *PortsView    `json:"ports,omitempty"`
	Octets   string        `json:"octets,omitempty"` // in hex, where they are no text
	Receipt  *Receipt      `json:"receipt,omitempty"`
	Problems []string      `json:"problems,omitempty"`
}

// ElementView is one element of a user data header.
type ElementView struct {
	ID   string `json:"id"`
	Data string `json:"data"`
}

// PortsView is an application's address.
type PortsView struct {
	Destination int `json:"destination"`
	Source      int `json:"source"`
}

// Look decodes a PDU for a look at it; it shows what could be read of a broken one, and says what is wrong.
func Look(raw []byte, standard sms.Alphabet) (View, error) {
	p, err := Decode(raw)
	v := View{Length: len(raw), TLVs: []TLVView{}}
	if err != nil {
		v.Error = err.Error()
	}
	if p == nil {
		return v, err
	}
	v.Command, v.CommandID = p.Command.String(), fmt.Sprintf("0x%08x", uint32(p.Command))
	v.Status, v.StatusIs, v.Sequence = uint32(p.Status), p.Status.String(), p.Sequence
	v.Fields = p.Fields()
	var e *Error
	if errors.As(err, &e) && errors.Is(err, ErrLength) { // what it says, not what there is
		for i := range v.Fields {
			if v.Fields[i].Name == "sm_length" {
				v.Fields[i].Value = int(raw[e.Offset])
			}
		}
	}
	for _, t := range p.TLVs {
		one := TLVView{Tag: fmt.Sprintf("0x%04x", uint16(t.Tag)), Name: tags[t.Tag].name, Length: len(t.Value), Value: t.Shown(), Hex: fmt.Sprintf("%x", t.Value)}
		v.TLVs = append(v.TLVs, one)
	}
	if c := p.Content(standard); c != nil && err == nil {
		v.Text, v.Content = &c.Text, c.view()
	}
	return v, err
}

func (c *Content) view() *InsideView {
	v := &InsideView{Alphabet: c.Alphabet, Part: c.Part, Receipt: c.Receipt, Problems: c.Problems}
	for _, e := range c.Header {
		v.Header = append(v.Header, ElementView{ID: fmt.Sprintf("0x%02x", e.ID), Data: fmt.Sprintf("%x", e.Data)})
	}
	if destination, source, ok := c.Header.Ports(); ok {
		v.Ports = &PortsView{Destination: destination, Source: source}
	}
	if c.Text == "" {
		v.Octets = c.Hex()
	}
	return v
}

// FieldList is written as one JSON object in the order of its fields.
type FieldList []Field

// MarshalJSON keeps the order of the wire.
func (l FieldList) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, f := range l {
		if i > 0 {
			out.WriteByte(',')
		}
		value := f.Value
		if lists, ok := value.([][]Field); ok {
			named := make([]FieldList, len(lists))
			for n, list := range lists {
				named[n] = list
			}
			value = named
		}
		name, err := json.Marshal(f.Name)
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", f.Name, err)
		}
		out.Write(name)
		out.WriteByte(':')
		out.Write(text)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}
