package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// Renderer fills a standard response's field codes; values are named like "contact.name".
type Renderer interface {
	Render(source string, values map[string]any) (string, error)
	RenderHTML(source string, values map[string]any) (string, error) // values are escaped, the author's own markup stays
}

// LoopGuard bounds automatic mail for each contact and thread (mission E9), whichever workflow sends it.
type LoopGuard struct {
	Short, Long           time.Duration
	ShortLimit, LongLimit int
}

// DefaultLoopGuard is one automatic mail in 10 minutes and three in 24 hours.
var DefaultLoopGuard = LoopGuard{Short: 10 * time.Minute, ShortLimit: 1, Long: 24 * time.Hour, LongLimit: 3}

// AnswerAutomatically writes an automatic mail with its ledger row, or says why there is none: no approved response that is valid
// today, a machine at the other end, our own address, the loop guard, or an answer to the same mail at another entry point. The guard counts under the contact's row lock, so that two interactions of one contact
// cannot both take the last place.
func (s *Store) AnswerAutomatically(ctx context.Context, a interaction.AutoAnswer) (interaction.AutoAnswered, error) {
	return once(ctx, s, a.Interaction, a.Step, func(t *tx, o openInteraction) (interaction.AutoAnswered, error) {
		m, err := one(ctx, t, "message", scanMessage, `select `+messageColumns+` from messages where interaction_id = $1 and number = $2`, a.Interaction, a.Message)
		if err != nil {
			return interaction.AutoAnswered{}, err
		}
		response, why, err := t.mayAnswer(ctx, s, o, m, a)
		if err != nil {
			return interaction.AutoAnswered{}, err
		}
		if why != "" {
			return interaction.AutoAnswered{Reason: why}, t.audit(ctx, event{
				Code: "answer.none", Interaction: o.ID, Data: map[string]any{"usage": a.Usage, "reason": why, "message": a.Message},
			})
		}
		return t.writeAutomatic(ctx, s, o, m, a, response)
	})
}

// mayAnswer finds the response to be sent, or the reason why there is none.
func (t *tx) mayAnswer(ctx context.Context, s *Store, o openInteraction, m interaction.Message, a interaction.AutoAnswer) (interaction.Response, string, error) {
	var none interaction.Response
	if m.Machine != "" {
		return none, "machine", nil
	}
	if m.From.Address == "" {
		return none, "no_address", nil
	}
	if ours, err := t.isOurs(ctx, m.From.Address); err != nil || ours {
		return none, "own_address", err
	}
	response, sure, found, err := t.response(ctx, a)
	if err != nil || !found {
		return none, "no_response", err
	}
	if !sure {
		return none, "below_threshold", nil
	}
	if a.Forced {
		return response, "", nil
	}
	full, err := t.guardFull(ctx, s.guard, o)
	if err != nil || full {
		return none, "loop_guard", err
	}
	if twice, err := t.answeredElsewhere(ctx, o, m); err != nil || twice {
		return none, "answered_elsewhere", err
	}
	return response, "", nil
}

// answeredElsewhere reports whether the same mail has an automatic answer in another interaction: sent to several of our entry points it is one at each, and one answer
// is enough for who wrote it, however much the loop guard lets through. The contact's row is locked.
func (t *tx) answeredElsewhere(ctx context.Context, o openInteraction, m interaction.Message) (twice bool, err error) {
	if m.Inbound == "" {
		return false, nil
	}
	err = t.QueryRow(ctx, `select exists (select 1 from automatic_mail a join messages g on g.interaction_id = a.interaction_id and g.number = a.answers
		join inbound b on b.id = g.inbound_id
		where a.contact_id = $1 and a.interaction_id <> $2 and b.identity = (select identity from inbound where id = $3))`, o.Contact, o.ID, m.Inbound).Scan(&twice)
	return twice, err
}

// isOurs reports whether the address is an entry point's or an agent's: automatic mail to it would come back to us.
func (t *tx) isOurs(ctx context.Context, address string) (ours bool, err error) {
	err = t.QueryRow(ctx, `select exists (select 1 from entry_points where lower(address) = lower($1))
		or exists (select 1 from agents where email <> '' and lower(email) = lower($1))`, address).Scan(&ours)
	return ours, err
}

// response picks what is good now: the one that was chosen, or the active one by usage, category and language; an acknowledgement for the category goes
// before one for all. sure is false where the category's confidence does not reach its threshold for automatic responses.
func (t *tx) response(ctx context.Context, a interaction.AutoAnswer) (r interaction.Response, sure, found bool, err error) {
	err = t.QueryRow(ctx, `
		select `+responseColumns+`, $3 <> 'auto_response' or i.confidence >= coalesce((select auto_threshold from categories where name = i.category), 0.85)
		from responses r, interactions i
		where i.id = $1 and `+usableResponse+` and (r.id = $2 or $2::uuid is null and r.state = 'active' and r.usage = $3 and r.language = i.language
			and (r.category = i.category or $3 = 'acknowledgement' and r.category = ''))
		order by (r.category = i.category) desc, r.name limit 1`, a.Interaction, a.Response, a.Usage).Scan(append(responseTargets(&r), &sure)...)
	if noRows(err) {
		return r, false, false, nil
	}
	return r, sure || a.Forced, err == nil, err
}

func (t *tx) guardFull(ctx context.Context, g LoopGuard, o openInteraction) (bool, error) {
	if _, err := t.Exec(ctx, `select 1 from contacts where id = $1 for update`, o.Contact); err != nil {
		return false, err
	}
	var short, long int
	err := t.QueryRow(ctx, `
		select count(*) filter (where at > now() - make_interval(secs => $2)), count(*) filter (where at > now() - make_interval(secs => $3))
		from automatic_mail where contact_id = $1 and not transcript and at > now() - make_interval(secs => greatest($2, $3))`,
		o.Contact, g.Short.Seconds(), g.Long.Seconds()).Scan(&short, &long)
	return short >= g.ShortLimit || long >= g.LongLimit, err
}

func (t *tx) writeAutomatic(ctx context.Context, s *Store, o openInteraction, to interaction.Message, a interaction.AutoAnswer, r interaction.Response) (interaction.AutoAnswered, error) {
	from, values, err := t.fillingFor(ctx, o.ID, "")
	if err != nil {
		return interaction.AutoAnswered{}, err
	}
	said, err := s.fillIn(r, values)
	if err != nil { // approved and yet not to be filled in: no answer is better than a broken one
		return interaction.AutoAnswered{Reason: "no_response"}, t.audit(ctx, event{
			Code: "answer.none", Interaction: o.ID, Data: map[string]any{"usage": a.Usage, "reason": "not_renderable", "response": r.ID},
		})
	}
	m := interaction.Message{
		Interaction: o.ID, Number: o.Messages + 1, Kind: interaction.MessageAuto, Text: said.Text, HTML: said.HTML, From: from, To: []interaction.Address{to.From},
		Subject: said.Subject, InReplyTo: to.MessageID, Visibility: to.Visibility, Attachments: r.Files, Response: r.ID, ResponseVersion: r.Version,
	}
	if m.Subject == "" {
		m.Subject = replySubject(to.Subject, fmt.Sprint(values["interaction.subject"]))
	}
	if to.ReplyTo.Address != "" {
		m.To[0] = to.ReplyTo
	}
	if to.MessageID != "" {
		m.References = append(to.References, to.MessageID)
	}
	if err := t.insertMessage(ctx, m); err != nil {
		return interaction.AutoAnswered{}, err
	}
	writes := &pgx.Batch{}
	writes.Queue(`update interactions set messages = messages + 1 where id = $1`, o.ID)
	writes.Queue(`insert into automatic_mail (contact_id, thread_id, interaction_id, step, usage, answers) values ($1, $2, $3, $4, $5, $6)`, o.Contact, o.Thread, o.ID, a.Step, a.Usage, a.Message)
	if err := t.SendBatch(ctx, writes).Close(); err != nil {
		return interaction.AutoAnswered{}, err
	}
	why, err := t.whyUnderstood(ctx, o.ID, a.Message)
	if err != nil {
		return interaction.AutoAnswered{}, err
	}
	if err := t.audit(ctx, event{
		Code: "answer.written", Interaction: o.ID,
		Data: map[string]any{
			"usage": a.Usage, "response": r.ID, "name": r.Name, "version": r.Version, "message": m.Number, "answers": a.Message, "order": a.Forced,
			"category": why.Category, "confidence": why.Confidence, "threshold": why.Threshold, "model": why.Model, "rules": some(why.Rules), "language": r.Language,
		},
	}); err != nil {
		return interaction.AutoAnswered{}, err
	}
	return interaction.AutoAnswered{Queued: true, Message: m.Number}, t.release(ctx, o, m.Number)
}

// reasons are what an automatic answer goes back to, as understanding wrote it down.
type reasons struct {
	Category   string   `json:"category"`
	Confidence float64  `json:"confidence"`
	Threshold  float64  `json:"threshold"` // 0: a rule or a person named the category
	Model      string   `json:"model"`
	Rules      []string `json:"rules"`
}

// whyUnderstood gives what was found in the message; nothing where it was never understood.
func (t *tx) whyUnderstood(ctx context.Context, id interaction.ID, message int64) (r reasons, err error) {
	err = t.QueryRow(ctx, `select data from events where interaction_id = $1 and code = 'interaction.understood' and (data->>'message')::bigint = $2
		order by position desc limit 1`, id, message).Scan(&r)
	if noRows(err) {
		return r, nil
	}
	return r, err
}

// Reference is the short form of an interaction's id that customers are told: ten characters of its random part.
func Reference(id interaction.ID) string { return string(id)[26:] }
