package chat

import (
	"time"

	"parley/interaction"
)

// types tells others that a party is typing, or has stopped, if they do not know that already (C-26: a thousand a second are a few).
func (r *room) types(from interaction.Party, on bool) {
	key := interaction.Party{Role: from.Role, Agent: from.Agent}
	r.mu.Lock()
	before, had := r.typing[key]
	now := time.Now()
	same := before.on == on && (!on || now.Sub(before.at) < typingAgain)
	if had && same || !had && !on {
		r.mu.Unlock()
		return
	}
	if r.typing == nil {
		r.typing = map[interaction.Party]typed{}
	}
	r.typing[key] = typed{on, now}
	r.mu.Unlock()
	r.hub.store.NoticeChat(interaction.ChatNotice{Session: r.id, From: from, Kind: interaction.NoticeTyping, On: on})
}

// noticed hands a notice, of this process or another, to those whom it concerns.
func (h *hub) noticed(n interaction.ChatNotice) {
	r := h.find(n.Session)
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n.Kind == interaction.NoticePresence && n.From.Role == interaction.ChatCustomer && n.On {
		r.gone, r.absent = time.Time{}, false // he is connected, here or elsewhere
	}
	r.name(&n.From)
	for _, l := range r.listeners {
		own := l.party.Role == n.From.Role && l.party.Agent == n.From.Agent
		if own && n.Kind != interaction.NoticePosition || !l.agents && n.Kind == interaction.NoticePresence {
			continue
		}
		l.sink.send(l.notice(n))
	}
}

// name fills in what is known here; notices between processes carry ids only.
func (r *room) name(p *interaction.Party) {
	switch {
	case p.Name != "":
	case p.Role == interaction.ChatCustomer:
		p.Name = r.nickname
	default:
		p.Name = r.names[p.Agent]
	}
}

// notice makes a notice's frame for the listener.
func (l *listener) notice(n interaction.ChatNotice) []byte {
	var session interaction.ID
	if l.agents {
		session = n.Session
	} else {
		n.From.Agent = ""
	}
	switch n.Kind {
	case interaction.NoticePosition:
		return encode(positionFrame{Type: "position", Session: session, Place: n.Place, WaitSeconds: n.Wait})
	case interaction.NoticeRead:
		return encode(noticeFrame{Type: "read", Session: session, From: n.From, Number: n.Read})
	}
	return encode(noticeFrame{Type: string(n.Kind), Session: session, From: n.From, On: &n.On})
}

// arrives and departs count the customer's connections. Agents hear that he is gone when he has had none for a while, and that he is back.
func (r *room) arrives() {
	r.mu.Lock()
	r.customers++
	back := r.absent
	r.gone, r.absent = time.Time{}, false
	r.mu.Unlock()
	if back {
		r.tellPresence(true)
	} else {
		r.hub.store.NoticeChat(interaction.ChatNotice{Session: r.id, From: interaction.Party{Role: interaction.ChatCustomer}, Kind: interaction.NoticePresence, On: true})
	}
}

func (r *room) departs() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.customers--; r.customers == 0 {
		r.gone = time.Now()
	}
}

// missing tells that the customer is gone, when it is time.
func (r *room) missing(now time.Time) {
	r.mu.Lock()
	due := !r.gone.IsZero() && now.Sub(r.gone) >= goneAfter && r.customers == 0
	if due {
		r.gone, r.absent = time.Time{}, true
	}
	r.mu.Unlock()
	if due {
		r.tellPresence(false)
	}
}

func (r *room) tellPresence(on bool) {
	r.hub.store.NoticeChat(interaction.ChatNotice{Session: r.id, From: interaction.Party{Role: interaction.ChatCustomer}, Kind: interaction.NoticePresence, On: on})
}
