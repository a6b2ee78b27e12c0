package store

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

const responseColumns = `r.id, r.name, r.category, r.language, r.usage, r.state, r.starts, r.expires, r.subject, r.body, r.html, r.files, r.version, r.changes`

// usableResponse is the condition that a response r may be used today.
const usableResponse = ` r.state in ('approved', 'active') and (r.starts is null or r.starts <= now()) and (r.expires is null or r.expires > now()) `

// stillGood is the condition on a message m that the standard response it says, if any, may be used today.
const stillGood = ` (m.response_id is null or exists (select 1 from responses r where r.id = m.response_id and ` + usableResponse + `)) `

// codeResponseGone is the ledger's word for an automatic mail whose response was no longer good when it was to leave.
const codeResponseGone = "response_gone"

// responseTargets are where the columns of a response go.
func responseTargets(r *interaction.Response) []any {
	return []any{
		&r.ID, &r.Name, &r.Category, &r.Language, &r.Usage, &r.State, absent{&r.Starts}, absent{&r.Expires}, &r.Subject, &r.Text, &r.HTML, &r.Files, &r.Version, &r.Changes,
	}
}

// absent scans a time that may be null into one that may be zero.
type absent struct{ at *time.Time }

// Scan implements sql.Scanner.
func (a absent) Scan(value any) error {
	*a.at, _ = value.(time.Time)
	return nil
}

func scanResponse(row pgx.CollectableRow) (interaction.Response, error) {
	var r interaction.Response
	err := row.Scan(responseTargets(&r)...)
	return r, err
}

// Responses lists standard responses by name: those that may be used today, or those of the states that the filter names.
func (s *Store) Responses(ctx context.Context, f interaction.ResponseFilter, page interaction.Page) (interaction.Listed[interaction.Response], error) {
	q := &query{where: []string{usableResponse}}
	if len(f.States) > 0 {
		q.where = nil
		oneOf(q, "r.state", f.States)
	}
	equal(q, "r.category", f.Category)
	equal(q, "r.language", f.Language)
	equal(q, "r.usage", f.Usage)
	for _, word := range strings.Fields(f.Words) {
		q.and("position(lower(?) in lower(r.name || ' ' || r.subject || ' ' || r.body)) > 0", word)
	}
	if page.After != "" {
		q.and("r.name > ?", page.After)
	}
	return collect(ctx, s, q, page, scanResponse, `select `+responseColumns+` from responses r`, "r.name",
		func(r interaction.Response) string { return r.Name })
}

// Response gives one standard response; one that may not be used today is unknown to who does not configure.
func (s *Store) Response(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.Response, error) {
	return one(ctx, s.pool, "response", scanResponse, `select `+responseColumns+` from responses r where r.id = $1 and ($2 in ('admin', 'designer') or `+usableResponse+`)`,
		id, by.Role)
}

// ResponseVersions gives what a response said, the newest first, those that are gone included.
func (s *Store) ResponseVersions(ctx context.Context, id interaction.ID) ([]interaction.ResponseVersion, error) {
	rows, err := s.pool.Query(ctx, `
		select v.response_id, v.name, v.category, v.language, v.usage, case when r.version = v.version then r.state else '' end, v.starts, v.expires, v.subject, v.body,
			v.html, v.files, v.version, 0, v.at, v.author, v.approver, v.approved_at
		from response_versions v left join responses r on r.id = v.response_id where v.response_id = $1 order by v.version desc limit 1000`, id)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (interaction.ResponseVersion, error) {
		var v interaction.ResponseVersion
		var state *interaction.ResponseState
		targets := responseTargets(&v.Response)
		targets[5] = &state
		err := row.Scan(append(targets, &v.At, &v.Author, &v.Approver, absent{&v.ApprovedAt})...)
		if state != nil {
			v.State = *state
		}
		return v, err
	})
	if err == nil && len(list) == 0 {
		return nil, interaction.Unknown("response")
	}
	return list, translate(err)
}

// ResponseUses tells what needs a response: where it answers by itself, orders that name it, and tasks to which it is suggested.
func (s *Store) ResponseUses(ctx context.Context, id interaction.ID) ([]interaction.ResponseUse, error) {
	rows, err := s.pool.Query(ctx, `
		select what, name, n from (
			select 1, 'categories' as what, category as name, 1::bigint as n from responses where id = $1 and state = 'active' and usage in ('acknowledgement', 'auto_response')
			union all select 2, 'selections', s.id::text, 1 from selections s where s.state in ('checking', 'checked', 'running') and s.command->>'Response' = $1::uuid::text
			union all select 3, 'open_interactions', '', count(*) from interactions where $1 = any(suggested)) u (place, what, name, n)
		where n > 0 order by place, name limit 100`, id)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[interaction.ResponseUse])
	return list, translate(err)
}

// answersByItself tells what an entry of the configuration is needed for although nothing names it: the system answers a category with an active response.
func answersByItself(e interaction.Entry) []use {
	usage := e.Fields["usage"]
	if e.List != interaction.ListResponses || e.Fields["state"] != string(interaction.ResponseActive) ||
		usage != string(interaction.UseAcknowledgement) && usage != string(interaction.UseAutoResponse) {
		return nil
	}
	if category, ok := e.Fields["category"].(string); ok && category != "" {
		return []use{{By: "categories", Name: category}}
	}
	return []use{{By: "categories", Name: "all"}}
}

// Library gives what may be suggested to agents today, for comparing texts with it.
func (s *Store) Library(ctx context.Context) ([]interaction.LibraryText, error) {
	rows, err := s.pool.Query(ctx, `select r.id, r.category, r.language, r.name || E'\n' || r.subject || E'\n' || r.body from responses r
		where r.usage in ('suggestion', 'auto_response') and r.state in ('approved', 'active') and (r.expires is null or r.expires > now()) order by r.id`)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[interaction.LibraryText])
	return list, translate(err)
}
