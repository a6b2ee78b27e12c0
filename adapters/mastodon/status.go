package mastodon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"parley/interaction"
	"parley/lib/mail"
	"parley/lib/social"
)

// notification is an entry of the list of notifications.
type notification struct {
	ID     string          `json:"id"`
	Type   string          `json:"type"`
	Status json.RawMessage `json:"status"`
}

// status is a post of the server's.
type status struct {
	ID         string       `json:"id"`
	CreatedAt  time.Time    `json:"created_at"`
	EditedAt   *time.Time   `json:"edited_at"`
	Answers    string       `json:"in_reply_to_id"`
	Visibility string       `json:"visibility"` // public, unlisted, private (to followers), direct
	Warning    string       `json:"spoiler_text"`
	Content    string       `json:"content"` // HTML
	Account    account      `json:"account"`
	Media      []attachment `json:"media_attachments"`
}

type account struct {
	ID          string `json:"id"`
	Acct        string `json:"acct"` // name, with the host where it is another server's
	DisplayName string `json:"display_name"`
}

type attachment struct {
	ID          string `json:"id"`
	URL         string `json:"url"`
	Description string `json:"description"`
}

// read makes a post of a status. One that cannot be read is kept raw.
func (a *Account) read(raw json.RawMessage, me account) (social.Post, status) {
	p := social.Post{Network: Kind, Account: a.name(me), Kind: social.Message, Raw: string(raw)}
	var s status
	if err := json.Unmarshal(raw, &s); err != nil || s.ID == "" {
		p.Kind = social.Unreadable
		return p, s
	}
	p.ID, p.At, p.Answers, p.Visibility = s.ID, s.CreatedAt, s.Answers, visibility(s.Visibility)
	if s.Account.ID != "" {
		p.Author = social.Person{ID: a.host + "/" + s.Account.ID, Name: s.Account.DisplayName}
	}
	if s.Account.Acct != "" {
		p.Author.Address = "@" + s.Account.Acct
		if p.Author.Name == "" {
			p.Author.Name = s.Account.Acct
		}
	}
	if !p.Visibility.Open() && p.Author.ID != "" {
		p.Conversation = "with " + p.Author.ID
	}
	p.Text = strings.TrimSpace(mail.HTMLToText(s.Content))
	if s.Warning != "" {
		p.Text = strings.TrimSpace(s.Warning + "\n\n" + p.Text)
	}
	for n, m := range s.Media {
		p.Media = append(p.Media, social.Media{ID: m.ID, URL: m.URL})
		if m.Description != "" {
			p.Text = strings.TrimSpace(fmt.Sprintf("%s\n\n[file %d: %s]", p.Text, n+1, m.Description))
		}
	}
	if s.EditedAt != nil {
		p.Version = s.EditedAt.UTC().Format(time.RFC3339Nano)
	}
	return p, s
}

// name is what our account is called in the names of messages.
func (a *Account) name(me account) string { return a.host + "/" + me.ID }

// visibility translates. What only followers see is private for us: an answer goes to its author alone, since our followers are others than his.
func visibility(of string) interaction.Visibility {
	switch of {
	case "public":
		return interaction.VisiblePublic
	case "unlisted":
		return interaction.VisibleUnlisted
	}
	return interaction.VisiblePrivate
}

// fetch gets a file. The server keeps them in the open, so that no token goes along.
func (a *Account) fetch(ctx context.Context, m social.Media) ([]byte, error) {
	if m.URL == "" {
		return nil, errors.New("the server has not got it itself")
	}
	answer, err := a.Client.Get(ctx, m.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("it could not be fetched: %w", err)
	case answer.Status != http.StatusOK:
		return nil, fmt.Errorf("the server answered %d", answer.Status)
	}
	return answer.Body, nil
}
