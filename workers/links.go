package workers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"parley/interaction"
)

// LinkLease is a lease with what its keeper needs to know of it.
type LinkLease interface {
	interaction.Lease
	Version() int64   // of the link's settings
	Until() time.Time // when it ends unless it is renewed
}

// LinkStore is what the links' part needs.
type LinkStore[L LinkLease] interface {
	TakeLinks(ctx context.Context, holder string, kinds []string) ([]L, error)
	FreeLinks(ctx context.Context, holder string) error
}

// linkMargin is how long before its lease ends a link is let go of when the lease could not be renewed: what it still does must be over before another begins.
const linkMargin = 3 * time.Second

// linkRenew is how often leases are renewed; linkPause how long a link rests that gave up.
const (
	linkRenew = 2 * time.Second
	linkPause = 5 * time.Second
)

// Links works on the links whose leases this process holds. Several processes may run it: each link is worked on by one of them, and taken over
// within seconds when that one dies, which moves nothing any more even if it only stood still (architecture rule 12).
type Links[L LinkLease] struct {
	Store  LinkStore[L]
	Holder string // names this process; unique
	Kinds  []string
	Open   func(interaction.Link) (interaction.Puller, error)
	Log    *slog.Logger

	mu   sync.Mutex
	held map[string]*heldLink
}

// heldLink is one link at work.
type heldLink struct {
	epoch, version int64
	entryPoint     string
	sender         atomic.Pointer[interaction.Sender] // what sends over the line while it is open
	end            *time.Timer                        // ends it when its lease is not renewed in time
	over           context.Context                    // ends when its work shall end
	stop           context.CancelFunc
	done           chan struct{}
}

// is reports whether this is the work on the lease, and goes on.
func (h *heldLink) is(l LinkLease) bool {
	return h.over.Err() == nil && l.Epoch() == h.epoch && l.Version() == h.version
}

// Run works until the context ends, and gives the leases back.
func (l *Links[L]) Run(ctx context.Context) error {
	if len(l.Kinds) == 0 {
		<-ctx.Done()
		return nil
	}
	err := loop(ctx, l.Log, "links", nil, linkRenew, func(ctx context.Context) (bool, error) {
		leases, err := l.Store.TakeLinks(ctx, l.Holder, l.Kinds)
		if err != nil {
			return false, err
		}
		l.keep(ctx, leases)
		return false, nil
	})
	l.keep(ctx, nil)
	freeing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := l.Store.FreeLinks(freeing, l.Holder); err != nil {
		l.Log.Warn("leases of links run out by themselves", "error", err)
	}
	return err
}

// keep stops what is no longer ours or has other settings now, and begins what is new.
func (l *Links[L]) keep(ctx context.Context, leases []L) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = map[string]*heldLink{}
	}
	now := map[string]L{}
	for _, lease := range leases {
		now[lease.Link().Name] = lease
	}
	for name, h := range l.held {
		if lease, ours := now[name]; ours && h.is(lease) {
			h.end.Reset(time.Until(lease.Until()) - linkMargin)
			continue
		}
		h.stop()
	}
	for name, h := range l.held { // all of them were told before the first is waited for
		if lease, ours := now[name]; ours && h.is(lease) {
			delete(now, name)
			continue
		}
		<-h.done
		delete(l.held, name)
	}
	for name, lease := range now {
		l.held[name] = l.begin(ctx, lease)
	}
}

func (l *Links[L]) begin(ctx context.Context, lease L) *heldLink {
	ctx, stop := context.WithCancel(ctx)
	h := &heldLink{
		epoch: lease.Epoch(), version: lease.Version(), entryPoint: lease.Link().EntryPoint, over: ctx, stop: stop, done: make(chan struct{}),
		end: time.AfterFunc(time.Until(lease.Until())-linkMargin, stop),
	}
	go func() {
		defer close(h.done)
		defer h.end.Stop()
		defer stop()
		l.work(ctx, h, lease)
	}()
	return h
}

// work opens the link and pulls, again and again, until the lease is over.
func (l *Links[L]) work(ctx context.Context, h *heldLink, lease L) {
	name := lease.Link().Name
	for ctx.Err() == nil {
		puller, err := l.Open(lease.Link())
		if err == nil {
			if s, sends := puller.(interaction.Sender); sends {
				h.sender.Store(&s)
			}
			err = l.pull(ctx, puller, lease)
			h.sender.Store(nil)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			l.Log.Warn("link waits", "link", name, "error", err, "wait", linkPause)
			lease.Tell(ctx, interaction.LinkFault, err.Error())
		}
		select {
		case <-ctx.Done():
		case <-time.After(linkPause):
		}
	}
}

// pull works on a link. A panic ends its work like an error does: the other links and the rest of the process go on.
func (l *Links[L]) pull(ctx context.Context, puller interaction.Puller, lease L) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			l.Log.Error("the work on a link panicked", "link", lease.Link().Name, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			err = errPanicked
		}
	}()
	return puller.Pull(ctx, lease)
}

// errPanicked is what is told of a link whose adapter panicked.
var errPanicked = errors.New("a part of parley failed over what the link brought; see the log")

// Sender gives what sends over the entry point's lines that this process holds, one that is up if there is any; nil: another process holds them, or nobody.
func (l *Links[L]) Sender(entryPoint string) interaction.Sender {
	l.mu.Lock()
	defer l.mu.Unlock()
	var any interaction.Sender
	for _, h := range l.held {
		if s := h.sender.Load(); s != nil && h.entryPoint == entryPoint {
			if line, ok := (*s).(interaction.Line); !ok || line.Ready() {
				return *s
			}
			any = *s
		}
	}
	return any
}
