package smpp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"parley/interaction"
	"parley/lib/phone"
	"parley/lib/smpp"
	"parley/lib/smpp/session"
	"parley/lib/smpp/sms"
)

// acceptWithin is how long a commit may take before the centre is told to come again.
const acceptWithin = 4 * time.Second

// handle answers what the centre delivers.
func (a *Adapter) handle(ctx context.Context, c *session.Conn, p *smpp.PDU) (answer *smpp.PDU) {
	defer func() {
		if cause := recover(); cause != nil {
			a.log.Error("smpp delivery panicked", "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			answer = p.Answer(smpp.StatusAppTemporary)
		}
	}()
	if p.Command != smpp.DeliverSM && p.Command != smpp.DataSM {
		return p.Answer(smpp.StatusUnknownCommand)
	}
	ctx, cancel := context.WithTimeout(ctx, acceptWithin)
	defer cancel()
	content := p.Content(sms.Alphabet(a.options.Alphabet))
	if content.Receipt != nil {
		return p.Answer(a.status(a.receipt(ctx, content)))
	}
	return p.Answer(a.status(a.message(ctx, c, p, content)))
}

// status is what an error means to the centre: only what is wrong for good is refused for good.
func (a *Adapter) status(err error) smpp.Status {
	var e *interaction.Error
	switch {
	case err == nil:
		return smpp.StatusOK
	case errors.As(err, &e) && e.Code == "unknown_entry_point":
		return smpp.StatusInvalidDest
	case errors.As(err, &e) && (e.Kind == interaction.KindInvalid || e.Kind == interaction.KindUnknown):
		return smpp.StatusAppReject
	}
	a.log.Warn("smpp delivery was put off", "error", err)
	return smpp.StatusAppTemporary
}

func (a *Adapter) message(ctx context.Context, c *session.Conn, p *smpp.PDU, content *smpp.Content) error {
	begun := time.Now()
	to := content.Dest.Addr
	entryPoint, err := a.entryPoint(ctx, content.Dest)
	if err != nil {
		return err
	}
	raw, err := p.Encode()
	if err != nil {
		return err
	}
	m := markOf(p)
	identity := a.arrived.identify(m, c, begun)
	_, err = a.options.Inbox.Accept(ctx, interaction.Inbound{
		Channel: interaction.SMS, Targets: []interaction.Target{{EntryPoint: entryPoint, Address: to}}, Identity: identity, Raw: bytes.NewReader(raw), Size: int64(len(raw)),
		Facts: interaction.Facts{Peer: a.options.Address, Helo: c.Peer(), Sender: a.number(content.Source), Via: Kind, Alphabet: a.options.Alphabet},
	})
	if err == nil || errors.Is(err, context.DeadlineExceeded) { // behind a time-out the commit may have happened nevertheless
		a.arrived.acknowledged(identity, c, begun, time.Now())
	}
	return err
}

// entryPoint finds whose number was written to, in the spellings that centres use.
func (a *Adapter) entryPoint(ctx context.Context, to smpp.Address) (string, error) {
	var unknown error
	for _, address := range spellings(to.Addr, a.number(to)) {
		name, err := a.options.Entries.EntryPoint(ctx, interaction.SMS, address)
		var e *interaction.Error
		if err == nil || !errors.As(err, &e) || e.Kind != interaction.KindUnknown {
			return name, err
		}
		unknown = err
	}
	if a.options.CatchAll {
		return a.options.EntryPoint, nil
	}
	return "", unknown
}

func spellings(list ...string) []string {
	var out []string
	for _, s := range list {
		if s != "" && (len(out) == 0 || out[0] != s) {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		out = []string{"-"} // an empty address is nobody's
	}
	return out
}

// number gives an address its one spelling: E.164 where it is a number of the world, as it came otherwise (names, short codes, what is longer than any number).
func (a *Adapter) number(from smpp.Address) string {
	if from.TON == smpp.TONAlphanumeric || from.TON == smpp.TONNetwork || len(from.Addr) <= 6 {
		return from.Addr
	}
	text, region := from.Addr, a.options.Region
	if from.TON == smpp.TONInternational && text[0] != '+' {
		text = "+" + text
	}
	if from.TON == smpp.TONUnknown && len(text) > 9 && text[0] != '+' && text[0] != '0' { // most centres write a number of the world so
		if n, err := phone.Parse("+"+text, ""); err == nil {
			return n.E164
		}
	}
	if n, err := phone.Parse(text, region); err == nil {
		return n.E164
	}
	return from.Addr
}

// receipt passes on what became of a message. The customer's number is part of its name: the same id for two numbers is two messages.
func (a *Adapter) receipt(ctx context.Context, c *smpp.Content) error {
	r := c.Receipt
	if r.MessageID == "" {
		a.log.Warn("smpp receipt without an id", "state", string(r.State), "code", r.Error)
		return nil
	}
	state := interaction.ReceiptPending
	switch {
	case r.State == smpp.StateDelivered:
		state = interaction.ReceiptDelivered
	case r.State.Final():
		state = interaction.ReceiptFailed
	}
	code := string(r.State)
	if r.Error != "" && r.Error != "000" {
		code += " " + r.Error
	}
	number := a.number(c.Source)
	word := interaction.Receipted{EntryPoint: a.options.EntryPoint, ID: carrierID(number, r.MessageID), State: state, Code: code, At: r.Done}
	for _, other := range smpp.SameID(r.MessageID) {
		word.Spellings = append(word.Spellings, carrierID(number, other))
	}
	known, err := a.options.Receipts.Receipt(ctx, word)
	if err == nil && !known {
		a.log.Info("smpp receipt for a message that is not known yet", "state", string(r.State))
	}
	return err
}

// carrierID is how the house names a message that a centre took: case and zeros in front differ between its answer and its receipts.
func carrierID(number, id string) string {
	id = strings.ToLower(id)
	if bare := strings.TrimLeft(id, "0"); bare != "" {
		id = bare
	}
	return number + "/" + id
}
