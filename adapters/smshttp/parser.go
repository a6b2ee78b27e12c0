package smshttp

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"mime"
	"strings"

	"parley/interaction"
)

// Parser makes messages of what providers told.
type Parser struct{}

// ProblemMedia marks a message of which a file could not be fetched.
const ProblemMedia = "media_not_fetched"

// Parse reads the raw form of an Incoming.
func (Parser) Parse(raw []byte, facts interaction.Facts) interaction.Parsed {
	var m Incoming
	if err := json.Unmarshal(raw, &m); err != nil {
		return interaction.Parsed{Message: interaction.Message{
			Kind: interaction.MessageIn, Text: "This message was kept as it came: it cannot be read.", From: interaction.Address{Address: facts.Sender},
			Problems: []string{interaction.ProblemKeptRaw},
		}}
	}
	message := interaction.Message{
		Kind: interaction.MessageIn, Subject: subject(m.Text), Text: m.Text, ReplyText: m.Text, From: interaction.Address{Address: facts.Sender}, To: []interaction.Address{{Address: m.To}},
	}
	for n, file := range m.Media {
		if file.Error != "" {
			message.Problems = append(message.Problems, ProblemMedia)
			continue
		}
		sum := sha256.Sum256(file.Data)
		message.Attachments = append(message.Attachments, interaction.File{
			Name: fmt.Sprintf("media-%d%s", n+1, extension(file.Type)), Type: file.Type, Size: int64(len(file.Data)), SHA256: hex.EncodeToString(sum[:]), Part: n,
		})
	}
	parsed := interaction.Parsed{Message: message}
	switch from := facts.Sender; {
	case strings.HasPrefix(from, "+"):
		parsed.Identities = []interaction.Attribute{{Kind: "phone", Value: from}}
	case strings.Trim(from, "0123456789") != "" || from == "":
		parsed.Message.Problems = append(parsed.Message.Problems, interaction.ProblemNoReply)
	default:
		parsed.Identities = []interaction.Attribute{{Kind: "sms", Value: from}}
	}
	if facts.Sender != "" {
		parsed.Conversations = []string{"sms " + facts.Sender}
	}
	return parsed
}

// Part gives the bytes of a message's file.
func Part(raw []byte, part int) ([]byte, error) {
	var m Incoming
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("read the message: %w", err)
	}
	if part < 0 || part >= len(m.Media) {
		return nil, interaction.Unknown("attachment")
	}
	return m.Media[part].Data, nil
}

func extension(kind string) string {
	if list, err := mime.ExtensionsByType(kind); err == nil && len(list) > 0 {
		return list[0]
	}
	return ""
}

// subject is the beginning of a text, for lists.
func subject(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if runes := []rune(line); len(runes) > 60 {
		return string(runes[:60]) + "…"
	}
	return line
}
