package store

import (
	"context"
	"hash/fnv"
	"time"

	"parley/interaction"
)

// A survey is asked once for an interaction: the row that says so is made in the transaction that shows it in a chat's window, or that
// writes the mail. It keeps the questions as they were asked; the answers come into it once.

// surveyCase is what decides whether an interaction's customer is asked.
type surveyCase struct {
	id        interaction.ID
	contact   interaction.ID
	channel   interaction.Channel
	queue     string
	category  string
	entry     string
	language  string
	house     string
	name      string // of the contact
	agent     interaction.ID
	survey    interaction.Survey
	refused   bool // the contact wants none
	erased    bool
	served    bool // people have answered
	machine   bool
	justAsked bool // within the survey's pause
}

// surveyCase reads it under the contact's row lock, so that two interactions of one contact do not both ask; false: the entry point asks nobody.
func (t *tx) surveyCase(ctx context.Context, id interaction.ID) (c surveyCase, asks bool, err error) {
	if _, err := t.Exec(ctx, `select 1 from contacts where id = (select contact_id from all_interactions where id = $1) for update`, id); err != nil {
		return c, false, err
	}
	c.id = id
	err = t.QueryRow(ctx, `
		select i.contact_id, i.channel, i.queue, i.category, i.entry_point, e.from_name, c.name, i.last_agent, v.definition, c.no_surveys, c.erased_at is not null,
			coalesce((select nullif(s.language, '') from chat_sessions s where s.interaction_id = i.id), nullif(nullif(i.language, ''), 'und'), e.language),
			i.direction = 'in' and case i.channel
				when 'chat' then exists (select 1 from chat_participants p where p.session_id = i.id and p.mode = 'full')
				else exists (select 1 from ledger l join messages m on m.interaction_id = l.interaction_id and m.number = l.message_number
					where l.interaction_id = i.id and m.kind = 'reply' and l.state = 'sent') end,
			coalesce((select m.machine <> '' from messages m where m.interaction_id = i.id and m.kind = 'in' order by m.number desc limit 1), false),
			exists (select 1 from survey_asks a where a.contact_id = i.contact_id and a.interaction_id <> i.id
				and a.asked_at > now() - make_interval(days => (v.definition->>'pause_days')::int))
		from all_interactions i join entry_points e on e.name = i.entry_point join surveys v on v.name = e.survey join contacts c on c.id = i.contact_id
		where i.id = $1`, id).
		Scan(&c.contact, &c.channel, &c.queue, &c.category, &c.entry, &c.house, &c.name, &c.agent, &c.survey, &c.refused, &c.erased, &c.language, &c.served, &c.machine, &c.justAsked)
	if noRows(err) {
		return c, false, nil
	}
	return c, err == nil, err
}

// whyNot gives the reason why the customer is not asked; empty: he is.
func (c *surveyCase) whyNot() string {
	switch {
	case !c.served:
		return "not_answered"
	case c.machine:
		return "machine"
	case c.refused, c.erased:
		return "refused"
	case c.justAsked:
		return "asked_lately"
	case !isSampled(c.id, *c.survey.Percent):
		return "not_drawn"
	}
	return ""
}

// sheet is the survey as this customer is asked it.
func (c *surveyCase) sheet() interaction.SurveySheet {
	sheet := c.survey.Sheet(c.language)
	sheet.Interaction, sheet.House = c.id, c.house
	return sheet
}

// isSampled reports whether an interaction is among the share that is asked; asked again it says the same.
func isSampled(id interaction.ID, percent int) bool {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // never fails
	return int(h.Sum32()%100) < percent
}

// askSurvey makes the row.
func (t *tx) askSurvey(ctx context.Context, c surveyCase, message int64) (interaction.SurveySheet, error) {
	sheet := c.sheet()
	if _, err := t.Exec(ctx, `insert into survey_asks (interaction_id, survey, contact_id, agent_id, mailed, until, sheet)
		values ($1, $2, $3, $4, $5, now() + make_interval(days => $6), $7)`,
		c.id, c.survey.Name, c.contact, c.agent, message > 0, c.survey.OpenDays, sheet); err != nil {
		return sheet, err
	}
	data := map[string]any{"survey": c.survey.Name, "mailed": message > 0}
	if message > 0 {
		data["message"] = message
	}
	return sheet, t.audit(ctx, event{Code: "survey.asked", Interaction: c.id, Queue: c.queue, Data: data})
}

// AskSurvey is the step behind a story: it writes the mail that asks the customer, with its ledger row, or the audit says why there is none. A chat's customer who
// was asked in his window gets no mail.
func (s *Store) AskSurvey(ctx context.Context, id interaction.ID, step string, write func(interaction.SurveyView) interaction.SurveyLetter) (interaction.SurveyAskedFor, error) {
	key, err := s.replyKey(ctx)
	if err != nil {
		return interaction.SurveyAskedFor{}, err
	}
	return once(ctx, s, id, step, func(t *tx, o openInteraction) (interaction.SurveyAskedFor, error) {
		var asked interaction.SurveyAskedFor
		var before bool
		if err := t.QueryRow(ctx, `select exists (select 1 from survey_asks where interaction_id = $1)`, id).Scan(&before); err != nil || before {
			return asked, err
		}
		c, asks, err := t.surveyCase(ctx, id)
		if err != nil || !asks {
			return asked, err
		}
		to, why, err := t.surveyed(ctx, s.guard, o, c)
		if err != nil {
			return asked, err
		}
		var letter interaction.SurveyLetter
		if why == "" {
			letter = write(interaction.SurveyView{
				Sheet: c.sheet(), Subject: interaction.InLanguage(c.survey.Subject, c.language), Token: linkToken(key, surveyLink, id), Name: c.name,
				Reference: Reference(id),
			})
			why = letter.Why
		}
		if why != "" {
			return asked, t.audit(ctx, event{Code: "survey.none", Interaction: id, Data: map[string]any{"survey": c.survey.Name, "reason": why}})
		}
		asked.Message = o.Messages + 1
		to.Interaction, to.Number, to.Kind, to.Subject, to.Text = id, asked.Message, interaction.MessageSurvey, letter.Subject, letter.Text
		return asked, t.mailSurvey(ctx, o, c, to)
	})
}

func (t *tx) mailSurvey(ctx context.Context, o openInteraction, c surveyCase, m interaction.Message) error {
	if err := t.insertMessage(ctx, m); err != nil {
		return err
	}
	if _, err := t.Exec(ctx, `update interactions set messages = messages + 1, version = version + 1 where id = $1`, o.ID); err != nil {
		return err
	}
	if _, err := t.Exec(ctx, `insert into automatic_mail (contact_id, thread_id, interaction_id, step) values ($1, $2, $3, 'survey')`, o.Contact, o.Thread, o.ID); err != nil {
		return err
	}
	if _, err := t.askSurvey(ctx, c, m.Number); err != nil {
		return err
	}
	return t.release(ctx, o, m.Number)
}

// surveyed gives a message to the customer of an interaction, without its words, or the reason why he gets none by mail.
func (t *tx) surveyed(ctx context.Context, guard LoopGuard, o openInteraction, c surveyCase) (m interaction.Message, why string, err error) {
	if why := c.whyNot(); why != "" {
		return m, why, nil
	}
	if c.channel == interaction.Chat && !c.survey.MailChats {
		return m, "not_by_mail", nil
	}
	if !interaction.Allowed(interaction.InteractionTransitions, "send.begun", string(o.State), string(interaction.Sending)) {
		return m, "stopped_before", nil // by an order, with something left to do
	}
	var to interaction.Address
	if o.Channel == interaction.Email {
		last, err := one(ctx, t, "message", scanMessage, `select `+messageColumns+` from messages where interaction_id = $1 and kind = 'in' order by number desc limit 1`, o.ID)
		if err != nil {
			return m, "", err
		}
		to = last.From
		if last.ReplyTo.Address != "" {
			to = last.ReplyTo
		}
		if m.InReplyTo = last.MessageID; last.MessageID != "" {
			m.References = append(last.References, last.MessageID)
		}
	} else if err := t.QueryRow(ctx, `select coalesce((select value from contact_attributes where contact_id = $1 and kind = 'email' order by value limit 1), '')`, o.Contact).
		Scan(&to.Address); err != nil {
		return m, "", err
	}
	if to.Address = mailAddress(to.Address); to.Address == "" {
		return m, "no_address", nil
	}
	if ours, err := t.isOurs(ctx, to.Address); err != nil || ours {
		return m, "own_address", err
	}
	if out, err := t.hasOptedOut(ctx, interaction.Email, to.Address); err != nil || out {
		return m, codeOptedOut, err
	}
	err = t.QueryRow(ctx, `select m.from_name, m.address from entry_points e join entry_points m on m.name = coalesce(e.chat->>'mail', e.name) and m.channel = 'email' and m.enabled
		where e.name = $1`, o.EntryPoint).Scan(&m.From.Name, &m.From.Address)
	if noRows(err) {
		return m, "no_mail_entry_point", nil
	}
	if err != nil {
		return m, "", err
	}
	m.To = []interaction.Address{to}
	full, err := t.dayFull(ctx, guard, o)
	if err == nil && full {
		why = "loop_guard"
	}
	return m, why, err
}

// dayFull reports whether the contact has had his automatic mails of the loop guard's longer time. Its shorter one is not asked: a quick answer would never be followed by
// a survey, whose pause is much longer.
func (t *tx) dayFull(ctx context.Context, g LoopGuard, o openInteraction) (full bool, err error) {
	err = t.QueryRow(ctx, `select count(*) >= $3 from automatic_mail where contact_id = $1 and not transcript and at > now() - make_interval(secs => $2)`,
		o.Contact, g.Long.Seconds(), g.LongLimit).Scan(&full)
	return full, err
}

// ChatSurvey gives what the customer of a chat that is over is asked in its window; unknown where he is asked nothing. Asked for again it is the same.
func (s *Store) ChatSurvey(ctx context.Context, session interaction.ID) (sheet interaction.SurveySheet, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		var over bool
		err := t.QueryRow(ctx, `select ended_at is not null from chat_sessions where interaction_id = $1`, session).Scan(&over)
		if noRows(err) || err == nil && !over {
			return interaction.Unknown("survey")
		}
		if err != nil {
			return err
		}
		c, asks, err := t.surveyCase(ctx, session)
		if err != nil {
			return err
		}
		if sheet, err = t.sheetOf(ctx, session); interaction.KindOf(err) != interaction.KindUnknown || err == nil {
			return err
		}
		if !asks || c.whyNot() != "" {
			return interaction.Unknown("survey")
		}
		sheet, err = t.askSurvey(ctx, c, 0)
		return err
	})
	return sheet, err
}

// sheetOf reads and locks what an interaction's customer was asked, as long as answers are taken.
func (t *tx) sheetOf(ctx context.Context, id interaction.ID) (sheet interaction.SurveySheet, err error) {
	var answered *time.Time
	err = t.QueryRow(ctx, `select a.sheet, a.survey, a.answered_at, coalesce(e.from_name, '') from survey_asks a
		join all_interactions i on i.id = a.interaction_id left join entry_points e on e.name = i.entry_point
		where a.interaction_id = $1 and a.until > now() for update of a`, id).Scan(&sheet, &sheet.Survey, &answered, &sheet.House)
	sheet.Interaction, sheet.Answered = id, answered != nil
	if noRows(err) {
		return sheet, interaction.Unknown("survey")
	}
	return sheet, err
}

// SurveyByToken gives what a link asks; unknown where the token is wrong or over.
func (s *Store) SurveyByToken(ctx context.Context, token string) (sheet interaction.SurveySheet, err error) {
	key, err := s.replyKey(ctx)
	if err != nil {
		return sheet, err
	}
	id := linkOf(key, surveyLink, token)
	if id == "" {
		return sheet, interaction.Unknown("survey")
	}
	err = s.inTx(ctx, func(t *tx) error {
		sheet, err = t.sheetOf(ctx, id)
		return err
	})
	return sheet, err
}

// AnswerSurvey keeps the answers, once; the conflict "answered" where they are there already.
func (s *Store) AnswerSurvey(ctx context.Context, id interaction.ID, answers map[string]string) error {
	return s.inTx(ctx, func(t *tx) error {
		sheet, err := t.sheetOf(ctx, id)
		if err != nil {
			return err
		}
		if sheet.Answered {
			return interaction.Conflict("answered", "your answers are here already; thank you")
		}
		kept, score, err := sheet.Read(answers)
		if err != nil {
			return err
		}
		var agent interaction.ID
		if err := t.QueryRow(ctx, `update survey_asks set answered_at = now(), answers = $2, score = $3 where interaction_id = $1 returning agent_id`, id, kept, score).Scan(&agent); err != nil {
			return err
		}
		data := map[string]any{"survey": sheet.Survey, "score": score}
		if agent != "" {
			data["agent"] = agent
		}
		return t.audit(ctx, event{Code: "survey.answered", Interaction: id, Data: data, After: kept})
	})
}

// saidHimself has what a contact, whom who tells by $1, says of surveys outlive the undoing of a merge.
func (t *tx) saidHimself(ctx context.Context, who string, id interaction.ID) error {
	_, err := t.Exec(ctx, `update contact_merges set no_surveys = false where kept = `+who+` and no_surveys`, id)
	return err
}

// RefuseSurveys notes that the contact of the interaction wants no survey again.
func (s *Store) RefuseSurveys(ctx context.Context, id interaction.ID) error {
	return s.inTx(ctx, func(t *tx) error {
		if err := t.saidHimself(ctx, `(select contact_id from all_interactions where id = $1)`, id); err != nil {
			return err
		}
		changed, err := t.exec(ctx, `update contacts set no_surveys = true, version = version + 1
			where id = (select contact_id from all_interactions where id = $1) and not no_surveys`, id)
		if err != nil || !changed {
			return err
		}
		return t.audit(ctx, event{Code: "contact.surveys", Interaction: id, Data: map[string]any{"asked": false}})
	})
}

// surveyLink is the purpose of a survey's links.
const surveyLink = "survey 1 "

// The compiler proves that the store takes answers as the page wants it.
var _ interaction.SurveyStore = (*Store)(nil)
