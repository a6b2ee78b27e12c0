package smtp

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// How long and how often a line serves.
const (
	maxRest   = 15 * time.Second // between two mails
	maxServed = 100              // mails
	maxWait   = 20 * time.Second // for a line, where there are as many as there may be
	longest   = 5 * time.Minute  // that a server is left alone which could not be reached
)

// pool keeps lines open to where mail went a moment ago, bounds how many there are to each destination, and leaves one alone for a while that
// cannot be reached, so that a thousand mails for it do not wait for a thousand time-outs.
type pool struct {
	mu    sync.Mutex
	dests map[string]*destination
}

// destination is a smart host or a domain.
type destination struct {
	name  string
	slots chan struct{} // a place for each line

	mu       sync.Mutex
	idle     []*line
	failures int
	until    time.Time // nothing is tried before
}

// line is a session that is ready for mail.
type line struct {
	client *smtp.Client
	raw    net.Conn
	dest   *destination
	used   int
	sweep  *time.Timer
	free   func() bool // stops the guard of the context
}

func (p *pool) destination(name string, atATime int) *destination {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dests == nil {
		p.dests = map[string]*destination{}
	}
	d := p.dests[name]
	if d == nil {
		p.forget()
		d = &destination{name: name, slots: make(chan struct{}, atATime)}
		p.dests[name] = d
	}
	return d
}

// maxDestinations bounds what is remembered; those in use or left alone stay.
const maxDestinations = 10_000

func (p *pool) forget() {
	if len(p.dests) < maxDestinations {
		return
	}
	for name, d := range p.dests {
		d.mu.Lock()
		if len(d.slots) == 0 && now().After(d.until) {
			delete(p.dests, name)
		}
		d.mu.Unlock()
	}
}

// line gives one that rests, or opens one.
func (p *pool) line(ctx context.Context, s *Sender, h hop) (*line, error) {
	d := p.destination(h.name, s.opts.AtATime)
	wait := time.NewTimer(maxWait)
	defer wait.Stop()
	select {
	case d.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-wait.C:
		return nil, errBusy
	}
	if l := d.wake(ctx); l != nil {
		return l, nil
	}
	return p.open(ctx, s, h, d)
}

// fresh opens a line in place of one that had been closed by the other side.
func (p *pool) fresh(ctx context.Context, s *Sender, h hop) (*line, error) {
	d := p.destination(h.name, s.opts.AtATime)
	select {
	case d.slots <- struct{}{}:
		return p.open(ctx, s, h, d)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// open tries the hosts one after the other; the place in slots is ours already.
func (p *pool) open(ctx context.Context, s *Sender, h hop, d *destination) (l *line, err error) {
	defer func() {
		if err != nil {
			<-d.slots
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if d.resting() {
		return nil, errResting
	}
	for _, host := range h.hosts {
		if l, err = s.dial(ctx, host, h); err == nil {
			l.dest = d
			d.reached(true)
			return l, nil
		}
		if ctx.Err() != nil {
			return nil, err
		}
		s.log.Info("mail server not reached", "error", err)
	}
	d.reached(false)
	return nil, err
}

func (d *destination) resting() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return now().Before(d.until)
}

// reached notes how a try went: each one that failed doubles the pause, beginning with a second.
func (d *destination) reached(ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ok {
		d.failures, d.until = 0, time.Time{}
		return
	}
	d.until = now().Add(min(time.Second<<min(d.failures, 10), longest))
	d.failures++
}

// wake takes a line that rests.
func (d *destination) wake(ctx context.Context) *line {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.idle) > 0 {
		l := d.idle[len(d.idle)-1]
		d.idle = d.idle[:len(d.idle)-1]
		if l.sweep.Stop() {
			l.guard(ctx)
			return l
		}
	}
	return nil
}

// guard cuts the line off when the context ends.
func (l *line) guard(ctx context.Context) { l.free = context.AfterFunc(ctx, func() { l.raw.Close() }) }

// rest keeps the line for the next mail, for a while.
func (l *line) rest() {
	l.used++
	if !l.free() || l.used >= maxServed {
		l.quit()
		<-l.dest.slots
		return
	}
	l.dest.mu.Lock()
	l.dest.idle = append(l.dest.idle, l)
	l.sweep = time.AfterFunc(maxRest, func() {
		l.dest.remove(l)
		l.quit()
	})
	l.dest.mu.Unlock()
	<-l.dest.slots
}

func (d *destination) remove(l *line) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, other := range d.idle {
		if other == l {
			d.idle = append(d.idle[:i], d.idle[i+1:]...)
			return
		}
	}
}

// leave closes the line with a goodbye.
func (l *line) leave() {
	if l.free() {
		l.quit()
	}
	l.raw.Close()
	<-l.dest.slots
}

// drop closes the line without a word.
func (l *line) drop() {
	l.free()
	l.raw.Close()
	<-l.dest.slots
}

// quit says goodbye. What is known is known: a missing answer changes nothing.
func (l *line) quit() {
	l.client.CommandTimeout = min(l.client.CommandTimeout, 2*time.Second)
	_ = l.client.Quit()
	l.raw.Close()
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range p.dests {
		d.mu.Lock()
		for _, l := range d.idle {
			if l.sweep.Stop() {
				l.quit()
			}
		}
		d.idle = nil
		d.mu.Unlock()
	}
}

// dial opens a session with a host that is ready for mail. Where TLS is only wished for and does not come about, it is opened once more in clear.
func (s *Sender) dial(ctx context.Context, addr string, h hop) (*line, error) {
	l, err := s.dialWith(ctx, addr, h, h.tls)
	if errors.Is(err, errNoTLS) && h.tls == TLSOpportunistic && ctx.Err() == nil {
		return s.dialWith(ctx, addr, h, TLSNone)
	}
	return l, err
}

func (s *Sender) dialWith(ctx context.Context, addr string, h hop, policy TLSPolicy) (*line, error) {
	raw, err := s.connect(ctx, addr, h.known)
	if err != nil {
		return nil, err
	}
	l := &line{raw: raw}
	l.guard(ctx)
	host, _, _ := net.SplitHostPort(addr)
	conn, err := s.protect(ctx, &steps{Conn: raw, timeout: s.opts.StepTimeout}, policy, host)
	if err == nil {
		l.client = smtp.NewClient(conn)
		l.client.CommandTimeout, l.client.SubmissionTimeout = s.opts.StepTimeout, s.opts.AnswerTimeout
		if err = l.client.Hello(s.opts.Hostname); err == nil {
			err = s.authenticate(l.client)
		}
	}
	if err != nil {
		l.free()
		raw.Close()
		return nil, err
	}
	return l, nil
}

// connect reaches a host at one of its addresses.
func (s *Sender) connect(ctx context.Context, addr string, configured bool) (conn net.Conn, err error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: s.opts.StepTimeout}
	if configured {
		return dialer.DialContext(ctx, "tcp", addr)
	}
	addresses, err := s.addresses(ctx, host, configured)
	for _, a := range addresses[:min(len(addresses), maxHosts)] {
		if conn, err = dialer.DialContext(ctx, "tcp", net.JoinHostPort(a.String(), port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// authenticate uses what the host offers of PLAIN and LOGIN.
func (s *Sender) authenticate(client *smtp.Client) error {
	switch {
	case s.opts.User == "":
		return nil
	case client.SupportsAuth("PLAIN"):
		return client.Auth(sasl.NewPlainClient("", s.opts.User, s.opts.Password))
	case client.SupportsAuth("LOGIN"):
		return client.Auth(sasl.NewLoginClient(s.opts.User, s.opts.Password))
	}
	return errors.New("the smart host offers neither AUTH PLAIN nor LOGIN")
}
