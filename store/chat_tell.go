package store

import (
	"context"
	"encoding/json"

	"parley/interaction"
)

// What is new in chats is told to this process's hub with the messages themselves, and to other processes' with session ids and numbers: those read by number.

// chatChannel is the PostgreSQL channel of chats.
const chatChannel = "parley_chat"

// Bounds of one notification, whose payload PostgreSQL limits to 8000 bytes.
const (
	chatsPerNotice   = 120
	noticesPerNotice = 25
)

// chatsNotice is a notification's payload.
type chatsNotice struct {
	Lasts   map[interaction.ID]int64 `json:"l,omitempty"`
	Notices []interaction.ChatNotice `json:"n,omitempty"`
}

// appended remembers messages that hubs are told of behind the commit.
func (t *tx) appended(messages []interaction.ChatMessage) {
	places := map[interaction.ID]int{}
	for n, a := range t.chats {
		places[a.Session] = n
	}
	for _, m := range messages {
		n, ok := places[m.Session]
		if !ok {
			n = len(t.chats)
			places[m.Session] = n
			t.chats = append(t.chats, interaction.ChatAppended{Session: m.Session})
		}
		t.chats[n].Last = m.Number
		t.chats[n].Messages = append(t.chats[n].Messages, m)
	}
}

// NoticeChat tells the hubs, here at once and elsewhere soon, of something that is not kept. It may be lost.
func (s *Store) NoticeChat(n interaction.ChatNotice) {
	s.wake.ChatNotice(n)
	n.From.Name = ""
	s.others.addNotice(n)
}

func (o *Others) addChats(list []interaction.ChatAppended) {
	if o == nil || len(list) == 0 {
		return
	}
	o.mu.Lock()
	for _, a := range list {
		o.chats[a.Session] = max(o.chats[a.Session], a.Last)
	}
	o.mu.Unlock()
	o.ring()
}

// noticeKey is what a notice is about: a later one replaces it.
type noticeKey struct {
	session, agent interaction.ID
	role           interaction.ChatRole
	kind           interaction.ChatNoticeKind
}

func (o *Others) addNotice(n interaction.ChatNotice) {
	if o == nil {
		return
	}
	o.mu.Lock()
	o.notices[noticeKey{n.Session, n.From.Agent, n.From.Role, n.Kind}] = n
	o.mu.Unlock()
	o.ring()
}

// takeChats gives what is pending of chats, in payloads that fit.
func (o *Others) takeChats() []chatsNotice {
	o.mu.Lock()
	defer o.mu.Unlock()
	var list []chatsNotice
	for id, last := range o.chats {
		if n := len(list); n == 0 || len(list[n-1].Lasts) >= chatsPerNotice {
			list = append(list, chatsNotice{Lasts: map[interaction.ID]int64{}})
		}
		list[len(list)-1].Lasts[id] = last
	}
	first := len(list)
	for _, notice := range o.notices {
		if n := len(list); n == first || len(list[n-1].Notices) >= noticesPerNotice {
			list = append(list, chatsNotice{})
		}
		n := len(list) - 1
		list[n].Notices = append(list[n].Notices, notice)
	}
	clear(o.chats)
	clear(o.notices)
	return list
}

// tellChats sends what is pending.
func (s *Store) tellChats(ctx context.Context) error {
	for _, n := range s.others.takeChats() {
		payload, err := json.Marshal(n)
		if err != nil {
			return err
		}
		if _, err := s.pool.Exec(ctx, `select pg_notify($1, $2)`, chatChannel, string(payload)); err != nil {
			return err
		}
	}
	return nil
}

// hearChats tells this process's hub what another one said.
func (s *Store) hearChats(payload string) {
	var n chatsNotice
	if err := json.Unmarshal([]byte(payload), &n); err != nil {
		s.log.Warn("notice of chats not understood", "error", err)
		return
	}
	list := make([]interaction.ChatAppended, 0, len(n.Lasts))
	for id, last := range n.Lasts {
		list = append(list, interaction.ChatAppended{Session: id, Last: last})
	}
	if len(list) > 0 {
		s.wake.Chats(list)
	}
	for _, notice := range n.Notices {
		s.wake.ChatNotice(notice)
	}
}
