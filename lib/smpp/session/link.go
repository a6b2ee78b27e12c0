package session

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"parley/lib/smpp"
)

// LinkOptions describe a link to a carrier.
type LinkOptions struct {
	Options
	Dial     func(ctx context.Context) (net.Conn, error)
	Bind     smpp.Bind
	Separate bool    // a transmitter and a receiver instead of one transceiver
	Rate     float64 // requests a second; default 10
	Binds    *Binds  // shared by all links of a process; nil: a pace of its own

	// Changed is told when a leg of the link comes up or goes down, with the reason. It must not block. Optional.
	Changed func(up bool, command smpp.Command, cause error)
}

// Link is a customer's standing connection to a carrier: it binds, and binds again whenever it was cut, with pauses that grow to a minute.
type Link struct {
	options LinkOptions
	turns   *turnstile

	mu sync.Mutex
	tx *Conn // nil while it is down
}

// NewLink makes a link; Run brings it to life.
func NewLink(o LinkOptions) *Link {
	o.Options = o.withDefaults()
	if o.Rate <= 0 {
		o.Rate = 10
	}
	if o.Binds == nil {
		o.Binds = new(Binds)
	}
	if o.Bind.InterfaceVersion == 0 {
		o.Bind.InterfaceVersion = 0x34
	}
	return &Link{options: o, turns: newTurnstile(o.Window, o.Rate)}
}

// Run keeps the link up until the context ends, then unbinds.
func (l *Link) Run(ctx context.Context) error {
	legs := []smpp.Command{smpp.BindTransceiver}
	if l.options.Separate {
		legs = []smpp.Command{smpp.BindTransmitter, smpp.BindReceiver}
	}
	var wg sync.WaitGroup
	for _, command := range legs {
		wg.Go(func() { l.keep(ctx, command) })
	}
	wg.Wait()
	return context.Cause(ctx)
}

// Pauses between tries to bind.
const (
	firstRetry = time.Second
	lastRetry  = time.Minute
	steady     = 30 * time.Second // a connection that held this long begins the pauses anew
)

// keep holds one leg.
func (l *Link) keep(ctx context.Context, command smpp.Command) {
	pause := firstRetry
	for ctx.Err() == nil {
		begun := time.Now()
		err := l.once(ctx, command)
		if ctx.Err() != nil {
			return
		}
		if time.Since(begun) > steady && !errors.Is(err, ErrBind) {
			pause = firstRetry
		}
		l.options.Log.Warn("smpp link is down", "bind", command.String(), "error", err, "again_in", pause)
		select {
		case <-ctx.Done():
		case <-time.After(jitter(pause)):
		}
		pause = min(2*pause, lastRetry)
	}
}

// jitter spreads a pause over its upper half, so that what was cut together does not come back together.
func jitter(pause time.Duration) time.Duration { return pause/2 + rand.N(pause/2+1) }

// once binds and works until the connection ends.
func (l *Link) once(ctx context.Context, command smpp.Command) error {
	if err := l.options.Binds.wait(ctx); err != nil {
		return err
	}
	conn, err := l.options.Dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	c, err := bind(ctx, conn, command, l.options.Bind, l.options.Options)
	if err != nil {
		l.tell(false, command, err)
		return err
	}
	living, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { c.Unbind(living) })
	defer stop()
	l.options.Log.Info("smpp link is up", "bind", command.String(), "carrier", c.Peer())
	if command != smpp.BindReceiver {
		l.setConn(c)
		defer l.setConn(nil)
	}
	l.tell(true, command, nil)
	err = c.run(living)
	l.tell(false, command, err)
	return errOr(err)
}

func (l *Link) tell(up bool, command smpp.Command, cause error) {
	if l.options.Changed != nil {
		l.options.Changed(up, command, cause)
	}
}

func (l *Link) setConn(c *Conn) {
	l.mu.Lock()
	l.tx = c
	l.mu.Unlock()
	l.turns.setOpen(c != nil)
}

func (l *Link) conn() *Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tx
}

// Up reports whether requests can leave at this moment.
func (l *Link) Up() bool { return l.conn() != nil }

// Submit sends a request when its turn comes, and again by itself as long as the carrier answers that it is throttled or full and the context allows:
// such an answer says that nothing was taken. age orders requests that wait, lower first: when a carrier comes back the oldest go first. begin is called
// once, immediately before the first octet leaves. Of the errors, *Lost says that nobody knows what became of the request; all others, that nothing left.
func (l *Link) Submit(ctx context.Context, p *smpp.PDU, age int64, begin func() error) (*smpp.PDU, error) {
	var last *smpp.PDU
	for {
		if err := l.turns.enter(ctx, age); err != nil {
			if last != nil { // it ran out of time while the carrier kept on saying no
				return last, nil
			}
			return nil, errors.Join(ErrDown, err)
		}
		answer, err := l.submit(ctx, p, begin)
		l.turns.leave()
		if errors.Is(err, ErrDown) && begin == nil { // begun already, and nothing left this time: as after a "not now"
			continue
		}
		if err != nil {
			return nil, err
		}
		begin, last = nil, answer
		if answer.Status != smpp.StatusThrottled && answer.Status != smpp.StatusQueueFull {
			l.turns.faster()
			return answer, nil
		}
		l.turns.slower()
	}
}

func (l *Link) submit(ctx context.Context, p *smpp.PDU, begin func() error) (*smpp.PDU, error) {
	c := l.conn()
	if c == nil {
		return nil, ErrDown
	}
	return c.Request(ctx, p, begin)
}

// Binds paces the binds of all links together: at most one a second, so that a carrier that comes back is not run over.
type Binds struct {
	mu   sync.Mutex
	next time.Time
}

func (b *Binds) wait(ctx context.Context) error {
	b.mu.Lock()
	now := time.Now()
	at := b.next
	if at.Before(now) {
		at = now
	}
	b.next = at.Add(time.Second)
	b.mu.Unlock()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(at.Sub(now)):
		return nil
	}
}
