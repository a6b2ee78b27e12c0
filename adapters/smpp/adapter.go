package smpp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"parley/interaction"
	"parley/lib/smpp"
	"parley/lib/smpp/session"
	"parley/lib/smpp/sms"
)

// Recent knows what was accepted lately, whatever process did it.
type Recent interface {
	// RecentIdentities gives the identities of what an entry point accepted since then.
	RecentIdentities(ctx context.Context, entryPoint string, since time.Time) ([][32]byte, error)
}

// Options are what a link needs of the house.
type Options struct {
	Settings
	EntryPoint string
	Password   string
	Inbox      interaction.Inbox
	Entries    interaction.EntryPoints
	Receipts   interaction.Receipts
	Recent     Recent
	Binds      *session.Binds // shared by all links of the process
	Log        *slog.Logger

	Dial func(ctx context.Context) (net.Conn, error) // nil: by Address
}

// Adapter works on one link. It is a Puller and a Sender.
type Adapter struct {
	options Options
	log     *slog.Logger
	link    *session.Link
	arrived arrivals
	tell    atomic.Pointer[func(interaction.LinkState, string)]
}

// New checks the options.
func New(o Options) (*Adapter, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Inbox == nil || o.Entries == nil || o.Receipts == nil {
		return nil, errors.New("smpp adapter: needs an inbox, entry points and receipts")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Alphabet == "" {
		o.Alphabet = string(sms.GSM7)
	}
	a := &Adapter{options: o, log: o.Log.With("centre", o.Address)}
	a.link = session.NewLink(session.LinkOptions{
		Options: session.Options{
			Window: o.Window, Enquire: time.Duration(o.EnquireSeconds) * time.Second, AnswerWithin: time.Duration(o.AnswerSeconds) * time.Second,
			Log: a.log, Handle: a.handle,
		},
		Dial: a.dial, Bind: smpp.Bind{SystemID: o.SystemID, Password: o.Password, SystemType: o.SystemType}, Separate: o.Separate, Rate: o.Rate, Binds: o.Binds,
		Changed: a.changed,
	})
	return a, nil
}

func (a *Adapter) dial(ctx context.Context) (net.Conn, error) {
	if a.options.Dial != nil {
		return a.options.Dial(ctx)
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	if !a.options.TLS {
		return dialer.DialContext(ctx, "tcp", a.options.Address)
	}
	name := a.options.TLSName
	if name == "" {
		name, _, _ = net.SplitHostPort(a.options.Address)
	}
	config := &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12}
	if a.options.TLSCA != "" {
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM([]byte(a.options.TLSCA))
	}
	secure := &tls.Dialer{NetDialer: dialer, Config: config}
	return secure.DialContext(ctx, "tcp", a.options.Address)
}

// Pull keeps the link up until its context ends.
func (a *Adapter) Pull(ctx context.Context, lease interaction.Lease) error {
	tell := func(state interaction.LinkState, detail string) {
		telling, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		lease.Tell(telling, state, detail)
	}
	a.tell.Store(&tell)
	if a.options.Recent != nil {
		known, err := a.options.Recent.RecentIdentities(ctx, a.options.EntryPoint, time.Now().Add(-unsureFor))
		if err != nil {
			return err
		}
		a.arrived.remember(known, time.Now())
	}
	return a.link.Run(ctx)
}

// Ready reports whether messages can leave at this moment.
func (a *Adapter) Ready() bool { return a.link.Up() }

// changed tells people how the link is doing. A refused bind is theirs to mend; it is told once, however often it is tried again.
func (a *Adapter) changed(up bool, command smpp.Command, cause error) {
	state, detail := interaction.LinkUp, command.String()
	if !up {
		state, detail = interaction.LinkAway, ""
		if cause != nil {
			detail = cause.Error()
		}
		if errors.Is(cause, session.ErrBind) {
			state = interaction.LinkFault
		}
	}
	if tell := a.tell.Load(); tell != nil {
		go (*tell)(state, detail) // the link waits for nobody
	}
}

var (
	_ interaction.Puller = (*Adapter)(nil)
	_ interaction.Sender = (*Adapter)(nil)
)
