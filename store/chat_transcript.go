package store

import (
	"context"

	"parley/interaction"
)

// transcriptsADay is how many transcripts one contact is mailed within a day: what they say, strangers may have written in his name.
const transcriptsADay = 10

// KeepTranscript keeps what was said in a session as one message of the interaction, and its figures in the audit; one transaction. A session that still lives
// ends with it: whatever ended the story, nothing more is said. If it is to be mailed, its ledger row stands afterwards.
func (s *Store) KeepTranscript(ctx context.Context, id interaction.ID, step string, write func(interaction.ChatView) interaction.ChatPaper) (interaction.ChatKept, error) {
	return once(ctx, s, id, step, func(t *tx, o openInteraction) (interaction.ChatKept, error) {
		log, c, err := t.lockChat(ctx, id)
		if err != nil {
			return interaction.ChatKept{}, err
		}
		if err := t.endChat(ctx, log, c, interaction.Party{Role: interaction.ChatSystem}, endedByWorkflow, false); err != nil {
			return interaction.ChatKept{}, err
		}
		v, err := t.viewChat(ctx, o)
		if err != nil {
			return interaction.ChatKept{}, err
		}
		paper := write(v)
		if err := t.audit(ctx, event{Code: "chat.measured", Interaction: id, Queue: o.Queue, Data: map[string]any{"by": v.Session.EndedBy, "figures": paper.Figures}}); err != nil {
			return interaction.ChatKept{}, err
		}
		return t.keepTranscript(ctx, o, v, paper)
	})
}

func (t *tx) keepTranscript(ctx context.Context, o openInteraction, v interaction.ChatView, p interaction.ChatPaper) (interaction.ChatKept, error) {
	if err := t.become(ctx, o, "chat.ended", interaction.Automatic); err != nil {
		return interaction.ChatKept{}, err
	}
	o.State = interaction.Automatic
	if p.Text == "" {
		return interaction.ChatKept{}, nil
	}
	kept := interaction.ChatKept{Message: o.Messages + 1}
	m := interaction.Message{Interaction: o.ID, Number: kept.Message, Kind: interaction.MessageTranscript, Subject: p.Subject, Text: p.Text, HTML: p.HTML, From: v.MailFrom}
	why, err := t.whyNotMail(ctx, o, v, p)
	if err != nil {
		return kept, err
	}
	if kept.Mail = why == ""; kept.Mail {
		m.To = []interaction.Address{{Name: v.Session.Nickname, Address: p.MailTo}}
	}
	if err := t.insertMessage(ctx, m); err != nil {
		return kept, err
	}
	if _, err := t.Exec(ctx, `update interactions set messages = messages + 1, version = version + 1 where id = $1`, o.ID); err != nil {
		return kept, err
	}
	if err := t.audit(ctx, event{
		Code: "chat.kept", Interaction: o.ID, Data: map[string]any{"message": m.Number, "mail": kept.Mail, "reason": why, "bytes": len(p.Text)},
	}); err != nil || !kept.Mail {
		return kept, err
	}
	if _, err := t.Exec(ctx, `insert into automatic_mail (contact_id, thread_id, interaction_id, step, transcript) values ($1, $2, $3, 'transcript', true)`,
		o.Contact, o.Thread, o.ID); err != nil {
		return kept, err
	}
	return kept, t.release(ctx, o, m.Number)
}

// whyNotMail gives the reason why a transcript is only kept; empty: it is mailed.
func (t *tx) whyNotMail(ctx context.Context, o openInteraction, v interaction.ChatView, p interaction.ChatPaper) (why string, err error) {
	if p.MailTo == "" {
		return "not_wanted", nil
	}
	if v.MailFrom.Address == "" {
		return "no_mail_entry_point", nil
	}
	if ours, err := t.isOurs(ctx, p.MailTo); err != nil || ours {
		return "own_address", err
	}
	if out, err := t.hasOptedOut(ctx, interaction.Email, p.MailTo); err != nil || out {
		return codeOptedOut, err
	}
	var erased bool
	if err := t.QueryRow(ctx, `select erased_at is not null from contacts where id = $1 for update`, o.Contact).Scan(&erased); err != nil {
		return "", err
	}
	if erased {
		return interaction.ReasonErased, nil
	}
	var sent int
	err = t.QueryRow(ctx, `select count(*) from automatic_mail where contact_id = $1 and transcript and at > now() - interval '24 hours'`, o.Contact).Scan(&sent)
	if err == nil && sent >= transcriptsADay {
		why = "too_many"
	}
	return why, err
}
