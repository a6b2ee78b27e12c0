package smtp

import (
	"net"
	"sync"
	"time"
)

// acceptor hands connections with our deadlines to the server, and turns clients away beyond the limit.
type acceptor struct {
	net.Listener
	owner *Listener
}

// Accept waits for the next client that there is room for.
func (a *acceptor) Accept() (net.Conn, error) {
	for {
		raw, err := a.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c, refusal := a.owner.admit(raw)
		if c != nil {
			return newGuard(c, c), nil
		}
		raw.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = raw.Write([]byte(refusal))
		raw.Close()
	}
}

// admit counts a connection in, or says why there is no room for it.
func (l *Listener) admit(raw net.Conn) (c *conn, refusal string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopping || len(l.conns) >= l.opts.MaxSessions {
		return nil, "421 4.3.2 Too many connections, try again later\r\n"
	}
	if refusal := l.gate.enter(raw.RemoteAddr(), time.Now()); refusal != "" {
		return nil, refusal
	}
	c = &conn{Conn: raw, owner: l, idle: l.opts.IdleTimeout}
	l.conns[c] = struct{}{}
	return c, ""
}

// conn sets a deadline for each read and write: go-smtp's own read deadline
// starts with a command and would end a long mail on a slow line in the middle.
// A whole mail has a deadline too, so that nobody holds a session by a byte a minute.
type conn struct {
	net.Conn
	owner *Listener
	idle  time.Duration

	mu        sync.Mutex
	cut       time.Time // no read beyond this; zero: no limit
	out       net.Conn  // where an answer is written: itself, or the TLS connection on it
	receiving bool      // a mail is on its way in: Stop lets it end
}

// Read is one read within both deadlines.
func (c *conn) Read(b []byte) (int, error) {
	deadline := time.Now().Add(c.idle)
	c.mu.Lock()
	if !c.cut.IsZero() && c.cut.Before(deadline) {
		deadline = c.cut
	}
	c.mu.Unlock()
	if err := c.Conn.SetReadDeadline(deadline); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

// Write is one write within the idle time.
func (c *conn) Write(b []byte) (int, error) {
	if err := c.Conn.SetWriteDeadline(time.Now().Add(c.idle)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// Close counts the connection out. It may be called twice.
func (c *conn) Close() error {
	c.owner.mu.Lock()
	_, here := c.owner.conns[c]
	delete(c.owner.conns, c)
	c.owner.mu.Unlock()
	if here {
		c.owner.gate.leave(c.RemoteAddr())
	}
	return c.Conn.Close()
}

// receive begins a mail, which must be here within d.
func (c *conn) receive(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut, c.receiving = time.Now().Add(d), true
}

// hurry shortens the time for what is left of a mail that is refused already.
func (c *conn) hurry(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := time.Now().Add(d); c.cut.IsZero() || at.Before(c.cut) {
		c.cut = at
	}
}

// received ends a mail, after its answer was written.
func (c *conn) received() {
	c.mu.Lock()
	c.cut, c.receiving = time.Time{}, false
	c.mu.Unlock()
	c.owner.mu.Lock()
	stopping := c.owner.stopping
	c.owner.mu.Unlock()
	if stopping {
		c.dismiss()
	}
}

// answersOn says where answers are written from now on.
func (c *conn) answersOn(out net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = out
}

// dismiss says 421 and closes, unless a mail is being received. The close is
// what ends the session: its goroutine waits in a read.
func (c *conn) dismiss() {
	c.mu.Lock()
	out, receiving := c.out, c.receiving
	c.mu.Unlock()
	if receiving {
		return
	}
	c.Conn.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = out.Write([]byte("421 4.3.2 This server is stopping, try again later\r\n"))
	c.Conn.Close()
}
