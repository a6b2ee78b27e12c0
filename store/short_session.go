package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// A session of short messages is a chat whose customer writes and is written to by text: agents work in the same conversation, and what they say to
// him goes out over the entry point's line. One number has one living session with an entry point, found under a lock of the pair.

// settleInSession adds the message to the pair's living session, or opens one.
func (t *tx) settleInSession(ctx context.Context, in interaction.Taken, p interaction.Parsed) error {
	number := p.Message.From.Address
	if _, err := t.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1 || ' ' || $2, 1))`, in.EntryPoint, number); err != nil {
		return err
	}
	var session interaction.ID
	err := t.QueryRow(ctx, `select session_id from short_sessions where entry_point = $1 and number = $2`, in.EntryPoint, number).Scan(&session)
	if err != nil && !noRows(err) {
		return err
	}
	added := false
	if session != "" {
		if added, err = t.saySession(ctx, session, in, p); err != nil {
			return err
		}
	}
	if !added {
		if session, err = t.openShortSession(ctx, in, p); err != nil {
			return err
		}
		if _, err = t.saySession(ctx, session, in, p); err != nil {
			return err
		}
	}
	_, err = t.Exec(ctx, `update inbound set state = 'done', interaction_id = $2 where id = any($1::uuid[])`, append([]interaction.ID{in.ID}, p.Joined...), session)
	return err
}

// saySession appends what the customer wrote, in several messages if it is longer than a chat's may be; false where the session is over.
func (t *tx) saySession(ctx context.Context, session interaction.ID, in interaction.Taken, p interaction.Parsed) (bool, error) {
	say := poster{log: &chatLog{}}
	for n, text := range pieces(p.Message.Text, interaction.MaxChatText) {
		say.posts = append(say.posts, interaction.ChatPost{
			Session: session, From: interaction.Party{Role: interaction.ChatCustomer}, Kind: interaction.ChatText, Text: text, ClientID: fmt.Sprintf("inbound-%s-%d", in.ID, n),
		})
	}
	if err := say.prepare(ctx, t); err != nil {
		return false, err
	}
	if c := say.log.sessions[session]; c == nil || c.EndedAt != nil {
		return false, nil
	}
	for _, post := range say.posts {
		if _, _, err := say.post(post); err != nil {
			return false, err
		}
	}
	return true, say.finish(ctx, t)
}

// pieces cuts a text into at most n bytes each, at a rune's edge; an empty text is one that says so.
func pieces(text string, n int) []string {
	if strings.TrimSpace(text) == "" {
		return []string{"[empty message]"}
	}
	var list []string
	for text != "" {
		piece := clip(text, n)
		list, text = append(list, piece), text[len(piece):]
	}
	return list
}

// openShortSession opens a chat for a number and remembers it for the pair.
func (t *tx) openShortSession(ctx context.Context, in interaction.Taken, p interaction.Parsed) (interaction.ID, error) {
	session, number := interaction.NewID(), p.Message.From.Address
	err := t.openChat(ctx, interaction.NewChat{
		EntryPoint: in.EntryPoint, Nickname: number, Subject: p.Message.Subject, Identities: p.Identities, Peer: in.Facts.Peer,
	}, interaction.ChatTicket{Session: session})
	if err != nil {
		return "", err
	}
	batch := &pgx.Batch{}
	batch.Queue(`update chat_sessions set outside = true, token = null where interaction_id = $1`, session)
	batch.Queue(`insert into short_sessions (entry_point, number, session_id) values ($1, $2, $3)
		on conflict (entry_point, number) do update set session_id = $3, since = now()`, in.EntryPoint, number, session)
	return session, t.SendBatch(ctx, batch).Close()
}

// refusesOutside reads which of the sessions are by text with somebody who has opted out: nothing is said to him.
func (p *poster) refusesOutside(ctx context.Context, t *tx) error {
	var outside []interaction.ID
	for id, c := range p.log.sessions {
		if c.Outside {
			outside = append(outside, id)
		}
	}
	if len(outside) == 0 {
		return nil
	}
	rows, err := t.Query(ctx, `select s.session_id from short_sessions s join entry_points e on e.name = s.entry_point
		where s.session_id = any($1::uuid[]) and opted_out(e.channel, s.number)`, outside)
	if err != nil {
		return err
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[interaction.ID])
	p.optedOut = map[interaction.ID]bool{}
	for _, id := range list {
		p.optedOut[id] = true
	}
	return err
}

// goesOut reports whether a message is one that the customer of a session by text gets.
func goesOut(m interaction.ChatMessage) bool {
	switch m.Kind {
	case interaction.ChatText, interaction.ChatURL, interaction.ChatQuestion:
		return !m.Internal && m.From.Role != interaction.ChatCustomer && m.Text != ""
	}
	return false
}

// queueOutside queues the sends of what was said in sessions by text, in the transaction in which it was said.
func (l *chatLog) queueOutside(batch *pgx.Batch) {
	var sessions []interaction.ID
	var numbers []int64
	for _, m := range l.fresh {
		if c := l.sessions[m.Session]; c != nil && c.Outside && goesOut(m) {
			sessions, numbers = append(sessions, m.Session), append(numbers, m.Number)
		}
	}
	if len(sessions) == 0 {
		return
	}
	batch.Queue(`
		insert into session_sends (session_id, number, state, code)
		select u.session, u.number, case when r.out then 'not_sent' else 'queued' end, case when r.out then $3 else '' end
		from unnest($1::uuid[], $2::bigint[]) as u (session, number)
		join short_sessions s on s.session_id = u.session join entry_points e on e.name = s.entry_point
		cross join lateral (select opted_out(e.channel, s.number) as out) r`, sessions, numbers, codeOptedOut)
}

// SessionSends gives what may leave now: of each session the oldest that is queued, if none before it is on its way.
func (s *Store) SessionSends(ctx context.Context, limit int) ([]interaction.SessionSend, error) {
	rows, err := s.pool.Query(ctx, `
		select x.session_id, x.number, m.at, m.body, e.name, e.address, e.from_name, p.number, e.channel
		from session_sends x
		join short_sessions p on p.session_id = x.session_id join entry_points e on e.name = p.entry_point
		join chat_messages m on m.session_id = x.session_id and m.number = x.number
		where x.state = 'queued' and not exists (select 1 from session_sends b where b.session_id = x.session_id and b.number < x.number and b.state in ('queued', 'in_flight'))
		order by m.at limit $1`, limit)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (interaction.SessionSend, error) {
		var x interaction.SessionSend
		out := &x.Out
		out.To = make([]interaction.Address, 1)
		err := row.Scan(&x.Session, &x.Number, &out.Date, &out.Text, &out.EntryPoint, &out.From.Address, &out.From.Name, &out.To[0].Address, &out.Channel)
		out.Interaction, out.Key = x.Session, string(x.Session)+"/chat-"+SendKey(x.Number)
		return x, err
	})
	return list, translate(err)
}

// BeginSessionSend commits queued → in flight; only when it answers true may the irreversible byte leave. An opt-out that came meanwhile ends it.
func (s *Store) BeginSessionSend(ctx context.Context, x interaction.SessionSend, attempt interaction.ID) (bool, error) {
	var won bool
	err := s.inTx(ctx, func(t *tx) error {
		var err error
		won, err = t.exec(ctx, `update session_sends set state = 'in_flight', attempt = $3, begun_at = now() where session_id = $1 and number = $2 and state = 'queued'
			and not opted_out($4, $5)`, x.Session, x.Number, attempt, x.Out.Channel, x.Out.To[0].Address)
		return err
	})
	return won, err
}

// EndSessionSend writes what became of an attempt, and tells the agents in the session when the customer has not got it for certain.
func (s *Store) EndSessionSend(ctx context.Context, x interaction.SessionSend, attempt interaction.ID, o interaction.Outcome) error {
	return s.inTx(ctx, func(t *tx) error {
		ended, err := t.exec(ctx, `update session_sends set state = $4, code = $5 where session_id = $1 and number = $2
			and (state = 'in_flight' and attempt = $3 or state = 'queued' and $3::uuid is null)`, x.Session, x.Number, attempt, o.State, clip(o.Code, 40))
		if err != nil || !ended {
			return err
		}
		for _, name := range o.Names {
			if err := t.nameSessionSend(ctx, x, name); err != nil {
				return err
			}
		}
		if o.State == interaction.SendQueued {
			return nil
		}
		if o.State != interaction.SendSent {
			if err := t.tellNotSent(ctx, x.Session, o.State); err != nil {
				return err
			}
		}
		return t.audit(ctx, event{
			Code: sendCode(o.State), Interaction: x.Session, From: string(interaction.SendInFlight), To: string(o.State),
			Data: map[string]any{"chat_message": x.Number, "code": clip(o.Code, 40)},
		})
	})
}

func (t *tx) nameSessionSend(ctx context.Context, x interaction.SessionSend, name interaction.CarrierName) error {
	if err := t.lockCarried(ctx, name.ID, name.Spellings); err != nil {
		return err
	}
	_, err := t.Exec(ctx, `
		with early as (update carrier_ids set interaction_id = $3, message_number = $4 where entry_point = $1 and hash = any($5) and interaction_id is null returning 1)
		insert into carrier_ids (entry_point, hash, interaction_id, message_number) select $1, $2, $3, $4 where not exists (select 1 from early)
		on conflict (entry_point, hash) do nothing`, x.Out.EntryPoint, hashOf(name.ID), x.Session, x.Number, hashesOf(name.ID, name.Spellings))
	return err
}

// tellNotSent says in the session, to agents only, that the customer did not get the last word, or that nobody knows.
func (t *tx) tellNotSent(ctx context.Context, session interaction.ID, state interaction.SendState) error {
	log, c, err := t.lockChat(ctx, session)
	if err != nil {
		return err
	}
	log.add(c, interaction.ChatMessage{From: interaction.Party{Role: interaction.ChatSystem}, Kind: interaction.ChatAttention, Text: "text_" + string(state)})
	return log.keep(ctx, t)
}

// lostSend is how long a send can be on its way; what is so for longer belongs to a process that died, and nobody knows what became of it.
const lostSend = 5 * time.Minute

// FlagLostSessionSends ends sends whose process died behind the irreversible byte, and sends that an opt-out has overtaken; it gives how many.
func (s *Store) FlagLostSessionSends(ctx context.Context) (int, error) {
	n := 0
	err := s.inTx(ctx, func(t *tx) error {
		rows, err := t.Query(ctx, `select x.session_id, x.number, x.state = 'queued' from session_sends x join short_sessions p on p.session_id = x.session_id
			join entry_points e on e.name = p.entry_point
			where x.state = 'in_flight' and x.begun_at < now() - make_interval(secs => $1)
				or x.state = 'queued' and opted_out(e.channel, p.number)
			order by x.session_id, x.number limit 100 for update of x skip locked`, lostSend.Seconds())
		if err != nil {
			return err
		}
		type lost struct {
			session interaction.ID
			number  int64
			refused bool
		}
		list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l lost, err error) {
			return l, row.Scan(&l.session, &l.number, &l.refused)
		})
		if err != nil {
			return err
		}
		n = len(list)
		for _, l := range list {
			state, code := interaction.SendUnknown, "interrupted"
			if l.refused {
				state, code = interaction.SendNotSent, codeOptedOut
			}
			if _, err := t.Exec(ctx, `update session_sends set state = $3, code = $4 where session_id = $1 and number = $2`, l.session, l.number, state, code); err != nil {
				return err
			}
			if err := t.tellNotSent(ctx, l.session, state); err != nil {
				return err
			}
			if err := t.audit(ctx, event{Code: sendCode(state), Interaction: l.session, To: string(state), Data: map[string]any{"chat_message": l.number, "code": code}}); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}
