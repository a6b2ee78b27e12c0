package social

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"path"
	"strings"

	"parley/interaction"
)

// ProblemMedia marks a message of which a file could not be fetched.
const ProblemMedia = "media_not_fetched"

// Parser makes messages of posts.
type Parser struct{}

// Parse reads the raw form of a Post.
func (Parser) Parse(raw []byte, facts interaction.Facts) interaction.Parsed {
	var p Post
	if err := json.Unmarshal(raw, &p); err != nil || p.Kind == Unreadable {
		return interaction.Parsed{Message: interaction.Message{
			Kind: interaction.MessageIn, Text: "This was kept as the network told it: it cannot be read here. Look at the raw bytes.",
			From: interaction.Address{Address: facts.Sender}, Problems: []string{interaction.ProblemKeptRaw},
		}}
	}
	p.clean()
	if p.Kind == Withdrawal {
		return interaction.Parsed{Amendment: &interaction.Amendment{
			Kind: interaction.AmendmentWithdrawal, Show: p.Show,
			Of: []string{Name(p.Network, p.Account, interaction.VisiblePublic, p.ID), Name(p.Network, p.Account, interaction.VisiblePrivate, p.ID)},
		}}
	}
	parsed := interaction.Parsed{Message: p.message(), Name: p.Author.Name}
	if p.Author.ID != "" {
		parsed.Identities = []interaction.Attribute{{Kind: p.Network, Value: p.Author.ID}}
	}
	if p.Author.Phone != "" {
		parsed.Identities = append(parsed.Identities, interaction.Attribute{Kind: "phone", Value: p.Author.Phone})
	}
	if p.Answers != "" {
		parsed.Follows = []string{p.Name(p.Answers)}
	}
	if p.Kind == Edit {
		name := p.Name(p.ID)
		parsed.Amendment = &interaction.Amendment{Kind: interaction.AmendmentEdit, Of: []string{name}}
		parsed.Follows = append([]string{name}, parsed.Follows...)
	}
	if p.Conversation != "" {
		parsed.Conversations = []string{p.Name(p.Conversation)}
	}
	return parsed
}

// clean takes out what PostgreSQL cannot keep in a text.
func (p *Post) clean() {
	for _, text := range []*string{&p.ID, &p.Version, &p.Answers, &p.Conversation, &p.Author.ID, &p.Author.Name, &p.Author.Address, &p.Author.Phone, &p.To, &p.ReplyTo, &p.Text} {
		*text = strings.ReplaceAll(*text, "\x00", "\uFFFD")
	}
	for n := range p.Media {
		p.Media[n].Name = strings.ReplaceAll(p.Media[n].Name, "\x00", "\uFFFD")
	}
}

func (p Post) message() interaction.Message {
	m := interaction.Message{
		Kind: interaction.MessageIn, Subject: subject(p.Text), Text: p.Text, ReplyText: p.Text, Visibility: p.Visibility,
		From: interaction.Address{Name: p.Author.Name, Address: p.Author.Address}, ReplyTo: interaction.Address{Address: p.ReplyTo},
		MessageID: p.Name(p.ID), Problems: p.Problems,
	}
	if m.From.Address == "" {
		m.From.Address = p.Author.ID
	}
	if m.From.Address == "" && m.ReplyTo.Address == "" {
		m.Problems = append(m.Problems, interaction.ProblemNoReply)
	}
	if p.To != "" {
		m.To = []interaction.Address{{Address: p.To}}
	}
	if p.Answers != "" {
		m.InReplyTo = p.Name(p.Answers)
	}
	if p.Kind == Edit {
		m.InReplyTo, m.MessageID = m.MessageID, m.MessageID+versionMark+p.Version
		m.Problems = append(m.Problems, interaction.ProblemNewVersion)
	}
	for n, file := range p.Media {
		if file.Error != "" {
			m.Problems = append(m.Problems, ProblemMedia)
			continue
		}
		sum := sha256.Sum256(file.Data)
		kind := http.DetectContentType(file.Data) // what it is, not what it is said to be
		m.Attachments = append(m.Attachments, interaction.File{
			Name: fileName(file.Name, n, kind), Type: kind, Size: int64(len(file.Data)), SHA256: hex.EncodeToString(sum[:]), Part: n,
		})
	}
	return m
}

// Part gives the bytes of a message's file.
func Part(raw []byte, part int) ([]byte, error) {
	var p Post
	if err := json.Unmarshal(raw, &p); err != nil {
		return nil, fmt.Errorf("read the post: %w", err)
	}
	if part < 0 || part >= len(p.Media) || p.Media[part].Error != "" {
		return nil, interaction.Unknown("attachment")
	}
	return p.Media[part].Data, nil
}

// fileName is the last element of the name that came, or one that says what the file is.
func fileName(name string, n int, kind string) string {
	if name = path.Base(strings.ReplaceAll(name, `\`, "/")); name != "." && name != "/" && name != ".." {
		return name
	}
	name = fmt.Sprintf("media-%d", n+1)
	if list, err := mime.ExtensionsByType(kind); err == nil && len(list) > 0 {
		name += list[0]
	}
	return name
}

// subject is the beginning of a text, for lists.
func subject(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if runes := []rune(line); len(runes) > 60 {
		return string(runes[:60]) + "…"
	}
	return line
}
