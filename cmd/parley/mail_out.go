package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"parley/adapters/catcher"
	"parley/adapters/smtp"
)

// openSender chooses where outgoing mail goes: the smart host, the recipients' own servers, or the catcher.
func (h *house) openSender() (err error) {
	c := h.config
	if c.SmartHost == "" && !c.MailDirect {
		h.outbox, err = catcher.New(filepath.Join(c.Home, "outbox"), c.Hostname, h.log)
		h.sender = h.outbox
		return err
	}
	keys, errs := c.dkimKeys()
	if len(errs) > 0 {
		return errs[0]
	}
	policies, errs := c.tlsPolicies()
	if len(errs) > 0 {
		return errs[0]
	}
	h.sender, err = smtp.NewSender(smtp.SenderOptions{
		Addr: c.SmartHost, Hostname: c.Hostname, TLS: smtp.TLSPolicy(c.SmartTLS), TLSFor: policies, User: c.SmartUser, Password: c.SmartPass,
		AtATime: c.MailAtATime, Allow: networks(c.Allow), DKIM: keys, Loop: c.Hostname, Logger: h.log,
	})
	return err
}

// checkSending says what is wrong with the settings of the way out by mail.
func (c *config) checkSending() (errs []error) {
	if c.MailDirect && c.SmartHost != "" {
		errs = append(errs, fmt.Errorf("PARLEY_MAIL_DIRECT and PARLEY_SMARTHOST=%q exclude one another; set one of them", c.SmartHost))
	}
	if c.MailAtATime < 0 {
		errs = append(errs, fmt.Errorf("PARLEY_MAIL_AT_A_TIME=%d is negative; give at least 1", c.MailAtATime))
	}
	_, wrong := c.dkimKeys()
	errs = append(errs, wrong...)
	_, wrong = c.tlsPolicies()
	return append(errs, wrong...)
}

// dkimKeys reads the keys of PARLEY_DKIM.
func (c *config) dkimKeys() (keys smtp.Keys, errs []error) {
	for _, one := range c.DKIM {
		parts := strings.SplitN(one, ":", 3)
		if len(parts) != 3 || parts[0] == "" || parts[1] == "" {
			errs = append(errs, fmt.Errorf("PARLEY_DKIM=%q is not domain:selector:file; write for example example.org:parley:/etc/parley/dkim.pem", one))
			continue
		}
		text, err := os.ReadFile(parts[2])
		if err != nil {
			errs = append(errs, fmt.Errorf("PARLEY_DKIM=%q: %w", one, err))
			continue
		}
		key, err := smtp.ParseKey(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("PARLEY_DKIM=%q: the file %w", one, err))
			continue
		}
		keys = append(keys, smtp.Key{Domain: strings.ToLower(parts[0]), Selector: parts[1], Private: key})
	}
	return keys, errs
}

// tlsPolicies reads PARLEY_MAIL_TLS_FOR.
func (c *config) tlsPolicies() (map[string]smtp.TLSPolicy, []error) {
	policies := map[string]smtp.TLSPolicy{}
	var errs []error
	for _, one := range c.MailTLS {
		domain, policy, _ := strings.Cut(one, "=")
		switch smtp.TLSPolicy(policy) {
		case smtp.TLSNone, smtp.TLSOpportunistic, smtp.TLSRequired:
			policies[strings.ToLower(domain)] = smtp.TLSPolicy(policy)
		default:
			errs = append(errs, fmt.Errorf("PARLEY_MAIL_TLS_FOR=%q is not domain=policy; the policies are none, opportunistic and required", one))
		}
	}
	return policies, errs
}
