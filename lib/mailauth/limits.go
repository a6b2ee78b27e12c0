package mailauth

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// limits are what one mail may cost.
type limits struct {
	lookups, signatures int
	timeout             time.Duration
}

func (c *Checker) limits() limits {
	l := limits{c.Lookups, c.Signatures, c.Timeout}
	if l.lookups == 0 {
		l.lookups = 10
	}
	if l.signatures == 0 {
		l.signatures = 5
	}
	if l.timeout == 0 {
		l.timeout = 5 * time.Second
	}
	return l
}

// errBudget is what a look-up beyond the budget answers.
var errBudget = errors.New("too many look-ups for one mail")

// budget is a resolver that answers only so often. The same TXT name is asked for once.
type budget struct {
	Resolver

	mu      sync.Mutex
	left    int
	refused bool
	txt     map[string]answer
}

type answer struct {
	values []string
	err    error
}

func (b *budget) take() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left <= 0 {
		b.refused = true
		return &net.DNSError{Err: errBudget.Error(), IsTemporary: true}
	}
	b.left--
	return nil
}

// spent reports whether a look-up was refused, or no time is left.
func (b *budget) spent(ctx context.Context) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refused || ctx.Err() != nil
}

// LookupTXT asks for the TXT records of a name.
func (b *budget) LookupTXT(ctx context.Context, name string) ([]string, error) {
	b.mu.Lock()
	known, ok := b.txt[name]
	b.mu.Unlock()
	if ok {
		return known.values, known.err
	}
	if err := b.take(); err != nil {
		return nil, err
	}
	values, err := b.Resolver.LookupTXT(ctx, name)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.txt == nil {
		b.txt = map[string]answer{}
	}
	b.txt[name] = answer{values, err}
	return values, err
}

// LookupMX asks for the mail servers of a domain.
func (b *budget) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	if err := b.take(); err != nil {
		return nil, err
	}
	return b.Resolver.LookupMX(ctx, name)
}

// LookupIPAddr asks for the addresses of a host.
func (b *budget) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	if err := b.take(); err != nil {
		return nil, err
	}
	return b.Resolver.LookupIPAddr(ctx, host)
}

// LookupAddr asks for the names of an address.
func (b *budget) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	if err := b.take(); err != nil {
		return nil, err
	}
	return b.Resolver.LookupAddr(ctx, addr)
}
