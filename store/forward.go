package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"parley/interaction"
)

// Forward sends what the customer wrote to somebody outside, with a question, in the name of the holder of its task, who keeps it. It is a mail of its own, reviewed
// and sent like any that we begin, in a thread of its own that belongs to the interaction: the answer comes back as a note in it.
func (s *Store) Forward(ctx context.Context, by interaction.Actor, task interaction.ID, f interaction.Forward) (interaction.Interaction, error) {
	return act(ctx, s, by, func(t *tx) (i interaction.Interaction, err error) {
		row, err := t.lockMine(ctx, by, task, 0)
		if err != nil {
			return i, err
		}
		if ours, err := t.isOurs(ctx, f.To.Address); err != nil || ours {
			if ours {
				err = interaction.Invalid("own_address", "to.address", "is one of ours; ask a colleague by consult")
			}
			return i, err
		}
		var from, customer interaction.Address
		var entryPoint, queue, language, subject, said string
		var at time.Time
		err = t.QueryRow(ctx, `
			select i.entry_point, i.queue, i.language, e.from_name, e.address, coalesce(nullif(m.subject, ''), i.subject), coalesce(m.sender, '{}'), coalesce(m.at, now()), coalesce(m.body, '')
			from interactions i join entry_points e on e.name = i.entry_point
			left join lateral (select * from messages where interaction_id = i.id and kind = 'in' order by number desc limit 1) m on true
			where i.id = $1 and i.channel in ('email', 'webform')`, row.Interaction).
			Scan(&entryPoint, &queue, &language, &from.Name, &from.Address, &subject, &customer, &at, &said)
		if noRows(err) {
			return i, interaction.Conflict("no_mail", "only what came by mail or web form is forwarded by mail")
		}
		if err != nil {
			return i, err
		}
		expert, err := t.findContact(ctx, interaction.Parsed{Name: f.To.Name, Identities: []interaction.Attribute{{Kind: "email", Value: lower(f.To.Address)}}})
		if err != nil {
			return i, err
		}
		if err := t.unmerged(ctx, expert); err != nil {
			return i, err
		}
		id, thread := interaction.NewID(), interaction.NewID()
		if _, err := t.Exec(ctx, `insert into threads (id, contact_id, entry_point, last_agent, last_interaction, expert_for) values ($1, $2, $3, $4, $5, $6)`,
			thread, expert, entryPoint, by.Agent, id, row.Interaction); err != nil {
			return i, err
		}
		subject = "Fwd: " + subject
		if _, err := t.Exec(ctx, `
			with changed as (update tasks set version = version + 1 where id = $10)
			insert into interactions (id, thread_id, contact_id, parent_id, channel, entry_point, queue, direction, subject, state, language, last_agent, workflow, kit, messages)
			values ($1, $2, $3, $4, 'email', $5, $6, 'out', $7, 'received', $8, $9, $11, $12, 1)`,
			id, thread, expert, row.Interaction, entryPoint, queue, clip(subject, 1000), language, by.Agent, row.ID, interaction.WorkflowOutbound, interaction.KitVersion); err != nil {
			return i, err
		}
		t.tasks = true
		if err := t.insertMessage(ctx, interaction.Message{
			Interaction: id, Number: 1, Kind: interaction.MessageReply, Author: by.Agent, From: from, To: []interaction.Address{f.To}, Subject: subject,
			Text: fmt.Sprintf("%s\n\n---------- Forwarded message ----------\nFrom: %s\nDate: %s\n\n%s\n", strings.TrimSpace(f.Text), nameOf(customer),
				at.UTC().Format("2 Jan 2006 15:04 MST"), clip(strings.TrimSpace(said), maxText/2)),
		}); err != nil {
			return i, err
		}
		if err := t.addNews(ctx, id, interaction.News{Kind: interaction.NewsStart, Message: 1, Agent: by.Agent}, ""); err != nil {
			return i, err
		}
		if err := t.audit(ctx, event{Code: "interaction.started", Actor: by, Interaction: id, Queue: queue, To: string(interaction.Received), Data: map[string]any{
			"channel": interaction.Email, "entryPoint": entryPoint, "for": row.Interaction,
		}}); err != nil {
			return i, err
		}
		if err := t.audit(ctx, event{Code: "task.forwarded", Actor: by, Interaction: row.Interaction, Task: row.ID, Queue: row.Queue, Data: map[string]any{"by": id}}); err != nil {
			return i, err
		}
		return t.snapshot(ctx, id)
	})
}

func nameOf(a interaction.Address) string {
	if a.Name != "" {
		return a.Name
	}
	return a.Address
}

// settleExpert takes the answer of somebody outside into the interaction that he was asked about, as a note: the customer is answered as before. It wakes
// what slept until then. Once that interaction has stopped, false says that the answer is a mail like any other.
func (t *tx) settleExpert(ctx context.Context, in interaction.Taken, p interaction.Parsed, thread interaction.ID) (bool, error) {
	if thread == "" {
		return false, nil
	}
	var asked interaction.ID
	err := t.QueryRow(ctx, `select expert_for from threads where id = $1 and expert_for is not null`, thread).Scan(&asked)
	if noRows(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	open, err := t.lockRow(ctx, asked)
	if err != nil || open == nil {
		return false, err
	}
	if number, err := t.settledBefore(ctx, in, open.ID); err != nil || number != 0 {
		return true, t.settledAs(ctx, in, open.ID, number, err)
	}
	m := p.Message
	m.Interaction, m.Number, m.Kind, m.Inbound, m.EntryPoint = open.ID, open.Messages+1, interaction.MessageNote, in.ID, in.EntryPoint
	if m.MessageID != "" {
		if _, err := t.rememberMailID(ctx, m.MessageID, thread, open.ID, m.Number, in.ID); err != nil {
			return false, err
		}
	}
	if err := t.insertMessage(ctx, m); err != nil {
		return false, err
	}
	if err := t.customerWrote(ctx, open.ID); err != nil {
		return false, err
	}
	if err := t.addNews(ctx, open.ID, interaction.News{Kind: interaction.NewsReport, Message: m.Number, Code: "expert"}, `messages = messages + 1`); err != nil {
		return false, err
	}
	if _, err := t.Exec(ctx, `update inbound set state = 'done', interaction_id = $2, message_number = $3 where id = $1`, in.ID, open.ID, m.Number); err != nil {
		return false, err
	}
	return true, t.audit(ctx, event{Code: "expert.answered", Interaction: open.ID, Data: map[string]any{
		"message": m.Number, "channel": in.Channel, "entryPoint": in.EntryPoint, "bytes": in.Size,
	}})
}
