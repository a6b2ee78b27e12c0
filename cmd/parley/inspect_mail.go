package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"parley/interaction"
	"parley/lib/mail"
	"parley/lib/mailauth"
)

// maxInspectedMail bounds a file that is inspected: a file of any size must not take the memory of the machine.
const maxInspectedMail = 256 << 20

type inspectMailCommand struct {
	Files  []string `arg:"" name:"file" help:"Files that hold one raw mail each; - is the standard input."`
	DNS    string   `name:"dns" optional:"" help:"Check SPF, DKIM, DMARC and ARC too: ask the name server at this host:port, or the system's if it says system."`
	Peer   string   `help:"Address of the client that the mail came from, for SPF."`
	Helo   string   `help:"Name that the client gave itself, for SPF."`
	Sender string   `help:"Envelope sender, for SPF."`
}

// Run prints one line a file, in their order. A file that cannot be read has that as its problem, the rest are inspected all
// the same, and the exit code is 1.
func (c *inspectMailCommand) Run(ctx context.Context) error {
	return inspectMails(c.Files, os.Stdin, os.Stdout, c.check(ctx))
}

// check asks the name service who a mail is from; it asks nobody unless that is wanted.
func (c *inspectMailCommand) check(ctx context.Context) func(raw []byte) map[string]string {
	if c.DNS == "" {
		return func([]byte) map[string]string { return map[string]string{} }
	}
	server := c.DNS
	if server == "system" {
		server = ""
	}
	checker := &mailauth.Checker{Resolver: resolver(server)}
	return func(raw []byte) map[string]string {
		return authResults(checker.Check(ctx, raw, mailauth.Facts{IP: peerIP(c.Peer), Helo: c.Helo, Sender: c.Sender}))
	}
}

func inspectMails(files []string, stdin io.Reader, out io.Writer, check func(raw []byte) map[string]string) error {
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	unread := 0
	for _, file := range files {
		raw, err := readInspected(file, stdin)
		view := inspectedMail{File: file, Problems: []string{}}
		if err != nil {
			unread++
			view.Problems = append(view.Problems, err.Error())
		} else {
			view = inspectMail(file, raw)
			view.Auth = check(raw)
		}
		if err := lines.Encode(view); err != nil {
			return fmt.Errorf("print what %s is: %w", file, err)
		}
	}
	if unread > 0 {
		return fmt.Errorf("%d of %d files could not be read", unread, len(files))
	}
	return nil
}

// readInspected reads a whole file.
func readInspected(file string, stdin io.Reader) ([]byte, error) {
	from := stdin
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("open the mail: %w", err)
		}
		defer opened.Close()
		from = opened
	}
	raw, err := io.ReadAll(io.LimitReader(from, maxInspectedMail+1))
	if err != nil {
		return nil, fmt.Errorf("read the mail: %w", err)
	}
	if len(raw) > maxInspectedMail {
		return nil, fmt.Errorf("%s is larger than %d MiB", file, maxInspectedMail>>20)
	}
	return raw, nil
}

// inspectedMail is the form of the answer; docs/email-reading.md describes it. All lists are there, if empty.
type inspectedMail struct {
	File        string             `json:"file"`
	From        []inspectedAddress `json:"from"`
	To          []inspectedAddress `json:"to"`
	Cc          []inspectedAddress `json:"cc"`
	ReplyTo     []inspectedAddress `json:"reply_to"`
	Subject     string             `json:"subject"`
	Date        string             `json:"date"` // RFC 3339; empty where it is missing or cannot be read
	MessageID   string             `json:"message_id"`
	InReplyTo   []string           `json:"in_reply_to"`
	References  []string           `json:"references"`
	Text        string             `json:"text"`
	TextFrom    string             `json:"text_from"`
	HTML        string             `json:"html"` // as it is shown: sanitised, nothing from outside
	ReplyText   string             `json:"reply_text"`
	Attachments []inspectedFile    `json:"attachments"`
	Machine     inspectedMachine   `json:"machine"`
	Bounces     []inspectedBounce  `json:"bounces"`
	Returned    *mail.Returned     `json:"returned,omitempty"`
	Auth        map[string]string  `json:"auth"`
	Problems    []string           `json:"problems"`
}

type inspectedAddress struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

type inspectedFile struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	Inline bool   `json:"inline"`
}

type inspectedMachine struct {
	Is     bool   `json:"is"`
	Kind   string `json:"kind"`
	Reason string `json:"reason"`
}

type inspectedBounce struct {
	Reason    string `json:"reason"`
	Hard      bool   `json:"hard"`
	Status    string `json:"status"`
	Code      string `json:"code"`
	Recipient string `json:"recipient"`
	Action    string `json:"action"`
	Text      string `json:"text"`
}

func inspectMail(file string, raw []byte) inspectedMail {
	m := mail.Parse(raw)
	machine := m.Machine(false)
	view := inspectedMail{
		File: file, From: inspectedAddresses(m.Written("From")), To: inspectedAddresses(m.Written("To")), Cc: inspectedAddresses(m.Written("Cc")), ReplyTo: inspectedAddresses(m.Written("Reply-To")), Subject: m.Subject, MessageID: m.MessageID,
		InReplyTo: some(m.InReplyTo), References: some(m.References), Text: m.Text, TextFrom: string(m.TextFrom), HTML: mail.CleanHTML(m.HTML), ReplyText: m.ReplyText,
		Attachments: []inspectedFile{}, Machine: inspectedMachine{machine.Is, string(machine.Kind), machine.Reason},
		Bounces: []inspectedBounce{}, Auth: map[string]string{}, Problems: some(m.Problems),
	}
	if !m.Date.IsZero() {
		view.Date = m.Date.Format(time.RFC3339)
	}
	if returned := m.Returned(); returned != (mail.Returned{}) {
		view.Returned = &returned
	}
	for _, a := range m.Attachments {
		view.Attachments = append(view.Attachments, inspectedFile{a.Name, a.Type, a.Size, hex.EncodeToString(a.SHA256[:]), a.Inline})
	}
	for _, b := range m.Bounces() {
		view.Bounces = append(view.Bounces, inspectedBounce{string(b.Reason), b.Hard, b.Status, b.Code, b.Recipient, b.Action, b.Text})
	}
	return view
}

func inspectedAddresses(list []interaction.Address) []inspectedAddress {
	shown := make([]inspectedAddress, 0, len(list))
	for _, a := range list {
		shown = append(shown, inspectedAddress(a))
	}
	return shown
}

// some makes a list that is empty instead of missing.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
