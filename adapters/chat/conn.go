package chat

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/coder/websocket"

	"parley/interaction"
)

// Close codes of the protocol, beside those of RFC 6455.
const (
	closeBadToken       websocket.StatusCode = 4401
	closeUnknownSession websocket.StatusCode = 4404
)

// maxBuffer is how many bytes may wait for one connection. Who takes them slower is cut off and resumes by number.
const maxBuffer = 256 << 10

// conn is one WebSocket. It has one goroutine, which reads; another one writes while there is something to write.
type conn struct {
	ws   *websocket.Conn
	base context.Context // ends when the connection is to end at once
	stop context.CancelFunc

	nextPing time.Time // of the keeper

	mu      sync.Mutex
	queue   [][]byte
	size    int
	writing bool
	closed  bool // nothing is taken any more
	code    websocket.StatusCode
	reason  string
	roomy   chan struct{} // closed when most is written; nil: nobody waits
}

func newConn(base context.Context, ws *websocket.Conn, pings time.Duration) *conn {
	c := &conn{ws: ws, nextPing: time.Now().Add(time.Duration(rand.Int64N(int64(pings))) + pings/10)}
	c.base, c.stop = context.WithCancel(base)
	ws.SetReadLimit(maxFrame)
	return c
}

// send queues a frame; it never blocks. A connection whose buffer is full is cut off.
func (c *conn) send(b []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	if c.size+len(b) > maxBuffer {
		c.shut(websocket.StatusTryAgainLater, "too slow: resume by number")
		c.queue = nil
		return false
	}
	c.queue = append(c.queue, b)
	c.size += len(b)
	if !c.writing {
		c.writing = true
		go c.write()
	}
	return true
}

// close ends the connection behind what is queued.
func (c *conn) close(code websocket.StatusCode, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.shut(code, reason)
}

// shut takes nothing more; the lock is held.
func (c *conn) shut(code websocket.StatusCode, reason string) {
	c.closed, c.code, c.reason = true, code, reason
	if c.roomy != nil {
		close(c.roomy)
		c.roomy = nil
	}
	if !c.writing || code == websocket.StatusTryAgainLater {
		go c.hangUp()
	}
}

// hangUp says goodbye. The library waits some seconds for the other side to do so, too, and then cuts the line.
func (c *conn) hangUp() {
	_ = c.ws.Close(c.code, c.reason)
	c.stop()
}

// write writes what is queued until nothing is.
func (c *conn) write() {
	for {
		c.mu.Lock()
		if len(c.queue) == 0 {
			c.queue, c.writing = nil, false
			if c.closed && c.code != websocket.StatusTryAgainLater {
				go c.hangUp()
			}
			c.mu.Unlock()
			return
		}
		b := c.queue[0]
		c.queue[0] = nil
		c.queue = c.queue[1:]
		c.mu.Unlock()
		if err := c.ws.Write(c.base, websocket.MessageText, b); err != nil {
			c.lost()
			return
		}
		c.mu.Lock()
		if c.size -= len(b); c.size <= maxBuffer/4 && c.roomy != nil {
			close(c.roomy)
			c.roomy = nil
		}
		c.mu.Unlock()
	}
}

// lost gives up a connection that broke.
func (c *conn) lost() {
	c.mu.Lock()
	c.closed, c.queue = true, nil
	if c.roomy != nil {
		close(c.roomy)
		c.roomy = nil
	}
	c.mu.Unlock()
	c.stop()
	_ = c.ws.CloseNow()
}

// spare waits until most of what is queued was written.
func (c *conn) spare(ctx context.Context) bool {
	for {
		c.mu.Lock()
		if c.closed || c.size <= maxBuffer/4 {
			defer c.mu.Unlock()
			return !c.closed
		}
		if c.roomy == nil {
			c.roomy = make(chan struct{})
		}
		roomy := c.roomy
		c.mu.Unlock()
		select {
		case <-roomy:
		case <-ctx.Done():
			return false
		}
	}
}

// wait waits for the end of a connection that is being closed, so that its goodbye gets through.
func (c *conn) wait() {
	c.mu.Lock()
	closing := c.closed && c.code != 0
	c.mu.Unlock()
	if closing {
		<-c.base.Done()
	}
}

// ping asks whether the other side is there, and gives it up if it does not answer in time.
func (c *conn) ping(timeout time.Duration) {
	ctx, cancel := context.WithTimeout(c.base, timeout)
	defer cancel()
	if err := c.ws.Ping(ctx); err != nil {
		c.lost()
	}
}

// read gives the next frame; an error ends the connection. A frame that cannot be understood is answered, and the next one is read.
func (c *conn) read(ctx context.Context) (frame, error) {
	for {
		kind, data, err := c.ws.Read(ctx)
		if err != nil {
			return frame{}, err
		}
		if kind != websocket.MessageText {
			c.close(websocket.StatusProtocolError, "frames are text")
			return frame{}, errBinary
		}
		f, err := parse(data)
		if err == nil {
			return f, nil
		}
		c.send(encode(refusal(err, "", "")))
	}
}

var errBinary = interaction.Invalid("bad_frame", "", "frames are text")

// helloTime is how long a connection may take to say who it is.
const helloTime = 10 * time.Second

// hello reads the first frame.
func (c *conn) hello(ctx context.Context) (frame, bool) {
	timer := time.AfterFunc(helloTime, func() { c.close(closeBadToken, "the first frame is hello, soon") })
	defer timer.Stop()
	f, err := c.read(ctx)
	if err != nil {
		return f, false
	}
	if f.Type != "hello" {
		c.close(closeBadToken, "the first frame is hello")
		return f, false
	}
	return f, true
}

// refuse closes with what an error says to who could not prove who he is.
func (c *conn) refuse(log *slog.Logger, err error, code websocket.StatusCode) {
	if interaction.KindOf(err) == interaction.KindUnknown {
		c.close(code, "token or session are not known")
		return
	}
	log.Warn("chat connection not taken", "adapter", "chat", "error", err)
	c.close(websocket.StatusTryAgainLater, "try again in a moment")
}
