package store

import (
	"context"

	"parley/interaction"
)

// What a program answers to a message of ours for its reader (out of office and the like) is for nobody to work on: it stands with what it answers, open or
// stopped, and begins nothing.

// wroteTo reports whether who answers is somebody that the message went to, or its contact by another address. For anybody else the answer is a mail like any other.
func (t *tx) wroteTo(ctx context.Context, out outgoing, p interaction.Parsed) (bool, error) {
	from := lower(p.Message.From.Address)
	for _, a := range out.To {
		if from != "" && lower(a.Address) == from {
			return true, nil
		}
	}
	for _, a := range p.Identities {
		var his bool
		err := t.QueryRow(ctx, `select exists (select 1 from contact_attributes where kind = $1 and value = $2 and contact_id = $3)`, a.Kind, a.Value, out.Contact).Scan(&his)
		if err != nil || his {
			return his, err
		}
	}
	return false, nil
}

// settleStopped adds a report that nobody needs to act on to an interaction that has stopped. No workflow hears of it, and the interaction stays stopped.
func (t *tx) settleStopped(ctx context.Context, in interaction.Taken, p interaction.Parsed, out outgoing) (bool, error) {
	m := p.Message
	m.Interaction, m.Kind, m.Inbound, m.InReplyTo, m.EntryPoint = out.Interaction, interaction.MessageIn, in.ID, out.MessageID, in.EntryPoint
	err := t.QueryRow(ctx, `update closed_interactions set messages = messages + 1, version = version + 1 where id = $1 returning messages`, out.Interaction).Scan(&m.Number)
	if err != nil {
		return false, err
	}
	if m.MessageID != "" {
		if _, err := t.rememberMailID(ctx, m.MessageID, out.Thread, out.Interaction, m.Number, in.ID); err != nil {
			return false, err
		}
	}
	if err := t.insertMessage(ctx, m); err != nil {
		return false, err
	}
	if err := t.markReported(ctx, out, p.Report.Recipients); err != nil {
		return false, err
	}
	if _, err := t.Exec(ctx, `update inbound set state = 'done', interaction_id = $2, message_number = $3 where id = $1`, in.ID, out.Interaction, m.Number); err != nil {
		return false, err
	}
	return true, t.audit(ctx, event{Code: "message.received", Interaction: out.Interaction, Data: map[string]any{
		"message": m.Number, "channel": in.Channel, "entryPoint": in.EntryPoint, "bytes": in.Size, "report": p.Report.Worst(), "about": out.Number, "of": out.Interaction,
	}})
}
