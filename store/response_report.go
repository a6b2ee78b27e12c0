package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// ResponseCounts counts, for each response that is there, how often it was suggested, chosen by agents and sent by the system in a time, by what the
// audit says; responses that never were are in it with 0.
func (s *Store) ResponseCounts(ctx context.Context, from, until time.Time) ([]interaction.ResponseCount, error) {
	rows, err := s.pool.Query(ctx, `
		with suggested as (
				select id, count(*) as n from events e cross join jsonb_array_elements_text(e.data->'suggested') id
				where e.code = 'interaction.understood' and e.at >= $1 and e.at < $2 group by id),
			used as (
				select e.data->>'response' as id, max(e.at) as last,
					count(*) filter (where e.code = 'answer.written') as automatic, count(*) filter (where e.code = 'response.used') as chosen,
					count(*) filter (where e.code = 'response.used' and (e.data->>'changed')::int = 0) as unchanged,
					avg((e.data->>'changed')::float8 / greatest((e.data->>'words')::int, 1)) filter (where e.code = 'response.used') as change
				from events e where e.code in ('answer.written', 'response.used') and e.at >= $1 and e.at < $2 group by 1)
		select r.id, r.name, r.state, coalesce(s.n, 0), coalesce(u.chosen, 0), coalesce(u.unchanged, 0), coalesce(u.change, 0), coalesce(u.automatic, 0), u.last
		from responses r left join suggested s on s.id = r.id::text left join used u on u.id = r.id::text order by r.name`, from, until)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (interaction.ResponseCount, error) {
		var c interaction.ResponseCount
		err := row.Scan(&c.Response, &c.Name, &c.State, &c.Suggested, &c.Chosen, &c.Unchanged, &c.Change, &c.Automatic, absent{&c.Last})
		return c, err
	})
	return list, translate(err)
}
