package main

import (
	"time"

	"parley/adapters/mm7"
	"parley/adapters/smshttp"
	"parley/adapters/webform"
	"parley/interaction"
	"parley/lib/mail"
	"parley/lib/mms"
	"parley/lib/safehttp"
	"parley/lib/social"
)

// carrierTime is how long one request to a carrier may take.
const carrierTime = 30 * time.Second

// partOf gives the decoded bytes of one part of what came on a channel.
func partOf(channel interaction.Channel, raw []byte, part int) ([]byte, error) {
	switch channel {
	case interaction.MMS:
		return mms.PartData(raw, part)
	case interaction.SMS:
		return smshttp.Part(raw, part)
	case interaction.Social:
		return social.Part(raw, part)
	}
	return mail.Part(raw, part)
}

// parsers make messages of what arrived, by channel.
func parsers() map[interaction.Channel]interaction.Parser {
	return map[interaction.Channel]interaction.Parser{
		interaction.Email: mail.Parser{}, interaction.MMS: mms.Parser{}, interaction.SMS: shortMessages{}, interaction.WebForm: webform.Parser{},
		interaction.Social: social.Parser{},
	}
}

// mm7Link is a multimedia message centre: it posts to us and we post to it.
var mm7Link = linkKind{
	check: mm7.CheckSettings,
	send: func(h *house, l interaction.Link, secret string) (interaction.Sender, error) {
		return newMM7(h, l, secret)
	},
	enter: func(h *house, l interaction.Link, secret string) (interaction.HTTPAdapter, error) {
		return newMM7(h, l, secret)
	},
}

func newMM7(h *house, l interaction.Link, secret string) (*mm7.Adapter, error) {
	var s mm7.Settings
	if err := l.Decode(&s); err != nil {
		return nil, err
	}
	return mm7.New(mm7.Options{
		Settings: s, Password: secret, Inbox: h.inbox(), Entries: h.store, Receipts: h.store, Logger: h.log,
		Client: safehttp.New(safehttp.Options{Allow: networks(h.config.Allow), Timeout: carrierTime}),
	})
}
