package store

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

const responseColumns = `r.id, r.name, r.category, r.language, r.usage, r.state, r.starts, r.expires, r.subject, r.body, r.version`

// usableResponse is the condition that a response may be used today.
const usableResponse = ` r.state = 'approved' and (r.starts is null or r.starts <= now()) and (r.expires is null or r.expires > now()) `

func scanResponse(row pgx.CollectableRow) (interaction.Response, error) {
	var r interaction.Response
	var starts, expires *time.Time
	err := row.Scan(&r.ID, &r.Name, &r.Category, &r.Language, &r.Usage, &r.State, &starts, &expires, &r.Subject, &r.Text, &r.Version)
	r.Starts, r.Expires = orZero(starts), orZero(expires)
	return r, err
}

// Responses lists the standard responses that may be used today, by name.
func (s *Store) Responses(ctx context.Context, f interaction.ResponseFilter, page interaction.Page) (interaction.Listed[interaction.Response], error) {
	q := &query{where: []string{usableResponse}}
	equal(q, "r.category", f.Category)
	equal(q, "r.language", f.Language)
	for _, word := range strings.Fields(f.Words) {
		q.and("position(lower(?) in lower(r.name || ' ' || r.subject || ' ' || r.body)) > 0", word)
	}
	if page.After != "" {
		q.and("r.name > ?", page.After)
	}
	return collect(ctx, s, q, page, scanResponse, `select `+responseColumns+` from responses r`, "r.name",
		func(r interaction.Response) string { return r.Name })
}

// Categories lists the category tree by name; a name's parent is what stands before its last slash.
func (s *Store) Categories(ctx context.Context) ([]interaction.Category, error) {
	rows, err := s.pool.Query(ctx, `select name, title, skill, coalesce(queue, '') from categories order by name`)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[interaction.Category])
	return list, translate(err)
}

// Queues lists the queues of the actor's groups (all of them for who configures) with how they stand.
func (s *Store) Queues(ctx context.Context, by interaction.Actor) ([]interaction.QueueView, error) {
	rows, err := s.pool.Query(ctx, `
		select q.name, q.title, q.group_name, count(t.id) filter (where t.state = 'queued'), count(t.id) filter (where t.state = 'held'),
			min(t.opened_at) filter (where t.state = 'queued')
		from queues q left join tasks t on t.queue = q.name
		where $1 in ('admin', 'designer') or q.group_name = any($2)
		group by q.name order by q.name`, by.Role, some(by.Groups))
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (interaction.QueueView, error) {
		var v interaction.QueueView
		var oldest *time.Time
		err := row.Scan(&v.Name, &v.Title, &v.Group, &v.Waiting, &v.Held, &oldest)
		v.Oldest = orZero(oldest)
		return v, err
	})
	return list, translate(err)
}
