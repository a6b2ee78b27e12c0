package imap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"parley/interaction"
)

// Mailbox takes the mails of one mailbox.
type Mailbox struct {
	opts     Options
	settings Settings
	tokens   func(context.Context) (string, error) // nil: the secret is what signs in
	inbox    interaction.Inbox
	entries  interaction.EntryPoints
	log      *slog.Logger

	tried map[uint32]int       // how often a mail could not be had
	rests map[uint32]time.Time // until when one is left alone that could not be had again and again
}

var _ interaction.Puller = (*Mailbox)(nil)

// longestPause is how long a server is left alone that fails again and again.
const longestPause = 5 * time.Minute

// Pull works on the mailbox until the context ends or the lease is lost. Whatever fails, it connects again after a pause that grows.
func (m *Mailbox) Pull(ctx context.Context, lease interaction.Lease) error {
	pause := m.opts.Pause
	for ctx.Err() == nil {
		worked, err := m.session(ctx, lease)
		if ctx.Err() != nil {
			return nil
		}
		if interaction.KindOf(err) == interaction.KindConflict {
			return err // another process has it now
		}
		if worked {
			pause = m.opts.Pause
		}
		m.log.Warn("mailbox waits", "error", err, "wait", pause)
		lease.Tell(ctx, stateOf(err), err.Error())
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, longestPause)
	}
	return nil
}

// stateOf tells whether somebody must do something, or it comes right by itself.
func stateOf(err error) interaction.LinkState {
	if errors.Is(err, errRefused) || errors.Is(err, errNoFolder) {
		return interaction.LinkFault
	}
	return interaction.LinkAway
}

// errNoFolder says that the mailbox has no such folder.
var errNoFolder = errors.New("the folder cannot be opened")

// session is one connection, until it breaks. It reports whether it got anywhere: then the next one need not wait for long.
func (m *Mailbox) session(ctx context.Context, lease interaction.Lease) (worked bool, err error) {
	news := make(chan struct{}, 1)
	c, err := m.connect(ctx, news)
	if err != nil {
		return false, err
	}
	defer context.AfterFunc(ctx, func() { c.Close() })()
	defer c.Close()
	if err := m.within(c, m.opts.StepLimit, func() error { return m.signIn(ctx, c) }); err != nil {
		return false, err
	}
	var at position
	if err := lease.Position(ctx, &at); err != nil {
		return false, err
	}
	for {
		had, took, err := m.look(ctx, c, lease, &at)
		worked = worked || took > 0 || err == nil
		if err != nil {
			return worked, err
		}
		lease.Tell(ctx, interaction.LinkUp, m.standing(&at))
		if err := m.wait(ctx, c, news, m.relyOn(c, had)); err != nil {
			return worked, err
		}
	}
}

// connect dials and brings TLS up. News of the folder rings.
func (m *Mailbox) connect(ctx context.Context, news chan<- struct{}) (*imapclient.Client, error) {
	opts := &imapclient.Options{TLSConfig: m.tls(), UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(data *imapclient.UnilateralDataMailbox) {
			if data.NumMessages != nil {
				select {
				case news <- struct{}{}:
				default:
				}
			}
		},
	}}
	dialer := net.Dialer{Timeout: m.opts.StepLimit}
	conn, err := dialer.DialContext(ctx, "tcp", m.settings.Host)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	conn.SetDeadline(time.Now().Add(m.opts.StepLimit))
	var c *imapclient.Client
	switch m.settings.TLS {
	case tlsImplicit:
		secure := tls.Client(conn, opts.TLSConfig)
		if err = secure.HandshakeContext(ctx); err == nil {
			c = imapclient.New(secure, opts)
		}
	case tlsStart:
		c, err = imapclient.NewStartTLS(conn, opts)
	default:
		c = imapclient.New(conn, opts)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("connect: %w", err)
	}
	conn.SetDeadline(time.Time{})
	if err := m.within(c, m.opts.StepLimit, c.WaitGreeting); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (m *Mailbox) tls() *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if m.opts.TLSConfig != nil {
		config = m.opts.TLSConfig.Clone()
	}
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(m.settings.Host)
	}
	return config
}

// within ends a step that takes too long by closing the connection: the library waits for an answer for ever.
func (m *Mailbox) within(c *imapclient.Client, limit time.Duration, step func() error) error {
	cut := time.AfterFunc(limit, func() { c.Close() })
	err := step()
	if !cut.Stop() {
		return fmt.Errorf("the server did not answer within %v", limit)
	}
	return err
}

// open selects the folder anew, which costs one command whatever its size, and takes notice when the server numbers its mails anew.
func (m *Mailbox) open(c *imapclient.Client, at *position) error {
	var selected *imap.SelectData
	err := m.within(c, m.opts.StepLimit, func() (err error) {
		selected, err = c.Select(m.settings.Folder, &imap.SelectOptions{ReadOnly: m.settings.After == afterKeep}).Wait()
		return err
	})
	if isNo(err) {
		return fmt.Errorf("%w: %w", errNoFolder, err)
	}
	if err != nil {
		return err
	}
	validity := max(selected.UIDValidity, 1) // 0 is none; a server that tells none is taken at its first word
	if validity == at.Validity {
		return nil
	}
	if at.Validity == 0 && m.settings.Begin == beginNew {
		now := time.Now()
		at.Since = &now
	}
	if at.Validity != 0 {
		m.log.Warn("the server numbers its mails anew: all are read once more", "before", at.Validity, "now", validity)
	}
	at.begin(validity)
	clear(m.tried)
	clear(m.rests)
	return nil
}

// isNo reports whether the server understood, and said no.
func isNo(err error) bool {
	var answer *imap.Error
	return errors.As(err, &answer) && answer.Type == imap.StatusResponseTypeNo
}

// idleLimit is how long a server that tells of news is relied on when there was nothing to do.
const idleLimit = 5 * time.Minute

// relyOn is how long a server is relied on to tell of news before it is asked. Behind a look that had work it is asked again soon, whatever it can tell:
// a mail that it did not list or give yet, beside others that it did, is no news to it when it can be had.
func (m *Mailbox) relyOn(c *imapclient.Client, had int) time.Duration {
	poll := time.Duration(m.settings.Poll) * time.Second
	if had > 0 || !c.Caps().Has(imap.CapIdle) {
		return poll
	}
	return max(poll, idleLimit)
}

// wait waits for news: told by the server where it can (RFC 2177), otherwise until it is time to ask.
func (m *Mailbox) wait(ctx context.Context, c *imapclient.Client, news <-chan struct{}, limit time.Duration) error {
	if !c.Caps().Has(imap.CapIdle) {
		return m.pause(ctx, c, news, limit)
	}
	var idle *imapclient.IdleCommand
	if err := m.within(c, m.opts.StepLimit, func() (err error) { idle, err = c.Idle(); return err }); err != nil {
		return err
	}
	err := m.pause(ctx, c, news, limit)
	return errors.Join(err, m.within(c, m.opts.StepLimit, func() error { return errors.Join(idle.Close(), idle.Wait()) }))
}

func (m *Mailbox) pause(ctx context.Context, c *imapclient.Client, news <-chan struct{}, limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-news:
		return nil
	case <-timer.C:
		return nil
	case <-c.Closed():
		return errors.New("the server closed the connection")
	case <-ctx.Done():
		return ctx.Err()
	}
}
