package meta

import (
	"encoding/json"
	"fmt"
	"time"

	"parley/interaction"
	"parley/lib/social"
)

// messaging is one event of a page.
type messaging struct {
	Sender    named `json:"sender"`
	Recipient named `json:"recipient"`
	At        int64 `json:"timestamp"` // milliseconds
	Message   *struct {
		ID          string `json:"mid"`
		Text        string `json:"text"`
		Echo        bool   `json:"is_echo"`
		Deleted     bool   `json:"is_deleted"`
		Attachments []struct {
			Type    string `json:"type"`
			Payload struct {
				URL   string `json:"url"`
				Title string `json:"title"`
			} `json:"payload"`
		} `json:"attachments"`
		Answers *struct {
			ID string `json:"mid"`
		} `json:"reply_to"`
	} `json:"message"`
	Edit *struct {
		ID      string `json:"mid"`
		Text    string `json:"text"`
		Version int    `json:"num_edit"`
	} `json:"message_edit"`
	Postback *struct {
		ID    string `json:"mid"`
		Title string `json:"title"`
	} `json:"postback"`
	Delivery *struct {
		IDs []string `json:"mids"`
	} `json:"delivery"`
}

// messaging reads one event of a page. Echoes of what we said ourselves, reactions, and what has been read up to when are nothing.
func (a *Adapter) messaging(page string, raw json.RawMessage) []event {
	var m messaging
	if err := json.Unmarshal(raw, &m); err != nil {
		return []event{a.unreadable(page, raw)}
	}
	account := m.Recipient.ID
	if account == "" {
		account = page
	}
	p := a.blank(account, raw)
	p.At = time.UnixMilli(m.At).UTC()
	if m.Sender.ID != "" {
		p.Author, p.Conversation = social.Person{ID: m.Sender.ID}, "with "+m.Sender.ID
	}
	switch {
	case m.Sender.ID == account || m.Message != nil && m.Message.Echo:
		return nil
	case m.Delivery != nil:
		var events []event
		for _, id := range m.Delivery.IDs {
			events = append(events, a.receipt(account, id, interaction.ReceiptDelivered, "delivered", p.At))
		}
		return events
	case m.Edit != nil:
		p.Kind, p.ID, p.Version, p.Text = social.Edit, m.Edit.ID, fmt.Sprint(m.Edit.Version), m.Edit.Text
	case m.Postback != nil:
		p.ID, p.Text = m.Postback.ID, m.Postback.Title
		if p.ID == "" {
			p.ID = fmt.Sprint("postback ", m.At)
		}
	case m.Message == nil:
		return nil
	case m.Message.ID == "":
		return []event{a.unreadable(account, raw)}
	case m.Message.Deleted:
		p = a.withdrawal(p, m.Message.ID)
	default:
		p.ID, p.Text = m.Message.ID, m.Message.Text
		for _, f := range m.Message.Attachments {
			if f.Payload.URL == "" {
				p.Problems = append(p.Problems, ProblemNotShown)
				continue
			}
			p.Media = append(p.Media, social.Media{URL: f.Payload.URL, Name: f.Payload.Title, Type: f.Type})
		}
		if m.Message.Answers != nil {
			p.Answers = m.Message.Answers.ID
		}
	}
	return []event{{account: account, post: p}}
}
