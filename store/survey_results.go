package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

const surveyColumns = `select a.interaction_id, a.survey, a.contact_id, i.entry_point, i.channel, i.queue, i.category, a.agent_id, a.mailed, a.asked_at, a.answered_at,
	a.sheet, a.answers, coalesce(a.score, -1) from survey_asks a join all_interactions i on i.id = a.interaction_id`

func scanSurvey(row pgx.CollectableRow) (interaction.SurveyResult, error) {
	var r interaction.SurveyResult
	var answered *time.Time
	var sheet interaction.SurveySheet
	err := row.Scan(&r.Interaction, &r.Survey, &r.Contact, &r.EntryPoint, &r.Channel, &r.Queue, &r.Category, &r.Agent, &r.Mailed, &r.AskedAt, &answered,
		&sheet, &r.Answers, &r.Score)
	r.AnsweredAt, r.Language, r.Questions = orZero(answered), sheet.Language, sheet.Questions
	return r, err
}

// Surveyed lists what customers were asked and answered, of interactions that the actor may know of, newest interaction first.
func (s *Store) Surveyed(ctx context.Context, by interaction.Actor, f interaction.SurveyFilter, page interaction.Page) (interaction.Listed[interaction.SurveyResult], error) {
	q := asked(by, listedInteractions)
	equal(q, "a.survey", f.Survey)
	equal(q, "i.queue", f.Queue)
	equal(q, "i.channel", f.Channel)
	if f.Agent != "" {
		q.and("a.agent_id = ?", f.Agent)
	}
	if f.Answered != nil {
		q.and("(a.answered_at is not null) = ?", *f.Answered)
	}
	if !f.After.IsZero() {
		q.and("a.asked_at >= ?", f.After)
	}
	if !f.Before.IsZero() {
		q.and("a.asked_at < ?", f.Before)
	}
	if page.After != "" {
		var id interaction.ID
		if err := after(page.After, &id); err != nil {
			return interaction.Listed[interaction.SurveyResult]{}, err
		}
		q.and("a.interaction_id < ?", id)
	}
	return collect(ctx, s, q, page, scanSurvey, surveyColumns, "a.interaction_id desc", func(r interaction.SurveyResult) string { return keyOf(r.Interaction) })
}

// SurveyOf gives what the customer of one interaction was asked and answered.
func (s *Store) SurveyOf(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.SurveyResult, error) {
	q := asked(by, visibleInteractions)
	q.and("a.interaction_id = ?", id)
	return one(ctx, s.pool, "survey", scanSurvey, surveyColumns+q.sql(), q.args...)
}

// SetSurveys notes whether a contact may be asked.
func (s *Store) SetSurveys(ctx context.Context, by interaction.Actor, contact interaction.ID, asked bool) error {
	_, err := act(ctx, s, by, func(t *tx) (nothing, error) {
		if err := t.visibleContact(ctx, by, contact); err != nil {
			return nothing{}, err
		}
		if err := t.saidHimself(ctx, `$1`, contact); err != nil {
			return nothing{}, err
		}
		changed, err := t.exec(ctx, `update contacts set no_surveys = not $2, version = version + 1 where id = $1 and no_surveys = $2`, contact, asked)
		if err != nil || !changed {
			return nothing{}, err
		}
		return nothing{}, t.audit(ctx, event{Code: "contact.surveys", Actor: by, Data: map[string]any{"contact": contact, "asked": asked}})
	})
	return err
}
