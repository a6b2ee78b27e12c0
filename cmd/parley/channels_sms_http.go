package main

import (
	"parley/adapters/smshttp"
	"parley/interaction"
	"parley/lib/safehttp"
)

// maxMedia is how large a file of a message may be that a provider keeps for us.
const maxMedia = 5 << 20

// smsProvider is a kind of link to a provider of short messages that speaks HTTP.
func smsProvider(kind string, check func(interaction.Link) error, provider func(interaction.Link, string) (smshttp.Provider, smshttp.Common, error)) linkKind {
	open := func(h *house, l interaction.Link, secret string) (*smshttp.Adapter, error) {
		p, common, err := provider(l, secret)
		if err != nil {
			return nil, err
		}
		return smshttp.New(smshttp.Options{
			Provider: p, Kind: kind, EntryPoint: l.EntryPoint, Region: common.Region, MaxText: common.MaxText, CatchAll: common.CatchAll,
			Inbox: h.inbox(), Entries: h.store, Receipts: h.store, Log: h.log.With("link", l.Name),
			Client: safehttp.New(safehttp.Options{Allow: networks(h.config.Allow), Timeout: carrierTime, MaxBody: maxMedia, Redirects: 3}),
		})
	}
	return linkKind{
		check: check,
		send: func(h *house, l interaction.Link, secret string) (interaction.Sender, error) {
			return open(h, l, secret)
		},
		enter: func(h *house, l interaction.Link, secret string) (interaction.HTTPAdapter, error) {
			return open(h, l, secret)
		},
	}
}

var (
	twilioLink = smsProvider("twilio", smshttp.CheckTwilio, smshttp.NewTwilio)
	kannelLink = smsProvider("kannel", smshttp.CheckKannel, smshttp.NewKannel)
)
