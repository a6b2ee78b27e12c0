package chat

import (
	"fmt"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"parley/interaction"
)

func TestAConversation(t *testing.T) {
	p := newHouse(t).process(true, Options{})
	c := p.openChat()
	kim, welcome := p.connect(c, -1)
	require.Equal(t, "customer", welcome["role"])
	require.Equal(t, false, welcome["resumed"])
	require.EqualValues(t, 4096, welcome["limits"].(out)["max_text"])

	_, token, _ := p.answered(c, "ann")
	kim.hears("1 joined ")
	ann := p.desk(token, c, 0)
	ann.hears("1 joined ")

	kim.send(out{"type": "text", "client_id": "k1", "text": "Hello"})
	require.EqualValues(t, 2, kim.expect("ack")["number"])
	ann.hears("2 text Hello")
	ann.send(out{"type": "typing", "session": c.session, "on": true})
	typing := kim.expect("typing")
	require.Equal(t, out{"role": "agent", "name": "Ann"}, typing["from"], "a customer learns nobody's id")
	require.Equal(t, true, typing["on"])
	ann.send(out{"type": "note", "session": c.session, "client_id": "a1", "text": "difficult"})
	ann.send(out{"type": "text", "session": c.session, "client_id": "a2", "text": "Good day"})
	ann.send(out{"type": "url", "session": c.session, "client_id": "a3", "text": "https://shop.test/kettle"})
	kim.hears("4 text Good day", "5 url https://shop.test/kettle")
	ann.hears("3 note difficult", "4 text Good day", "5 url https://shop.test/kettle")
	kim.send(out{"type": "read", "number": 5})
	read := ann.expect("read")
	require.EqualValues(t, 5, read["number"])
	require.Equal(t, out{"role": "customer", "name": "Kim"}, read["from"])
	kim.send(out{"type": "nickname", "name": "Kimberly"})
	ann.hears("6 renamed Kimberly")
	kim.hears("6 renamed Kimberly")
	require.Eventually(t, func() bool {
		s, err := p.store.ChatCustomer(t.Context(), c.id(), c.token)
		return err == nil && s.Parties[0].ReadTo == 5
	}, 20*time.Second, 20*time.Millisecond, "how far he has read is kept")

	kim.send(out{"type": "transcript", "email": "kim@customer.test"})
	kim.send(out{"type": "transcript", "email": "nonsense"})
	require.Equal(t, "bad_address", kim.expect("error")["code"])
	kim.send(out{"type": "ping"})
	kim.expect("pong")
	kim.send(out{"type": "end"})
	kim.hears("7 ended customer")
	require.Equal(t, "ended", kim.expect("bye")["code"])
	require.Equal(t, websocket.StatusNormalClosure, kim.closed())
	ann.hears("7 ended customer")
	ann.send(out{"type": "note", "session": c.session, "client_id": "a4", "text": "she was nice"})
	ann.hears("8 note she was nice")

	again, welcome := p.connect(c, 4)
	require.Equal(t, true, welcome["resumed"])
	again.hears("5 url https://shop.test/kettle", "6 renamed Kimberly", "7 ended customer")
	require.Equal(t, websocket.StatusNormalClosure, again.closed())
	knows, _ := p.connect(c, 8)
	require.Equal(t, "ended", knows.expect("bye")["code"])
	require.Equal(t, websocket.StatusNormalClosure, knows.closed(), "also who has seen the end")
}

// E4, C-10, C-11: a client that does not hear the answer asks again; it is one message and one answer.
func TestSendingAgain(t *testing.T) {
	p := newHouse(t).process(true, Options{MessagePerSecond: 1000, MessageBurst: 1000})
	c := p.openChat()
	kim, _ := p.connect(c, -1)
	for n := range 20 {
		f := out{"type": "text", "client_id": fmt.Sprint("k", n), "text": fmt.Sprint("message ", n)}
		times := 1 + n%5
		for range times {
			kim.send(f)
		}
		var first out
		for i := range times {
			ack := kim.expect("ack")
			if i == 0 {
				first = ack
			}
			require.Equal(t, first, ack)
		}
		kim.send(out{"type": "text", "client_id": f["client_id"], "text": "another"})
		refused := kim.expect("error")
		require.Equal(t, "id_reused", refused["code"])
		require.Equal(t, f["client_id"], refused["client_id"])
	}
	list, err := p.store.ChatMessages(t.Context(), c.id(), 0, true, 100)
	require.NoError(t, err)
	require.Len(t, list, 20)
}

// C-13, C-14: whoever comes again says what he has, and gets the rest, whether the hub remembers it or the store has to be asked.
func TestResume(t *testing.T) {
	p := newHouse(t).process(true, Options{MessagePerSecond: 10000, MessageBurst: 10000})
	c := p.openChat()
	kim, _ := p.connect(c, -1)
	const many = 3*readPage + 7
	posts := make([]interaction.ChatPost, many)
	for n := range posts {
		posts[n] = interaction.ChatPost{Session: c.id(), From: interaction.Party{Role: interaction.ChatCustomer}, Kind: interaction.ChatText, Text: fmt.Sprint(n + 1)}
	}
	_, err := p.store.PostChats(t.Context(), posts)
	require.NoError(t, err)
	all := func(client *client, after int) {
		t.Helper()
		for n := after + 1; n <= many; n++ {
			client.hears(fmt.Sprintf("%d text %d", n, n))
		}
	}
	all(kim, 0)
	for _, tt := range []struct {
		since  int64
		filled bool
	}{{many, false}, {many - 3, false}, {many - ringSize - 1, true}, {5, true}, {0, true}, {many + 1000, false}} {
		again, welcome := p.connect(c, tt.since)
		require.EqualValues(t, many, welcome["last"])
		require.Equal(t, tt.filled, welcome["gap_filled"], tt.since)
		all(again, int(min(tt.since, many)))
		again.send(out{"type": "ping"})
		require.Equal(t, "pong", again.next()["type"], "nothing comes twice")
	}
	one, _ := p.connect(c, many)
	two, _ := p.connect(c, many)
	two.send(out{"type": "text", "client_id": "x", "text": "from the second tab"})
	for _, tab := range []*client{kim, one, two} {
		tab.hears(fmt.Sprintf("%d text from the second tab", many+1))
	}
}

// Rule 7: any number of processes serve one session, and if nobody tells them they find out by themselves.
func TestTwoProcessesServeOneSession(t *testing.T) {
	for name, deaf := range map[string]bool{"told": false, "not told": true} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			here, there := h.process(deaf, Options{MessagePerSecond: 1000, MessageBurst: 1000}), h.process(deaf, Options{})
			c := here.openChat()
			_, token, _ := there.answered(c, "ann")
			kim, _ := here.connect(c, -1)
			ann := there.desk(token, c, 0)
			kim.hears("1 joined ")
			ann.hears("1 joined ")
			for n := 2; n <= 20; n += 2 {
				kim.send(out{"type": "text", "client_id": fmt.Sprint(n), "text": "from here"})
				ann.hears(fmt.Sprintf("%d text from here", n))
				ann.send(out{"type": "text", "session": c.session, "client_id": fmt.Sprint(n), "text": "from there"})
				kim.hears(fmt.Sprintf("%d text from here", n), fmt.Sprintf("%d text from there", n+1))
				ann.hears(fmt.Sprintf("%d text from there", n+1))
			}
			if !deaf {
				ann.send(out{"type": "typing", "session": c.session, "on": true})
				require.Equal(t, out{"role": "agent", "name": "Ann"}, kim.expect("typing")["from"])
			}
		})
	}
}

// An agent hears of a session as long as he is in it, and how he takes part decides what others hear of him.
func TestAnAgentsPartIsLookedAt(t *testing.T) {
	p := newHouse(t).process(true, Options{})
	c := p.openChat()
	who, token, task := p.answered(c, "ann")
	stranger := p.dial("/v1/chats/socket")
	stranger.send(out{"type": "hello", "token": p.token(p.person("ben"))})
	require.Empty(t, stranger.expect("welcome")["sessions"])
	for _, id := range []string{c.session, string(interaction.NewID()), "nonsense"} { // C-17
		stranger.send(out{"type": "join", "session": id})
		refused := stranger.expect("error")
		require.Equal(t, "unknown_chat", refused["code"])
		require.Equal(t, "there is no such chat for you", refused["text"])
	}
	ann := p.desk(token, c, 0)
	ann.hears("1 joined ")
	vic := p.dial("/v1/chats/socket")
	vic.send(out{"type": "hello", "token": p.token(p.person("vic"))})
	vic.expect("welcome")
	vic.send(out{"type": "join", "session": c.session, "mode": "silent"})
	require.Equal(t, "silent", vic.expect("welcome")["mode"])
	vic.hears("1 joined ")
	kim, welcome := p.connect(c, 1)
	require.Len(t, welcome["parties"], 2, "of who watches a customer learns nothing")
	vic.send(out{"type": "typing", "session": c.session, "on": true})
	vic.send(out{"type": "text", "session": c.session, "client_id": "v", "text": "boo"})
	require.Equal(t, "forbidden", vic.expect("error")["code"])
	vic.send(out{"type": "join", "session": c.session, "mode": "full"})
	kim.hears("2 joined ")
	vic.hears("2 joined ")
	require.Equal(t, "full", vic.expect("welcome")["mode"])

	require.NoError(t, p.store.Release(t.Context(), who, task, 0))
	require.Equal(t, "left", ann.expect("bye")["code"])
	ann.send(out{"type": "text", "session": c.session, "client_id": "a", "text": "still here"})
	require.Equal(t, "unknown_chat", ann.expect("error")["code"])
	vic.send(out{"type": "leave", "session": c.session})
	require.Equal(t, "left", vic.expect("bye")["code"])
	kim.hears("3 left ", "4 left ")
	kim.send(out{"type": "ping"})
	require.Equal(t, "pong", kim.next()["type"], "nobody was typing")
}

func TestTypingIsMerged(t *testing.T) { // C-26
	p := newHouse(t).process(true, Options{})
	c := p.openChat()
	_, token, _ := p.answered(c, "ann")
	ann := p.desk(token, c, 1)
	kim, _ := p.connect(c, 1)
	for range 1000 {
		kim.send(out{"type": "typing", "on": true})
	}
	kim.send(out{"type": "typing", "on": false})
	kim.send(out{"type": "text", "client_id": "k", "text": "done"})
	notices := 0
	for f := ann.next(); f["type"] != "message"; f = ann.next() {
		if f["type"] == "typing" {
			notices++
		}
	}
	require.LessOrEqual(t, notices, 4)
	require.GreaterOrEqual(t, notices, 2)
	list, err := p.store.ChatMessages(t.Context(), c.id(), 0, true, 100)
	require.NoError(t, err)
	require.Len(t, list, 2, "never stored")
}
