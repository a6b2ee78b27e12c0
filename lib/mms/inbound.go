package mms

import (
	"strings"

	"parley/interaction"
)

// Parser makes messages of MM7 posts for the intake.
type Parser struct{}

// Parse reads a DeliverReq as the house sees it: the text parts in their order as the text, every part as an attachment with the slides that show it.
// The contact is known by the sender's number or address, unless that is hidden.
func (Parser) Parse(raw []byte, _ interaction.Facts) interaction.Parsed {
	m := Parse(raw)
	p := interaction.Parsed{Message: interaction.Message{
		From: interaction.Address{Address: m.Sender.Value}, Subject: m.Subject, Text: m.Text(), Problems: m.Problems, MessageID: m.messageID(),
		Headers: m.headers(),
	}}
	if s := strings.ToLower(strings.Trim(p.Message.Subject, "() ")); s == "no subject" {
		p.Message.Subject = ""
	}
	p.Message.ReplyText = p.Message.Text
	if m.Sender.Answerable() {
		kind := "phone"
		if m.Sender.Kind == Email {
			kind = "email"
		}
		p.Identities = []interaction.Attribute{{Kind: kind, Value: strings.ToLower(m.Sender.Value)}}
	} else {
		p.Message.From.Address = "" // nobody can be answered
	}
	for _, to := range m.Recipients {
		address := interaction.Address{Address: to.Value}
		if to.Field == "cc" {
			p.Message.Cc = append(p.Message.Cc, address)
		} else {
			p.Message.To = append(p.Message.To, address)
		}
	}
	for n := range m.Parts {
		if n == m.Layout {
			continue
		}
		part := &m.Parts[n]
		p.Message.Attachments = append(p.Message.Attachments, interaction.File{
			Name: part.Name, Type: part.Media(), Size: part.Size, SHA256: part.Hash(), Inline: true, ContentID: part.ContentID, Part: part.Number,
		})
	}
	return p
}

// messageID is what a second message under the same name is noticed by.
func (m *Message) messageID() string {
	id := m.LinkedID
	if id == "" {
		id = m.Transaction
	}
	if id == "" {
		return ""
	}
	return shorten(id, 200) + "@" + shorten(m.VASP+m.Relay, 100) + ".mm7"
}

// headers are what screening rules may ask for.
func (m *Message) headers() (list []interaction.Header) {
	add := func(name, value string) {
		if value != "" {
			list = append(list, interaction.Header{Name: name, Value: value})
		}
	}
	add("X-Mms-Vaspid", m.VASP)
	add("X-Mms-Vasid", m.VAS)
	add("X-Mms-Priority", m.Priority)
	add("X-Mms-Linked-Id", m.LinkedID)
	if !m.Sent.IsZero() {
		add("X-Mms-Timestamp", m.Sent.Format("2006-01-02T15:04:05Z07:00"))
	}
	if !m.Expires.IsZero() {
		add("X-Mms-Expiry", m.Expires.Format("2006-01-02T15:04:05Z07:00"))
	}
	if !m.Deliver.IsZero() {
		add("X-Mms-Delivery-Time", m.Deliver.Format("2006-01-02T15:04:05Z07:00"))
	}
	return list
}

// PartData gives the decoded bytes of one part of a raw post, by the number that its File has.
func PartData(raw []byte, number int) ([]byte, error) {
	m := Parse(raw)
	if number < 0 || number >= len(m.Parts) {
		return nil, interaction.Unknown("attachment")
	}
	return m.Parts[number].Data, nil
}
