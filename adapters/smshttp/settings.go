package smshttp

import (
	"parley/interaction"
	"parley/lib/safehttp"
)

// Common are settings that all providers have.
type Common struct {
	Public   string `json:"public_url"` // of the entry point, as the provider calls it: https://host/in/NAME/
	From     string `json:"from,omitempty"`
	Region   string `json:"region,omitempty"`
	MaxText  int    `json:"max_text,omitempty"`
	CatchAll bool   `json:"catch_all,omitempty"`
}

func (c Common) check() error {
	switch {
	case safehttp.CheckURL(c.Public) != nil:
		return interaction.Invalid("bad_setting", "public_url", "must be the URL under which the provider calls the entry point: https://host/in/NAME/")
	case len(c.Region) != 0 && len(c.Region) != 2:
		return interaction.Invalid("bad_setting", "region", "must be a country's code of two letters")
	case c.MaxText < 0 || c.MaxText > 10_000:
		return interaction.Invalid("bad_setting", "max_text", "must be 1 to 10000 characters")
	}
	return nil
}

type twilioSettings struct {
	Common
	Account string `json:"account"`
	Service string `json:"messaging_service,omitempty"`
	API     string `json:"api,omitempty"`
}

// CheckTwilio tells what is wrong with the settings of a link of kind twilio.
func CheckTwilio(l interaction.Link) error {
	_, _, err := NewTwilio(l, "")
	return err
}

// NewTwilio makes the provider of a link; secret is the account's token.
func NewTwilio(l interaction.Link, secret string) (Provider, Common, error) {
	var s twilioSettings
	if err := l.Decode(&s); err != nil {
		return nil, s.Common, err
	}
	if s.Account == "" {
		return nil, s.Common, interaction.Invalid("bad_setting", "account", "must be the account's SID")
	}
	if s.API != "" && safehttp.CheckURL(s.API) != nil {
		return nil, s.Common, interaction.Invalid("bad_setting", "api", "must be a URL")
	}
	return Twilio{Account: s.Account, Token: secret, API: s.API, Public: s.Public, From: s.From, Service: s.Service}, s.Common, s.check()
}

type kannelSettings struct {
	Common
	URL  string `json:"url"`
	User string `json:"user"`
}

// CheckKannel tells what is wrong with the settings of a link of kind kannel.
func CheckKannel(l interaction.Link) error {
	_, _, err := NewKannel(l, "")
	return err
}

// NewKannel makes the provider of a link; secret is the user's password and the secret of Kannel's calls.
func NewKannel(l interaction.Link, secret string) (Provider, Common, error) {
	var s kannelSettings
	if err := l.Decode(&s); err != nil {
		return nil, s.Common, err
	}
	if safehttp.CheckURL(s.URL) != nil {
		return nil, s.Common, interaction.Invalid("bad_setting", "url", "must be the URL of sendsms: http://host:13013/cgi-bin/sendsms")
	}
	if s.User == "" {
		return nil, s.Common, interaction.Invalid("bad_setting", "user", "must be a sendsms-user of Kannel's")
	}
	return Kannel{URL: s.URL, User: s.User, Password: secret, Public: s.Public, From: s.From}, s.Common, s.check()
}
