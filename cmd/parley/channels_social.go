package main

import (
	"time"

	"parley/adapters/mastodon"
	"parley/adapters/meta"
	"parley/adapters/telegram"
	"parley/interaction"
	"parley/lib/safehttp"
)

// maxSocialFile is how large a file of a post may be: what Telegram gives to bots.
const maxSocialFile = 20 << 20

// socialClient is what networks are called with. polls is how long an answer may be held back on purpose.
func socialClient(h *house, polls time.Duration) *safehttp.Client {
	return safehttp.New(safehttp.Options{Allow: networks(h.config.Allow), Timeout: carrierTime + polls, MaxBody: maxSocialFile, Redirects: 3})
}

// telegramLink is a bot: its updates are fetched, or called in.
var telegramLink = linkKind{
	check: telegram.CheckSettings,
	pull: func(h *house, l interaction.Link, secret string) (interaction.Puller, error) {
		return newBot(h, l, secret)
	},
	send: func(h *house, l interaction.Link, secret string) (interaction.Sender, error) {
		return newBot(h, l, secret)
	},
	enter: func(h *house, l interaction.Link, secret string) (interaction.HTTPAdapter, error) {
		return newBot(h, l, secret)
	},
}

func newBot(h *house, l interaction.Link, secret string) (*telegram.Bot, error) {
	var s telegram.Settings
	if err := l.Decode(&s); err != nil {
		return nil, err
	}
	return telegram.New(telegram.Options{
		Settings: s, EntryPoint: l.EntryPoint, Token: secret, Inbox: h.inbox(), Entries: h.store, Client: socialClient(h, telegram.PollTime), Log: h.log.With("link", l.Name),
	})
}

// mastodonLink is an account at a server with Mastodon's API.
var mastodonLink = linkKind{
	check: mastodon.CheckSettings,
	pull: func(h *house, l interaction.Link, secret string) (interaction.Puller, error) {
		return newAccount(h, l, secret)
	},
	send: func(h *house, l interaction.Link, secret string) (interaction.Sender, error) {
		return newAccount(h, l, secret)
	},
}

func newAccount(h *house, l interaction.Link, secret string) (*mastodon.Account, error) {
	var s mastodon.Settings
	if err := l.Decode(&s); err != nil {
		return nil, err
	}
	return mastodon.New(mastodon.Options{
		Settings: s, EntryPoint: l.EntryPoint, Token: secret, Inbox: h.inbox(), Entries: h.store, Open: h.store, Client: socialClient(h, 0), Log: h.log.With("link", l.Name),
	})
}

var (
	whatsAppLink  = metaLink(meta.WhatsApp)
	messengerLink = metaLink(meta.Messenger)
)

// metaLink is a number of WhatsApp's or a page of Facebook's, of which a webhook tells.
func metaLink(kind string) linkKind {
	open := func(h *house, l interaction.Link, secret string) (*meta.Adapter, error) {
		var s meta.Settings
		if err := l.Decode(&s); err != nil {
			return nil, err
		}
		return meta.New(meta.Options{
			Kind: kind, Settings: s, Secret: secret, Inbox: h.inbox(), Entries: h.store, Receipts: h.store, Client: socialClient(h, 0), Log: h.log.With("link", l.Name),
		})
	}
	return linkKind{
		check: meta.CheckSettings,
		send: func(h *house, l interaction.Link, secret string) (interaction.Sender, error) {
			return open(h, l, secret)
		},
		enter: func(h *house, l interaction.Link, secret string) (interaction.HTTPAdapter, error) {
			return open(h, l, secret)
		},
	}
}
