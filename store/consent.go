package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// The consent register: who may not be written to on a channel. It is asked in the transaction that queues a send, whatever part of the house wants to send, and again in
// the one that lets it leave.

// codeOptedOut is the ledger's and the API's word for it.
const codeOptedOut = "opted_out"

// optedOut tells that somebody may not be written to, as a condition on a message m that goes out by an entry point e. Transcripts and surveys are mails, whatever channel
// they are about.
const optedOut = `exists (select 1 from jsonb_array_elements(m.recipients || m.copies) r
	where opted_out(case when m.kind in ('transcript', 'survey') then 'email' else e.channel end, r->>'address'))`

// hasOptedOut asks the register.
func (t *tx) hasOptedOut(ctx context.Context, channel interaction.Channel, address string) (out bool, err error) {
	err = t.QueryRow(ctx, `select opted_out($1, $2)`, channel, address).Scan(&out)
	return out, err
}

// mayWrite refuses, with the reason, what the register would not let leave.
func (t *tx) mayWrite(ctx context.Context, channel interaction.Channel, address string) error {
	var since time.Time
	entry, spelled := interaction.ConsentEntry(channel, address)
	err := t.QueryRow(ctx, `select since from consents where channel = $1 and address in ($2, erased_address($2)) and out`, entry, spelled).Scan(&since)
	if noRows(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return interaction.Conflict(codeOptedOut, "the customer has asked to get no more messages by %s; only he can take that back, by START or by telling you", channel).
		With("since", since.UTC())
}

// setConsent writes the register.
func (t *tx) setConsent(ctx context.Context, c interaction.Consent, event event) error {
	c.Channel, c.Address = interaction.ConsentEntry(c.Channel, c.Address)
	// Of who was erased the register has a word of its own; what he says now takes its place.
	t.put(`delete from consents where channel = $1 and address = erased_address($2)`, c.Channel, c.Address)
	isNew, err := t.exec(ctx, `insert into consents as c (channel, address, out, word, source) values ($1, $2, $3, $4, $5)
		on conflict (channel, address) do update set out = $3, word = $4, source = $5, since = now() where c.out <> $3`, c.Channel, c.Address, c.Out, c.Word, c.Source)
	if err != nil || !isNew {
		return err
	}
	event.Code = "consent.given"
	if c.Out {
		event.Code = "consent.withdrawn"
	}
	event.Data = map[string]any{"channel": c.Channel, "source": c.Source, "word": c.Word}
	return t.audit(ctx, event)
}

// SetConsent writes down what a customer told an agent, or another register says.
func (s *Store) SetConsent(ctx context.Context, by interaction.Actor, c interaction.Consent) (interaction.Consent, error) {
	c.Channel, c.Address = interaction.ConsentEntry(c.Channel, c.Address)
	return act(ctx, s, by, func(t *tx) (interaction.Consent, error) {
		if err := t.setConsent(ctx, c, event{Actor: by}); err != nil {
			return c, err
		}
		return one(ctx, t, "consent", scanConsent, `select channel, address, out, word, since, source from consents where channel = $1 and address = $2`, c.Channel, c.Address)
	})
}

// Consent tells what the register says of an address; nothing was ever said: it may be written to.
func (s *Store) Consent(ctx context.Context, channel interaction.Channel, address string) (interaction.Consent, error) {
	channel, address = interaction.ConsentEntry(channel, address)
	c, err := one(ctx, s.pool, "consent", scanConsent, `select channel, $2::text, out, word, since, source from consents where channel = $1 and address in ($2, erased_address($2))`, channel, address)
	if interaction.KindOf(err) == interaction.KindUnknown && err != nil {
		return interaction.Consent{Channel: channel, Address: address}, nil
	}
	return c, err
}

func scanConsent(row pgx.CollectableRow) (interaction.Consent, error) {
	var c interaction.Consent
	err := row.Scan(&c.Channel, &c.Address, &c.Out, &c.Word, &c.Since, &c.Source)
	return c, err
}

// heedKeyword does what a message of one word asks for, with the message itself.
func (t *tx) heedKeyword(ctx context.Context, in interaction.Taken, m interaction.Message, settings *interaction.SMSSettings) error {
	word := settings.KeywordOf(m.Text)
	if word != interaction.KeywordStop && word != interaction.KeywordStart || m.From.Address == "" {
		return nil
	}
	return t.setConsent(ctx, interaction.Consent{
		Channel: in.Channel, Address: m.From.Address, Out: word == interaction.KeywordStop, Word: string(word), Source: "customer",
	}, event{Interaction: m.Interaction})
}

// smsSettings gives an entry point's policies for short messages; nil where it has none.
func (t *tx) smsSettings(ctx context.Context, entryPoint string) (*interaction.SMSSettings, error) {
	var settings *interaction.SMSSettings
	err := t.QueryRow(ctx, `select sms from entry_points where name = $1`, entryPoint).Scan(&settings)
	if noRows(err) {
		err = nil
	}
	return settings, err
}

// AnswerKeyword confirms to a customer what he asked for by one word, if the message is one. The confirmation goes out although he has just opted out, once for each of
// his messages and within the loop guard: a machine that answers STOP to everything is not answered for ever.
func (s *Store) AnswerKeyword(ctx context.Context, id interaction.ID, step string, number int64) (interaction.KeywordAnswered, error) {
	return once(ctx, s, id, step, func(t *tx, o openInteraction) (interaction.KeywordAnswered, error) {
		var answered interaction.KeywordAnswered
		m, err := one(ctx, t, "message", scanMessage, `select `+messageColumns+` from messages where interaction_id = $1 and number = $2`, id, number)
		if err != nil {
			return answered, err
		}
		settings, err := t.smsSettings(ctx, o.EntryPoint)
		if err != nil {
			return answered, err
		}
		if answered.Word = settings.KeywordOf(m.Text); answered.Word == "" || m.From.Address == "" {
			return answered, nil
		}
		full, err := t.guardFull(ctx, s.guard, o)
		if err != nil || full {
			return answered, err
		}
		return answered, t.confirmKeyword(ctx, o, m, settings, step, &answered)
	})
}

func (t *tx) confirmKeyword(ctx context.Context, o openInteraction, m interaction.Message, settings *interaction.SMSSettings, step string, answered *interaction.KeywordAnswered) error {
	from, language := interaction.Address{}, ""
	if err := t.QueryRow(ctx, `select from_name, address, language from entry_points where name = $1`, o.EntryPoint).Scan(&from.Name, &from.Address, &language); err != nil {
		return err
	}
	answered.Message = o.Messages + 1
	if err := t.insertMessage(ctx, interaction.Message{
		Interaction: o.ID, Number: answered.Message, Kind: interaction.MessageAuto, From: from, To: []interaction.Address{m.From},
		Text: settings.KeywordAnswer(answered.Word, language), EntryPoint: o.EntryPoint,
	}); err != nil {
		return err
	}
	writes := &pgx.Batch{}
	writes.Queue(`update interactions set messages = messages + 1 where id = $1`, o.ID)
	writes.Queue(`insert into automatic_mail (contact_id, thread_id, interaction_id, step) values ($1, $2, $3, $4)`, o.Contact, o.Thread, o.ID, step)
	writes.Queue(`insert into ledger (interaction_id, key, message_number, state, confirms) values ($1, $2, $3, 'queued', true)`, o.ID, SendKey(answered.Message), answered.Message)
	if err := t.SendBatch(ctx, writes).Close(); err != nil {
		return err
	}
	if err := t.become(ctx, o, "send.begun", interaction.Sending); err != nil {
		return err
	}
	return t.audit(ctx, event{
		Code: "send.queued", Interaction: o.ID, To: string(interaction.SendQueued), Data: map[string]any{"message": answered.Message, "keyword": answered.Word},
	})
}
