package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// takenWindow is how far back it is looked for how quickly chats of a queue were taken.
const takenWindow = 15 * time.Minute

// ChatPlaces gives where every customer stands who waits for an agent: his place among the chats of the queue, as they would be taken, and how long it takes to
// get there at the rate at which the queue's chats were taken lately.
func (s *Store) ChatPlaces(ctx context.Context) ([]interaction.ChatPosition, error) {
	rows, err := s.pool.Query(ctx, `
		with waiting as (
			select interaction_id, queue, row_number() over (partition by queue order by priority desc, opened_at, id) as place
			from tasks where channel = 'chat' and kind = 'handle' and state in ('queued', 'offered')),
		taken as (
			select queue, count(*) as n from events
			where code = 'chat.joined' and at > now() - make_interval(secs => $1) and queue in (select queue from waiting) group by queue)
		select w.interaction_id, w.place::int, coalesce(ceil(w.place * $1 / t.n), 0)::int from waiting w left join taken t on t.queue = w.queue
		order by w.interaction_id`, takenWindow.Seconds())
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[interaction.ChatPosition])
	return list, translate(err)
}
