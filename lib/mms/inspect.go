package mms

import (
	"time"
)

// Inspection is a message as people look at it when they ask what a centre has sent.
type Inspection struct {
	Kind        string     `json:"kind"`
	Transaction string     `json:"transaction_id,omitempty"`
	Version     string     `json:"mm7_version,omitempty"`
	Namespace   string     `json:"namespace,omitempty"`
	VASP        string     `json:"vasp_id,omitempty"`
	VAS         string     `json:"vas_id,omitempty"`
	Relay       string     `json:"relay_server_id,omitempty"`
	LinkedID    string     `json:"linked_id,omitempty"`
	MessageID   string     `json:"message_id,omitempty"`
	Sender      *Address   `json:"sender"`
	Recipients  []Address  `json:"recipients"`
	Subject     string     `json:"subject"`
	Sent        *time.Time `json:"sent,omitempty"`
	Expires     *time.Time `json:"expires,omitempty"`
	Deliver     *time.Time `json:"deliver_after,omitempty"`
	Priority    string     `json:"priority,omitempty"`
	Status      *Status    `json:"status,omitempty"`
	Layout      string     `json:"layout"` // smil or none
	Slides      []Slide    `json:"slides"`
	Parts       []PartView `json:"parts"`
	Order       []int      `json:"order"` // of parts, as they are shown
	Text        string     `json:"text"`
	Problems    []string   `json:"problems"`
}

// PartView is a part of an Inspection.
type PartView struct {
	Part      int      `json:"part"`
	Type      string   `json:"type"`
	Sniffed   string   `json:"sniffed_type,omitempty"` // where the bytes are something else
	Name      string   `json:"name,omitempty"`
	ContentID string   `json:"content_id,omitempty"`
	Location  string   `json:"content_location,omitempty"`
	Charset   string   `json:"charset,omitempty"`
	Size      int64    `json:"size"`
	SHA256    string   `json:"sha256"`
	Text      *string  `json:"text,omitempty"`
	Slides    []int    `json:"slides"`
	Problems  []string `json:"problems"`
}

// Inspect describes a message.
func (m *Message) Inspect() Inspection {
	v := Inspection{
		Kind: string(m.Kind), Transaction: m.Transaction, Version: m.Version, Namespace: m.Namespace, VASP: m.VASP, VAS: m.VAS, Relay: m.Relay,
		LinkedID: m.LinkedID, MessageID: m.MessageID, Recipients: nonNil(m.Recipients), Subject: m.Subject, Sent: moment(m.Sent), Expires: moment(m.Expires),
		Deliver: moment(m.Deliver), Priority: m.Priority, Layout: "none", Slides: nonNil(m.Slides), Order: nonNil(m.Order()), Text: m.Text(), Problems: nonNil(m.Problems),
		Parts: []PartView{},
	}
	if m.Sender != (Address{}) {
		v.Sender = &m.Sender
	}
	if m.Status != (Status{}) {
		v.Status = &m.Status
	}
	if m.Layout >= 0 && len(m.Slides) > 0 {
		v.Layout = "smil"
	}
	for n := range m.Parts {
		p := &m.Parts[n]
		view := PartView{
			Part: p.Number, Type: p.Type, Sniffed: p.Sniffed, Name: p.Name, ContentID: p.ContentID, Location: p.Location, Charset: p.Charset, Size: p.Size,
			SHA256: p.Hash(), Slides: nonNil(p.Slides), Problems: nonNil(p.Problems),
		}
		if p.IsText {
			view.Text = &p.Text
		}
		v.Parts = append(v.Parts, view)
	}
	return v
}

func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func moment(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}
