package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// reviewResult is what a review came to.
type reviewResult struct {
	verdict string
	edited  bool
	form    string
	answers map[string]int
	score   *float64
}

// openReview reads what belongs to an open review, and locks it. A review that has nothing of the kind was opened without a policy.
func (t *tx) openReview(ctx context.Context, task interaction.ID) (interaction.OpenReview, error) {
	r, err := one(ctx, t, "review", scanOpenReview, selectOpenReview+` where task_id = $1 for update`, task)
	if err != nil && interaction.KindOf(err) == interaction.KindUnknown {
		return r, nil
	}
	return r, err
}

const selectOpenReview = `select policy, rate, reason, number, form, due_at, passed from open_reviews`

func scanOpenReview(row pgx.CollectableRow) (interaction.OpenReview, error) {
	var r interaction.OpenReview
	var due *time.Time
	err := row.Scan(&r.Policy, &r.Rate, &r.Reason, &r.Number, &r.Form, &due, &r.Passed)
	r.DueAt = orZero(due)
	return r, err
}

// policyOf reads what the policy wants of the reviewer.
func (s *Store) policyOf(ctx context.Context, v *interaction.ReviewView) (err error) {
	v.Open, err = one(ctx, s.pool, "review", scanOpenReview, selectOpenReview+` where task_id = $1`, v.ID)
	if err != nil && interaction.KindOf(err) == interaction.KindUnknown {
		return nil
	}
	if err != nil || v.Open.Form == "" {
		return err
	}
	form, err := one(ctx, s.pool, "form", pgx.RowToStructByPos[interaction.Form], `select name, title, questions from forms where name = $1`, v.Open.Form)
	v.Form = &form
	return err
}

// evaluate scores the form that the policy asks for. Who stops an interaction need not fill it in.
func (t *tx) evaluate(ctx context.Context, open interaction.OpenReview, d interaction.Decision) (string, map[string]int, *float64, error) {
	if open.Form == "" {
		if len(d.Evaluation) > 0 {
			return "", nil, nil, interaction.Invalid("no_form", "evaluation", "is not asked for here; leave it out")
		}
		return "", nil, nil, nil
	}
	if d.Verdict == interaction.VerdictStop && len(d.Evaluation) == 0 {
		return "", nil, nil, nil
	}
	form, err := one(ctx, t, "form", pgx.RowToStructByPos[interaction.Form], `select name, title, questions from forms where name = $1`, open.Form)
	if err != nil {
		return "", nil, nil, err
	}
	score, err := form.Score(d.Evaluation)
	return form.Name, d.Evaluation, &score, err
}

// keepResult keeps what a review came to, for scorecards. The open review was deleted with its task; what it said is at hand.
func (t *tx) keepResult(ctx context.Context, by interaction.Actor, row taskRow, open interaction.OpenReview, verdict string, r reviewResult) error {
	if r.answers == nil {
		r.answers = map[string]int{}
	}
	_, err := t.Exec(ctx, `
		insert into review_results (interaction_id, task_id, message_number, author, reviewer, queue, category, verdict, edited, cycles, seconds, policy, form, answers, score)
		select $1, $2, $3, $4, $5, $6, i.category, $7, $8, $9, extract(epoch from now() - m.at), $10, $11, $12, $13
		from interactions i join messages m on m.interaction_id = i.id and m.number = $3 where i.id = $1
		on conflict do nothing`,
		row.Interaction, row.ID, row.Message, row.Author, by.Agent, row.Queue, verdict, r.edited, row.Cycles, open.Policy, r.form, r.answers, r.score)
	return err
}

// Scorecards sums up reviews by person: of authors, or of reviewers. An agent sees his own; supervisors those of their groups' queues.
func (s *Store) Scorecards(ctx context.Context, by interaction.Actor, f interaction.ScoreFilter) ([]interaction.Scorecard, error) {
	person := "author"
	if f.Reviewers {
		person = "reviewer"
	}
	q := asked(by, ` ($1 = 'admin' or r.`+person+` = $2 or $1 = 'supervisor' and q.group_name = any($3)) `)
	q.and("r.at >= ? and r.at < ?", f.From, f.To)
	q.and("r.interaction_id >= uuid_at(?)", f.From.Add(-maxReviewAge)) // which leaves older months alone
	if f.Agent != "" {
		q.and("r."+person+" = ?", f.Agent)
	}
	equal(q, "r.queue", f.Queue)
	equal(q, "r.form", f.Form)
	rows, err := s.pool.Query(ctx, fmt.Sprintf(`
		select a.id, a.login, count(*), count(*) filter (where verdict = 'approved'), count(*) filter (where verdict = 'approved' and edited),
			count(*) filter (where verdict = 'returned'), count(*) filter (where verdict = 'stopped'), count(*) filter (where verdict = 'released'),
			count(score), round(avg(score)::numeric, 1)::float8, avg(seconds)::float8, avg(cycles)::float8
		from review_results r join agents a on a.id = r.%s join queues q on q.name = r.queue %s
		group by a.id, a.login order by a.login limit 1000`, person, strings.TrimSpace(q.sql())), q.args...)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[interaction.Scorecard])
	return list, translate(err)
}

// maxReviewAge is how long before its review an interaction can have arrived, to be counted.
const maxReviewAge = 366 * 24 * time.Hour
