package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// use is one thing that names what is to be removed.
type use struct {
	By   string `json:"by"` // list, or open_interactions, open_tasks, …
	Name string `json:"name,omitempty"`
	N    int64  `json:"count,omitempty"` // of interactions or tasks
}

// usesBy are the queries for what uses a thing of a list, by name $1: rows of what, name, count. What is over and only tells of the past does not
// count, except for queues: who may see an old interaction follows from its queue's group.
var usesBy = map[string]string{
	interaction.ListGroups: `
		select 'queues', name, 0 from queues where group_name = $1 or ` + chainNames("group") + `
		union all select 'agents', a.login, 0 from agent_groups g join agents a on a.id = g.agent_id where g.group_name = $1
		union all select 'review_policies', name, 0 from review_policies where escalate_to = $1
		union all select 'open_tasks', '', count(*) from tasks where group_name = $1`,
	interaction.ListCalendars: `
		select 'queues', name, 0 from queues where calendar = $1
		union all select 'entry_points', name, 0 from entry_points where calendar = $1`,
	interaction.ListSurveys: `select 'entry_points', name, 0 from entry_points where survey = $1`,
	interaction.ListQueues: `
		select 'entry_points', name, 0 from entry_points where queue = $1
		union all select 'categories', name, 0 from categories where queue = $1
		union all select 'queues', name, 0 from queues where name <> $1 and (overflow = $1 or ` + chainNames("queue") + `)
		union all select 'rules', name, 0 from rules where definition->'then'->>'queue' = $1
		union all select 'dispositions', name, 0 from dispositions where $1 = any(queues)
		union all select 'review_policies', name, 0 from review_policies where queue = $1
		union all select 'open_interactions', '', count(*) from interactions where queue = $1
		union all select 'open_tasks', '', count(*) from tasks where queue = $1
		union all select 'stopped_interactions', '', count(*) from (select 1 from closed_interactions where queue = $1 limit 1000) c
		union all select 'stopped_tasks', '', count(*) from (select 1 from closed_tasks where queue = $1 limit 1000) c`,
	interaction.ListEntryPoints: `
		select 'rules', name, 0 from rules where definition->'entry_points' ? $1
		union all select 'entry_points', name, 0 from entry_points where chat->>'mail' = $1 or chat->>'callback' = $1 or callback->>'notify' = $1
		union all select 'links', name, 0 from links where entry_point = $1
		union all select 'open_interactions', '', count(*) from interactions where entry_point = $1
		union all select 'accepted', '', count(*) from inbound where state = 'new' and entry_point = $1`,
	interaction.ListCategories: `
		select 'responses', name, 0 from responses where category = $1
		union all select 'rules', name, 0 from rules where definition->'then'->>'category' = $1
		union all select 'review_policies', name, 0 from review_policies where category = $1
		union all select 'open_interactions', '', count(*) from interactions where category = $1`,
	interaction.ListResponses:      `select 'selections', s.id::text, 0 from selections s, responses r where r.name = $1 and s.state in ('checking', 'checked', 'running') and s.command->>'Response' = r.id::text`,
	interaction.ListReasons:        `select 'agents', login, 0 from agents where reason = $1 or away @? ('$.*.reason ? (@ == ' || to_json($1::text) || ')')::jsonpath`,
	interaction.ListForms:          `select 'review_policies', name, 0 from review_policies where form = $1 union all select 'open_reviews', '', count(*) from open_reviews where form = $1`,
	interaction.ListReviewPolicies: `select 'open_reviews', '', count(*) from open_reviews where policy = $1`,
}

// chainNames is the condition that a queue's chain names $1 as a target of this kind.
func chainNames(kind string) string {
	return `chain @> jsonb_build_array(jsonb_build_object('kind', '` + kind + `', 'name', $1::text))`
}

// usesOf gives what uses a thing: the first few by name, the rest as a count.
func (t *tx) usesOf(ctx context.Context, list, name string) ([]use, error) {
	query, known := usesBy[list]
	if !known {
		return nil, nil
	}
	rows, err := t.Query(ctx, `select * from (`+query+`) u (what, name, n) where name <> '' or n > 0 limit 10`, name)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[use])
}

func inUse(list, name string, uses []use) error {
	said := make([]string, len(uses))
	for n, u := range uses {
		if said[n] = fmt.Sprintf("%s %q", u.By, u.Name); u.Name == "" {
			said[n] = fmt.Sprintf("%d %s", u.N, strings.ReplaceAll(u.By, "_", " "))
		}
	}
	return interaction.Conflict("in_use", "%s %q is used by %s; change those first", list, name, strings.Join(said, ", ")).
		With("list", list).With("name", name).With("used_by", uses)
}
