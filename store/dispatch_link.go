package store

import (
	"context"

	"parley/interaction"
)

// openFirstLink lets the first link of a task's chain count for claims from the moment that the task can be seen; the dispatcher opens the
// others. While the first links name agents the row holds the demand of the link behind them, and the task is reserved for the first of
// them, unless it is reserved already.
func (t *tx) openFirstLink(ctx context.Context, task interaction.ID) error {
	t.put(`
		update tasks set
			skill = case when l.link->>'kind' = 'skill' then l.link->>'name' else '' end,
			level = case when l.link->>'kind' = 'skill' then coalesce((l.link->>'level')::int, 0) else 0 end,
			group_name = case when l.link->>'kind' = 'group' then l.link->>'name' else '' end,
			reserved_for = coalesce(reserved_for, l.agent),
			reserved_until = case when reserved_for is null and l.agent is not null
				then chain_since + case when l.seconds > 0 then make_interval(secs => l.seconds) else interval '100 years' end else reserved_until end
		from (select
				(select link from jsonb_array_elements(t.chain) with ordinality as c (link, n)
					where link->>'kind' not in ('agent', 'last_agent') order by n limit 1) as link,
				case t.chain->0->>'kind' when 'agent' then (t.chain->0->>'name')::uuid when 'last_agent' then i.last_agent end as agent,
				coalesce((t.chain->0->>'seconds')::int, 0) as seconds
			from tasks t join interactions i on i.id = t.interaction_id where t.id = $1) l
		where id = $1 and chain <> '[]' and kind <> 'consult'`, task)
	return nil
}
