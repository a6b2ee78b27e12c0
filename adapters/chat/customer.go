package chat

import (
	"context"
	"net/http"
	"net/mail"
	"time"

	"github.com/coder/websocket"

	"parley/interaction"
)

// customerSocket is one connection of a customer. What it is greeted by takes a deep stack and the whole request; what it is read by until its end takes little, so that
// it has a goroutine of its own, and the request's ends.
func (a *Adapter) customerSocket(w http.ResponseWriter, r *http.Request) {
	entry := entryOf(r)
	c, ok := a.accept(w, r)
	if !ok {
		return
	}
	if !a.enter(c, nil) {
		c.close(websocket.StatusServiceRestart, "resume by number")
		c.lost()
		return
	}
	m, ok := a.greetCustomer(c, r, entry)
	if !ok {
		c.wait()
		a.leave(c)
		c.lost()
		return
	}
	go a.hearCustomer(c, m)
}

// greetCustomer has the connection say who it is, and lets it hear its session; false: it is not let in, and closed.
func (a *Adapter) greetCustomer(c *conn, r *http.Request, entry entry) (*member, bool) {
	hello, ok := c.hello(c.base)
	if !ok {
		return nil, false
	}
	m, session, err := a.customer(c.base, entry, hello.Session, hello.Token, c)
	if err != nil {
		a.guessed(r, err)
		code := closeBadToken
		if _, err := interaction.ParseID("session", hello.Session); err != nil {
			code = closeUnknownSession
		}
		c.refuse(a.log, err, code)
		return nil, false
	}
	m.ear.turned = func() {
		c.send(encode(byeFrame{Type: "bye", Code: "ended"}))
		c.close(websocket.StatusNormalClosure, "ended")
	}
	m.room.arrives()
	m.welcome(session, entry.settings, hello, c.send)
	if !session.EndedAt.IsZero() && hello.since() >= session.Last { // the end itself, which says goodbye, is not sent again
		m.ear.turned()
	}
	return m, true
}

// hearCustomer does what the customer's frames ask until the connection ends.
func (a *Adapter) hearCustomer(c *conn, m *member) {
	defer c.lost()
	defer a.leave(c)
	defer a.hub.leave(m.room)
	defer m.room.departs()
	defer m.room.unlisten(m.ear)
	reply := func(b []byte) { c.send(b) }
	for {
		f, err := c.read(c.base)
		if err != nil {
			c.wait()
			return
		}
		m.handle(c.base, f, reply)
	}
}

// customer proves a customer's secret and gives his part in the session, whose room is entered.
func (a *Adapter) customer(ctx context.Context, entry entry, id, token string, to sink) (*member, interaction.ChatSession, error) {
	session, err := interaction.ParseID("session", id)
	if err != nil {
		return nil, interaction.ChatSession{}, interaction.Unknown("chat")
	}
	room := a.hub.enter(session)
	ctx, cancel := context.WithTimeout(ctx, postTime)
	defer cancel()
	c, err := a.store.ChatCustomer(ctx, session, token)
	if err == nil && c.EntryPoint != entry.name {
		err = interaction.Unknown("chat")
	}
	if err != nil {
		a.hub.leave(room)
		return nil, c, err
	}
	room.open(c, a.opts)
	party := interaction.Party{Role: interaction.ChatCustomer, Name: c.Nickname}
	return &member{
		adapter: a, room: room, party: party, maxText: entry.settings.MaxText, limit: room.talk, ear: &listener{party: party, sink: to},
	}, c, nil
}

// open tells a room what was read of its session.
func (r *room) open(c interaction.ChatSession, opts Options) {
	r.stands(c.Last)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.talk == nil {
		r.talk = newBucket(opts.MessagePerSecond, opts.MessageBurst)
	}
	if r.nickname == "" {
		r.nickname = c.Nickname
	}
	for _, p := range c.Parties {
		if p.Agent != "" {
			if r.names == nil {
				r.names = map[interaction.ID]string{}
			}
			r.names[p.Agent] = p.Name
		}
	}
}

// welcome greets and then hands out what is behind the number that the client has.
func (m *member) welcome(c interaction.ChatSession, settings interaction.ChatSettings, hello frame, send func([]byte) bool) {
	w := m.welcomes(c, settings, 0)
	w.Resumed = hello.Since != nil
	m.room.greet(m.ear, hello.since(), func(last int64, fromStore bool) {
		w.Last, w.GapFilled = last, w.Resumed && fromStore
		send(encode(w))
	})
}

func (m *member) welcomes(c interaction.ChatSession, settings interaction.ChatSettings, last int64) welcomeFrame {
	limits := settings.Limits()
	w := welcomeFrame{
		Type: "welcome", Session: m.room.id, Last: last, Limits: &limits, Role: m.party.Role, Nickname: c.Nickname, Parties: parties(c, m.agents),
	}
	if m.agents {
		w.Mode = interaction.ChatMode(m.mode.Load().(string))
	}
	return w
}

// parties are those who are there; customers see who speaks to them.
func parties(c interaction.ChatSession, agents bool) []partyView {
	var list []partyView
	for _, p := range c.Parties {
		switch {
		case !p.LeftAt.IsZero():
		case agents:
			list = append(list, partyView{p.Party, p.Mode, p.ReadTo})
		case p.Mode == interaction.ChatFull:
			p.Agent = ""
			list = append(list, partyView{Party: p.Party, Read: p.ReadTo})
		}
	}
	return list
}

// guessed counts a wrong secret or token.
func (a *Adapter) guessed(r *http.Request, err error) {
	if interaction.KindOf(err) == interaction.KindUnknown {
		a.guesses.Take(a.opts.Address(r), time.Now())
	}
}

// mailAddress reads an address; empty is none.
func mailAddress(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	parsed, err := mail.ParseAddress(s)
	if err != nil || parsed.Address != s || len(s) > 254 {
		return "", interaction.Invalid("bad_address", "email", "is not a mail address")
	}
	return s, nil
}
