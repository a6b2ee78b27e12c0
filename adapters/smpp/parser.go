package smpp

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"parley/interaction"
	"parley/lib/smpp"
	"parley/lib/smpp/sms"
)

// Parser makes messages of deliver_sm and data_sm PDUs.
type Parser struct{}

var _ interaction.Joiner = Parser{}

// gap stands for a part that never came.
const gap = " […] "

// Parse reads one PDU.
func (Parser) Parse(raw []byte, facts interaction.Facts) interaction.Parsed {
	p, err := smpp.Decode(raw)
	if err != nil {
		return unread(facts, "it is no message of SMPP: "+err.Error())
	}
	c := p.Content(sms.Alphabet(facts.Alphabet))
	if c == nil {
		return unread(facts, "a "+p.Command.String()+" holds no message")
	}
	parsed := message(c, facts, text(c), c.Problems)
	if c.Part != nil && c.Part.Total > 1 {
		width := "8"
		if c.Part.Wide {
			width = "16"
		}
		if c.SAR {
			width = "sar"
		}
		parsed.Part = &interaction.Part{
			Key:    fmt.Sprintf("%d/%s|%s|%s:%d/%d", c.Source.TON, c.Source.Addr, c.Dest.Addr, width, c.Part.Reference, c.Part.Total),
			Number: c.Part.Part, Total: c.Part.Total, Sum: sha256.Sum256(c.Octets),
		}
	}
	return parsed
}

// Join puts parts together octet by octet, since a character may be cut in two between them, unless their alphabets differ.
func (Parser) Join(parts [][]byte, facts interaction.Facts) interaction.Parsed {
	var first *smpp.Content
	var whole []byte
	var texts strings.Builder
	var problems []string
	missing, mixed := 0, false
	for _, raw := range parts {
		if raw == nil {
			missing++
			texts.WriteString(gap)
			continue
		}
		p, err := smpp.Decode(raw)
		if err != nil {
			problems = append(problems, interaction.ProblemKeptRaw)
			continue
		}
		c := p.Content(sms.Alphabet(facts.Alphabet))
		if first == nil {
			first = c
		}
		mixed = mixed || c.Alphabet != first.Alphabet
		whole = append(whole, c.Octets...)
		texts.WriteString(text(c))
	}
	if first == nil {
		return unread(facts, "none of its parts can be read")
	}
	joined := *first
	joined.Octets = whole
	said := texts.String()
	if missing == 0 && !mixed {
		var ok bool
		if joined.Text, ok = first.Alphabet.Decode(whole); ok {
			said = joined.Text
		}
	}
	if missing > 0 {
		problems = append(problems, interaction.ProblemIncomplete)
	}
	return message(&joined, facts, said, problems)
}

// text is what a person is shown: what is no text as octets.
func text(c *smpp.Content) string {
	if c.Text != "" || len(c.Octets) == 0 {
		return c.Text
	}
	return fmt.Sprintf("[%d octets that are no text: %s]", len(c.Octets), c.Hex())
}

func message(c *smpp.Content, facts interaction.Facts, said string, problems []string) interaction.Parsed {
	from := facts.Sender
	parsed := interaction.Parsed{Message: interaction.Message{
		Kind: interaction.MessageIn, Subject: subject(said), Text: said, ReplyText: said, From: interaction.Address{Address: from},
		To: []interaction.Address{{Address: c.Dest.Addr}}, Problems: problems,
	}}
	switch {
	case strings.HasPrefix(from, "+"):
		parsed.Identities = []interaction.Attribute{{Kind: "phone", Value: from}}
	case from == "" || !digits(from) || len(from) > 15:
		parsed.Message.Problems = append(parsed.Message.Problems, interaction.ProblemNoReply)
	default: // a short code, or a number that no country has
		parsed.Identities = []interaction.Attribute{{Kind: "sms", Value: from}}
	}
	if from != "" {
		parsed.Conversations = []string{"sms " + from}
	}
	return parsed
}

// subject is the beginning of a text, for lists.
func subject(said string) string {
	line, _, more := strings.Cut(strings.TrimSpace(said), "\n")
	runes := []rune(line)
	if len(runes) > 60 {
		return string(runes[:60]) + "…"
	}
	if more {
		return line + " …"
	}
	return line
}

func unread(facts interaction.Facts, why string) interaction.Parsed {
	return interaction.Parsed{Message: interaction.Message{
		Kind: interaction.MessageIn, Text: "This message was kept as it came: " + why + ".", From: interaction.Address{Address: facts.Sender},
		Problems: []string{interaction.ProblemKeptRaw},
	}}
}
