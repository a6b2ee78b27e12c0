package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// PutTextSet keeps an uploaded set under its name, in the place of one that is there.
func (s *Store) PutTextSet(ctx context.Context, by interaction.Actor, set interaction.TextSet) (interaction.TextSet, error) {
	return act(ctx, s, by, func(t *tx) (interaction.TextSet, error) {
		set.Size = len(set.Texts)
		err := t.QueryRow(ctx, `insert into text_sets (name, language, texts, size) values ($1, $2, $3, $4)
			on conflict (name) do update set (language, texts, size, at) = (excluded.language, excluded.texts, excluded.size, now()) returning at`,
			set.Name, set.Language, some(set.Texts), set.Size).Scan(&set.At)
		if err != nil {
			return set, err
		}
		set.Texts = nil
		return set, t.audit(ctx, event{Code: "text_set.kept", Actor: by, Data: map[string]any{"set": set.Name, "language": set.Language, "size": set.Size}})
	})
}

// TextSets lists the uploaded sets by name, without their texts.
func (s *Store) TextSets(ctx context.Context) ([]interaction.TextSet, error) {
	rows, err := s.pool.Query(ctx, `select name, language, size, at from text_sets order by name`)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (interaction.TextSet, error) {
		var set interaction.TextSet
		err := row.Scan(&set.Name, &set.Language, &set.Size, &set.At)
		return set, err
	})
	return list, translate(err)
}

// RemoveTextSet forgets a set; models that learned from it stay.
func (s *Store) RemoveTextSet(ctx context.Context, by interaction.Actor, name string) error {
	_, err := act(ctx, s, by, func(t *tx) (nothing, error) {
		tag, err := t.Exec(ctx, `delete from text_sets where name = $1`, name)
		if err == nil && tag.RowsAffected() == 0 {
			err = interaction.Unknown("set")
		}
		if err != nil {
			return nothing{}, err
		}
		return nothing{}, t.audit(ctx, event{Code: "text_set.removed", Actor: by, Data: map[string]any{"set": name}})
	})
	return err
}
