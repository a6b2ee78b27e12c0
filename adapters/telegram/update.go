package telegram

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"parley/interaction"
	"parley/lib/social"
)

// update is what the API tells, as far as it is for people.
type update struct {
	ID       int64    `json:"update_id"`
	Message  *message `json:"message"`
	Edited   *message `json:"edited_message"`
	Business *message `json:"business_message"`
	Revised  *message `json:"edited_business_message"`
	Deleted  *deleted `json:"deleted_business_messages"`

	raw string
	bad bool // it is an update, and cannot be read
}

type message struct {
	ID         int64     `json:"message_id"`
	Thread     int64     `json:"message_thread_id"`
	From       *user     `json:"from"`
	SenderChat *chat     `json:"sender_chat"`
	Chat       chat      `json:"chat"`
	Date       int64     `json:"date"`
	EditDate   int64     `json:"edit_date"`
	Connection string    `json:"business_connection_id"`
	Answers    *message  `json:"reply_to_message"`
	Text       string    `json:"text"`
	Caption    string    `json:"caption"`
	Photo      []file    `json:"photo"`
	Document   *file     `json:"document"`
	Voice      *file     `json:"voice"`
	Audio      *file     `json:"audio"`
	Video      *file     `json:"video"`
	VideoNote  *file     `json:"video_note"`
	Animation  *file     `json:"animation"`
	Sticker    *sticker  `json:"sticker"`
	Location   *location `json:"location"`
	Contact    *contact  `json:"contact"`
	Dice       *struct{} `json:"dice"`
	Poll       *struct{} `json:"poll"`
}

type user struct {
	ID        int64  `json:"id"`
	IsBot     bool   `json:"is_bot"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	Username  string `json:"username"`
}

type chat struct {
	ID    int64  `json:"id"`
	Type  string `json:"type"`
	Title string `json:"title"`
}

type file struct {
	ID   string `json:"file_id"`
	Name string `json:"file_name"`
	Type string `json:"mime_type"`
	Size int64  `json:"file_size"`
}

type sticker struct {
	file
	Emoji string `json:"emoji"`
}

type location struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

type contact struct {
	Phone string `json:"phone_number"`
	First string `json:"first_name"`
	Last  string `json:"last_name"`
}

type deleted struct {
	Chat chat    `json:"chat"`
	IDs  []int64 `json:"message_ids"`
}

// read decodes one update. One that cannot be read keeps its number, if that can be.
func read(raw json.RawMessage) update {
	var u update
	if err := json.Unmarshal(raw, &u); err != nil {
		var number struct {
			ID int64 `json:"update_id"`
		}
		_ = json.Unmarshal(raw, &number)
		u = update{ID: number.ID, bad: true}
	}
	u.raw = string(raw)
	return u
}

// posts are what an update tells of messages; mostly one, of deletions one each, of what is nothing for people none.
func (b *Bot) posts(u update) []social.Post {
	blank := social.Post{Network: Kind, Account: b.id, Raw: u.raw}
	switch {
	case u.bad:
		blank.Kind = social.Unreadable
		return []social.Post{blank}
	case u.Deleted != nil:
		var list []social.Post
		for _, id := range u.Deleted.IDs {
			p := blank
			p.Kind, p.ID, p.Show = social.Withdrawal, messageID(u.Deleted.Chat.ID, id), b.Settings.Deleted == "show"
			list = append(list, p)
		}
		return list
	}
	kind := social.Message
	m := u.Message
	for _, other := range []*message{u.Business, u.Edited, u.Revised} {
		if other != nil {
			m = other
		}
	}
	if u.Edited != nil || u.Revised != nil {
		kind = social.Edit
	}
	if m == nil || !b.forUs(*m) {
		return nil
	}
	p := b.post(blank, *m)
	p.Kind = kind
	if kind == social.Edit {
		p.Version = strconv.FormatInt(m.EditDate, 10)
	}
	if p.Text == "" && len(p.Media) == 0 {
		return nil // somebody joined, a title was changed, …
	}
	return []social.Post{p}
}

// forUs leaves out what programs say, our own included, presses of the start button, and groups unless they are wanted.
func (b *Bot) forUs(m message) bool {
	switch {
	case m.From != nil && m.From.IsBot && m.SenderChat == nil:
		return false
	case m.Chat.Type != "private" && !b.Settings.Groups:
		return false
	case m.Connection != "" && m.From != nil && m.From.ID != m.Chat.ID:
		return false // what the owner of a connected account writes to his customer himself
	}
	return strings.TrimSpace(m.Text) != "/start"
}

func (b *Bot) post(p social.Post, m message) social.Post {
	p.ID, p.At = messageID(m.Chat.ID, m.ID), time.Unix(m.Date, 0).UTC()
	p.Visibility = interaction.VisiblePrivate
	if m.Chat.Type != "private" {
		p.Visibility = interaction.VisiblePublic
	}
	switch {
	case m.SenderChat != nil: // an anonymous administrator, or a channel
		p.Author = social.Person{ID: strconv.FormatInt(m.SenderChat.ID, 10), Name: m.SenderChat.Title}
	case m.From != nil:
		p.Author = social.Person{ID: strconv.FormatInt(m.From.ID, 10), Name: strings.TrimSpace(m.From.FirstName + " " + m.From.LastName)}
		if m.From.Username != "" {
			p.Author.Address = "@" + m.From.Username
		}
	}
	p.ReplyTo = address{Chat: m.Chat.ID, Connection: m.Connection}.String()
	p.Conversation = fmt.Sprintf("chat %s %d", p.ReplyTo, m.Thread)
	if m.Answers != nil {
		p.Answers = messageID(m.Chat.ID, m.Answers.ID)
	}
	p.Text = m.words(&p)
	for _, f := range m.files() {
		p.Media = append(p.Media, social.Media{ID: f.ID, Name: f.Name, Type: f.Type})
	}
	return p
}

// ProblemNotShown marks a message with something in it that has no form here.
const ProblemNotShown = "content_not_shown"

// words are the text of a message, or of what it has instead of one.
func (m message) words(p *social.Post) string {
	switch {
	case m.Text != "":
		return m.Text
	case m.Caption != "":
		return m.Caption
	case m.Sticker != nil:
		return m.Sticker.Emoji
	case m.Location != nil:
		return fmt.Sprintf("Location: %g, %g", m.Location.Latitude, m.Location.Longitude)
	case m.Contact != nil:
		return strings.TrimSpace(fmt.Sprintf("Contact: %s %s %s", m.Contact.First, m.Contact.Last, m.Contact.Phone))
	case m.Dice != nil || m.Poll != nil:
		p.Problems = append(p.Problems, ProblemNotShown)
		return "(this message has no text)"
	}
	return ""
}

// files are those of a message; of a photo the largest form.
func (m message) files() []file {
	var list []file
	if len(m.Photo) > 0 {
		largest := m.Photo[0]
		for _, size := range m.Photo {
			if size.Size > largest.Size {
				largest = size
			}
		}
		list = append(list, largest)
	}
	if m.Animation != nil {
		return append(list, *m.Animation) // its document is the same file
	}
	for _, f := range []*file{m.Document, m.Voice, m.Audio, m.Video, m.VideoNote} {
		if f != nil {
			list = append(list, *f)
		}
	}
	return list
}

// messageID is unique within the bot: messages are numbered by chat.
func messageID(chat, id int64) string { return fmt.Sprintf("%d/%d", chat, id) }

// address is where an answer goes: a chat, on behalf of a connected account where there is one.
type address struct {
	Chat       int64
	Connection string
}

// String writes it as a message keeps it.
func (a address) String() string {
	if a.Connection == "" {
		return strconv.FormatInt(a.Chat, 10)
	}
	return strconv.FormatInt(a.Chat, 10) + " " + a.Connection
}

func parseAddress(text string) (address, error) {
	number, connection, more := strings.Cut(text, " ")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil || id == 0 || more && (connection == "" || strings.ContainsAny(connection, " \r\n")) {
		return address{}, fmt.Errorf("%q is no chat of Telegram's", text)
	}
	return address{id, connection}, nil
}
