package chat

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"parley/interaction"
)

// Bounds of the hub.
const (
	ringSize  = 16       // newest messages that are remembered of a session with listeners
	ringBytes = 16 << 10 // of texts at most that a listener is given at once
	readPage  = 200      // messages that one read of the store gives at most
	// typingAgain is how soon a typing notice that says the same is passed on again.
	typingAgain = 3 * time.Second
	// goneAfter is how long a customer without a connection counts as there: pages change, networks blink.
	goneAfter = 10 * time.Second
)

// sink takes what a listener is to be sent.
type sink interface {
	// send never blocks; false: the listener is lost, and knows.
	send(frame []byte) bool
	// spare waits until the listener has taken most of what it was sent; false: it is gone.
	spare(ctx context.Context) bool
}

// hub hands what is appended to sessions to who listens in this process.
type hub struct {
	store interaction.ChatStore
	log   *slog.Logger
	base  context.Context // of reads for listeners that are behind

	mu       sync.Mutex
	sessions map[interaction.ID]*room
}

// room is a session that somebody listens to here.
type room struct {
	hub *hub
	id  interaction.ID

	users int // under the hub's lock: listeners, and those who are about to be

	mu        sync.Mutex
	known     bool  // last is right, or was
	last      int64 // newest message that was handed out
	want      int64 // newest that is known to be there
	filling   bool
	ring      []interaction.ChatMessage // the newest, without gaps, up to last
	listeners []*listener
	typing    map[interaction.Party]typed
	names     map[interaction.ID]string
	nickname  string
	talk      *bucket // of the customer, over all his connections

	customers int       // connections of the customer
	gone      time.Time // since when he has none; zero: he has, or it was told
	absent    bool      // it was told that he is gone
}

type typed struct {
	on bool
	at time.Time
}

// listener is one party's ear on one connection.
type listener struct {
	room   *room
	party  interaction.Party
	agents bool // hears internal messages and everybody's ids
	sink   sink
	sent   int64 // up to this number everything was handed to the sink
	live   bool  // gets the next message at once; otherwise somebody is reading for it
	// turned is called, from a goroutine of its own, when the customer's session has ended, or an agent's part in it has changed.
	turned func()
	ended  bool
	gone   bool // nothing is handed to it any more
}

func newHub(base context.Context, store interaction.ChatStore, log *slog.Logger) *hub {
	return &hub{store: store, log: log, base: base, sessions: map[interaction.ID]*room{}}
}

// enter gives the session's room, which stays until leave. It is entered before the session is read, so that nothing is missed in between.
func (h *hub) enter(id interaction.ID) *room {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.sessions[id]
	if r == nil {
		r = &room{hub: h, id: id}
		h.sessions[id] = r
	}
	r.users++
	return r
}

func (h *hub) leave(r *room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r.users--
	h.drop(r)
}

// drop forgets a room that nobody uses and in which nothing is left to be told. The hub's lock is held.
func (h *hub) drop(r *room) {
	r.mu.Lock()
	waits := !r.gone.IsZero()
	r.mu.Unlock()
	if r.users == 0 && !waits && h.sessions[r.id] == r {
		delete(h.sessions, r.id)
	}
}

func (h *hub) find(id interaction.ID) *room {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sessions[id]
}

// rooms gives all rooms at this moment.
func (h *hub) rooms() []*room {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]*room, 0, len(h.sessions))
	for _, r := range h.sessions {
		list = append(list, r)
	}
	return list
}

// appended is called behind a commit, in any order.
func (h *hub) appended(list []interaction.ChatAppended) {
	for _, a := range list {
		if r := h.find(a.Session); r != nil {
			r.appended(a)
		}
	}
}

func (r *room) appended(a interaction.ChatAppended) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.known { // nobody listens yet; who does reads from the store
		r.last, r.want, r.known = a.Last, a.Last, true
		return
	}
	fresh := a.Messages
	for len(fresh) > 0 && fresh[0].Number <= r.last {
		fresh = fresh[1:]
	}
	if len(fresh) > 0 && fresh[0].Number == r.last+1 {
		r.handOut(fresh)
	}
	r.behind(a.Last)
}

// stands is told the number of the newest message, as the store knows it.
func (r *room) stands(last int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.known {
		r.last, r.known = last, true
	}
	r.behind(last)
}

// behind lets somebody read what the room has not got. A number is given under the session's lock and kept until the commit, so
// that what is below a committed one is there.
func (r *room) behind(want int64) {
	r.want = max(r.want, want)
	if r.want <= r.last || r.filling {
		return
	}
	if len(r.listeners) == 0 {
		r.last, r.ring = r.want, nil
		return
	}
	r.filling = true
	go r.fill()
}

// fill reads until the room has what it wants, or fails; the next word of the session, or the next second, tries again.
func (r *room) fill() {
	for {
		r.mu.Lock()
		after := r.last
		if r.want <= after || len(r.listeners) == 0 {
			r.filling = false
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		list, err := r.hub.store.ChatMessages(r.hub.base, r.id, after, true, readPage)
		r.mu.Lock()
		if err != nil || len(list) == 0 {
			r.filling = false
			r.mu.Unlock()
			if err != nil && r.hub.base.Err() == nil {
				r.hub.log.Warn("messages not read", "adapter", "chat", "session", r.id, "error", err)
			}
			return
		}
		for len(list) > 0 && list[0].Number <= r.last {
			list = list[1:]
		}
		r.handOut(list)
		r.mu.Unlock()
	}
}

// handOut gives messages, which follow the last without a gap, to all who are up to date. The room's lock is held; nothing here waits.
func (r *room) handOut(list []interaction.ChatMessage) {
	for _, m := range list {
		r.last = m.Number
		r.want = max(r.want, m.Number)
		if len(r.listeners) == 0 {
			r.ring = nil
			continue
		}
		if r.ring = append(r.ring, m); len(r.ring) > ringSize {
			r.ring = append([]interaction.ChatMessage(nil), r.ring[len(r.ring)-ringSize:]...)
		}
		r.learn(m)
		var forAgents, forCustomers []byte
		for _, l := range r.listeners {
			if !l.live || m.Number <= l.sent { // it has it already: from the store, or from before it came here
				continue
			}
			l.sent = m.Number
			switch {
			case l.agents:
				if forAgents == nil {
					forAgents = message(m, true)
				}
				l.sink.send(forAgents)
			case !m.Internal:
				if forCustomers == nil {
					forCustomers = message(m, false)
				}
				l.sink.send(forCustomers)
			}
			l.heard(m)
		}
	}
}

// learn remembers names, for notices that come without.
func (r *room) learn(m interaction.ChatMessage) {
	switch {
	case m.From.Agent != "":
		if r.names == nil {
			r.names = map[interaction.ID]string{}
		}
		r.names[m.From.Agent] = m.From.Name
	case m.From.Role == interaction.ChatCustomer:
		r.nickname = m.From.Name
	}
}

// heard sees whether a message changes what the listener is to hear.
func (l *listener) heard(m interaction.ChatMessage) {
	over := !l.agents && m.Kind == interaction.ChatEnded
	own := l.agents && m.From.Agent == l.party.Agent && (m.Kind == interaction.ChatLeft || m.Kind == interaction.ChatJoined)
	if (over || own) && !l.ended && l.turned != nil {
		l.ended = over
		go l.turned()
	}
}

// greet begins to hand out what is behind a number. Before that it calls welcome, with the number of the newest message and whether the
// store has to be asked for those in between; welcome must not block.
func (r *room) greet(l *listener, since int64, welcome func(last int64, fromStore bool)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l.room = r
	l.sent = min(since, max(r.last, r.want))
	missed := l.sent < r.last
	welcome(r.last, missed && (len(r.ring) == 0 || r.ring[0].Number > l.sent+1))
	r.listeners = append(r.listeners, l)
	if l.live = !missed; missed {
		go l.catchUp()
	}
}

func (r *room) unlisten(l *listener) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for n, other := range r.listeners {
		if other == l {
			r.listeners = append(r.listeners[:n:n], r.listeners[n+1:]...)
			break
		}
	}
	l.live, l.gone = false, true
	if len(r.listeners) == 0 {
		r.listeners, r.ring, r.typing = nil, nil, nil
	}
}

// catchUp reads for a listener that is behind, as fast as it takes what it gets, until it is up to date. What fails is tried again.
func (l *listener) catchUp() {
	wait := 100 * time.Millisecond
	for l.sink.spare(l.room.hub.base) {
		r := l.room
		r.mu.Lock()
		if l.gone || r.serveRing(l) {
			r.mu.Unlock()
			return
		}
		last, after := r.last, l.sent
		r.mu.Unlock()
		list, err := r.hub.store.ChatMessages(r.hub.base, r.id, after, l.agents, readPage)
		if err != nil {
			select {
			case <-r.hub.base.Done():
				return
			case <-time.After(wait):
				wait = min(2*wait, 5*time.Second)
			}
			continue
		}
		for _, m := range list {
			if !l.sink.spare(r.hub.base) || l.isGone() || !l.sink.send(message(m, l.agents)) {
				return
			}
			l.heard(m)
		}
		r.mu.Lock()
		if len(list) == readPage {
			l.sent = list[len(list)-1].Number
		} else { // internal messages may stand behind the last that it hears
			l.sent = max(last, after)
			if len(list) > 0 {
				l.sent = max(l.sent, list[len(list)-1].Number)
			}
		}
		r.mu.Unlock()
	}
}

func (l *listener) isGone() bool {
	l.room.mu.Lock()
	defer l.room.mu.Unlock()
	return l.gone
}

// serveRing makes a listener live if what it lacks is remembered here, or nothing is lacking. The room's lock is held.
func (r *room) serveRing(l *listener) bool {
	lacks := r.last - l.sent
	if lacks > int64(len(r.ring)) {
		return false
	}
	missed := r.ring[int64(len(r.ring))-max(lacks, 0):]
	bytes := 0
	for _, m := range missed {
		if bytes += len(m.Text); bytes > ringBytes {
			return false
		}
	}
	for _, m := range missed {
		if l.agents || !m.Internal {
			l.sink.send(message(m, l.agents))
		}
		l.heard(m)
	}
	l.sent = max(l.sent, r.last)
	l.live = true
	return true
}
