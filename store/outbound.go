package store

import (
	"context"

	"parley/interaction"
)

// StartOutbound begins an interaction with a message of ours: by an agent or an application. It is reviewed and sent like a reply.
func (s *Store) StartOutbound(ctx context.Context, by interaction.Actor, n interaction.NewOutbound) (interaction.Interaction, error) {
	return act(ctx, s, by, func(t *tx) (interaction.Interaction, error) {
		var i interaction.Interaction
		var from interaction.Address
		var channel interaction.Channel
		var queue, language string
		err := t.QueryRow(ctx, `select e.channel, e.from_name, e.address, e.language, coalesce(q.name, '') from entry_points e
				left join queues q on q.name = coalesce(nullif($2, ''), e.queue) and ($3 = 'admin' or q.group_name = any($4))
			where e.name = $1 and e.enabled`, n.EntryPoint, n.Queue, by.Role, some(by.Groups)).Scan(&channel, &from.Name, &from.Address, &language, &queue)
		if noRows(err) || err == nil && channel != interaction.Email && channel != interaction.SMS {
			return i, interaction.Invalid("unknown_entry_point", "entry_point", "there is no such entry point to send from")
		}
		if err != nil {
			return i, err
		}
		if queue == "" {
			return i, interaction.Invalid("unknown_queue", "queue", "there is no queue of that name for you")
		}
		to := interaction.Parsed{Name: n.To.Name, Identities: []interaction.Attribute{{Kind: "email", Value: lower(n.To.Address)}}}
		if channel == interaction.SMS {
			to.Identities[0] = interaction.Attribute{Kind: "phone", Value: n.To.Address}
			to.Conversations = []string{shortConversation(n.To.Address)}
		}
		if err := n.Fits(channel); err != nil {
			return i, err
		}
		if err := t.mayWrite(ctx, channel, n.To.Address); err != nil {
			return i, err
		}
		contact, err := t.findContact(ctx, to)
		if err != nil {
			return i, err
		}
		if err := t.unmerged(ctx, contact); err != nil {
			return i, err
		}
		id := interaction.NewID()
		thread, err := t.threadTo(ctx, n.EntryPoint, contact, by.Agent, id, to)
		if err != nil {
			return i, err
		}
		if _, err := t.Exec(ctx, `
			insert into interactions (id, thread_id, contact_id, channel, entry_point, queue, direction, subject, state, language, category, last_agent, workflow, kit, messages)
			values ($1, $2, $3, $4, $5, $6, 'out', $7, 'received', $8, $9, $10, $11, $12, 1)`,
			id, thread, contact, channel, n.EntryPoint, queue, clip(n.Subject, 1000), language, n.Category, by.Agent, interaction.WorkflowOutbound, interaction.KitVersion); err != nil {
			return i, err
		}
		if err := t.insertMessage(ctx, interaction.Message{
			Interaction: id, Number: 1, Kind: interaction.MessageReply, Author: by.Agent, From: from, To: []interaction.Address{n.To},
			Subject: n.Subject, Text: n.Text, HTML: n.HTML,
		}); err != nil {
			return i, err
		}
		if err := t.addNews(ctx, id, interaction.News{Kind: interaction.NewsStart, Message: 1, Agent: by.Agent}, ""); err != nil {
			return i, err
		}
		if err := t.audit(ctx, event{
			Code: "interaction.started", Actor: by, Interaction: id, Queue: queue, To: string(interaction.Received),
			Data: map[string]any{"channel": channel, "entryPoint": n.EntryPoint},
		}); err != nil {
			return i, err
		}
		return t.snapshot(ctx, id)
	})
}

// threadTo gives the thread that a message of ours begins or goes on with: a number has one for each entry point, a mail begins its own.
func (t *tx) threadTo(ctx context.Context, entryPoint string, contact, agent, id interaction.ID, to interaction.Parsed) (interaction.ID, error) {
	names := conversations(interaction.Taken{EntryPoint: entryPoint}, to)
	thread, _, err := t.findThread(ctx, contact, names, "")
	if err != nil {
		return "", err
	}
	if thread != "" {
		_, err := t.Exec(ctx, `update threads set last_interaction = $2 where id = $1`, thread, id)
		return thread, err
	}
	thread = interaction.NewID()
	if _, err := t.Exec(ctx, `insert into threads (id, contact_id, entry_point, last_agent, last_interaction) values ($1, $2, $3, $4, $5)`,
		thread, contact, entryPoint, agent, id); err != nil {
		return "", err
	}
	for _, name := range names {
		if _, err := t.rememberMailID(ctx, name, thread, id, 1, ""); err != nil {
			return "", err
		}
	}
	return thread, nil
}
