package example

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"parley/interaction"
)

// Options set a Listener up.
type Options struct {
	Addr    string              // address to listen on
	Channel interaction.Channel // what the messages count as
	Timeout time.Duration       // for one message, and for the inbox; default 4.5 seconds
	Logger  *slog.Logger
}

// maxText is the longest message that is taken, in bytes.
const maxText = 64 << 10

// Listener is the way in.
type Listener struct {
	opts    Options
	inbox   interaction.Inbox
	entries interaction.EntryPoints

	mu       sync.Mutex
	listener net.Listener
	base     context.Context // of all sessions; its end cuts them off
	cancel   context.CancelFunc
	stopped  bool
	sessions sync.WaitGroup
}

// The compiler proves the fit to the seam.
var _ interaction.Adapter = (*Listener)(nil)

// New checks the options, and says everything that is wrong with them.
func New(opts Options, inbox interaction.Inbox, entries interaction.EntryPoints) (*Listener, error) {
	var errs []error
	if _, _, err := net.SplitHostPort(opts.Addr); err != nil {
		errs = append(errs, fmt.Errorf("addr %q: %w", opts.Addr, err))
	}
	if opts.Channel == "" {
		errs = append(errs, errors.New("channel: say what the messages count as"))
	}
	if inbox == nil || entries == nil {
		errs = append(errs, errors.New("needs an inbox and entry points"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("example listener: %w", err)
	}
	if opts.Timeout == 0 {
		opts.Timeout = 4500 * time.Millisecond
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	return &Listener{opts: opts, inbox: inbox, entries: entries}, nil
}

// Start listens, and returns. The context is needed for that only.
func (l *Listener) Start(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.listener != nil || l.stopped {
		return errors.New("example listener: was started before")
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", l.opts.Addr)
	if err != nil {
		return fmt.Errorf("example listener: %w", err)
	}
	l.listener = ln
	l.base, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	l.sessions.Go(func() { l.accept(ln) })
	return nil
}

// Addr is where it listens, once it was started.
func (l *Listener) Addr() net.Addr {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.listener.Addr()
}

// Stop takes no more connections and waits for the sessions, as long as the
// context allows; then it cuts them off. It may be called twice.
func (l *Listener) Stop(ctx context.Context) error {
	l.mu.Lock()
	l.stopped = true
	ln, cancel := l.listener, l.cancel
	l.mu.Unlock()
	if ln == nil {
		return nil
	}
	ln.Close()
	ended := make(chan struct{})
	go func() { l.sessions.Wait(); close(ended) }()
	select {
	case <-ended:
		cancel()
		return nil
	case <-ctx.Done():
		cancel()
		return fmt.Errorf("example listener: sessions were cut off: %w", ctx.Err())
	}
}

func (l *Listener) accept(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return // closed by Stop
		}
		l.sessions.Go(func() { l.serve(conn) })
	}
}

// serve takes one message. A panic in here ends this session only, without a yes.
func (l *Listener) serve(conn net.Conn) {
	defer conn.Close()
	defer func() {
		if trouble := recover(); trouble != nil {
			l.opts.Logger.Error("session broke down", "adapter", "example", "trouble", trouble)
		}
	}()
	ctx, cancel := context.WithTimeout(l.base, l.opts.Timeout)
	defer cancel()
	defer context.AfterFunc(l.base, func() { conn.Close() })()
	conn.SetReadDeadline(time.Now().Add(l.opts.Timeout))
	to, id, text, err := read(bufio.NewReader(io.LimitReader(conn, maxText)))
	if err != nil {
		return // nobody is there, or nothing that makes sense
	}
	answer := l.take(ctx, conn.RemoteAddr().String(), to, id, text)
	conn.SetWriteDeadline(time.Now().Add(l.opts.Timeout))
	_, _ = fmt.Fprintf(conn, "%s\n", answer)
}

// take says OK when the inbox has it, and translates every error: what is unknown is temporary.
func (l *Listener) take(ctx context.Context, peer, to, id, text string) string {
	name, err := l.entries.EntryPoint(ctx, l.opts.Channel, to)
	if err != nil {
		return l.refuse(err)
	}
	receipt, err := l.inbox.Accept(ctx, interaction.Inbound{
		Channel: l.opts.Channel, Targets: []interaction.Target{{EntryPoint: name, Address: to}},
		Identity: interaction.Identity(id), Facts: interaction.Facts{Peer: peer}, Raw: strings.NewReader(text), Size: int64(len(text)),
	})
	if err != nil {
		return l.refuse(err)
	}
	return "OK " + string(receipt.ID)
}

func (l *Listener) refuse(err error) string {
	l.opts.Logger.Warn("message not accepted", "adapter", "example", "kind", interaction.KindOf(err), "error", err)
	switch interaction.KindOf(err) {
	case interaction.KindInvalid, interaction.KindUnknown, interaction.KindGone, interaction.KindForbidden:
		return "NO"
	}
	return "LATER"
}

// read takes one message off the line.
func read(in *bufio.Reader) (to, id, text string, err error) {
	if to, err = word(in, "TO "); err != nil {
		return "", "", "", err
	}
	if id, err = word(in, "ID "); err != nil {
		return "", "", "", err
	}
	var b strings.Builder
	for {
		line, err := in.ReadString('\n')
		switch {
		case err != nil:
			return "", "", "", fmt.Errorf("the text did not end: %w", err)
		case line == ".\n":
			return to, id, b.String(), nil
		}
		b.WriteString(strings.TrimPrefix(line, "."))
	}
}

// word reads a line that begins so.
func word(in *bufio.Reader, prefix string) (string, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return "", err
	}
	rest, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), prefix)
	if !ok || rest == "" {
		return "", fmt.Errorf("want a line %q", prefix)
	}
	return rest, nil
}
