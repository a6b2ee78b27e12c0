package meta

import (
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"parley/interaction"
	"parley/lib/social"
)

// event is one thing that a call tells, of one account of ours: a post or a receipt.
type event struct {
	account string
	post    social.Post
	receipt *interaction.Receipted
}

// call is the outermost form of what Meta posts, the same for all its products.
type call struct {
	Object string `json:"object"`
	Entry  []struct {
		ID        string            `json:"id"`
		Messaging []json.RawMessage `json:"messaging"`
		Changes   []struct {
			Field string          `json:"field"`
			Value json.RawMessage `json:"value"`
		} `json:"changes"`
	} `json:"entry"`
}

// read gives the events of a call. What cannot be read within it is an event of its own.
func (a *Adapter) read(body []byte) ([]event, error) {
	var c call
	if err := json.Unmarshal(body, &c); err != nil {
		return nil, errors.New("this is no call of a webhook: it cannot be read")
	}
	if c.Object == "" {
		return nil, errors.New("this is no call of a webhook: object is missing")
	}
	var events []event
	for _, entry := range c.Entry {
		if a.Kind == WhatsApp && c.Object == "whatsapp_business_account" {
			for _, change := range entry.Changes {
				if change.Field == "messages" {
					events = append(events, a.change(entry.ID, change.Value)...)
				}
			}
		}
		if a.Kind == Messenger && c.Object == "page" {
			for _, raw := range entry.Messaging {
				events = append(events, a.messaging(entry.ID, raw)...)
			}
		}
	}
	return events, nil
}

// blank is a post of an account, with nothing in it yet. All of Meta's conversations are private.
func (a *Adapter) blank(account string, raw json.RawMessage) social.Post {
	return social.Post{Network: a.Kind, Account: account, Kind: social.Message, Visibility: interaction.VisiblePrivate, Raw: string(raw)}
}

// unreadable is an event that nothing is known of but whose it is.
func (a *Adapter) unreadable(account string, raw json.RawMessage) event {
	p := a.blank(account, raw)
	p.Kind = social.Unreadable
	return event{account: account, post: p}
}

// withdrawal makes of a post that its message was taken back.
func (a *Adapter) withdrawal(p social.Post, id string) social.Post {
	p.Kind, p.ID, p.Show = social.Withdrawal, id, a.Settings.Deleted == "show"
	return p
}

// receipt is what Meta says of a message of ours.
func (a *Adapter) receipt(account, id string, state interaction.ReceiptState, code string, at time.Time) event {
	name := social.Name(a.Kind, account, interaction.VisiblePrivate, id)
	return event{account: account, receipt: &interaction.Receipted{ID: name, State: state, Code: code, At: at}}
}

// moment reads seconds since 1970 in a text.
func moment(text string) time.Time {
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds <= 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
