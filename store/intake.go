package store

import (
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// takenFor is how long a row is left to the intake that took it; then that one has died, or is slow, and both settle it: once.
const takenFor = 3 * time.Second

// Take gives new rows: one that somebody died over and nobody has in hand, by itself, or else up to limit that nobody did, oldest first. These count as tried
// before anybody parses them, so that a row that kills its process is found out; the one is to be counted when it is parsed (Try).
func (s *Store) Take(ctx context.Context, limit int) ([]interaction.Taken, error) {
	rows, err := s.pool.Query(ctx, `
		with tried as materialized (
			select id, 0 as counts from inbound where state = 'new' and attempts > 0 and taken_at < now() - make_interval(secs => $2) order by taken_at limit 1 for update skip locked),
		fresh as (
			select id, 1 as counts from inbound where state = 'new' and attempts = 0 and not exists (select 1 from tried) order by id limit $1 for update skip locked)
		update inbound i set attempts = attempts + next.counts, taken_at = now() from (select * from tried union all select * from fresh) next
		where i.id = next.id and i.state = 'new'
		returning i.id, i.channel, i.entry_point, i.address, i.facts, i.size, i.attempts, next.counts = 0`, limit, takenFor.Seconds())
	if err != nil {
		return nil, translate(err)
	}
	taken, err := pgx.CollectRows(rows, pgx.RowToStructByPos[interaction.Taken])
	slices.SortFunc(taken, func(a, b interaction.Taken) int { return compare(a.ID, b.ID) })
	return taken, translate(err)
}

// Try counts a try at a row that somebody died over.
func (s *Store) Try(ctx context.Context, id interaction.ID) error {
	_, err := s.pool.Exec(ctx, `update inbound set attempts = attempts + 1, taken_at = now() where id = $1 and state = 'new'`, id)
	return translate(err)
}

// PutBack forgets so many tries: the row itself did no harm. Free leaves it to whoever comes first.
func (s *Store) PutBack(ctx context.Context, id interaction.ID, tries int, free bool) error {
	_, err := s.pool.Exec(ctx, `update inbound set attempts = greatest(attempts - $2, 0), taken_at = case when $3 then '-infinity' else taken_at end
		where id = $1 and state = 'new'`, id, tries, free)
	return translate(err)
}

// Settle makes of a taken row what it is: a message of the thread's open interaction, or a new
// interaction with what starts its workflow; one transaction. A row that another intake has
// settled meanwhile is left alone.
func (s *Store) Settle(ctx context.Context, in interaction.Taken, p interaction.Parsed) error {
	key, err := s.replyKey(ctx)
	if err != nil {
		return err
	}
	return s.inTx(ctx, func(t *tx) error {
		var raw interaction.ID
		err := t.QueryRow(ctx, `select raw_id from inbound where id = $1 and state = 'new' for update skip locked`, in.ID).Scan(&raw)
		if noRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if in.Channel == interaction.SMS {
			settings, err := t.smsSettings(ctx, in.EntryPoint)
			if err != nil {
				return err
			}
			if settings.InSession(p.Message) {
				return t.settleInSession(ctx, in, p)
			}
		}
		if p.Report != nil {
			if joined, err := t.settleReport(ctx, in, p, threadOf(key, in.Address)); joined || err != nil {
				return err
			}
		}
		if p.Amendment != nil {
			if over, err := t.settleAmendment(ctx, in, *p.Amendment); over || err != nil {
				return err
			}
		}
		contact, err := t.findContact(ctx, p)
		if err != nil {
			return err
		}
		if err := t.heardFrom(ctx, contact, p); err != nil {
			return err
		}
		thread, parent, err := t.findThread(ctx, contact, append(p.Follows[:len(p.Follows):len(p.Follows)], conversations(in, p)...), threadOf(key, in.Address))
		if err != nil {
			return err
		}
		if joined, err := t.settleExpert(ctx, in, p, thread); joined || err != nil {
			return err
		}
		if thread == "" && !p.Message.Visibility.Open() {
			if thread, err = t.joins(ctx, in.EntryPoint, contact); err != nil {
				return err
			}
		}
		var open *openRow
		if in.Channel == interaction.SMS {
			open, parent, err = t.openShort(ctx, in, contact, thread)
		} else {
			open, err = t.lockOpen(ctx, thread)
		}
		if err != nil {
			return err
		}
		if open == nil {
			open, err = t.openInbound(ctx, in, p, contact, thread, parent)
			if err != nil {
				return err
			}
		}
		if !open.fresh {
			if number, err := t.settledBefore(ctx, in, open.ID); err != nil || number != 0 {
				return t.settledAs(ctx, in, open.ID, number, err)
			}
		}
		return t.addInbound(ctx, in, p, open)
	})
}

// maxAttribute is how long an address can be that somebody is known by; longer than any that exists (RFC 5321: 254 bytes).
const maxAttribute = 1000

// findContact finds the contact by the best of its attributes, or makes one.
// Two mails of a stranger at the same moment make one contact: the attribute is unique.
func (t *tx) findContact(ctx context.Context, p interaction.Parsed) (interaction.ID, error) {
	var id interaction.ID
	p.Identities = slices.DeleteFunc(slices.Clone(p.Identities), func(a interaction.Attribute) bool { return len(a.Value) > maxAttribute })
	for _, a := range p.Identities {
		err := t.QueryRow(ctx, `select contact_id from contact_attributes where kind = $1 and value = $2`, a.Kind, a.Value).Scan(&id)
		if err == nil || !noRows(err) {
			return id, err
		}
	}
	id = interaction.NewID()
	t.put(`insert into contacts (id, name) values ($1, $2)`, id, p.Name)
	for n, a := range p.Identities {
		isNew, err := t.exec(ctx, `insert into contact_attributes (kind, value, contact_id) values ($1, $2, $3) on conflict do nothing`, a.Kind, a.Value, id)
		if err != nil {
			return "", err
		}
		if !isNew && n == 0 { // another transaction was quicker: its contact is the one
			t.put(`delete from contacts where id = $1`, id)
			err := t.QueryRow(ctx, `select contact_id from contact_attributes where kind = $1 and value = $2`, a.Kind, a.Value).Scan(&id)
			return id, err
		}
	}
	return id, nil
}

// findThread finds the thread that one of the answered messages belongs to, or else the one whose signed reply address was written to. A
// stranger to the thread does not join it: he gets a new thread whose interaction is linked.
func (t *tx) findThread(ctx context.Context, contact interaction.ID, follows []string, signed interaction.ID) (thread, parent interaction.ID, err error) {
	for _, id := range follows {
		hash := sha256.Sum256([]byte(id))
		thread, of, err := t.ownThread(ctx, contact, `select t.id, t.contact_id, m.interaction_id from mail_ids m join threads t on t.id = m.thread_id
			where m.hash = $2 order by (t.contact_id = $1) desc, m.interaction_id desc limit 1`, hash[:])
		if err != nil || thread != "" {
			return thread, of, err
		}
		if parent == "" {
			parent = of
		}
	}
	if signed != "" {
		thread, of, err := t.ownThread(ctx, contact, `select id, contact_id, last_interaction from threads where id = $2 and $1::uuid is not null`, signed)
		if err != nil || thread != "" {
			return thread, of, err
		}
		if parent == "" {
			parent = of
		}
	}
	return "", parent, nil
}

// ownThread runs a query for a thread, its contact and an interaction of it; the thread is given only to its own contact.
func (t *tx) ownThread(ctx context.Context, contact interaction.ID, sql string, arg any) (thread, of interaction.ID, err error) {
	var owner interaction.ID
	err = t.QueryRow(ctx, sql, contact, arg).Scan(&thread, &owner, &of)
	if noRows(err) {
		return "", "", nil
	}
	if err != nil || owner != contact {
		return "", of, err
	}
	return thread, of, nil
}

// openRow is the part of an open interaction's row that is changed under its lock.
type openRow struct {
	ID       interaction.ID
	Thread   interaction.ID
	Messages int64
	News     int64
	fresh    bool // made by this message
	first    bool // of its thread
}

// lockOpen locks the thread's open interaction, newest first. Stopping locks the
// same row: a message finds it open and stays with it, or finds none. A chat is none: its session takes no mail.
func (t *tx) lockOpen(ctx context.Context, thread interaction.ID) (*openRow, error) {
	if thread == "" {
		return nil, nil
	}
	var o openRow
	err := t.QueryRow(ctx, `select id, thread_id, messages, news from interactions where thread_id = $1 and channel <> 'chat'
		order by id desc limit 1 for update`, thread).Scan(&o.ID, &o.Thread, &o.Messages, &o.News)
	if noRows(err) {
		return nil, nil
	}
	return &o, err
}

// openInbound writes a new interaction, in its thread if it has one already.
func (t *tx) openInbound(ctx context.Context, in interaction.Taken, p interaction.Parsed, contact, thread, parent interaction.ID) (*openRow, error) {
	if err := t.unmerged(ctx, contact); err != nil {
		return nil, err
	}
	id := interaction.NewID()
	var lastAgent interaction.ID
	first := thread == ""
	if first {
		thread = interaction.NewID()
		t.put(`insert into threads (id, contact_id, entry_point, last_interaction) values ($1, $2, $3, $4)`,
			thread, contact, in.EntryPoint, id)
	} else if err := t.QueryRow(ctx, `update threads set last_interaction = $2 where id = $1 returning last_agent`, thread, id).Scan(&lastAgent); err != nil {
		return nil, err
	}
	t.put(`
		insert into interactions (id, thread_id, contact_id, parent_id, channel, entry_point, queue, direction, subject, state,
			priority, last_agent, workflow, kit)
		select $1, $2, $3, $4, $5, e.name, e.queue, 'in', $6, 'received', q.priority, $7, e.workflow, $8
		from entry_points e join queues q on q.name = e.queue where e.name = $9`,
		id, thread, contact, parent, in.Channel, clip(p.Message.Subject, 1000), lastAgent, interaction.KitVersion, in.EntryPoint)
	return &openRow{ID: id, Thread: thread, fresh: true, first: first}, nil
}

// addInbound adds the message, and the news of it for the workflow.
func (t *tx) addInbound(ctx context.Context, in interaction.Taken, p interaction.Parsed, open *openRow) error {
	m := p.Message
	m.Interaction, m.Number, m.Kind, m.Inbound, m.EntryPoint = open.ID, open.Messages+1, interaction.MessageIn, in.ID, in.EntryPoint
	if m.MessageID != "" {
		if clash, err := t.rememberMailID(ctx, m.MessageID, open.Thread, open.ID, m.Number, in.ID); err != nil {
			return err
		} else if clash {
			m.Problems = append(m.Problems, "message_id_seen_before_with_other_content")
		}
	}
	for _, name := range conversations(in, p) {
		if _, err := t.rememberMailID(ctx, name, open.Thread, open.ID, m.Number, in.ID); err != nil {
			return err
		}
	}
	if err := t.insertMessage(ctx, m); err != nil {
		return err
	}
	if !open.first {
		if err := t.doubtAutomatic(ctx, open.Thread, m); err != nil {
			return err
		}
	}
	if in.Channel == interaction.SMS {
		settings, err := t.smsSettings(ctx, in.EntryPoint)
		if err != nil {
			return err
		}
		if err := t.heedKeyword(ctx, in, m, settings); err != nil {
			return err
		}
	}
	news := interaction.News{Kind: interaction.NewsMessage, Message: m.Number}
	code := "message.received"
	if open.fresh {
		news.Kind, code = interaction.NewsStart, "interaction.received"
	} else if err := t.customerWrote(ctx, open.ID); err != nil {
		return err
	}
	if err := t.addNews(ctx, open.ID, news, `messages = messages + 1`); err != nil {
		return err
	}
	t.put(`update inbound set state = 'done', interaction_id = $2, message_number = $3 where id = any($1::uuid[])`,
		append([]interaction.ID{in.ID}, p.Joined...), open.ID, m.Number)
	return t.audit(ctx, event{Code: code, Interaction: open.ID, Data: map[string]any{
		"message": m.Number, "channel": in.Channel, "entryPoint": in.EntryPoint, "bytes": in.Size,
	}})
}

// rememberMailID keeps the id for threading, as a hash, and reports whether it was there before with other content.
func (t *tx) rememberMailID(ctx context.Context, messageID string, thread, id interaction.ID, number int64, inbound interaction.ID) (clash bool, err error) {
	hash := sha256.Sum256([]byte(messageID))
	err = t.QueryRow(ctx, `with had as (
				select 1 from mail_ids m join messages g on g.interaction_id = m.interaction_id and g.number = m.message_number left join inbound b on b.id = g.inbound_id
				where m.hash = $1 and b.identity is distinct from (select identity from inbound where id = $5) limit 1),
			put as (insert into mail_ids (hash, thread_id, interaction_id, message_number) values ($1, $2, $3, $4) on conflict do nothing)
		select exists (select 1 from had)`, hash[:], thread, id, number, inbound).Scan(&clash)
	return clash, err
}

// customerWrote makes stale what was written against the state before, and wakes what slept until this.
func (t *tx) customerWrote(ctx context.Context, id interaction.ID) error {
	t.put(`
		with t as (select id, agent_id, state = 'snoozed' and wakes as wake from tasks where interaction_id = $1 order by id for update),
		changed as (
			update tasks set version = tasks.version + 1,
				reserved_for = case when wake then t.agent_id else reserved_for end,
				reserved_until = case when wake then now() + make_interval(secs => $2) else reserved_until end,
				agent_id = case when wake then null else tasks.agent_id end,
				not_before = case when wake then null else not_before end,
				state = case when wake then 'queued' else state end
			from t where tasks.id = t.id
			returning tasks.id, tasks.interaction_id, tasks.queue, tasks.kind, t.agent_id, wake)
		insert into events (code, interaction_id, task_id, queue, from_state, to_state, data)
		select 'task.woken', interaction_id, id, queue, 'snoozed', 'queued', jsonb_build_object('kind', kind, 'agent', agent_id, 'why', 'customer_wrote') from changed where wake`,
		id, reservation.Seconds())
	t.tasks = true
	return nil
}

// addNews numbers the news under the interaction's row lock and puts it into the outbox. "also" is a further assignment to the row.
func (t *tx) addNews(ctx context.Context, id interaction.ID, n interaction.News, also string) error {
	if also != "" {
		also = ", " + also
	}
	t.put(`
		with numbered as (update interactions set news = news + 1, version = version + 1`+also+` where id = $1 returning news)
		insert into outbox (interaction_id, number, news)
		select $1, numbered.news, $2::jsonb || jsonb_build_object('number', numbered.news) from numbered`, id, n)
	t.outbox = true
	return nil
}

// clip cuts s to at most n bytes at a rune's edge.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}

func compare(a, b interaction.ID) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
