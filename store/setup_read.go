package store

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// readSetup reads the configuration as it stands, each list by name; rules in their order. What it gives, applied, changes nothing.
func (t *tx) readSetup(ctx context.Context) (interaction.Setup, error) {
	var s interaction.Setup
	for _, read := range []func() error{
		list(ctx, t, &s.Groups, `select name, title from groups order by name`),
		list(ctx, t, &s.Reasons, `select name, title from reasons order by name`),
		list(ctx, t, &s.Forms, `select name, title, questions from forms order by name`),
		func() error {
			rows, err := t.Query(ctx, `select definition from calendars order by name`)
			if err != nil {
				return err
			}
			s.Calendars, err = pgx.CollectRows(rows, pgx.RowTo[interaction.Calendar])
			return err
		},
		list(ctx, t, &s.Queues, `select name, title, group_name, priority, chain, review_percent, route_seconds, handle_seconds, offer_seconds, push,
				choice, ageing_seconds, service_weight, objective_seconds, coalesce(calendar, ''), coalesce(overflow, ''), missed_offers, service_seconds
			from queues order by name`),
		list(ctx, t, &s.EntryPoints, `select name, channel, address, not enabled, workflow, queue, from_name, language, coalesce(calendar, ''), coalesce(survey, ''), chat, sms, callback, joins
			from entry_points order by name`),
		list(ctx, t, &s.Surveys, `select name, title, questions, intro, thanks, subject, percent, open_days, pause_days, coalesce(mail_chats, false)
			from surveys, jsonb_to_record(definition) as d (questions jsonb, intro jsonb, thanks jsonb, subject jsonb, percent int, open_days int, pause_days int, mail_chats boolean)
			order by name`),
		list(ctx, t, &s.Agents, `select login, name, email, role, not enabled,
				coalesce((select array_agg(group_name order by group_name) from agent_groups where agent_id = id), '{}'),
				coalesce((select jsonb_object_agg(skill, level) from agent_skills where agent_id = id), '{}'), limits, capacity
			from agents order by login`),
		list(ctx, t, &s.Categories, `select name, title, skill, coalesce(queue, ''), auto_threshold::text::float8, route_threshold::text::float8 from categories order by name`),
		list(ctx, t, &s.Responses, `select name, category, language, usage, state, starts, expires, subject, body, html,
				(select coalesce(jsonb_agg(jsonb_build_object('name', f->'name', 'sha256', f->'sha256') order by n), '[]') from jsonb_array_elements(files) with ordinality as l (f, n))
			from responses order by name`),
		list(ctx, t, &s.Dispositions, `select name, title, queues, channels from dispositions order by name`),
		list(ctx, t, &s.ReviewPolicies, `select name, coalesce(queue, ''), coalesce(category, ''), skill, coalesce(agent, ''), floor, ceiling, start, rise, fall, clean_run,
				coalesce(form, ''), deadline_seconds, objective_percent, overdue, coalesce(escalate_to, '')
			from review_policies order by name`),
		list(ctx, t, &s.Links, `select name, kind, entry_point, not enabled, settings, secret from links order by name`),
		list(ctx, t, &s.Retention, retentionColumns),
		list(ctx, t, &s.Webhooks, `select name, url, events, not enabled from webhooks order by name`),
		func() error {
			rows, err := t.Query(ctx, `select name, position, enabled, definition::text from rules order by position, name`)
			if err != nil {
				return err
			}
			s.Rules, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (interaction.Rule, error) {
				var r interaction.Rule
				var definition string
				err := row.Scan(&r.Name, &r.Position, &r.Enabled, &definition)
				r.Definition = json.RawMessage(definition)
				return r, err
			})
			return err
		},
	} {
		if err := read(); err != nil {
			return s, translate(err)
		}
	}
	return s, nil
}

// list reads rows into a list whose fields come in the order of the columns.
func list[T any](ctx context.Context, t *tx, into *[]T, sql string) func() error {
	return func() error {
		rows, err := t.Query(ctx, sql)
		if err != nil {
			return err
		}
		*into, err = pgx.CollectRows(rows, pgx.RowToStructByPos[T])
		return err
	}
}
