package mail

import (
	"encoding/hex"
	"slices"
	"strings"

	"parley/interaction"
)

// Parser makes messages of mail for the intake.
type Parser struct{}

// keptHeaders bounds how many header fields are kept for screening rules.
const keptHeaders = 200

// Parse reads a mail as the house sees it. The contact is known by the From address, and only where it is surely one; a mail
// without one is answered to nobody.
func (Parser) Parse(raw []byte, facts interaction.Facts) interaction.Parsed {
	m := Parse(raw)
	out := interaction.Message{
		To: m.To, Cc: m.Cc, Subject: m.Subject, Text: m.Text, HTML: m.HTML, ReplyText: m.ReplyText,
		MessageID: m.MessageID, References: m.References, Problems: m.Problems,
	}
	p := interaction.Parsed{}
	if len(m.From) > 0 {
		out.From, p.Name = m.From[0], m.From[0].Name
	} else if named := m.Written("From"); len(named) > 0 {
		out.From, p.Name = named[0], named[0].Name
	}
	if len(m.ReplyTo) > 0 {
		out.ReplyTo = m.ReplyTo[0]
	}
	if !m.SenderVerified {
		out.Problems = append(out.Problems, "sender_not_sure")
	}
	if address := strings.ToLower(out.From.Address); address != "" {
		p.Identities = []interaction.Attribute{{Kind: "email", Value: address}}
	}
	if len(m.InReplyTo) > 0 {
		out.InReplyTo = m.InReplyTo[0]
	}
	p.Follows = slices.Clone(m.InReplyTo)
	for _, id := range slices.Backward(m.References) {
		if !slices.Contains(p.Follows, id) {
			p.Follows = append(p.Follows, id)
		}
	}
	p.Follows = p.Follows[:min(len(p.Follows), 50)]
	if machine := m.Machine(facts.NullPath); machine.Is {
		out.Machine = string(machine.Kind)
		p.Report = reportOf(m, machine.Kind)
	}
	for _, h := range m.Headers[:min(len(m.Headers), keptHeaders)] {
		out.Headers = append(out.Headers, interaction.Header{Name: h.Name, Value: shorten(h.Value, 2000)})
	}
	for _, a := range m.Attachments {
		out.Attachments = append(out.Attachments, interaction.File{
			Name: a.Name, Type: a.Type, Size: int64(a.Size), SHA256: hex.EncodeToString(a.SHA256[:]),
			Inline: a.Inline, ContentID: a.ContentID, Part: a.Part,
		})
	}
	p.Message = out
	return p
}

// shorten cuts a value to n bytes at a rune's edge.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
