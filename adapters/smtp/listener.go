package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"parley/interaction"
)

// Options set a Listener up. The zero value of an optional field means its default.
type Options struct {
	Addr          string         // address to listen on, e.g. "127.0.0.1:2525"
	Hostname      string         // name in the greeting
	TLSConfig     *tls.Config    // nil: no STARTTLS
	MaxSize       int64          // bytes of one mail; default 30 MiB
	MaxRecipients int            // of one mail; default 200, at least 100 (RFC 5321 section 4.5.3.1.8)
	MaxSessions   int            // connections at a time; default 500
	PerAddress    int            // of them from one address, or IPv6 network of 64 bits; default 50
	PerMinute     int            // new connections of one address in a minute; default 120
	Trusted       []netip.Prefix // addresses that the two limits are not for, such as an own relay's; default this machine
	Tarpit        time.Duration  // that an answer is held back for each refusal beyond ten; default 1 second, negative: never
	IdleTimeout   time.Duration  // between two commands, and between two pieces of a mail; default 5 minutes
	DataTimeout   time.Duration  // for all of one mail; default 30 minutes
	AcceptTimeout time.Duration  // for the inbox, and for one look at the entry points; default 4.5 seconds
	SpoolDir      string         // for mail beyond 256 KiB; default the system's temporary folder
	Logger        *slog.Logger
}

func (o *Options) defaults() {
	setDefault(&o.MaxSize, 30<<20)
	setDefault(&o.MaxRecipients, 200)
	setDefault(&o.MaxSessions, 500)
	setDefault(&o.PerAddress, 50)
	setDefault(&o.PerMinute, 120)
	setDefault(&o.Tarpit, time.Second)
	if o.Trusted == nil {
		o.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	}
	setDefault(&o.IdleTimeout, 5*time.Minute)
	setDefault(&o.DataTimeout, 30*time.Minute)
	setDefault(&o.AcceptTimeout, 4500*time.Millisecond)
	setDefault(&o.SpoolDir, os.TempDir())
	setDefault(&o.Logger, slog.Default())
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// validate gives everything that is wrong at once.
func (o *Options) validate() error {
	var errs []error
	if _, _, err := net.SplitHostPort(o.Addr); err != nil {
		errs = append(errs, fmt.Errorf("addr %q: %w", o.Addr, err))
	}
	if o.Hostname == "" || strings.ContainsAny(o.Hostname, " \r\n") {
		errs = append(errs, errors.New("hostname: give the name that this server has in the network"))
	}
	if o.MaxSize < 64<<10 {
		errs = append(errs, fmt.Errorf("max size %d: less than 64 KiB is no mail server (RFC 5321 section 4.5.3.1.7)", o.MaxSize))
	}
	if o.MaxRecipients < 100 {
		errs = append(errs, fmt.Errorf("max recipients %d: at least 100 are needed (RFC 5321 section 4.5.3.1.8)", o.MaxRecipients))
	}
	if info, err := os.Stat(o.SpoolDir); err != nil || !info.IsDir() {
		errs = append(errs, fmt.Errorf("spool dir %q is not a folder", o.SpoolDir))
	}
	for name, d := range map[string]time.Duration{"idle": o.IdleTimeout, "data": o.DataTimeout, "accept": o.AcceptTimeout} {
		if d < 0 {
			errs = append(errs, fmt.Errorf("%s timeout %v is negative", name, d))
		}
	}
	for name, n := range map[string]int{"max sessions": o.MaxSessions, "per address": o.PerAddress, "per minute": o.PerMinute} {
		if n < 1 {
			errs = append(errs, fmt.Errorf("%s %d: at least 1 is needed", name, n))
		}
	}
	return errors.Join(errs...)
}

// Listener is the way in.
type Listener struct {
	opts    Options
	inbox   interaction.Inbox
	entries interaction.EntryPoints
	log     *slog.Logger

	gate     gate
	mu       sync.Mutex
	servers  []*smtp.Server // for clients in clear, and for those that have brought up TLS
	listener net.Listener
	secured  *handover
	base     context.Context // of all sessions; ends when Stop has waited long enough
	cancel   context.CancelFunc
	served   sync.WaitGroup
	conns    map[*conn]struct{}
	stopping bool
}

var _ interaction.Adapter = (*Listener)(nil)

// New checks the options, and says everything that is wrong with them. Nothing listens yet.
func New(opts Options, inbox interaction.Inbox, entries interaction.EntryPoints) (*Listener, error) {
	opts.defaults()
	if err := opts.validate(); err != nil {
		return nil, fmt.Errorf("smtp listener: %w", err)
	}
	if inbox == nil || entries == nil {
		return nil, errors.New("smtp listener: needs an inbox and entry points")
	}
	return &Listener{
		opts: opts, inbox: inbox, entries: entries, log: opts.Logger.With("adapter", "smtp"), conns: map[*conn]struct{}{},
		gate: gate{perAddress: opts.PerAddress, perMinute: opts.PerMinute, trusted: opts.Trusted},
	}, nil
}

// Start listens, and returns. The context is needed for that only.
func (l *Listener) Start(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.servers != nil || l.stopping {
		return errors.New("smtp listener: was started before")
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", l.opts.Addr)
	if err != nil {
		return fmt.Errorf("smtp listener: %w", err)
	}
	l.listener = ln
	l.base, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	l.secured = newHandover(ln.Addr())
	l.serve(l.newServer(l.opts.TLSConfig), &acceptor{Listener: ln, owner: l})
	l.serve(l.newServer(nil), l.secured)
	return nil
}

func (l *Listener) serve(server *smtp.Server, clients net.Listener) {
	l.servers = append(l.servers, server)
	l.served.Go(func() {
		if err := server.Serve(clients); err != nil && !errors.Is(err, net.ErrClosed) {
			l.log.Error("smtp listener ended", "error", err)
		}
	})
}

// newServer makes the part that knows the commands. It offers STARTTLS where there is a configuration for it, and never sees it: guard does that.
func (l *Listener) newServer(offer *tls.Config) *smtp.Server {
	s := smtp.NewServer(smtp.BackendFunc(l.newSession))
	s.Domain = l.opts.Hostname
	s.TLSConfig = offer
	s.MaxMessageBytes = l.opts.MaxSize
	s.MaxRecipients = l.opts.MaxRecipients
	s.MaxLineLength = 0 // guard bounds commands, and reads mails itself
	s.EnableSMTPUTF8 = true
	s.ErrorLog = serverLog{l.log}
	return s
}

// Addr is where it listens, once it was started.
func (l *Listener) Addr() net.Addr {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.listener == nil {
		return nil
	}
	return l.listener.Addr()
}

// Stop takes no more connections, tells idle clients 421, lets a mail that is
// being received come to its answer as long as the context allows, and then
// cuts the rest off: what has no answer is repeated by its sender.
func (l *Listener) Stop(ctx context.Context) error {
	l.mu.Lock()
	l.stopping = true
	servers, open := l.servers, make([]*conn, 0, len(l.conns))
	for c := range l.conns {
		open = append(open, c)
	}
	l.mu.Unlock()
	if servers == nil {
		return nil
	}
	l.listener.Close() // the server may not know it yet, and would never stop then
	for _, c := range open {
		c.dismiss()
	}
	var err error
	for _, server := range servers {
		if failed := server.Shutdown(ctx); failed != nil && !errors.Is(failed, smtp.ErrServerClosed) && !errors.Is(failed, net.ErrClosed) {
			err = failed
		}
	}
	l.cancel()
	l.secured.Close()
	l.mu.Lock()
	for c := range l.conns {
		c.Conn.Close()
	}
	l.mu.Unlock()
	served := make(chan struct{})
	go func() { l.served.Wait(); close(served) }()
	select {
	case <-served:
	case <-ctx.Done():
	}
	if err != nil {
		return fmt.Errorf("smtp listener: sessions were cut off: %w", err)
	}
	return nil
}

// serverLog takes what go-smtp has to say. Clients that go away are no error of ours.
type serverLog struct{ log *slog.Logger }

func (s serverLog) Printf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	if strings.HasPrefix(format, "panic") {
		s.log.Error("smtp session", "text", text)
		return
	}
	s.log.Debug("smtp session", "text", text)
}

func (s serverLog) Println(v ...any) { s.log.Debug("smtp session", "text", fmt.Sprint(v...)) }
