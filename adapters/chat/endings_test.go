package chat

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// E5: who does not read is cut off when his buffer is full; nobody waits for him, and he resumes by number.
func TestASlowReaderIsCut(t *testing.T) {
	p := newHouse(t).process(true, Options{AgentPerSecond: 100000, AgentBurst: 100000})
	c := p.openChat()
	_, token, _ := p.answered(c, "ann")
	slow, _ := p.connect(c, 1)
	quick, _ := p.connect(c, 1)
	ann := p.desk(token, c, 1)
	text := strings.Repeat("x", 4000)
	sent := 0
	cut := func() bool {
		p.adapter.mu.Lock()
		defer p.adapter.mu.Unlock()
		return len(p.adapter.conns) < 3
	}
	for !cut() && sent < 5000 { // the kernel's own buffers are full first
		sent++
		ann.send(out{"type": "text", "session": c.session, "client_id": fmt.Sprint(sent), "text": text})
		quick.hears(fmt.Sprintf("%d text %s", sent+1, text))
		ann.hears(fmt.Sprintf("%d text %s", sent+1, text))
		for conn := range p.conns() {
			conn.mu.Lock()
			require.LessOrEqual(t, conn.size, maxBuffer)
			conn.mu.Unlock()
		}
		if p.refusing(slow) {
			break
		}
	}
	heard := 1
	for {
		f, err := slow.read(20 * time.Second)
		if err != nil {
			require.Equal(t, websocket.StatusTryAgainLater, websocket.CloseStatus(err), err)
			break
		}
		heard++
		require.EqualValues(t, heard, f["message"].(out)["number"])
	}
	require.Less(t, heard, sent+1)
	again, welcome := p.connect(c, int64(heard))
	require.Equal(t, true, welcome["resumed"])
	for n := heard + 1; n <= sent+1; n++ {
		again.hears(fmt.Sprintf("%d text %s", n, text))
	}
}

// conns gives the connections there are.
func (p *process) conns() map[*conn]bool {
	p.adapter.mu.Lock()
	defer p.adapter.mu.Unlock()
	all := map[*conn]bool{}
	for c := range p.adapter.conns {
		all[c] = true
	}
	return all
}

// refusing reports whether a connection has been given up for being too slow.
func (p *process) refusing(*client) bool {
	for c := range p.conns() {
		c.mu.Lock()
		given := c.closed && c.code == websocket.StatusTryAgainLater
		c.mu.Unlock()
		if given {
			return true
		}
	}
	return false
}

// K4: a server that stops tells everybody to come again, and answers what it has taken.
func TestStoppingTellsEverybody(t *testing.T) {
	p := newHouse(t).process(true, Options{})
	c := p.openChat()
	_, token, _ := p.answered(c, "ann")
	kim, _ := p.connect(c, 1)
	ann := p.desk(token, c, 1)
	polled := make(chan map[string]any, 1)
	go func() {
		_, got := p.request("GET", "/in/web/sessions/"+c.session+"/frames?since=1", "", "Authorization", "Bearer "+c.token)
		polled <- got
	}()
	kim.send(out{"type": "text", "client_id": "k", "text": "Hello"})
	require.EqualValues(t, 2, kim.expect("ack")["number"])
	require.NotEmpty(t, (<-polled)["frames"])
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- p.adapter.Stop(ctx) }()
	require.Equal(t, "restarting", kim.expect("bye")["code"])
	require.Equal(t, websocket.StatusServiceRestart, kim.closed())
	ann.hears("2 text Hello")
	require.Equal(t, "restarting", ann.expect("bye")["code"])
	require.Equal(t, websocket.StatusServiceRestart, ann.closed())
	require.NoError(t, <-stopped)
	require.NoError(t, p.adapter.Stop(ctx), "twice")
	status, got := p.request("POST", "/in/web/sessions/"+c.session+"/frames", `{"frames":[{"type":"ping"}]}`, "Authorization", "Bearer "+c.token)
	require.Equal(t, 503, status, got)
}

// C-22: a connection that has died without a word is found within two intervals, and the agent hears that the customer is gone.
func TestAHalfOpenConnectionIsFound(t *testing.T) {
	const interval = 500 * time.Millisecond
	p := newHouse(t).process(true, Options{PingInterval: interval})
	c := p.openChat()
	_, token, _ := p.answered(c, "ann")
	ann := p.desk(token, c, 1)
	reading := make(chan out, 1)
	go func() { reading <- ann.expectPresence(false) }()
	tcp, err := net.Dial("tcp", strings.TrimPrefix(p.server.URL, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { tcp.Close() })
	fmt.Fprintf(tcp, "GET /in/web/socket HTTP/1.1\r\nHost: x\r\nOrigin: http://x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: %s\r\n\r\n", Subprotocol)
	hello := fmt.Sprintf(`{"type":"hello","session":"%s","token":"%s"}`, c.session, c.token)
	require.Less(t, len(hello), 126)
	_, err = tcp.Write(append([]byte{0x81, 0x80 | byte(len(hello)), 0, 0, 0, 0}, hello...)) // masked with zeros
	require.NoError(t, err)
	in := bufio.NewReader(tcp)
	line, err := in.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "101")
	require.Eventually(t, func() bool { return len(p.conns()) == 2 }, 10*time.Second, time.Millisecond)
	begun := time.Now()
	require.Eventually(t, func() bool { return len(p.conns()) == 1 }, 20*time.Second, time.Millisecond, "it never answers a ping")
	require.Less(t, time.Since(begun), 2*interval+keepEvery+patience)
	require.Equal(t, out{"role": "customer", "name": "Kim"}, (<-reading)["from"])

	back, _ := p.connect(c, 1)
	require.Equal(t, true, ann.expectPresence(true)["on"])
	_ = back
}

func (c *client) expectPresence(on bool) out {
	c.t.Helper()
	for {
		f := c.expect("presence")
		if f["on"] == on {
			return f
		}
	}
}

func TestLongPolling(t *testing.T) {
	p := newHouse(t).process(true, Options{})
	c := p.openChat()
	bearer := []string{"Authorization", "Bearer " + c.token}
	frames := func(query string) []any {
		t.Helper()
		status, got := p.request("GET", "/in/web/sessions/"+c.session+"/frames"+query, "", bearer...)
		require.Equal(t, 200, status, got)
		return got["frames"].([]any)
	}
	send := func(frames string) []any {
		t.Helper()
		status, got := p.request("POST", "/in/web/sessions/"+c.session+"/frames", `{"frames":[`+frames+`]}`, bearer...)
		require.Equal(t, 200, status, got)
		return got["frames"].([]any)
	}
	first := frames("")
	require.Equal(t, "welcome", first[0].(out)["type"])
	answers := send(`{"type":"text","client_id":"a","text":"one"},{"type":"typing","on":true},{"type":"nonsense"},{"type":"text","client_id":"b","text":"two"}`)
	require.Len(t, answers, 3)
	codes := map[any]any{}
	for _, a := range answers {
		f := a.(out)
		codes[f["type"]] = f["code"]
		if f["type"] == "ack" {
			codes[f["client_id"]] = f["number"]
		}
	}
	require.Equal(t, map[any]any{"ack": nil, "a": 1.0, "b": 2.0, "error": "unknown_type"}, codes)
	require.Len(t, frames("?since=0"), 2)
	require.Len(t, frames("?since=1"), 1)

	waiting := make(chan []any, 1)
	go func() { waiting <- frames("?since=2") }()
	require.Eventually(t, func() bool {
		r := p.adapter.hub.find(c.id())
		if r == nil {
			return false
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.listeners) == 1
	}, 10*time.Second, time.Millisecond)
	send(`{"type":"text","client_id":"c","text":"three"}`)
	got := (<-waiting)[0].(out)
	require.EqualValues(t, 3, got["message"].(out)["number"])
	for query, want := range map[string]int{"?since=x": 422, "?since=-1": 422} {
		status, _ := p.request("GET", "/in/web/sessions/"+c.session+"/frames"+query, "", bearer...)
		require.Equal(t, want, status)
	}
	send(`{"type":"end"}`)
	over := frames("?since=3")
	require.Equal(t, "bye", over[len(over)-1].(out)["type"])
}

func TestFiles(t *testing.T) { // C-25
	h := newHouse(t)
	h.exec(`update entry_points set chat = '{"max_file_bytes": 1000, "max_files": 4}' where name = 'web'`)
	p := h.process(true, Options{})
	c, other := p.openChat(), p.openChat()
	bearer := []string{"Authorization", "Bearer " + c.token}
	path := "/in/web/sessions/" + c.session + "/files"
	kim, _ := p.connect(c, -1)
	for query, want := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"?name=a.txt&sha256=00": {"hello", 422, "bad_file"},
		"?name=big.txt":         {strings.Repeat("x", 1001), 422, "file_too_large"},
		"?name=empty.txt":       {"", 422, "bad_file"},
	} {
		status, got := p.request("POST", path+query, want.body, bearer...)
		require.Equal(t, want.status, status, got)
		require.Equal(t, want.code, got["code"])
	}
	status, got := p.request("POST", path+"?name=..%2F..%2Fetc%2Fdrawing.svg", `<svg onload="alert(1)">`, append(bearer, "Content-Type", "image/svg+xml")...)
	require.Equal(t, 201, status, got)
	require.Equal(t, "drawing.svg", got["name"])
	require.NotContains(t, got["type"], "svg", "told by its content")
	kim.send(out{"type": "file", "client_id": "f", "upload": got["upload"]})
	file := kim.expect("message")["message"].(out)["file"].(out)
	require.Equal(t, got["upload"], file["upload"])
	status, bytes := p.request("GET", path+"/"+got["upload"].(string), "", bearer...)
	require.Equal(t, 200, status)
	require.Equal(t, `<svg onload="alert(1)">`, bytes["bytes"])
	status, _ = p.request("GET", "/in/web/sessions/"+other.session+"/files/"+got["upload"].(string), "", "Authorization", "Bearer "+other.token)
	require.Equal(t, 404, status)
	for _, id := range []string{"x", string(interaction.NewID())} {
		status, _ = p.request("GET", path+"/"+id, "", bearer...)
		require.Equal(t, 404, status)
	}
}
