package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"parley/test/wire"
)

// support is the demo's entry point.
const support = "support@example.test"

// customer is one SMTP session after the other: he writes mail after mail, and sends each until somebody says yes.
type customer struct {
	number  int
	address string
	book    *ledger
	gate    *gate
	sink    *wire.Sink
	session *wire.Session
	written int
	read    int // how many deliveries of the sink he has looked at
}

// write sends mails until the storm is over. A mail that has been begun is brought to its yes while people are still there.
func (c *customer) write(storm, working context.Context) {
	defer c.hangUp()
	for storm.Err() == nil {
		c.gate.pass(storm)
		if storm.Err() != nil {
			return
		}
		c.deliver(working, c.next())
		pause(storm, time.Duration(20+rand.IntN(200))*time.Millisecond)
	}
}

// letter is a mail with its marker.
type letter struct {
	wire.Mail
	marker  string
	sender  string
	follows bool
}

// next writes the next mail: questions for people, for the machine, spam, large ones, and answers to what Parley wrote.
func (c *customer) next() letter {
	c.written++
	marker := fmt.Sprintf("m-%02d-%05d", c.number, c.written)
	sender := fmt.Sprintf("c%s@customers.example.test", marker)
	l := letter{marker: marker, sender: sender, Mail: wire.Mail{
		From: "Customer <" + sender + ">", To: support, MessageID: marker + "@customers.example.test",
		Subject: "[" + marker + "] Where is my order?", Text: "Hello,\nwhere is my order 4711? It has not been delivered yet.\nMarker " + marker,
	}}
	switch c.written % 8 {
	case 1:
		l.Subject = "[" + marker + "] I forgot my password"
		l.Text = "Hello,\nI forgot my password and cannot sign in to my account. How do I set a new password?\nMarker " + marker
	case 3:
		l.Subject = "[" + marker + "] You have won"
		l.Text = "You have won the lottery. To claim it send us your bank details.\nMarker " + marker
	case 5:
		l.Text += "\n" + strings.Repeat("This is a long story that goes on and on and on and never comes to its end.\n", 6000)
	case 7:
		if d, ok := c.unread(); ok {
			l.sender, l.From = d.To[0], "Customer <"+d.To[0]+">"
			l.InReplyTo, l.follows = d.MessageID, true
		}
	}
	return l
}

// unread gives a mail that Parley sent to somebody and that this customer can answer for him.
func (c *customer) unread() (wire.Delivery, bool) {
	all := c.sink.All()
	if len(all) <= c.read {
		return wire.Delivery{}, false
	}
	c.read = len(all)
	return all[c.read-1], true
}

// deliver sends the mail again and again, on new sessions if need be, until somebody says yes.
func (c *customer) deliver(ctx context.Context, l letter) {
	raw := l.Bytes()
	sum := sha256.Sum256(raw)
	e := entry{What: said, Marker: l.marker, SHA256: hex.EncodeToString(sum[:]), Follows: l.follows}
	err := wire.Until(ctx, func(ctx context.Context) error {
		e.Tries++
		err := c.try(ctx, l.sender, raw)
		if code := wire.Code(err); code >= 500 {
			e.What, e.Text = refused, err.Error()
			return nil
		}
		return err
	})
	if err != nil {
		e.What, e.Text = odd, "no yes to mail "+l.marker+" until the end: "+err.Error()
	}
	c.book.note(e)
}

func (c *customer) try(ctx context.Context, sender string, raw []byte) error {
	if c.session == nil {
		session, err := wire.Dial(ctx, c.address)
		if err != nil {
			return err
		}
		c.session = session
	}
	_, err := c.session.Send(sender, support, raw)
	if err != nil {
		c.hangUp()
	}
	return err
}

func (c *customer) hangUp() {
	if c.session != nil {
		c.session.Close()
		c.session = nil
	}
}
