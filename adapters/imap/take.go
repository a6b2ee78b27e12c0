package imap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"parley/interaction"
	"parley/lib/mail"
)

// How often a mail is tried before it is put off, and how many are taken before the position moves.
const (
	maxTries = 3
	stride   = 20
)

// acceptLimit is how long the inbox may take for one mail.
const acceptLimit = time.Minute

// wasThere reports whether a mail lay in the mailbox before its mails were ours to take.
func (p *position) wasThere(l listing) bool {
	return p.Since != nil && l.at.Before(p.Since.Add(-time.Minute))
}

// listing is what a look finds of one mail.
type listing struct {
	uid  uint32
	size int64
	at   time.Time
}

// look takes what is new, oldest first, and tells how many mails there were to take and how many it took. It is two commands, and one for each mail.
func (m *Mailbox) look(ctx context.Context, c *imapclient.Client, lease interaction.Lease, at *position) (had, took int, err error) {
	if err := m.open(c, at); err != nil {
		return 0, 0, err
	}
	found, err := m.list(c, at)
	if err != nil {
		return 0, 0, err
	}
	found = m.leaveLarge(found, at)
	var taken []uint32
	keep := func() error {
		if at.moved {
			if err := lease.Move(ctx, at); err != nil {
				return err
			}
			at.moved = false
		}
		m.afterwards(c, taken)
		taken = nil
		return nil
	}
	for n, mail := range found {
		switch err := m.take(ctx, c, mail, at); {
		case err == nil:
			took++
			taken = append(taken, mail.uid)
		case errors.Is(err, errSkipped):
		default:
			return len(found), took, errors.Join(err, keep())
		}
		if n%stride == stride-1 {
			if err := keep(); err != nil {
				return len(found), took, err
			}
		}
	}
	return len(found), took, keep()
}

// list gives the mails that need work now, by UID. What a server says twice, out of order or unasked changes nothing.
func (m *Mailbox) list(c *imapclient.Client, at *position) (found []listing, err error) {
	there := map[uint32]bool{}
	err = m.within(c, m.opts.BodyLimit, func() error {
		fetch := c.Fetch(at.listed(), &imap.FetchOptions{UID: true, RFC822Size: true, InternalDate: true})
		for data := fetch.Next(); data != nil; data = fetch.Next() {
			one, err := data.Collect()
			if err != nil {
				return errors.Join(err, fetch.Close())
			}
			uid := uint32(one.UID)
			there[uid] = true
			if uid != 0 && !at.over(uid) && !time.Now().Before(m.rests[uid]) {
				found = append(found, listing{uid, one.RFC822Size, one.InternalDate})
			}
		}
		return fetch.Close()
	})
	if err == nil {
		gone := func(uid uint32) bool { return !there[uid] }
		maps.DeleteFunc(m.rests, func(uid uint32, _ time.Time) bool { return gone(uid) })
		maps.DeleteFunc(m.tried, func(uid uint32, _ int) bool { return gone(uid) })
	}
	slices.SortFunc(found, func(a, b listing) int { return int(int64(a.uid) - int64(b.uid)) })
	return slices.CompactFunc(found, func(a, b listing) bool { return a.uid == b.uid }), err
}

// errSkipped says that a mail was not taken, and that the next one may be.
var errSkipped = errors.New("skipped")

// leaveLarge gives what is not too large. The rest stays where it is and is told, until somebody takes it away or raises the limit.
func (m *Mailbox) leaveLarge(found []listing, at *position) (small []listing) {
	var large []left
	for _, l := range found {
		known := at.leaves(l.uid)
		fits := l.size <= m.settings.MaxSize || at.wasThere(l)
		if fits {
			small = append(small, l)
		}
		if known || !fits { // one that fits now is known until it is taken
			large = append(large, left{l.uid, l.size})
		}
		if !known && !fits {
			m.log.Error("a mail is too large and stays where it is", "uid", l.uid, "bytes", l.size, "max_size", m.settings.MaxSize)
		}
	}
	at.leave(large)
	return small
}

// standing says of which mails somebody should know, without anything personal; empty for none.
func (m *Mailbox) standing(at *position) string {
	var words []string
	if n := len(at.Left); n > 0 {
		var which []string
		for _, l := range at.Left[max(0, n-3):] {
			which = append(which, fmt.Sprintf("UID %d with %d bytes", l.UID, l.Bytes))
		}
		words = append(words, fmt.Sprintf("%d mails larger than max_size (%d bytes) stay in the mailbox, last %s: take them by hand and remove them, or raise max_size",
			n, m.settings.MaxSize, strings.Join(which, ", ")))
	}
	if len(m.rests) > 0 {
		words = append(words, fmt.Sprintf("%d mails could not be had and are tried again every %v", len(m.rests), m.opts.Rest))
	}
	return strings.Join(words, "; ")
}

// take has one mail committed by the inbox. Behind an error of the connection or the inbox nothing is known of it, and it is tried again; a mail that
// something panics over is put off like one that cannot be had.
func (m *Mailbox) take(ctx context.Context, c *imapclient.Client, l listing, at *position) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			m.log.Error("a mail made a part of parley panic", "uid", l.uid, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			err = fmt.Errorf("uid %d: it could not be processed", l.uid)
		}
	}()
	switch {
	case at.wasThere(l):
		at.finish(l.uid)
		return errSkipped
	case m.tried[l.uid] >= maxTries:
		m.log.Error("a mail cannot be had and is put off", "uid", l.uid)
		delete(m.tried, l.uid)
		m.rests[l.uid] = time.Now().Add(m.opts.Rest)
		at.owe(l.uid)
		return errSkipped
	}
	m.tried[l.uid]++
	raw, err := m.fetch(c, l.uid)
	defer raw.Discard()
	if errors.Is(err, errNotThere) {
		at.owe(l.uid) // removed since it was listed; where it was not, the next look lists it again
		return errSkipped
	}
	if err != nil {
		return err
	}
	accepting, cancel := context.WithTimeout(ctx, acceptLimit)
	defer cancel()
	receipt, err := m.inbox.Accept(accepting, m.inbound(accepting, raw))
	if err != nil {
		if interaction.KindOf(err) == interaction.KindInvalid {
			return fmt.Errorf("uid %d: %w", l.uid, err)
		}
		delete(m.tried, l.uid) // no fault of the mail's
		return err
	}
	delete(m.tried, l.uid)
	delete(m.rests, l.uid)
	at.finish(l.uid)
	m.log.Info("mail accepted", "inbound", receipt.ID, "bytes", raw.Size(), "repeat", receipt.Repeat)
	return nil
}

// errNotThere says that the server gives nothing for a UID.
var errNotThere = errors.New("there is no such mail any more")

// fetch reads one mail whole, without marking it as read. The answer is never nil.
func (m *Mailbox) fetch(c *imapclient.Client, uid uint32) (raw *mail.Spool, err error) {
	raw = &mail.Spool{}
	err = m.within(c, m.opts.BodyLimit, func() error {
		fetch := c.Fetch(imap.UIDSetNum(imap.UID(uid)), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}}})
		got := false
		for data := fetch.Next(); data != nil; data = fetch.Next() {
			for item := data.Next(); item != nil; item = data.Next() {
				body, ok := item.(imapclient.FetchItemDataBodySection)
				if !ok || got || body.Literal == nil {
					continue
				}
				spool, err := mail.Receive(body.Literal, m.opts.SpoolDir)
				raw = spool
				if err != nil || raw.Size() != body.Literal.Size() {
					// The connection is broken, and closed with the session. Closing the command would read what is left of the mail
					// at the same time as the library does.
					return errors.Join(err, io.ErrUnexpectedEOF)
				}
				got = true
			}
		}
		if err := fetch.Close(); err != nil {
			return err
		}
		if !got {
			return errNotThere
		}
		return nil
	})
	return raw, err
}

// inbound is the mail as the house takes it.
func (m *Mailbox) inbound(ctx context.Context, raw *mail.Spool) interaction.Inbound {
	head := mail.Parse(headOf(raw.Head()))
	facts := interaction.Facts{Peer: m.settings.Host}
	address := m.settings.Address
	for _, h := range head.Headers {
		switch strings.ToLower(h.Name) {
		case "return-path":
			if facts.Sender == "" && !facts.NullPath {
				facts.Sender = strings.Trim(h.Value, "<> \t")
				facts.NullPath = facts.Sender == ""
			}
		case "delivered-to", "x-original-to", "envelope-to", "to", "cc":
			if to := m.ours(ctx, h.Value); to != "" && address == m.settings.Address {
				address = to
			}
		}
	}
	return interaction.Inbound{
		Channel: interaction.Email, Targets: []interaction.Target{{EntryPoint: m.opts.Link.EntryPoint, Address: address}},
		Identity: raw.Identity(), Facts: facts, Raw: raw.Reader(), Size: raw.Size(),
	}
}

// ours finds the address of the entry point in a header: it may carry the token of a thread.
func (m *Mailbox) ours(ctx context.Context, value string) string {
	list := mail.ParseAddresses(value)
	for _, a := range list[:min(len(list), 20)] {
		if name, err := m.entries.EntryPoint(ctx, interaction.Email, a.Address); err == nil && name == m.opts.Link.EntryPoint {
			return a.Address
		}
	}
	return ""
}

// headOf cuts a mail behind its header.
func headOf(raw []byte) []byte {
	for _, end := range []string{"\r\n\r\n", "\n\n"} {
		if i := strings.Index(string(raw[:min(len(raw), 64<<10)]), end); i >= 0 {
			return raw[:i+len(end)]
		}
	}
	return raw[:min(len(raw), 64<<10)]
}

// afterwards does to mails that were taken what the link wants. It is no harm when it fails: they are taken.
func (m *Mailbox) afterwards(c *imapclient.Client, taken []uint32) {
	if len(taken) == 0 || m.settings.After == afterKeep {
		return
	}
	var set imap.UIDSet
	for _, uid := range taken {
		set.AddNum(imap.UID(uid))
	}
	err := m.within(c, m.opts.StepLimit, func() error {
		if folder, move := strings.CutPrefix(m.settings.After, afterMove); move {
			_, err := c.Move(set, folder).Wait()
			return err
		}
		return c.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagSeen}}, nil).Close()
	})
	if err != nil {
		m.log.Warn("mails that were taken could not be marked", "mails", len(taken), "error", err)
	}
}
