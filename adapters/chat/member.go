package chat

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"parley/interaction"
)

// member is a party's part in one session on one connection or request.
type member struct {
	adapter *Adapter
	room    *room
	ear     *listener
	party   interaction.Party
	agents  bool
	maxText int
	limit   *bucket      // of messages
	mode    atomic.Value // of an agent: how he takes part, a string

	mu     sync.Mutex
	tried  map[string]bool // what is not his and was refused: each is audited once
	readTo int64
}

// agentsOnly are the types of frames that are not for customers.
var agentsOnly = map[string]bool{
	"url": true, "note": true, "join": true, "leave": true, "invite": true, "transfer": true, "whisper": true, "coach": true, "close": true, "consult": true,
}

// handle does what a frame asks. When it is answered, it is by one call of reply, perhaps later and from another goroutine; handle reports whether
// that will be.
func (m *member) handle(ctx context.Context, f frame, reply func([]byte)) bool {
	fail := func(err error) bool {
		reply(encode(refusal(err, m.sessionForAgents(), f.ClientID)))
		return true
	}
	switch f.Type {
	case "text":
		return m.post(interaction.ChatPost{Kind: interaction.ChatText, Text: f.Text, ClientID: f.ClientID}, reply)
	case "file":
		upload, err := interaction.ParseID("upload", f.Upload)
		if err != nil {
			return fail(interaction.Invalid("bad_file", "upload", "is no file that you have uploaded to this conversation"))
		}
		return m.post(interaction.ChatPost{Kind: interaction.ChatFile, File: upload, ClientID: f.ClientID}, reply)
	case "nickname":
		return m.post(interaction.ChatPost{Kind: interaction.ChatRenamed, Text: f.Name, ClientID: f.ClientID}, reply)
	case "typing":
		if m.speaks() {
			m.room.types(m.party, f.On)
		}
		return false
	case "read":
		m.read(f.Number)
		return false
	case "ping":
		reply([]byte(`{"type":"pong"}`))
		return true
	case "end":
		if err := m.adapter.store.EndChat(ctx, m.room.id, m.party, string(m.party.Role)); err != nil {
			return fail(err)
		}
		return false
	}
	if m.agents {
		return m.handleAgent(f, reply, fail)
	}
	switch {
	case f.Type == "transcript":
		return m.transcript(ctx, f, fail)
	case agentsOnly[f.Type]:
		m.refused(ctx, f.Type)
		return fail(interaction.Forbidden("forbidden", "this is for agents"))
	}
	return fail(unknownType())
}

func (m *member) handleAgent(f frame, reply func([]byte), fail func(error) bool) bool {
	switch f.Type {
	case "url":
		return m.post(interaction.ChatPost{Kind: interaction.ChatURL, Text: f.Text, ClientID: f.ClientID}, reply)
	case "note":
		return m.post(interaction.ChatPost{Kind: interaction.ChatNote, Text: f.Text, ClientID: f.ClientID}, reply)
	}
	return fail(unknownType())
}

func (m *member) sessionForAgents() interaction.ID {
	if m.agents {
		return m.room.id
	}
	return ""
}

// post has the writer make a message durable; the acknowledgement is sent behind that.
func (m *member) post(p interaction.ChatPost, reply func([]byte)) bool {
	p.Session, p.From = m.room.id, m.party
	answer := func(posted interaction.ChatPosted) {
		if posted.Err != nil {
			reply(encode(refusal(posted.Err, m.sessionForAgents(), p.ClientID)))
			return
		}
		reply(encode(ackFrame{"ack", m.sessionForAgents(), p.ClientID, posted.Message.Number, posted.Message.At}))
	}
	if err := p.Check(m.maxText); err != nil {
		answer(interaction.ChatPosted{Err: err})
		return true
	}
	if wait, ok := m.limit.take(time.Now()); !ok {
		answer(interaction.ChatPosted{Err: slowDown(wait)})
		return true
	}
	m.adapter.writer.post(p, answer)
	return true
}

// speaks reports whether others may see that this party types: not of those who only read along.
func (m *member) speaks() bool {
	return !m.agents || interaction.ChatMode(m.mode.Load().(string)) == interaction.ChatFull
}

// read notes how far the party has read and tells the others.
func (m *member) read(number int64) {
	m.room.mu.Lock()
	number = min(number, m.room.last)
	m.room.mu.Unlock()
	m.mu.Lock()
	fresh := number > m.readTo
	if fresh {
		m.readTo = number
	}
	m.mu.Unlock()
	if !fresh {
		return
	}
	m.adapter.marks.add(interaction.ChatMark{Session: m.room.id, Who: m.party, Number: number})
	if m.speaks() {
		m.adapter.store.NoticeChat(interaction.ChatNotice{Session: m.room.id, From: m.party, Kind: interaction.NoticeRead, Read: number})
	}
}

func (m *member) transcript(ctx context.Context, f frame, fail func(error) bool) bool {
	address, err := mailAddress(f.Email)
	if err == nil {
		err = m.adapter.store.WantTranscript(ctx, m.room.id, address)
	}
	if err != nil {
		return fail(err)
	}
	return false
}

// refused writes into the audit what a party tried that is not his, each thing once a connection.
func (m *member) refused(ctx context.Context, what string) {
	m.mu.Lock()
	again := m.tried[what]
	if m.tried == nil {
		m.tried = map[string]bool{}
	}
	m.tried[what] = true
	m.mu.Unlock()
	if again {
		return
	}
	if err := m.adapter.store.RefusedChat(ctx, m.room.id, m.party, what); err != nil {
		m.adapter.log.Warn("refusal not audited", "adapter", "chat", "session", m.room.id, "error", err)
	}
}

// marks gathers how far people have read until the keeper writes it.
type marks struct {
	mu    sync.Mutex
	marks map[markKey]interaction.ChatMark
}

type markKey struct {
	session, agent interaction.ID
}

func (b *marks) add(m interaction.ChatMark) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.marks == nil {
		b.marks = map[markKey]interaction.ChatMark{}
	}
	key := markKey{m.Session, m.Who.Agent}
	if had := b.marks[key]; had.Number < m.Number {
		b.marks[key] = m
	}
}

func (b *marks) take() []interaction.ChatMark {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]interaction.ChatMark, 0, len(b.marks))
	for _, m := range b.marks {
		list = append(list, m)
	}
	b.marks = nil
	return list
}
