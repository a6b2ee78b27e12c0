package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"parley/adapters/imap"
	"parley/interaction"
	"parley/store"
	"parley/workers"
)

// linkKind is what this build can do with one kind of link. What it cannot do is nil.
type linkKind struct {
	check func(interaction.Link) error                                                       // whether the settings mean something
	pull  func(h *house, l interaction.Link, secret string) (interaction.Puller, error)      // goes out, under the lease; it sends too if it is a Sender
	send  func(h *house, l interaction.Link, secret string) (interaction.Sender, error)      // sends from any process
	enter func(h *house, l interaction.Link, secret string) (interaction.HTTPAdapter, error) // is called, under /in/{entry-point}/
}

// linkKinds are all kinds of links by name: a new adapter that needs an account at somebody else's is one line here.
var linkKinds = map[string]linkKind{
	"imap":      {check: imap.Check, pull: openMailbox},
	"kannel":    kannelLink,
	"mastodon":  mastodonLink,
	"messenger": messengerLink,
	"mm7":       mm7Link,
	"smpp":      smppLink,
	"telegram":  telegramLink,
	"twilio":    twilioLink,
	"whatsapp":  whatsAppLink,
}

// checkLinks tells what is wrong with the links of a setup beyond their form.
func checkLinks(links []interaction.Link) []*interaction.Fault {
	var faults []*interaction.Fault
	for _, l := range links {
		kind, known := linkKinds[l.Kind]
		if !known {
			faults = append(faults, &interaction.Fault{
				List: interaction.ListLinks, Name: l.Name, Field: "kind", Value: l.Kind, Text: "is not known; write one of " + strings.Join(kindsThat(func(linkKind) bool { return true }), ", "),
			})
			continue
		}
		if err := kind.check(l); err != nil {
			fault := &interaction.Fault{List: interaction.ListLinks, Name: l.Name, Field: "settings", Text: err.Error()}
			var wrong *interaction.Error
			if errors.As(err, &wrong) && wrong.Field != "" {
				fault.Field, fault.Text = "settings."+wrong.Field, wrong.Text
			}
			faults = append(faults, fault)
		}
	}
	return faults
}

// kindsThat are the names of the kinds that can do something, sorted.
func kindsThat(can func(linkKind) bool) []string {
	var names []string
	for name, kind := range linkKinds {
		if can(kind) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// secret reads a link's secret from where the configuration says it is.
func (h *house) secret(l interaction.Link) (string, error) {
	value, err := h.secretAt(l.Secret)
	if err != nil {
		return "", fmt.Errorf("link %q: %w", l.Name, err)
	}
	return value, nil
}

// secretAt reads a secret from its place; empty where there is none.
func (h *house) secretAt(place string) (string, error) {
	where, name, _ := strings.Cut(place, ":")
	switch {
	case place == "":
		return "", nil
	case !interaction.SecretPlace.MatchString(place):
		return "", fmt.Errorf("secret %q is not a place; write env:PARLEY_LINK_NAME or file:NAME", place)
	case where == "env":
		if value, set := os.LookupEnv(name); set {
			return value, nil
		}
		return "", fmt.Errorf("the variable %s is not set; set it where parley runs", name)
	}
	directory := h.config.Secrets
	if directory == "" {
		directory = filepath.Join(h.config.Home, "secrets")
	}
	value, err := os.ReadFile(filepath.Join(directory, name))
	if err != nil {
		return "", fmt.Errorf("secret: %w", err)
	}
	return strings.TrimRight(string(value), "\r\n"), nil
}

// carriers are the links as configuration has them now, and what this process made of them.
type carriers struct {
	h       *house
	mail    interaction.Sender // the house's own way out
	pulled  *workers.Links[*store.LinkLease]
	current atomic.Pointer[carried]
}

// carried is what was made of one state of the configuration.
type carried struct {
	send  map[string]interaction.Sender      // by entry point
	enter map[string]interaction.HTTPAdapter // by entry point
	forms map[string]string                  // entry points that take web forms, with their addresses
	calls map[string]string                  // entry points that call back, with theirs
}

func newCarriers(h *house, holder string) *carriers {
	c := &carriers{h: h, mail: h.carrier()}
	c.current.Store(&carried{})
	c.pulled = &workers.Links[*store.LinkLease]{
		Store: h.store, Holder: holder, Kinds: kindsThat(func(k linkKind) bool { return k.pull != nil }), Log: h.log,
		Open: func(l interaction.Link) (interaction.Puller, error) {
			secret, err := h.secret(l)
			if err != nil {
				return nil, err
			}
			return linkKinds[l.Kind].pull(h, l, secret)
		},
	}
	return c
}

// load takes over the links. One that cannot be used is left out and said in the log: the others go on.
func (c *carriers) load(ctx context.Context) error {
	links, err := c.h.store.Links(ctx)
	if err != nil {
		return err
	}
	now := &carried{send: map[string]interaction.Sender{}, enter: map[string]interaction.HTTPAdapter{}}
	for _, l := range links {
		if err := c.open(now, l.Link); err != nil {
			c.h.log.Error("a link cannot be used", "link", l.Name, "error", err)
		}
	}
	if now.forms, err = c.h.store.EntryPointsOf(ctx, interaction.WebForm); err != nil {
		return err
	}
	if now.calls, err = c.h.store.EntryPointsOf(ctx, interaction.Callback); err != nil {
		return err
	}
	c.current.Store(now)
	return nil
}

func (c *carriers) open(now *carried, l interaction.Link) error {
	kind := linkKinds[l.Kind]
	if l.Disabled || kind.send == nil && kind.enter == nil {
		return nil
	}
	secret, err := c.h.secret(l)
	if err != nil {
		return err
	}
	if kind.send != nil {
		if now.send[l.EntryPoint], err = kind.send(c.h, l, secret); err != nil {
			return err
		}
	}
	if kind.enter != nil {
		now.enter[l.EntryPoint], err = kind.enter(c.h, l, secret)
	}
	return err
}

// sender chooses what sends a message: the link of its entry point, or for mail the house's own way out.
func (c *carriers) sender(out interaction.Outbound) interaction.Sender {
	if s := c.current.Load().send[out.EntryPoint]; s != nil {
		return s
	}
	if s := c.pulled.Sender(out.EntryPoint); s != nil {
		return s
	}
	if out.Channel == interaction.Email || out.Channel == interaction.WebForm || out.Channel == interaction.Chat { // a chat's transcript is a mail
		return c.mail
	}
	return noLine{}
}

// noLine is the sender of entry points that have no line here: nothing leaves, and the message is tried again, where the line is or when there is one.
type noLine struct{}

// Send never sends.
func (noLine) Send(context.Context, interaction.Outbound, func(context.Context) error) interaction.Outcome {
	return interaction.Outcome{State: interaction.SendQueued, Code: interaction.CodeNoLine, Text: "there is no line for this entry point here; see /v1/links"}
}

// handler gives what answers HTTP for an entry point: its link, or what its channel has without one.
func (c *carriers) handler(entryPoint string) http.Handler {
	if a := c.current.Load().enter[entryPoint]; a != nil {
		return a.Handler(entryPoint)
	}
	if _, takes := c.formAddress(entryPoint); takes {
		return c.h.forms.Handler(entryPoint)
	}
	if _, calls := c.current.Load().calls[entryPoint]; calls {
		return c.h.calls.Handler(entryPoint)
	}
	return c.h.chat.Handler(entryPoint)
}

// formAddress is the address that a web form's entry point answers from; false for what takes no forms.
func (c *carriers) formAddress(entryPoint string) (string, bool) {
	address, takes := c.current.Load().forms[entryPoint]
	return address, takes
}
