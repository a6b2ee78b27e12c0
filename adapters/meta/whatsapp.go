package meta

import (
	"encoding/json"
	"fmt"
	"strings"

	"parley/interaction"
	"parley/lib/social"
)

// value is what a change of the field "messages" holds.
type value struct {
	Metadata struct {
		Account string `json:"phone_number_id"`
	} `json:"metadata"`
	Contacts []struct {
		ID      string `json:"wa_id"`
		Profile struct {
			Name string `json:"name"`
		} `json:"profile"`
	} `json:"contacts"`
	Messages []json.RawMessage `json:"messages"`
	Statuses []json.RawMessage `json:"statuses"`
}

// message is one of the customer's, see the reference of webhooks of the WhatsApp Business Platform.
type message struct {
	From     string `json:"from"`
	ID       string `json:"id"`
	At       string `json:"timestamp"`
	Type     string `json:"type"`
	Context  *named `json:"context"`
	Text     *text  `json:"text"`
	Image    *file  `json:"image"`
	Video    *file  `json:"video"`
	Audio    *file  `json:"audio"`
	Document *file  `json:"document"`
	Sticker  *file  `json:"sticker"`
	Button   *struct {
		Text string `json:"text"`
	} `json:"button"`
	Interactive *struct {
		Button *titled `json:"button_reply"`
		List   *titled `json:"list_reply"`
	} `json:"interactive"`
	Location *struct {
		Latitude  float64 `json:"latitude"`
		Longitude float64 `json:"longitude"`
		Name      string  `json:"name"`
		Address   string  `json:"address"`
	} `json:"location"`
	Contacts []struct {
		Name struct {
			Whole string `json:"formatted_name"`
		} `json:"name"`
		Phones []struct {
			Phone string `json:"phone"`
		} `json:"phones"`
	} `json:"contacts"`
	Revoke *struct {
		Original string `json:"original_message_id"`
	} `json:"revoke"`
	Edit *struct {
		Original string  `json:"original_message_id"`
		Message  message `json:"message"`
	} `json:"edit"`
}

type named struct {
	ID string `json:"id"`
}

type text struct {
	Body string `json:"body"`
}

type titled struct {
	Title string `json:"title"`
}

type file struct {
	ID      string `json:"id"`
	Type    string `json:"mime_type"`
	Name    string `json:"filename"`
	Caption string `json:"caption"`
}

// ProblemNotShown marks a message with something in it that has no form here.
const ProblemNotShown = "content_not_shown"

// change reads what a number of ours is told.
func (a *Adapter) change(entry string, raw json.RawMessage) []event {
	var v value
	if err := json.Unmarshal(raw, &v); err != nil || v.Metadata.Account == "" {
		return []event{a.unreadable(entry, raw)}
	}
	names := map[string]string{}
	for _, c := range v.Contacts {
		names[c.ID] = c.Profile.Name
	}
	var events []event
	for _, one := range v.Messages {
		var m message
		if err := json.Unmarshal(one, &m); err != nil || m.ID == "" {
			events = append(events, a.unreadable(v.Metadata.Account, one))
			continue
		}
		if p, heard := a.said(a.blank(v.Metadata.Account, one), m, names[m.From]); heard {
			events = append(events, event{account: v.Metadata.Account, post: p})
		}
	}
	for _, one := range v.Statuses {
		var s struct {
			ID     string `json:"id"`
			Status string `json:"status"`
			At     string `json:"timestamp"`
			Errors []struct {
				Code int `json:"code"`
			} `json:"errors"`
		}
		if err := json.Unmarshal(one, &s); err != nil || s.ID == "" {
			a.Log.Warn("a receipt cannot be read", "account", v.Metadata.Account)
			continue
		}
		code := s.Status
		if len(s.Errors) > 0 {
			code = fmt.Sprint(s.Errors[0].Code)
		}
		events = append(events, a.receipt(v.Metadata.Account, s.ID, receiptOf(s.Status), code, moment(s.At)))
	}
	return events
}

func receiptOf(status string) interaction.ReceiptState {
	switch status {
	case "delivered":
		return interaction.ReceiptDelivered
	case "read", "played":
		return interaction.ReceiptRead
	case "failed":
		return interaction.ReceiptFailed
	}
	return interaction.ReceiptPending
}

// said makes a post of a message; reactions and what the system says are none.
func (a *Adapter) said(p social.Post, m message, name string) (social.Post, bool) {
	p.ID, p.At = m.ID, moment(m.At)
	if m.From != "" {
		p.Author = social.Person{ID: m.From, Name: name}
		p.Conversation = "with " + m.From
		if digits(m.From) {
			p.Author.Phone = "+" + m.From
		}
	}
	if m.Context != nil {
		p.Answers = m.Context.ID
	}
	switch {
	case m.From == p.Account || m.Type == "reaction" || m.Type == "system":
		return p, false
	case m.Revoke != nil:
		return a.withdrawal(p, m.Revoke.Original), true
	case m.Edit != nil:
		p.Kind, p.ID, p.Version = social.Edit, m.Edit.Original, m.ID
		m.Edit.Message.content(&p)
	default:
		m.content(&p)
	}
	return p, true
}

// content puts what a message says into a post.
func (m message) content(p *social.Post) {
	var words []string
	switch {
	case m.Text != nil:
		words = append(words, m.Text.Body)
	case m.Button != nil:
		words = append(words, m.Button.Text)
	case m.Interactive != nil && m.Interactive.Button != nil:
		words = append(words, m.Interactive.Button.Title)
	case m.Interactive != nil && m.Interactive.List != nil:
		words = append(words, m.Interactive.List.Title)
	case m.Location != nil:
		words = append(words, strings.TrimSpace(fmt.Sprintf("Location: %g, %g %s %s", m.Location.Latitude, m.Location.Longitude, m.Location.Name, m.Location.Address)))
	}
	for _, c := range m.Contacts {
		line := "Contact: " + c.Name.Whole
		for _, phone := range c.Phones {
			line += " " + phone.Phone
		}
		words = append(words, line)
	}
	for _, f := range []*file{m.Image, m.Video, m.Audio, m.Document, m.Sticker} {
		if f != nil {
			p.Media = append(p.Media, social.Media{ID: f.ID, Name: f.Name, Type: f.Type})
			if f.Caption != "" {
				words = append(words, f.Caption)
			}
		}
	}
	if p.Text = strings.Join(words, "\n"); len(words) == 0 && len(p.Media) == 0 {
		p.Text = "(this message has no text)"
		p.Problems = append(p.Problems, ProblemNotShown)
	}
}

func digits(s string) bool { return s != "" && len(s) <= 15 && strings.Trim(s, "0123456789") == "" }
