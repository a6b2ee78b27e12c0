package main

import (
	"parley/adapters/smpp"
	"parley/adapters/smshttp"
	"parley/interaction"
	"parley/lib/smpp/session"
)

// binds paces the binds of all SMPP links of this process.
var binds = new(session.Binds)

// smppLink is a line to a short message centre.
var smppLink = linkKind{
	check: smpp.CheckSettings,
	pull: func(h *house, l interaction.Link, secret string) (interaction.Puller, error) {
		var s smpp.Settings
		if err := l.Decode(&s); err != nil {
			return nil, err
		}
		return smpp.New(smpp.Options{
			Settings: s, EntryPoint: l.EntryPoint, Password: secret, Inbox: h.inbox(), Entries: h.store, Receipts: h.store, Recent: h.store, Binds: binds,
			Log: h.log.With("link", l.Name),
		})
	},
}

// shortMessages reads what any of the ways of short messages brought.
type shortMessages struct{}

func (shortMessages) Parse(raw []byte, facts interaction.Facts) interaction.Parsed {
	if facts.Via == smpp.Kind {
		return smpp.Parser{}.Parse(raw, facts)
	}
	return smshttp.Parser{}.Parse(raw, facts)
}

func (shortMessages) Join(parts [][]byte, facts interaction.Facts) interaction.Parsed {
	return smpp.Parser{}.Join(parts, facts)
}
