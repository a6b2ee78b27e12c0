package store

import (
	"context"
	"net/mail"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// TurnChat does one step of a chat's story, in one transaction: decide looks at the session and says what the system says, asks and does in it.
// Run again for the same step it changes nothing and gives what was told then.
func (s *Store) TurnChat(ctx context.Context, id interaction.ID, step string, decide func(interaction.ChatView) interaction.ChatTurn) (interaction.ChatTold, error) {
	return once(ctx, s, id, step, func(t *tx, o openInteraction) (interaction.ChatTold, error) {
		log, c, err := t.lockChat(ctx, id)
		if err != nil {
			return interaction.ChatTold{}, err
		}
		v, err := t.viewChat(ctx, o)
		if err != nil {
			return interaction.ChatTold{}, err
		}
		turn := decide(v)
		if turn.Letter != nil {
			if err := t.mailInstead(ctx, o, v.Settings.Mail, *turn.Letter); err != nil {
				return interaction.ChatTold{}, err
			}
		}
		if err := t.bookTurn(ctx, s, o, &turn); err != nil {
			return interaction.ChatTold{}, err
		}
		return turn.Told, t.takeTurn(ctx, o, log, c, v, turn)
	})
}

// takeTurn writes what the turn says into the session, and where the interaction stands then.
func (t *tx) takeTurn(ctx context.Context, o openInteraction, log *chatLog, c *chatRow, v interaction.ChatView, turn interaction.ChatTurn) error {
	system := interaction.Party{Role: interaction.ChatSystem, Name: v.House}
	if turn.Say != "" {
		log.add(c, interaction.ChatMessage{From: system, Kind: interaction.ChatText, Text: turn.Say})
	}
	if q := turn.Ask; q != nil {
		log.add(c, interaction.ChatMessage{From: system, Kind: interaction.ChatQuestion, Text: turn.Words, Choices: q.Choices})
		c.Asking = &asking{Key: q.Key, Kind: q.Kind, Text: turn.Words, Choices: q.Choices}
		log.wake(c, v.Settings)
	}
	switch {
	case turn.End != "" && c.EndedAt == nil:
		if err := t.endChat(ctx, log, c, system, turn.End, false); err != nil {
			return err
		}
	case len(log.fresh) > 0:
		if err := log.keep(ctx, t); err != nil {
			return err
		}
	}
	switch {
	case turn.End != "":
		return t.become(ctx, o, "chat.ended", interaction.Automatic)
	case turn.Ask != nil:
		return t.become(ctx, o, "chat.asked", interaction.Waiting)
	case o.State == interaction.Received:
		return t.become(ctx, o, "chat.begun", interaction.Automatic)
	}
	return nil
}

// viewChat reads a session, whose row is locked, with all of its messages.
func (t *tx) viewChat(ctx context.Context, o openInteraction) (interaction.ChatView, error) {
	v := interaction.ChatView{Reference: Reference(o.ID), Session: interaction.ChatSession{ID: o.ID, Contact: o.Contact}}
	c := &v.Session
	var settings *interaction.ChatSettings
	var channel interaction.Channel
	var ended *time.Time
	var address, mailFrom string
	err := t.QueryRow(ctx, `
		select s.entry_point, s.nickname, coalesce(nullif(s.language, ''), e.language), s.page, s.opened_at, s.ended_at, s.ended_by, s.async, s.last,
			coalesce(s.asking->>'key', ''), coalesce(s.transcript, ''), i.data, i.subject, e.chat, e.channel, e.from_name, c.name,
			coalesce((select said->>'value' from jsonb_array_elements(s.claims) said where said->>'kind' = 'email' limit 1),
				(select value from contact_attributes where contact_id = i.contact_id and kind = 'email' order by value limit 1), ''),
			coalesce((select value from contact_attributes where contact_id = i.contact_id and kind = 'phone' order by value limit 1), ''),
			coalesce(m.from_name, ''), coalesce(m.address, ''), clock_timestamp(),
			(select b.definition from queues q join calendars b on b.name = coalesce(q.calendar, e.calendar) where q.name = i.queue
				and not exists (select 1 from chat_sessions s where s.interaction_id = i.id and s.outside)) -- who writes by text waits until we open
		from chat_sessions s join interactions i on i.id = s.interaction_id join entry_points e on e.name = s.entry_point
			join contacts c on c.id = i.contact_id left join entry_points m on m.name = e.chat->>'mail' and m.channel = 'email' and m.enabled
		where s.interaction_id = $1`, o.ID).
		Scan(&c.EntryPoint, &c.Nickname, &c.Language, &c.Page, &c.OpenedAt, &ended, &c.EndedBy, &c.Async, &c.Last,
			&v.Asking, &v.MailTo, &v.Data, &v.Subject, &settings, &channel, &v.House, &v.Name, &address, &v.Phone,
			&v.MailFrom.Name, &mailFrom, &v.At, &v.Calendar)
	if err != nil {
		return v, err
	}
	c.EndedAt = orZero(ended)
	v.Settings = settings.For(channel)
	if v.MailFrom.Address = mailFrom; mailFrom == "" { // configuration names none that there is
		v.Settings.Mail = ""
	}
	v.MailTo = mailAddress(v.MailTo)
	if v.Email = mailAddress(v.Data[interaction.AskAddress]); v.Email == "" { // what he says now goes before what is known of him
		v.Email = mailAddress(address)
	}
	for _, q := range append(v.Settings.Questions, interaction.ChatAsk{Key: interaction.AskPhone, Kind: "phone"}) {
		if said := v.Data[q.Key]; q.Kind == "phone" && said != "" {
			v.Phone = said
		}
	}
	if err := t.QueryRow(ctx, `select coalesce(min(at), $2) from events where interaction_id = $1 and code = 'task.opened' and at >= $3`,
		o.ID, c.OpenedAt, o.ID.Time().Add(-time.Hour)).Scan(&v.QueuedAt); err != nil {
		return v, err
	}
	rows, err := t.Query(ctx, `select `+chatColumns+` from chat_messages where session_id = $1 order by number`, o.ID)
	if err != nil {
		return v, err
	}
	v.Messages, err = pgx.CollectRows(rows, scanChatMessage)
	return v, err
}

// mailAddress gives an address that mail can be sent to, or nothing.
func mailAddress(s string) string {
	a, err := mail.ParseAddress(s)
	if err != nil || len(a.Address) > 254 {
		return ""
	}
	return lower(a.Address)
}

// mailInstead begins an interaction by mail with what the customer wrote in a chat that came to nothing: in the same thread, as if he had written it to
// that entry point.
func (t *tx) mailInstead(ctx context.Context, o openInteraction, entryPoint string, l interaction.ChatLetter) error {
	id := interaction.NewID()
	if _, err := t.Exec(ctx, `
		insert into interactions (id, thread_id, contact_id, parent_id, channel, entry_point, queue, direction, subject, state, priority, data, last_agent, workflow, kit, messages)
		select $1, i.thread_id, i.contact_id, i.id, 'email', e.name, e.queue, 'in', $3, 'received', q.priority, i.data, i.last_agent, e.workflow, $4, 1
		from interactions i, entry_points e join queues q on q.name = e.queue where i.id = $2 and e.name = $5`,
		id, o.ID, clip(l.Subject, 1000), interaction.KitVersion, entryPoint); err != nil {
		return err
	}
	if _, err := t.Exec(ctx, `update threads set last_interaction = $2 where id = $1`, o.Thread, id); err != nil {
		return err
	}
	if err := t.insertMessage(ctx, interaction.Message{
		Interaction: id, Number: 1, Kind: interaction.MessageIn, From: l.From, Subject: l.Subject, Text: l.Text, ReplyText: l.Text,
	}); err != nil {
		return err
	}
	if err := t.addNews(ctx, id, interaction.News{Kind: interaction.NewsStart, Message: 1}, ""); err != nil {
		return err
	}
	if err := t.audit(ctx, event{Code: "chat.mailed", Interaction: o.ID, Data: map[string]any{"instead": id}}); err != nil {
		return err
	}
	return t.audit(ctx, event{Code: "interaction.received", Interaction: id, Data: map[string]any{
		"message": 1, "channel": interaction.Email, "entryPoint": entryPoint, "instead": o.ID,
	}})
}
