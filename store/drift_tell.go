package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// driftWeeks is with how many weeks one is compared.
const driftWeeks = 12

// TellDrift tells how the models did in the last whole week (Monday to Sunday, UTC): for each language in which one looked at messages, a row that the metrics
// read and a line in the audit that the supervisors of all groups hear of. A week that was told is not told again.
func (s *Store) TellDrift(ctx context.Context) error {
	var week time.Time
	var languages []string
	err := s.pool.QueryRow(ctx, `
		with w as (select date_trunc('week', now() at time zone 'UTC') - interval '7 days' as week)
		select w.week at time zone 'UTC', array(
			select distinct data->>'language' from events where code = 'interaction.understood' and coalesce(data->>'model', '') <> '' and coalesce(data->>'language', '') <> ''
				and at >= w.week at time zone 'UTC' and at < (w.week + interval '7 days') at time zone 'UTC' order by 1) from w`).Scan(&week, &languages)
	if err != nil {
		return translate(err)
	}
	for _, language := range languages {
		weeks, err := s.Drift(ctx, language, week.AddDate(0, 0, -7*driftWeeks))
		if err != nil {
			return err
		}
		for _, w := range weeks {
			if !w.Week.Equal(week) {
				continue
			}
			told := interaction.ToldDrift{Language: language, Drift: w}
			if err := s.inTx(ctx, func(t *tx) error { return t.tellDrift(ctx, told) }); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tx) tellDrift(ctx context.Context, d interaction.ToldDrift) error {
	tag, err := t.Exec(ctx, `insert into drift_weeks (week, language, messages, unsure, confidence, corrected, rejected, answered, answered_back, shift, worse)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict do nothing`,
		d.Week, d.Language, d.Messages, d.Unsure, d.Confidence, d.Corrected, d.Rejected, d.Answered, d.AnsweredBack, d.Shift, some(d.Worse))
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	var groups []string
	if err := t.QueryRow(ctx, `select coalesce(array_agg(name order by name), '{}') from groups`).Scan(&groups); err != nil {
		return err
	}
	return t.audit(ctx, event{Code: "models.drift", Data: map[string]any{
		"language": d.Language, "week": d.Week.UTC().Format(time.DateOnly), "messages": d.Messages, "unsure": d.Unsure, "corrected": d.Corrected, "rejected": d.Rejected,
		"answered": d.Answered, "answered_back": d.AnsweredBack, "shift": d.Shift, "worse": some(d.Worse), "groups": groups,
	}})
}

// ToldDrift gives for each language the last week that was told.
func (s *Store) ToldDrift(ctx context.Context) ([]interaction.ToldDrift, error) {
	rows, err := s.pool.Query(ctx, `select distinct on (language) language, week, messages, unsure, confidence, corrected, rejected, answered, answered_back, shift, worse
		from drift_weeks order by language, week desc`)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (interaction.ToldDrift, error) {
		var d interaction.ToldDrift
		err := row.Scan(&d.Language, &d.Week, &d.Messages, &d.Unsure, &d.Confidence, &d.Corrected, &d.Rejected, &d.Answered, &d.AnsweredBack, &d.Shift, &d.Worse)
		return d, err
	})
	return list, translate(err)
}
