package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

const modelColumns = `id, language, created_at, active, activated_at, training_id, length(data), report`

func scanModel(row pgx.CollectableRow) (interaction.ModelView, error) {
	var m interaction.ModelView
	var activated *time.Time
	err := row.Scan(&m.ID, &m.Language, &m.At, &m.Active, &activated, &m.Training, &m.Size, &m.Report)
	m.Activated = orZero(activated)
	return m, err
}

// Models lists the models of a language, or of all, the newest first.
func (s *Store) Models(ctx context.Context, language string) ([]interaction.ModelView, error) {
	rows, err := s.pool.Query(ctx, `select `+modelColumns+` from models where $1 in ('', language) order by created_at desc limit 100`, language)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, scanModel)
	return list, translate(err)
}

// Model gives one model without its bytes.
func (s *Store) Model(ctx context.Context, id interaction.ID) (interaction.ModelView, error) {
	return one(ctx, s.pool, "model", scanModel, `select `+modelColumns+` from models where id = $1`, id)
}

// ActivateModel has a model used from now on, in the place of the one of its language that was; every process takes it over within seconds.
func (s *Store) ActivateModel(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.ModelView, error) {
	return act(ctx, s, by, func(t *tx) (interaction.ModelView, error) {
		m, err := one(ctx, t, "model", scanModel, `select `+modelColumns+` from models where id = $1`, id)
		if err != nil {
			return m, err
		}
		return t.activate(ctx, by, m, "model.activated")
	})
}

// RollBackModel activates the model of a language that was in use before the present one.
func (s *Store) RollBackModel(ctx context.Context, by interaction.Actor, language string) (interaction.ModelView, error) {
	return act(ctx, s, by, func(t *tx) (interaction.ModelView, error) {
		if _, err := t.lockSetup(ctx); err != nil {
			return interaction.ModelView{}, err
		}
		m, err := one(ctx, t, "model", scanModel, `select `+modelColumns+` from models
			where language = $1 and not active and activated_at is not null order by activated_at desc limit 1`, language)
		if interaction.KindOf(err) == interaction.KindUnknown {
			return m, interaction.Conflict("no_model_before", "no other model of language %s was in use before", language)
		}
		if err != nil {
			return m, err
		}
		return t.activate(ctx, by, m, "model.rolled_back")
	})
}

// activate changes which model of the language is in use, and has every process hear of it as of a change of the configuration.
func (t *tx) activate(ctx context.Context, by interaction.Actor, m interaction.ModelView, code string) (interaction.ModelView, error) {
	if m.Active {
		return m, nil
	}
	if _, err := t.lockSetup(ctx); err != nil {
		return m, err
	}
	var before interaction.ID
	err := t.QueryRow(ctx, `update models set active = false where name = 'category' and language = $1 and active returning id`, m.Language).Scan(&before)
	if err != nil && !noRows(err) {
		return m, err
	}
	if _, err := t.Exec(ctx, `update models set active = true, activated_at = now() where id = $1`, m.ID); err != nil {
		return m, err
	}
	if err := t.countSetup(ctx); err != nil {
		return m, err
	}
	if err := t.audit(ctx, event{Code: code, Actor: by, Data: map[string]any{"model": m.ID, "before": before, "language": m.Language}}); err != nil {
		return m, err
	}
	return one(ctx, t, "model", scanModel, `select `+modelColumns+` from models where id = $1`, m.ID)
}
