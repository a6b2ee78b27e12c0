package chat

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coder/websocket"

	"parley/interaction"
	"parley/lib/auth"
)

// desk is an agent's connection, which carries many sessions.
type desk struct {
	adapter *Adapter
	conn    *conn
	limit   *bucket

	mu      sync.Mutex
	by      interaction.Actor
	members map[interaction.ID]*member
	gone    bool
}

// AgentSocket is the socket of agents, supervisors and programs. The token is in the first frame; a page must be of this house.
func (a *Adapter) AgentSocket() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if origin := r.Header.Get("Origin"); origin != "" && !sameHost(origin, r) {
			a.problem(w, interaction.Forbidden("bad_origin", "this page may not speak to this server"))
			return
		}
		a.agentSocket(w, r)
	})
}

func sameHost(origin string, r *http.Request) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host == r.Host && u.Host != ""
}

func (a *Adapter) agentSocket(w http.ResponseWriter, r *http.Request) {
	c, ok := a.accept(w, r)
	if !ok {
		return
	}
	defer c.lost()
	d := &desk{adapter: a, conn: c, members: map[interaction.ID]*member{}, limit: newBucket(a.opts.AgentPerSecond, a.opts.AgentBurst)}
	if !a.enter(c, d) {
		c.close(websocket.StatusServiceRestart, "resume by number")
		return
	}
	defer a.leave(c)
	defer d.close()
	hello, ok := c.hello(c.base)
	if !ok {
		c.wait()
		return
	}
	if err := d.signIn(hello.Token); err != nil {
		a.guessed(r, err)
		c.refuse(a.log, err, closeBadToken)
		c.wait()
		return
	}
	for {
		f, err := c.read(c.base)
		if err != nil {
			c.wait()
			return
		}
		d.handle(f)
	}
}

// signIn proves a token and names the sessions that its holder is in.
func (d *desk) signIn(token string) error {
	hash, ours := auth.HashToken(token)
	if !ours {
		return interaction.Unknown("token")
	}
	ctx, cancel := context.WithTimeout(d.conn.base, postTime)
	defer cancel()
	by, err := d.adapter.accounts.ActorByToken(ctx, hash[:])
	if err != nil {
		return err
	}
	if !by.AtLeast(interaction.RoleAgent) {
		return interaction.Unknown("token")
	}
	sessions, err := d.adapter.store.ChatsOf(ctx, by)
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.by = by
	d.mu.Unlock()
	w := welcomeFrame{Type: "welcome", Role: interaction.ChatAgent, Sessions: []interaction.ID{}}
	for _, s := range sessions {
		w.Sessions = append(w.Sessions, s.ID)
	}
	d.conn.send(encode(w))
	return nil
}

// handle does what a frame asks; all but hello and ping name their session.
func (d *desk) handle(f frame) {
	reply := func(b []byte) { d.conn.send(b) }
	if f.Type == "ping" {
		reply([]byte(`{"type":"pong"}`))
		return
	}
	session, err := interaction.ParseID("session", f.Session)
	if err != nil {
		if !deskFrames[f.Type] {
			reply(encode(refusal(unknownType(), "", f.ClientID)))
			return
		}
		reply(encode(refusal(interaction.Unknown("chat"), "", f.ClientID)))
		return
	}
	switch f.Type {
	case "join":
		err = d.join(session, f)
	case "leave":
		_, err = d.adapter.store.JoinChat(d.conn.base, d.actor(), session, "")
		if err == nil {
			d.drop(session, "left")
		}
	default:
		m := d.member(session)
		if m == nil {
			if err = interaction.Unknown("chat"); !deskFrames[f.Type] {
				err = unknownType()
			}
			break
		}
		m.handle(d.conn.base, f, reply)
		return
	}
	if err != nil {
		reply(encode(refusal(err, session, f.ClientID)))
	}
}

// deskFrames are the types of frames that an agent may send.
var deskFrames = map[string]bool{
	"text": true, "url": true, "note": true, "file": true, "typing": true, "read": true, "nickname": true, "join": true, "leave": true, "end": true,
}

// join brings the actor into a session, or changes how he takes part, when the frame says a mode; otherwise he must be in it. From then on
// he hears what is said there, beginning behind the number that he has. Where he hears it already and names no number he goes on hearing.
func (d *desk) join(session interaction.ID, f frame) error {
	ctx, cancel := context.WithTimeout(d.conn.base, postTime)
	defer cancel()
	if f.Mode != nil && *f.Mode != "" {
		if _, err := d.adapter.store.JoinChat(ctx, d.actor(), session, interaction.ChatMode(*f.Mode)); err != nil {
			return err
		}
	}
	room := d.adapter.hub.enter(session)
	c, err := d.adapter.store.ChatAgent(ctx, d.actor(), session)
	if err != nil {
		d.adapter.hub.leave(room)
		return err
	}
	room.open(c, d.adapter.opts)
	who, mode := d.part(c)
	settings, err := d.adapter.policies(ctx, c.EntryPoint)
	if err != nil && interaction.KindOf(err) != interaction.KindUnknown {
		d.adapter.hub.leave(room)
		return err
	}
	settings = settings.WithDefaults() // of an entry point that was disabled since
	m := &member{adapter: d.adapter, room: room, party: who, agents: true, maxText: settings.MaxText, limit: d.limit}
	m.mode.Store(string(mode))
	m.ear = &listener{party: who, agents: true, sink: d.conn, turned: func() { d.recheck(session) }}
	d.mu.Lock()
	before := d.members[session]
	if d.gone || before != nil && f.Since == nil {
		d.mu.Unlock()
		d.adapter.hub.leave(room)
		if before != nil {
			before.mode.Store(string(mode))
			d.conn.send(encode(before.welcomes(c, settings, c.Last)))
		}
		return nil
	}
	d.members[session] = m
	d.mu.Unlock()
	if before != nil {
		before.part()
	}
	m.welcome(c, settings, f, d.conn.send)
	return nil
}

// part leaves the room; the connection hears nothing of it any more.
func (m *member) part() {
	m.room.unlisten(m.ear)
	m.adapter.hub.leave(m.room)
}

// part finds the actor among the parties of a session.
func (d *desk) part(c interaction.ChatSession) (interaction.Party, interaction.ChatMode) {
	for _, p := range c.Parties {
		if p.Agent == d.actor().Agent {
			return p.Party, p.Mode
		}
	}
	return interaction.Party{}, ""
}

// recheck looks how the actor takes part in a session now, and lets go of it when he does not.
func (d *desk) recheck(session interaction.ID) {
	m := d.member(session)
	if m == nil {
		return
	}
	ctx, cancel := context.WithTimeout(d.conn.base, postTime)
	defer cancel()
	c, err := d.adapter.store.ChatAgent(ctx, d.actor(), session)
	switch {
	case err == nil:
		_, mode := d.part(c)
		m.mode.Store(string(mode))
	case interaction.KindOf(err) == interaction.KindUnknown:
		d.drop(session, "left")
	default:
		d.adapter.log.Warn("part in a chat not looked at", "adapter", "chat", "session", session, "error", err)
		time.AfterFunc(time.Second, func() { d.recheck(session) })
	}
}

// drop lets go of a session.
func (d *desk) drop(session interaction.ID, code string) {
	d.mu.Lock()
	m := d.members[session]
	delete(d.members, session)
	d.mu.Unlock()
	if m == nil {
		return
	}
	m.part()
	d.conn.send(encode(byeFrame{Type: "bye", Session: session, Code: code}))
}

func (d *desk) close() {
	d.mu.Lock()
	members := d.members
	d.members, d.gone = map[interaction.ID]*member{}, true
	d.mu.Unlock()
	for _, m := range members {
		m.part()
	}
}

func (d *desk) actor() interaction.Actor {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.by
}

func (d *desk) member(session interaction.ID) *member {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.members[session]
}
