package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// RuleHits counts how often each stored rule applied in a time, by what the audit says; rules that never did are in it with 0. Rules that are
// gone are not.
func (s *Store) RuleHits(ctx context.Context, from, until time.Time) ([]interaction.RuleHits, error) {
	rows, err := s.pool.Query(ctx, `
		with hits as (
			select rule, count(*) as hits, max(e.at) as last
			from events e cross join jsonb_array_elements_text(e.data -> 'rules') rule
			where e.code = 'interaction.understood' and e.at >= $1 and e.at < $2
			group by rule)
		select r.name, r.position, r.enabled, coalesce(h.hits, 0), h.last,
			(select count(*) from events e where e.code = 'interaction.understood' and e.at >= $1 and e.at < $2)
		from rules r left join hits h on h.rule = r.name order by r.position, r.name`, from, until)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (interaction.RuleHits, error) {
		var h interaction.RuleHits
		err := row.Scan(&h.Rule, &h.Position, &h.Enabled, &h.Hits, absent{&h.Last}, &h.Messages)
		return h, err
	})
	return list, translate(err)
}
