package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// minChatKey is how long a client's key is at least: who knows it gets the session's secret.
const minChatKey = 16

// OpenChat commits the session with its contact, its interaction and the start of its workflow, in one transaction. Opened again
// with the same key it is the same session with the same secret.
func (s *Store) OpenChat(ctx context.Context, c interaction.NewChat) (interaction.ChatTicket, error) {
	if c.Key != "" && (len(c.Key) < minChatKey || len(c.Key) > 200) {
		return interaction.ChatTicket{}, interaction.Invalid("bad_key", "key", "is a random text of %d to 200 characters", minChatKey)
	}
	house, err := s.replyKey(ctx)
	if err != nil {
		return interaction.ChatTicket{}, err
	}
	var ticket interaction.ChatTicket
	err = s.inTx(ctx, func(t *tx) error {
		ticket = interaction.ChatTicket{Session: interaction.NewID()}
		isNew := true
		if c.Key != "" {
			var err error
			ticket.Session, isNew, err = t.claimSource(ctx, interaction.SourceKey(c.EntryPoint, interaction.Identity("chat "+c.Key)), ticket.Session)
			if err != nil {
				return err
			}
		}
		ticket.Token = chatToken(house, ticket.Session)
		if !isNew {
			err := t.QueryRow(ctx, `select last from chat_sessions where interaction_id = $1 and token is not null`, ticket.Session).Scan(&ticket.Last)
			if noRows(err) {
				return interaction.Unknown("chat")
			}
			return err
		}
		return t.openChat(ctx, c, ticket)
	})
	return ticket, err
}

func (t *tx) openChat(ctx context.Context, c interaction.NewChat, ticket interaction.ChatTicket) error {
	contact, err := t.findContact(ctx, interaction.Parsed{Name: clip(c.Nickname, 200), Identities: c.Identities})
	if err != nil {
		return err
	}
	if len(c.Identities) > 0 {
		if err := t.unmerged(ctx, contact); err != nil {
			return err
		}
	}
	id, thread := ticket.Session, interaction.NewID()
	made, err := t.exec(ctx, `
		insert into interactions (id, thread_id, contact_id, channel, entry_point, queue, direction, subject, state, language, priority, data, workflow, kit)
		select $1, $2, $3, 'chat', e.name, e.queue, 'in', $4, 'received', coalesce(nullif($5, ''), e.language), q.priority, $6,
			case e.channel when 'sms' then $9 else e.workflow end, $7
		from entry_points e join queues q on q.name = e.queue where e.name = $8 and (e.channel = 'chat' and e.enabled or e.channel = 'sms' and $10)`,
		id, thread, contact, clip(c.Subject, 1000), clip(c.Language, 35), orEmpty(c.Data), interaction.KitVersion, c.EntryPoint, interaction.WorkflowChat, ticket.Token == "")
	if err != nil {
		return err
	}
	if !made {
		return interaction.Unknown("entry_point")
	}
	policy, err := t.chatPolicy(ctx, c.EntryPoint)
	if err != nil {
		return err
	}
	secret := sha256.Sum256([]byte(ticket.Token))
	batch := &pgx.Batch{}
	batch.Queue(`insert into threads (id, contact_id, entry_point, last_interaction) values ($1, $2, $3, $4)`, thread, contact, c.EntryPoint, id)
	batch.Queue(`
		insert into chat_sessions (interaction_id, entry_point, contact_id, token, nickname, language, page, peer, async)
		select $1, entry_point, contact_id, $2, $3, language, $4, $5, $6 from interactions where id = $1`,
		id, secret[:], clip(c.Nickname, 200), clip(c.Page, 2000), clip(c.Peer, 100), policy.Async)
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	if err := t.claims(ctx, id, c.Claims); err != nil {
		return err
	}
	if err := t.addNews(ctx, id, interaction.News{Kind: interaction.NewsStart}, ""); err != nil {
		return err
	}
	return t.audit(ctx, event{Code: "interaction.received", Interaction: id, Data: map[string]any{
		"channel": interaction.Chat, "entryPoint": c.EntryPoint, "known": len(c.Identities) > 0, "claims": len(c.Claims),
	}})
}

// chatToken is the secret of a session's customer. It follows from the house's key, so that it can be told again and need not be kept.
func chatToken(house []byte, session interaction.ID) string {
	mac := hmac.New(sha256.New, house)
	mac.Write([]byte("chat customer 1 "))
	mac.Write([]byte(session))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// chatAfterlife is how long a customer can come back to a session that is over, to read it.
const chatAfterlife = 24 * time.Hour

// ChatCustomer proves a customer's secret; unknown where it is wrong or revoked, or the session is long over.
func (s *Store) ChatCustomer(ctx context.Context, session interaction.ID, token string) (interaction.ChatSession, error) {
	secret := sha256.Sum256([]byte(token))
	return s.chatSession(ctx, ` where s.interaction_id = $1 and s.token = $2 and (s.ended_at is null or s.ended_at > now() - make_interval(secs => $3))`,
		session, secret[:], chatAfterlife.Seconds())
}

// ChatAgent gives a session to an actor who is in it; to anybody else it is unknown. It stays his when it is over, until his task ends.
func (s *Store) ChatAgent(ctx context.Context, by interaction.Actor, session interaction.ID) (interaction.ChatSession, error) {
	return s.chatSession(ctx, ` where s.interaction_id = $1 and exists (select 1 from chat_participants p
		where p.session_id = s.interaction_id and p.agent_id = $2 and p.left_at is null)`, session, by.Agent)
}

// ChatsOf gives the sessions that an actor is in, oldest first; those that are over until his task ends.
func (s *Store) ChatsOf(ctx context.Context, by interaction.Actor) ([]interaction.ChatSession, error) {
	return s.chatSessions(ctx, ` where s.interaction_id in (select p.session_id from chat_participants p where p.agent_id = $1 and p.left_at is null)
		order by s.interaction_id`, by.Agent)
}

func (s *Store) chatSession(ctx context.Context, where string, args ...any) (interaction.ChatSession, error) {
	list, err := s.chatSessions(ctx, where, args...)
	if err != nil {
		return interaction.ChatSession{}, err
	}
	if len(list) == 0 {
		return interaction.ChatSession{}, interaction.Unknown("chat")
	}
	return list[0], nil
}

// chatSessions reads sessions with who is or was in them, the customer first.
func (s *Store) chatSessions(ctx context.Context, where string, args ...any) ([]interaction.ChatSession, error) {
	rows, err := s.pool.Query(ctx, `
		select s.interaction_id, s.entry_point, s.contact_id, s.nickname, s.language, s.page, s.opened_at, s.ended_at, s.ended_by, s.async, s.last, s.read_to,
			coalesce((select jsonb_agg(jsonb_build_object('role', p.role, 'name', p.name, 'agent', p.agent_id, 'mode', p.mode, 'joined', p.joined_at,
				'left', p.left_at, 'read', p.read_to) order by p.joined_at, p.agent_id) from chat_participants p where p.session_id = s.interaction_id), '[]')
		from chat_sessions s`+where, args...)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, scanChat)
	return list, translate(err)
}

func scanChat(row pgx.CollectableRow) (interaction.ChatSession, error) {
	var c interaction.ChatSession
	var ended *time.Time
	var read int64
	var people []struct {
		interaction.Party
		Mode   interaction.ChatMode
		Joined time.Time
		Left   *time.Time
		Read   int64
	}
	err := row.Scan(&c.ID, &c.EntryPoint, &c.Contact, &c.Nickname, &c.Language, &c.Page, &c.OpenedAt, &ended, &c.EndedBy, &c.Async, &c.Last, &read, &people)
	c.EndedAt = orZero(ended)
	c.Parties = []interaction.Participant{{
		Party: interaction.Party{Role: interaction.ChatCustomer, Name: c.Nickname}, Mode: interaction.ChatFull, JoinedAt: c.OpenedAt, ReadTo: read,
	}}
	for _, p := range people {
		c.Parties = append(c.Parties, interaction.Participant{Party: p.Party, Mode: p.Mode, JoinedAt: p.Joined, LeftAt: orZero(p.Left), ReadTo: p.Read})
	}
	return c, err
}
