// Package social is the common form of what arrives from social networks and messengers: adapters write a Post of whatever their network told, the Parser makes
// a message of it. A post is kept together with the network's own words, so that nothing is lost that this form has no field for.
package social

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"parley/interaction"
)

// Kind is what a post is.
type Kind string

// The kinds.
const (
	Message    Kind = "message"
	Edit       Kind = "edit"       // a message says something else now
	Withdrawal Kind = "withdrawal" // a message was taken back; it has no text and may have no author
	Unreadable Kind = "unreadable" // the network told something that its adapter cannot read
)

// Post is one thing that a network told. As JSON it is the raw form of what arrives on the channel.
type Post struct {
	Network      string                 `json:"network"`
	Account      string                 `json:"account"` // ours, by the network's own id
	Kind         Kind                   `json:"kind"`
	ID           string                 `json:"id"`                // of the message, unique within the account
	Version      string                 `json:"version,omitempty"` // of an edit
	Author       Person                 `json:"author"`
	To           string                 `json:"to,omitempty"`           // our address as people know it
	ReplyTo      string                 `json:"reply_to,omitempty"`     // where an answer goes; the author's address where it is empty
	Conversation string                 `json:"conversation,omitempty"` // the network's own name of what it belongs to
	Answers      string                 `json:"answers,omitempty"`      // id of the message that it answers
	Visibility   interaction.Visibility `json:"visibility,omitempty"`
	At           time.Time              `json:"at,omitzero"`
	Text         string                 `json:"text,omitempty"`
	Media        []Media                `json:"media,omitempty"`
	Show         bool                   `json:"show,omitempty"` // of a withdrawal: what was said stays visible
	Problems     []string               `json:"problems,omitempty"`
	Raw          string                 `json:"raw"` // as it came over the wire
}

// Person is who wrote. Known by ID alone: names and addresses are what he says of himself, and may change.
type Person struct {
	ID      string `json:"id,omitempty"`
	Name    string `json:"name,omitempty"`
	Address string `json:"address,omitempty"` // how he is written to; the id where it is empty
	Phone   string `json:"phone,omitempty"`   // E.164, where the network is one of numbers
}

// Media is a file of a post.
type Media struct {
	ID    string `json:"id,omitempty"` // by which the network gives it
	URL   string `json:"url,omitempty"`
	Name  string `json:"name,omitempty"`
	Type  string `json:"type,omitempty"` // as the network calls it
	Data  []byte `json:"data,omitempty"`
	Error string `json:"error,omitempty"` // why it could not be fetched
}

// Name is what a message is called among all messages of all channels. Open and private messages have names of two kinds, so that an answer in private to an open
// message is no part of the open conversation.
func (p Post) Name(id string) string { return Name(p.Network, p.Account, p.Visibility, id) }

// Name makes the name of a message from its id.
func Name(network, account string, v interaction.Visibility, id string) string {
	class := "private"
	if v.Open() {
		class = "open"
	}
	return strings.Join([]string{"social", network, account, class, id}, ":")
}

// IDOf gives the id of a message from its name, without the version of an edit; empty for the name of something else.
func IDOf(network, account, name string) string {
	rest, ok := strings.CutPrefix(name, "social:"+network+":"+account+":")
	if !ok {
		return ""
	}
	_, id, _ := strings.Cut(rest, ":")
	id, _, _ = strings.Cut(id, versionMark)
	return id
}

// versionMark stands before the version in the name of an edit.
const versionMark = "#version-"

// identity is the same for the same thing told again, whichever way it comes; the same id with other words is another thing, and the message says so.
func (p Post) identity() [32]byte {
	parts := []string{p.Network, p.Account, string(p.Kind), p.ID, p.Version, p.Author.ID, p.Text, string(p.Visibility)}
	for _, m := range p.Media {
		parts = append(parts, m.ID, m.URL)
	}
	if p.ID == "" {
		parts = append(parts, p.Raw)
	}
	return sha256.Sum256([]byte(strings.Join(parts, "\x00")))
}

// Inbound makes of the post what an Inbox takes. peer is who told it.
func (p Post) Inbound(target interaction.Target, peer string) (interaction.Inbound, error) {
	raw, err := json.Marshal(p)
	if err != nil {
		return interaction.Inbound{}, fmt.Errorf("write the post: %w", err)
	}
	return interaction.Inbound{
		Channel: interaction.Social, Targets: []interaction.Target{target}, Identity: p.identity(),
		Facts: interaction.Facts{Peer: peer, Sender: p.Author.ID, Via: p.Network}, Raw: bytes.NewReader(raw), Size: int64(len(raw)),
	}, nil
}

// Bounds of a post's files.
const (
	MaxMedia      = 10       // files; what is more is named and not fetched
	MaxMediaBytes = 20 << 20 // of all files together
)

// Fetch gets the files, as far as that goes: a message without its picture is better than none. What get gives is nil or the bytes; its error is told to
// people and must not hold secrets.
func (p *Post) Fetch(ctx context.Context, get func(context.Context, Media) ([]byte, error)) {
	left := MaxMediaBytes
	for n := range p.Media {
		m := &p.Media[n]
		if n >= MaxMedia {
			m.Error = fmt.Sprintf("only %d files of a message are fetched", MaxMedia)
			continue
		}
		if ctx.Err() != nil {
			m.Error = "there was no time left to fetch it"
			continue
		}
		data, err := get(ctx, *m)
		switch {
		case err != nil:
			m.Error = err.Error()
		case len(data) > left:
			m.Error = "the files of the message are too large together"
		default:
			left -= len(data)
			m.Data = data
		}
	}
}
