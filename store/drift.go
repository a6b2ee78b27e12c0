package store

import (
	"context"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// Drift tells week by week how the models of a language, or of all, did from a time on: what they said, by the audit, and what people did afterwards. Weeks without messages
// are absent. A message counts once, as it was understood first.
func (s *Store) Drift(ctx context.Context, language string, from time.Time) ([]interaction.Drift, error) {
	rows, err := s.pool.Query(ctx, `
		with seen as (
			select distinct on (interaction_id, message) interaction_id, message, at, category, confidence from (
				select interaction_id, (data->>'message')::bigint as message, at, data->>'category' as category, (data->>'confidence')::float8 as confidence
				from events where code = 'interaction.understood' and at >= $1 and coalesce(data->>'model', '') <> '' and $2 in ('', data->>'language')) e
			order by interaction_id, message, at),
		told as (
			select s.*, coalesce(l.corrected, false) as corrected, coalesce(l.rejected, false) as rejected, coalesce(l.answered, false) as back,
				exists (select 1 from automatic_mail a where a.interaction_id = s.interaction_id and a.answers = s.message and a.usage = 'auto_response') as answered
			from seen s left join lateral (
				select bool_or(source in ('agent', 'supervisor') and category is distinct from coalesce(nullif(s.category, ''), $3)) as corrected,
					bool_or(source = 'rejected') as rejected, bool_or(source = 'answered') as answered
				from labels where interaction_id = s.interaction_id and message_number = s.message) l on true)
		select date_trunc('week', at at time zone 'UTC') at time zone 'UTC', category, count(*), coalesce(sum(confidence), 0),
			count(*) filter (where corrected), count(*) filter (where rejected), count(*) filter (where answered), count(*) filter (where back)
		from told group by 1, 2 order by 1, 2`, from, language, interaction.CategoryOutside)
	if err != nil {
		return nil, translate(err)
	}
	parts, err := pgx.CollectRows(rows, pgx.RowToStructByPos[driftPart])
	return driftOf(parts), translate(err)
}

// driftPart is one category's part of a week.
type driftPart struct {
	Week                                        time.Time
	Category                                    string
	Messages                                    int64
	Confidence                                  float64 // sum
	Corrected, Rejected, Answered, AnsweredBack int64
}

// driftOf joins the parts, which come week by week.
func driftOf(parts []driftPart) []interaction.Drift {
	var weeks []interaction.Drift
	for _, p := range parts {
		if len(weeks) == 0 || !weeks[len(weeks)-1].Week.Equal(p.Week) {
			weeks = append(weeks, interaction.Drift{Week: p.Week.UTC(), Categories: map[string]int64{}})
		}
		w := &weeks[len(weeks)-1]
		w.Messages += p.Messages
		w.Corrected += p.Corrected
		w.Rejected += p.Rejected
		w.Answered += p.Answered
		w.AnsweredBack += p.AnsweredBack
		w.Categories[p.Category] = p.Messages
		if p.Category == "" {
			w.Unsure = p.Messages
		} else {
			w.Confidence += p.Confidence
		}
	}
	before := map[string]int64{}
	for n := range weeks {
		w := &weeks[n]
		if sure := w.Messages - w.Unsure; sure > 0 {
			w.Confidence /= float64(sure)
		}
		w.Shift = shift(w.Categories, before)
		w.Worse = w.WorseThan(weeks[:n])
		for category, count := range w.Categories {
			before[category] += count
		}
	}
	return weeks
}

// shift is half of the sum of the differences between the shares of all categories (the total variation distance); negative where there is nothing to
// compare with.
func shift(now, before map[string]int64) float64 {
	var all, allBefore, sum float64
	for _, n := range now {
		all += float64(n)
	}
	for _, n := range before {
		allBefore += float64(n)
	}
	if all == 0 || allBefore == 0 {
		return -1
	}
	for category, n := range now {
		sum += math.Abs(float64(n)/all - float64(before[category])/allBefore)
	}
	for category, n := range before {
		if now[category] == 0 {
			sum += float64(n) / allBefore
		}
	}
	return sum / 2
}
