package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// This file is what understanding reads of the configuration.

// SetupVersion counts the changes of configuration; 0 before the first.
func (s *Store) SetupVersion(ctx context.Context) (int, error) {
	var n int
	err := s.pool.QueryRow(ctx, `select coalesce((select value::int from settings where name = 'configuration'), 0)`).Scan(&n)
	return n, translate(err)
}

// Screening gives the stored rules in their order.
func (s *Store) Screening(ctx context.Context) ([]interaction.Rule, error) {
	rows, err := s.pool.Query(ctx, `select name, position, enabled, definition from rules order by position, name`)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[interaction.Rule])
	return list, translate(err)
}

// CategorySettings gives the category tree with its thresholds.
func (s *Store) CategorySettings(ctx context.Context) ([]interaction.CategorySetup, error) {
	rows, err := s.pool.Query(ctx, `select name, title, skill, coalesce(queue, ''), auto_threshold, route_threshold from categories order by name`)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[interaction.CategorySetup])
	return list, translate(err)
}

// ActiveModels gives the models in use.
func (s *Store) ActiveModels(ctx context.Context) ([]interaction.Model, error) {
	rows, err := s.pool.Query(ctx, `select id, name, language, data, coalesce(report->>'source', '') from models where active`)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[interaction.Model])
	return list, translate(err)
}

// ModelsOfFiles gives the last model of each language that was trained from configuration files, without its data.
func (s *Store) ModelsOfFiles(ctx context.Context) ([]interaction.Model, error) {
	rows, err := s.pool.Query(ctx, `select distinct on (name, language) id, name, language, ''::bytea, report->>'source' from models
		where report ? 'source' order by name, language, created_at desc`)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[interaction.Model])
	return list, translate(err)
}

// AgentByLogin gives the id of an enabled agent.
func (s *Store) AgentByLogin(ctx context.Context, login string) (interaction.ID, error) {
	return one(ctx, s.pool, "agent", pgx.RowTo[interaction.ID], `select id from agents where login = $1 and enabled`, login)
}
