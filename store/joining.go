package store

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"

	"parley/interaction"
)

// What a mail server or program says of a message of ours belongs to that message: it becomes a message of its interaction, marks it and, where it is for
// people, has them look at it; once the interaction has stopped it is a child of it with a short workflow of its own. Which message it is about
// is told by the message's id in the report, or by the signed address that the message came from; without either it is a mail like any other.

// outgoing is a message of ours that a report is about.
type outgoing struct {
	Interaction, Thread, Contact interaction.ID
	Number                       int64
	MessageID                    string
	To                           []interaction.Address
}

// settleReport joins a report to its message; false says that there is none.
func (t *tx) settleReport(ctx context.Context, in interaction.Taken, p interaction.Parsed, signed interaction.ID) (bool, error) {
	out, err := t.reported(ctx, *p.Report, signed)
	if err != nil || out == nil {
		return false, err
	}
	what := p.Report.Worst()
	if what == interaction.ReportAnswered {
		if known, err := t.wroteTo(ctx, *out, p); err != nil || !known {
			return false, err
		}
	}
	open, err := t.lockRow(ctx, out.Interaction)
	if err != nil {
		return false, err
	}
	if open == nil { // two copies of one report at the same moment wait for each other here
		if _, err := t.Exec(ctx, `select 1 from closed_interactions where id = $1 for update`, out.Interaction); err != nil {
			return false, err
		}
	}
	if of, number, err := t.settledInThread(ctx, in, out.Thread); err != nil || number != 0 {
		return true, t.settledAs(ctx, in, of, number, err)
	}
	if open == nil && what == interaction.ReportAnswered {
		return t.settleStopped(ctx, in, p, *out)
	}
	if open == nil {
		if open, err = t.openReport(ctx, in, p, *out); err != nil {
			return false, err
		}
	}
	m := p.Message
	m.Interaction, m.Number, m.Kind, m.Inbound, m.InReplyTo, m.EntryPoint = open.ID, open.Messages+1, interaction.MessageIn, in.ID, out.MessageID, in.EntryPoint
	if m.MessageID != "" {
		if _, err := t.rememberMailID(ctx, m.MessageID, open.Thread, open.ID, m.Number, in.ID); err != nil {
			return false, err
		}
	}
	if err := t.insertMessage(ctx, m); err != nil {
		return false, err
	}
	if err := t.markReported(ctx, *out, p.Report.Recipients); err != nil {
		return false, err
	}
	news := interaction.News{Kind: interaction.NewsReport, Message: m.Number, Code: string(what)}
	switch {
	case open.fresh:
		news.Kind = interaction.NewsStart
	case what.ForPeople():
		news.Kind = interaction.NewsMessage // the story goes on with it, as with a word of the customer's
		if err := t.customerWrote(ctx, open.ID); err != nil {
			return false, err
		}
	}
	if err := t.addNews(ctx, open.ID, news, `messages = messages + 1`); err != nil {
		return false, err
	}
	t.put(`update inbound set state = 'done', interaction_id = $2, message_number = $3 where id = $1`, in.ID, open.ID, m.Number)
	code := "message.received"
	if open.fresh {
		code = "interaction.received"
	}
	return true, t.audit(ctx, event{Code: code, Interaction: open.ID, Data: map[string]any{
		"message": m.Number, "channel": in.Channel, "entryPoint": in.EntryPoint, "bytes": in.Size, "report": what, "about": out.Number, "of": out.Interaction,
	}})
}

// reported finds the message that a report is about: only one that we sent.
func (t *tx) reported(ctx context.Context, r interaction.Report, signed interaction.ID) (*outgoing, error) {
	const columns = `select g.interaction_id, i.thread_id, i.contact_id, g.number, g.message_id, g.recipients || g.copies from messages g
		join all_interactions i on i.id = g.interaction_id `
	const ours = ` g.kind in ('reply', 'auto', 'transcript', 'survey') and i.gone <> 'erased' order by g.at desc, g.number desc limit 1`
	var o outgoing
	scan := func(sql string, arg any) (*outgoing, error) {
		err := t.QueryRow(ctx, columns+sql+ours, arg).Scan(&o.Interaction, &o.Thread, &o.Contact, &o.Number, &o.MessageID, &o.To)
		if noRows(err) {
			return nil, nil
		}
		return &o, err
	}
	if r.MessageID != "" {
		hash := sha256.Sum256([]byte(r.MessageID))
		found, err := scan(`where (g.interaction_id, g.number) in (select interaction_id, message_number from mail_ids where hash = $1) and`, hash[:])
		if err != nil || found != nil {
			return found, err
		}
	}
	if signed != "" {
		return scan(`where i.thread_id = $1 and`, signed)
	}
	return nil, nil
}

// lockRow locks an interaction that is open.
func (t *tx) lockRow(ctx context.Context, id interaction.ID) (*openRow, error) {
	var o openRow
	err := t.QueryRow(ctx, `select id, thread_id, messages, news from interactions where id = $1 for update`, id).Scan(&o.ID, &o.Thread, &o.Messages, &o.News)
	if noRows(err) {
		return nil, nil
	}
	return &o, err
}

// openReport writes the child of an interaction that has stopped. The thread's newest interaction stays what it was: the customer does not answer a report.
func (t *tx) openReport(ctx context.Context, in interaction.Taken, p interaction.Parsed, out outgoing) (*openRow, error) {
	if err := t.unmerged(ctx, out.Contact); err != nil {
		return nil, err
	}
	id := interaction.NewID()
	_, err := t.Exec(ctx, `
		insert into interactions (id, thread_id, contact_id, parent_id, channel, entry_point, queue, direction, subject, state, priority, last_agent, workflow, kit)
		select $1, $2, $3, $4, $5, $6, i.queue, 'in', $7, 'received', i.priority, i.last_agent, $8, $9 from all_interactions i where i.id = $4`,
		id, out.Thread, out.Contact, out.Interaction, in.Channel, in.EntryPoint, clip(p.Message.Subject, 1000), interaction.WorkflowReport, interaction.KitVersion)
	return &openRow{ID: id, Thread: out.Thread, fresh: true}, err
}

// markReported marks the message, and the addresses that are no good any more.
func (t *tx) markReported(ctx context.Context, out outgoing, list []interaction.Reported) error {
	sent := map[string]bool{}
	for _, a := range out.To {
		sent[strings.ToLower(a.Address)] = true
	}
	var marks []string
	for _, r := range list {
		mark := string(r.Kind())
		if !slices.Contains(marks, mark) {
			marks = append(marks, mark)
		}
		if r.Address == "" && len(out.To) == 1 {
			r.Address = strings.ToLower(out.To[0].Address)
		}
		if r.What != interaction.ReportBounced || !r.Hard || !sent[r.Address] {
			continue
		}
		marked, err := t.exec(ctx, `update contact_attributes set failed_at = now(), failed_why = $3 where kind = 'email' and value = $1 and contact_id = $2`,
			r.Address, out.Contact, clip(r.Reason, 40))
		if err != nil {
			return err
		}
		if marked {
			if err := t.audit(ctx, event{Code: "contact.address_failed", Interaction: out.Interaction, Data: map[string]any{
				"contact": out.Contact, "reason": clip(r.Reason, 40), "status": clip(r.Status, 12), "message": out.Number,
			}}); err != nil {
				return err
			}
		}
	}
	t.put(`update messages set problems = problems || array(select m from unnest($3::text[]) m where m <> all(problems))
		where interaction_id = $1 and number = $2`, out.Interaction, out.Number, some(marks))
	return nil
}

// heardFrom takes the mark off an address that its owner writes from: it is good again.
func (t *tx) heardFrom(ctx context.Context, contact interaction.ID, p interaction.Parsed) error {
	if p.Message.Machine != "" {
		return nil
	}
	for _, a := range p.Identities {
		t.put(`update contact_attributes set failed_at = null, failed_why = ''
			where kind = $1 and value = $2 and contact_id = $3 and failed_at is not null`, a.Kind, a.Value, contact)
	}
	return nil
}
