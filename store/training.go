package store

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

const trainingColumns = `id, language, profile, sets, labels, handled, state, size, done, parts, reason, model_id, agent_id, at, ended_at`

func scanTraining(row pgx.CollectableRow) (interaction.TrainingRun, error) {
	var r interaction.TrainingRun
	var ended *time.Time
	err := row.Scan(&r.ID, &r.Language, &r.Profile, &r.Sets, &r.Labels, &r.Handled, &r.State, &r.Texts, &r.Done, &r.Of, &r.Reason, &r.Model, &r.Agent, &r.At, &ended)
	r.Ended = orZero(ended)
	return r, err
}

// StartTraining puts a training down; a worker starts its workflow.
func (s *Store) StartTraining(ctx context.Context, by interaction.Actor, n interaction.NewTraining) (interaction.TrainingRun, error) {
	return act(ctx, s, by, func(t *tx) (interaction.TrainingRun, error) {
		var known []string
		if err := t.QueryRow(ctx, `select coalesce(array_agg(name), '{}') from text_sets where name = any($1) and language = $2`, some(n.Sets), n.Language).Scan(&known); err != nil {
			return interaction.TrainingRun{}, err
		}
		for _, name := range n.Sets {
			if !slices.Contains(known, name) {
				return interaction.TrainingRun{}, interaction.Invalid("unknown_set", "sets", "there is no set %q of language %s", name, n.Language)
			}
		}
		id := interaction.NewID()
		if _, err := t.Exec(ctx, `insert into trainings (id, language, profile, sets, labels, handled, agent_id) values ($1, $2, $3, $4, $5, $6, $7)`,
			id, n.Language, n.Profile, some(n.Sets), n.Labels, n.Handled, by.Agent); err != nil {
			return interaction.TrainingRun{}, err
		}
		if err := t.audit(ctx, event{Code: "training.ordered", Actor: by, Data: map[string]any{"training": id, "language": n.Language, "sets": some(n.Sets)}}); err != nil {
			return interaction.TrainingRun{}, err
		}
		return t.training(ctx, id)
	})
}

func (t *tx) training(ctx context.Context, id interaction.ID) (interaction.TrainingRun, error) {
	return one(ctx, t, "training", scanTraining, `select `+trainingColumns+` from trainings where id = $1`, id)
}

// Training gives one training.
func (s *Store) Training(ctx context.Context, id interaction.ID) (interaction.TrainingRun, error) {
	return one(ctx, s.pool, "training", scanTraining, `select `+trainingColumns+` from trainings where id = $1`, id)
}

// Trainings lists the newest hundred, the newest first.
func (s *Store) Trainings(ctx context.Context) ([]interaction.TrainingRun, error) {
	rows, err := s.pool.Query(ctx, `select `+trainingColumns+` from trainings order by at desc limit 100`)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, scanTraining)
	return list, translate(err)
}

// OpenTrainings gives the ids of those whose workflow is to run. Starting one again is no harm.
func (s *Store) OpenTrainings(ctx context.Context) ([]interaction.ID, error) {
	rows, err := s.pool.Query(ctx, `select id from trainings where state in ('queued', 'gathered', 'judged') order by at limit 100`)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[interaction.ID])
	return list, translate(err)
}

// CancelTraining ends a training; what is being computed stops at its next sign of life.
func (s *Store) CancelTraining(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.TrainingRun, error) {
	return act(ctx, s, by, func(t *tx) (interaction.TrainingRun, error) {
		r, err := t.lockTraining(ctx, id)
		if err != nil {
			return r, err
		}
		if err := t.endTraining(ctx, by, r, interaction.TrainingCancelled, ""); err != nil {
			return r, err
		}
		return t.training(ctx, id)
	})
}

// lockTraining locks a training that is not over; one that is over is a conflict.
func (t *tx) lockTraining(ctx context.Context, id interaction.ID) (interaction.TrainingRun, error) {
	r, err := one(ctx, t, "training", scanTraining, `select `+trainingColumns+` from trainings where id = $1 for update`, id)
	if err == nil && r.State.Over() {
		err = interaction.Conflict("stopped", "the training is %s", r.State).With("state", r.State)
	}
	return r, err
}

func (t *tx) endTraining(ctx context.Context, by interaction.Actor, r interaction.TrainingRun, state interaction.TrainingState, reason string) error {
	if _, err := t.Exec(ctx, `update trainings set state = $2, reason = $3, ended_at = now(), texts = null where id = $1`, r.ID, state, reason); err != nil {
		return err
	}
	return t.audit(ctx, event{Code: "training." + string(state), Actor: by, From: string(r.State), To: string(state), Data: map[string]any{"training": r.ID, "reason": reason}})
}

// FailTraining ends a training that cannot be done, with the reason. One that is over stays as it is.
func (s *Store) FailTraining(ctx context.Context, id interaction.ID, reason string) error {
	return s.inTx(ctx, func(t *tx) error {
		r, err := t.lockTraining(ctx, id)
		if interaction.KindOf(err) == interaction.KindConflict {
			return nil
		}
		if err != nil {
			return err
		}
		return t.endTraining(ctx, interaction.System, r, interaction.TrainingFailed, reason)
	})
}

// TrainingProgress notes how many parts of the present work are done; a conflict says that the training is over.
func (s *Store) TrainingProgress(ctx context.Context, id interaction.ID, done, of int) error {
	tag, err := s.pool.Exec(ctx, `update trainings set done = $2, parts = $3 where id = $1 and state in ('queued', 'gathered', 'judged')`, id, done, of)
	if err == nil && tag.RowsAffected() == 0 {
		return interaction.Conflict("stopped", "the training is over")
	}
	return translate(err)
}

// GatherTexts puts down what the training learns from: its sets, the messages of its language on whose category people had the last word, and those that
// people answered without a word against theirs. Done again it changes nothing. The same texts come in the same order, so that they give the same model.
func (s *Store) GatherTexts(ctx context.Context, id interaction.ID) error {
	return s.inTx(ctx, func(t *tx) error {
		r, err := t.lockTraining(ctx, id)
		if err != nil || r.State != interaction.TrainingQueued {
			return err
		}
		_, err = t.Exec(ctx, `
			with uploaded as (
				select s.name as source, null::uuid as interaction, n, x as text
				from text_sets s cross join jsonb_array_elements(s.texts) with ordinality as e (x, n) where s.name = any($2)),
			said as (
				select distinct on (l.interaction_id, l.message_number) l.interaction_id, l.message_number, l.category
				from labels l join all_interactions i on i.id = l.interaction_id
				where $4 and l.category <> '' and i.language = $3 order by l.interaction_id, l.message_number, l.at desc),
			handled as (
				select i.id, m.number, i.category from (
					select id, category from closed_interactions c
					where $5 and c.language = $3 and c.category <> '' and not exists (select 1 from labels l where l.interaction_id = c.id)
						and exists (select 1 from messages g where g.interaction_id = c.id and g.kind = 'reply')
					order by id desc limit $6) i
				cross join lateral (select number from messages g where g.interaction_id = i.id and g.kind = 'in'
					and g.number < (select min(number) from messages where interaction_id = i.id and kind = 'reply') order by number desc limit 1) m),
			labelled as (select * from said union all select * from handled),
			found as (
				select * from uploaded
				union all
				select '', l.interaction_id, l.message_number,
					jsonb_build_object('text', concat_ws(E'\n', m.subject, coalesce(nullif(m.reply_body, ''), m.body)), 'categories', jsonb_build_array(l.category))
				from labelled l join messages m on m.interaction_id = l.interaction_id and m.number = l.message_number),
			worth as (select * from found where btrim(text->>'text', E' \r\n\t') <> '')
			update trainings set state = 'gathered', texts = coalesce((select jsonb_agg(text order by source, interaction, n) from worth), '[]'),
				size = (select count(*) from worth), done = 0, parts = 0
			where id = $1`, id, some(r.Sets), r.Language, r.Labels, r.Handled, mostHandled)
		return err
	})
}

// mostHandled is how many of the interactions that people answered a training learns from: the newest.
const mostHandled = 50_000

// TrainingTexts gives what was put down.
func (s *Store) TrainingTexts(ctx context.Context, id interaction.ID) ([]interaction.LabelledText, error) {
	raw, err := one(ctx, s.pool, "training", pgx.RowTo[json.RawMessage], `select coalesce(texts, '[]') from trainings where id = $1`, id)
	if err != nil {
		return nil, err
	}
	var texts []interaction.LabelledText
	return texts, json.Unmarshal(raw, &texts)
}

// KeepJudgement keeps the report of a training; done again it changes nothing.
func (s *Store) KeepJudgement(ctx context.Context, id interaction.ID, report json.RawMessage) error {
	return s.inTx(ctx, func(t *tx) error {
		r, err := t.lockTraining(ctx, id)
		if err != nil || r.State != interaction.TrainingGathered {
			return err
		}
		_, err = t.Exec(ctx, `update trainings set state = 'judged', report = $2, done = 0, parts = 0 where id = $1`, id, report)
		return err
	})
}

// KeepModel keeps what a training made, which ends it. The model is not in use before somebody activates it.
func (s *Store) KeepModel(ctx context.Context, id interaction.ID, data []byte) error {
	return s.inTx(ctx, func(t *tx) error {
		r, err := t.lockTraining(ctx, id)
		if err != nil {
			return err
		}
		model := interaction.NewID()
		if _, err := t.Exec(ctx, `insert into models (id, name, language, training_id, report, data)
			select $2, 'category', language, id, report, $3 from trainings where id = $1`, id, model, data); err != nil {
			return err
		}
		if _, err := t.Exec(ctx, `update trainings set model_id = $2 where id = $1`, id, model); err != nil {
			return err
		}
		return t.endTraining(ctx, interaction.System, r, interaction.TrainingDone, "")
	})
}
