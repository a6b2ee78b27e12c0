package store

import (
	"context"
	"strings"

	"parley/interaction"
)

// Reply releases an agent's reply: the message is kept, the task is done, and the workflow hears of it; one
// transaction. Nothing leaves before the workflow has had it reviewed.
func (s *Store) Reply(ctx context.Context, by interaction.Actor, id interaction.ID, version int64, r interaction.Reply) (interaction.Message, error) {
	return act(ctx, s, by, func(t *tx) (interaction.Message, error) {
		row, err := t.lockMine(ctx, by, id, version)
		if err != nil {
			return interaction.Message{}, err
		}
		if row.Kind != interaction.TaskHandle {
			return interaction.Message{}, interaction.Conflict("not_to_answer", "a %s task is ended by complete or decision, not by a reply", row.Kind)
		}
		if row.Channel == interaction.Chat {
			return interaction.Message{}, interaction.Conflict("not_to_answer", "a conversation is answered in its session and ended by complete")
		}
		if err := t.checkDisposition(ctx, row, r.Disposition); err != nil {
			return interaction.Message{}, err
		}
		if err := t.checkMarks(ctx, id, r); err != nil {
			return interaction.Message{}, err
		}
		m, err := t.composeReply(ctx, by, row, r)
		if err != nil {
			return m, err
		}
		if err := t.insertMessage(ctx, m); err != nil {
			return m, err
		}
		if err := t.countUses(ctx, s, by, row, m, r.Responses); err != nil {
			return m, err
		}
		t.put(`update threads set last_agent = $2 where id = (select thread_id from interactions where id = $1)`, row.Interaction, by.Agent)
		if err := t.closeTask(ctx, row, "task.done", interaction.TaskDone, r.Disposition, ""); err != nil {
			return m, err
		}
		if err := t.auditTask(ctx, by, row, "task.done", interaction.TaskDone, map[string]any{"message": m.Number, "reply": true}); err != nil {
			return m, err
		}
		return m, t.answeredBy(ctx, row, by, interaction.News{
			Kind: interaction.NewsReply, Task: row.ID, Message: m.Number, Agent: by.Agent, Code: r.Disposition,
		})
	})
}

// composeReply makes the message of a reply from what it answers: the newest message of the customer, or, where he
// has written none yet, the contact's address.
func (t *tx) composeReply(ctx context.Context, by interaction.Actor, row taskRow, r interaction.Reply) (interaction.Message, error) {
	m := interaction.Message{
		Interaction: row.Interaction, Kind: interaction.MessageReply, Author: by.Agent,
		Cc: r.Cc, Subject: r.Subject, Text: r.Text, HTML: r.HTML, Attachments: r.Attachments,
	}
	var of answered
	err := t.QueryRow(ctx, `
		select now(), i.messages + 1, i.subject, e.from_name, e.address, e.name, e.channel, coalesce(m.subject, ''), coalesce(m.sender, '{}'), coalesce(m.reply_to, '{}'),
			coalesce(m.message_id, ''), coalesce(m.refs, '{}'), coalesce(m.visibility, ''),
			coalesce((select value from contact_attributes where contact_id = i.contact_id and kind = case when e.channel in ('sms', 'mms') then 'phone' else 'email' end
				and e.channel not in ('social', 'callback') order by value limit 1), '')
		from interactions i
		left join lateral (select * from messages where interaction_id = i.id and kind = 'in'
			and ($2 = '' or coalesce(nullif(entry_point, ''), i.entry_point) = $2) order by number desc limit 1) m on true
		join entry_points e on e.name = coalesce(nullif($2, ''), nullif(m.entry_point, ''), i.entry_point)
		where i.id = $1`, row.Interaction, r.EntryPoint).
		Scan(&m.At, &m.Number, &of.topic, &m.From.Name, &m.From.Address, &m.EntryPoint, &of.channel, &of.subject, &of.sender, &of.replyTo, &of.messageID, &of.refs, &m.Visibility, &of.contact)
	if noRows(err) && r.EntryPoint != "" {
		return m, interaction.Invalid("unknown_entry_point", "entry_point", "there is no such entry point to answer by")
	}
	if err != nil {
		return m, err
	}
	if err := t.mayReply(ctx, m, r); err != nil {
		return m, err
	}
	to := of.address()
	if to.Address == "" {
		return m, interaction.Conflict("no_address", "the customer left no address to answer to")
	}
	for _, a := range append([]interaction.Address{to}, r.Cc...) {
		if err := t.mayWrite(ctx, of.channel, a.Address); err != nil {
			return m, err
		}
	}
	m.To = []interaction.Address{to}
	if m.Subject == "" {
		m.Subject = replySubject(of.subject, of.topic)
	}
	if of.messageID != "" {
		m.InReplyTo, m.References = of.messageID, append(of.refs, of.messageID)
	}
	return m, nil
}

// answered is what a reply answers.
type answered struct {
	channel         interaction.Channel
	topic, subject  string
	sender, replyTo interaction.Address
	messageID       string
	refs            []string
	contact         string
}

func (a answered) address() interaction.Address {
	switch {
	case a.replyTo.Address != "":
		return a.replyTo
	case a.sender.Address != "":
		return a.sender
	}
	return interaction.Address{Address: a.contact}
}

// replySubject puts one "Re: " before the subject.
func replySubject(subject, topic string) string {
	if subject == "" {
		subject = topic
	}
	if len(subject) >= 3 && strings.EqualFold(subject[:3], "re:") {
		return subject
	}
	return "Re: " + subject
}

// answeredBy tells the workflow of what people did: the interaction is back in its hands.
func (t *tx) answeredBy(ctx context.Context, row taskRow, by interaction.Actor, news interaction.News) error {
	also := `state = 'automatic'`
	if news.Kind == interaction.NewsReply {
		also += `, messages = messages + 1`
	}
	if (row.Kind == interaction.TaskHandle || row.Kind == interaction.TaskCallback) && by.Agent != "" {
		t.put(`update interactions set last_agent = $2 where id = $1`, row.Interaction, by.Agent)
	}
	return t.addNews(ctx, row.Interaction, news, also)
}

// Complete ends a held task that is not ended by a reply or a decision.
func (s *Store) Complete(ctx context.Context, by interaction.Actor, id interaction.ID, version int64, d interaction.Done) error {
	_, err := act(ctx, s, by, func(t *tx) (nothing, error) {
		row, err := t.lockMine(ctx, by, id, version)
		if err != nil {
			return nothing{}, err
		}
		news := interaction.News{Task: row.ID, Message: row.Message, Agent: by.Agent}
		switch row.Kind {
		case interaction.TaskHandle:
			if d.Disposition == "" {
				return nothing{}, interaction.Invalid("required", "disposition", "say how it ended, e.g. answered_by_phone or no_answer_needed")
			}
			if err := t.checkDisposition(ctx, row, d.Disposition); err != nil {
				return nothing{}, err
			}
			news.Kind, news.Code = interaction.NewsDone, d.Disposition
		case interaction.TaskCallback:
			if d.Disposition == "" {
				return nothing{}, interaction.Invalid("required", "disposition", "say how the call ended, e.g. reached, no_answer or busy")
			}
			if err := t.checkDisposition(ctx, row, d.Disposition); err != nil {
				return nothing{}, err
			}
			if err := t.called(ctx, by, row, d.Disposition); err != nil {
				return nothing{}, err
			}
			news.Kind, news.Code = interaction.NewsDone, d.Disposition
		case interaction.TaskSettle:
			if news.Kind, news.Code = interaction.NewsSettled, d.Outcome; d.Outcome != "sent" && d.Outcome != "not_sent" {
				return nothing{}, interaction.Invalid("required", "outcome", "say what became of it: sent or not_sent")
			}
			if err := t.settle(ctx, by, row, interaction.SendState(d.Outcome)); err != nil {
				return nothing{}, err
			}
		case interaction.TaskConsult:
			if d.Answer == "" {
				invited, err := t.invited(ctx, row)
				if err != nil {
					return nothing{}, err
				}
				if !invited {
					return nothing{}, interaction.Invalid("required", "answer", "a consult is ended by an answer")
				}
			}
		default:
			return nothing{}, interaction.Conflict("not_to_complete", "a %s task is ended by a decision", row.Kind)
		}
		if err := t.closeTask(ctx, row, "task.done", interaction.TaskDone, d.Disposition, d.Answer); err != nil {
			return nothing{}, err
		}
		if err := t.auditTask(ctx, by, row, "task.done", interaction.TaskDone, map[string]any{"disposition": d.Disposition}); err != nil {
			return nothing{}, err
		}
		if row.Kind == interaction.TaskConsult { // wakes nobody: the asking agent reads it on his task
			_, err := t.Exec(ctx, `update tasks set version = version + 1 where id = $1`, row.Parent)
			return nothing{}, err
		}
		return nothing{}, t.answeredBy(ctx, row, by, news)
	})
	return err
}

// settle records what a person found out about a send whose outcome was unknown.
func (t *tx) settle(ctx context.Context, by interaction.Actor, row taskRow, outcome interaction.SendState) error {
	done, err := t.exec(ctx, `update ledger set state = $3, ended_at = now() where interaction_id = $1 and message_number = $2 and state = 'unknown'`,
		row.Interaction, row.Message, outcome)
	if err != nil || !done {
		return err
	}
	return t.audit(ctx, event{
		Code: "send.settled", Actor: by, Interaction: row.Interaction, Task: row.ID,
		From: string(interaction.SendUnknown), To: string(outcome), Data: map[string]any{"message": row.Message},
	})
}
