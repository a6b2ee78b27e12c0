package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"parley/interaction"
)

// SendKey is the key of the one effect that sending this message is.
func SendKey(message int64) string { return fmt.Sprintf("send-%d", message) }

// queueSend writes the ledger row together with the decision to send. From here on the message's id is known for threading: the customer cannot answer
// before. To who has opted out on the channel nothing is queued: the row says so, and refused is the reason.
func (t *tx) queueSend(ctx context.Context, o openInteraction, message int64) (refused string, err error) {
	err = t.QueryRow(ctx, `
		with said as (select m.*, `+optedOut+` as out from messages m join entry_points e on e.name = coalesce(nullif(m.entry_point, ''), $5)
			where m.interaction_id = $1 and m.number = $3),
		queued as (
			insert into ledger (interaction_id, key, message_number, state, code, ended_at)
			select $1, $2, $3, case when out then 'not_sent' else 'queued' end, case when out then $6 else '' end, case when out then now() end from said
			on conflict do nothing),
		named as (
			insert into mail_ids (hash, thread_id, interaction_id, message_number)
			select sha256(convert_to(message_id, 'UTF8')), $4, interaction_id, number from said
			on conflict do nothing)
		select case when out then $6 else '' end from said`, o.ID, SendKey(message), message, o.Thread, o.EntryPoint, codeOptedOut).Scan(&refused)
	return refused, err
}

// PrepareSend reads what is to be sent; every attempt gets the same bytes.
func (s *Store) PrepareSend(ctx context.Context, id interaction.ID, message int64) (interaction.Dispatch, error) {
	send := interaction.Dispatch{Out: interaction.Outbound{Interaction: id, Key: string(id) + "/" + SendKey(message)}}
	key, err := s.replyKey(ctx)
	if err != nil {
		return send, err
	}
	out := &send.Out
	var kind interaction.MessageKind
	var thread interaction.ID
	var heard *time.Time
	var quiet *interaction.SMSSettings
	var confirms bool
	var direction interaction.Direction
	err = s.pool.QueryRow(ctx, `
		select l.state, l.attempt, l.attempts, l.repeat, case when m.kind in ('transcript', 'survey') then 'email' else e.channel end,
			case when m.kind in ('transcript', 'survey') then coalesce(e.chat->>'mail', e.name) else e.name end, i.thread_id, m.kind, m.at, m.sender, m.recipients, m.copies, m.subject, m.body, m.html,
			m.message_id, m.in_reply_to, m.refs, m.attachments, e.address, (select max(h.at) from messages h where h.interaction_id = l.interaction_id
				and h.kind = 'in' and coalesce(nullif(h.entry_point, ''), i.entry_point) = e.name),
			e.sms, l.confirms, i.direction, m.visibility
		from ledger l join messages m on m.interaction_id = l.interaction_id and m.number = l.message_number
		join interactions i on i.id = l.interaction_id join entry_points e on e.name = coalesce(nullif(m.entry_point, ''), i.entry_point)
		where l.interaction_id = $1 and l.key = $2`, id, SendKey(message)).
		Scan(&send.State, &send.Attempt, &send.Attempts, &send.Repeat, &out.Channel, &out.EntryPoint, &thread, &kind, &out.Date, &out.From, &out.To, &out.Cc, &out.Subject,
			&out.Text, &out.HTML, &out.MessageID, &out.InReplyTo, &out.References, &send.Files, &out.Envelope, &heard, &quiet, &confirms, &direction, &out.Visibility)
	if noRows(err) {
		return send, interaction.Unknown("send")
	}
	if err != nil {
		return send, translate(err)
	}
	out.Heard = orZero(heard)
	if !confirms && (direction == interaction.Out || kind == interaction.MessageAuto || quiet.HoldsAnswers()) {
		send.NotBefore = quiet.QuietUntil(time.Now())
	}
	out.ReplyTo = &interaction.Address{Name: out.From.Name, Address: replyAddress(key, out.From.Address, thread)}
	if strings.Contains(out.Envelope, "@") {
		out.Envelope = out.ReplyTo.Address // a bounce comes back to the thread, whether it tells what it is about or not
	}
	if out.Automatic = kind == interaction.MessageAuto || kind == interaction.MessageTranscript || kind == interaction.MessageSurvey; out.Automatic {
		out.Envelope = ""
	}
	out.Date = out.Date.Truncate(time.Second)
	return send, nil
}

// BeginSend commits queued → in flight for this attempt; only when it answers true may the irreversible byte leave.
func (s *Store) BeginSend(ctx context.Context, id interaction.ID, message int64, attempt interaction.ID) (bool, error) {
	var won bool
	err := s.inTx(ctx, func(t *tx) error {
		var err error
		won, err = t.exec(ctx, `update ledger l set state = 'in_flight', attempt = $3, attempts = attempts + 1, begun_at = now()
			from messages m, all_interactions i, entry_points e
			where l.interaction_id = $1 and l.key = $2 and l.state = 'queued' and m.interaction_id = $1 and m.number = l.message_number and i.id = $1
				and e.name = coalesce(nullif(m.entry_point, ''), i.entry_point) and (l.confirms or not `+optedOut+`) and `+stillGood, id, SendKey(message), attempt)
		if err != nil || won {
			return err
		}
		return t.refuseUnfit(ctx, id, message)
	})
	return won, err
}

// RepeatSend lets a message be sent once more whose attempt ended with an unknown outcome: the row is queued again and flagged. It answers false
// for one that was repeated before, or that another attempt holds.
func (s *Store) RepeatSend(ctx context.Context, id interaction.ID, message int64, attempt interaction.ID, o interaction.Outcome) (bool, error) {
	var again bool
	err := s.inTx(ctx, func(t *tx) error {
		if _, err := t.lockInteraction(ctx, id); err != nil {
			return err
		}
		var err error
		again, err = t.exec(ctx, `update ledger set state = 'queued', repeat = true, code = $4, answer = $5
			where interaction_id = $1 and key = $2 and attempt = $3 and state = 'in_flight' and not repeat`, id, SendKey(message), attempt, o.Code, clip(o.Text, 500))
		if err != nil || !again {
			return err
		}
		return t.audit(ctx, event{
			Code: "send.repeated", Interaction: id, From: string(interaction.SendInFlight), To: string(interaction.SendQueued),
			Data: map[string]any{"message": message, "code": clip(o.Code, 40), "attempt": attempt},
		})
	})
	return again, err
}

// refuseUnfit ends a queued send that must not go any more: its customer has opted out since, or the standard response that it says has expired or lost its
// approval.
func (t *tx) refuseUnfit(ctx context.Context, id interaction.ID, message int64) error {
	open, err := t.lockInteraction(ctx, id)
	if err != nil {
		return err
	}
	var code string
	err = t.QueryRow(ctx, `update ledger l set state = 'not_sent', code = case when `+stillGood+` then $3 else $4 end, ended_at = now()
		from messages m, interactions i, entry_points e
		where l.interaction_id = $1 and l.key = $2 and l.state = 'queued' and m.interaction_id = $1 and m.number = l.message_number and i.id = $1
			and e.name = coalesce(nullif(m.entry_point, ''), i.entry_point) and (not l.confirms and `+optedOut+` or not `+stillGood+`)
		returning l.code`, id, SendKey(message), codeOptedOut, codeResponseGone).Scan(&code)
	if noRows(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if open.State == interaction.Sending {
		if err := t.become(ctx, open, "send.ended", interaction.Automatic); err != nil {
			return err
		}
	}
	return t.audit(ctx, event{
		Code: "send.refused", Interaction: id, From: string(interaction.SendQueued), To: string(interaction.SendNotSent),
		Data: map[string]any{"message": message, "code": code},
	})
}

// EndSend writes what became of an attempt (empty attempt: of a row that no attempt has begun) and gives the state the row is in then.
// A message that is over frees its interaction for the story to go on.
func (s *Store) EndSend(ctx context.Context, id interaction.ID, message int64, attempt interaction.ID, o interaction.Outcome) (interaction.SendState, error) {
	state := o.State
	err := s.inTx(ctx, func(t *tx) error {
		open, err := t.lockInteraction(ctx, id)
		if err != nil {
			return err
		}
		var from string
		err = t.QueryRow(ctx, `
			with old as (select state, attempt from ledger where interaction_id = $1 and key = $2 for update)
			update ledger l set state = $3, code = $4, answer = $5, ended_at = case when $3 = 'queued' then null else now() end
			from old where l.interaction_id = $1 and l.key = $2
				and (old.state = 'in_flight' and (old.attempt = $6 or $3 = 'unknown') or old.state = 'queued' and $6::uuid is null)
			returning old.state`, id, SendKey(message), o.State, o.Code, clip(o.Text, 500), attempt).Scan(&from)
		if noRows(err) {
			return t.QueryRow(ctx, `select state from ledger where interaction_id = $1 and key = $2`, id, SendKey(message)).Scan(&state)
		}
		if err != nil || from == string(o.State) {
			return err
		}
		if open.State == interaction.Sending && o.State != interaction.SendQueued {
			if err := t.become(ctx, open, "send.ended", interaction.Automatic); err != nil {
				return err
			}
		}
		if o.ID != "" {
			o.Names = append(o.Names, interaction.CarrierName{ID: o.ID})
		}
		for _, name := range o.Names {
			if err := t.nameCarried(ctx, id, message, name); err != nil {
				return err
			}
		}
		return t.audit(ctx, event{
			Code: sendCode(o.State), Interaction: id, From: from, To: string(o.State),
			Data: map[string]any{"message": message, "code": clip(o.Code, 40), "attempt": attempt},
		})
	})
	return state, err
}

// SendState reads the ledger's state of a message.
func (s *Store) SendState(ctx context.Context, id interaction.ID, message int64) (interaction.SendState, error) {
	var state interaction.SendState
	err := s.pool.QueryRow(ctx, `select state from ledger where interaction_id = $1 and key = $2`, id, SendKey(message)).Scan(&state)
	if noRows(err) {
		return "", interaction.Unknown("send")
	}
	return state, translate(err)
}

func sendCode(s interaction.SendState) string {
	switch s {
	case interaction.SendQueued:
		return "send.deferred"
	case interaction.SendNotSent:
		return "send.refused"
	default:
		return "send." + string(s)
	}
}
