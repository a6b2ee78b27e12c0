package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// Apply brings the configuration to what the setup says, in one transaction. What the setup does not name stays as it is.
func (s *Store) Apply(ctx context.Context, by interaction.Actor, setup interaction.Setup) error {
	return s.inTx(ctx, func(t *tx) error {
		for _, part := range []func(context.Context, interaction.Setup) error{
			t.applyGroups, t.applyQueues, t.applyEntryPoints, t.applyAgents, t.applyCategories, t.applyResponses, t.applyRules, t.applyModels,
		} {
			if err := part(ctx, setup); err != nil {
				return err
			}
		}
		if _, err := t.Exec(ctx, `insert into settings (name, value) values ('configuration', '1')
			on conflict (name) do update set value = to_jsonb((settings.value)::int + 1)`); err != nil {
			return err
		}
		t.tasks = true
		return t.audit(ctx, event{Code: "configuration.applied", Actor: by, Data: map[string]any{
			"queues": len(setup.Queues), "entryPoints": len(setup.EntryPoints), "agents": len(setup.Agents), "rules": len(setup.Rules), "models": len(setup.Models),
		}})
	})
}

func (t *tx) applyGroups(ctx context.Context, setup interaction.Setup) error {
	for _, g := range setup.Groups {
		if _, err := t.Exec(ctx, `insert into groups (name, title) values ($1, $2) on conflict (name) do update set title = $2`, g.Name, g.Title); err != nil {
			return named(err, "groups", g.Name)
		}
	}
	return nil
}

func (t *tx) applyQueues(ctx context.Context, setup interaction.Setup) error {
	for _, q := range setup.Queues {
		_, err := t.Exec(ctx, `
			insert into queues (name, title, group_name, priority, chain, review_percent, route_seconds, handle_seconds, offer_seconds, push)
			values ($1, $2, $3, $4, $5, coalesce($6, 100), coalesce(nullif($7, 0), 43200), coalesce(nullif($8, 0), 10800), coalesce(nullif($9, 0), 30), $10)
			on conflict (name) do update set (title, group_name, priority, chain, review_percent, route_seconds, handle_seconds, offer_seconds, push)
				= (excluded.title, excluded.group_name, excluded.priority, excluded.chain, excluded.review_percent, excluded.route_seconds,
					excluded.handle_seconds, excluded.offer_seconds, excluded.push)`,
			q.Name, q.Title, q.Group, q.Priority, some(q.Chain), q.ReviewPercent, q.RouteSeconds, q.HandleSeconds, q.OfferSeconds, q.Push)
		if err != nil {
			return named(err, "queues", q.Name)
		}
	}
	return nil
}

func (t *tx) applyEntryPoints(ctx context.Context, setup interaction.Setup) error {
	for _, e := range setup.EntryPoints {
		_, err := t.Exec(ctx, `
			insert into entry_points (name, channel, address, enabled, workflow, queue, from_name, language) values ($1, $2, lower($3), $4, $5, $6, $7, coalesce(nullif($8, ''), 'en'))
			on conflict (name) do update set (channel, address, enabled, workflow, queue, from_name, language)
				= (excluded.channel, excluded.address, excluded.enabled, excluded.workflow, excluded.queue, excluded.from_name, excluded.language)`,
			e.Name, e.Channel, e.Address, !e.Disabled, e.Workflow, e.Queue, e.FromName, e.Language)
		if err != nil {
			return named(err, "entry_points", e.Name)
		}
	}
	return nil
}

func (t *tx) applyAgents(ctx context.Context, setup interaction.Setup) error {
	for _, a := range setup.Agents {
		var id interaction.ID
		err := t.QueryRow(ctx, `
			insert into agents (id, login, name, email, role, limits) values ($1, $2, $3, lower($4), $5, coalesce(nullif($6, '{}'::jsonb), '{"email": 3, "total": 10}'))
			on conflict (login) do update set (name, email, role, limits, version) = (excluded.name, excluded.email, excluded.role, excluded.limits, agents.version + 1)
			returning id`, interaction.NewID(), a.Login, a.Name, a.Email, a.Role, limits(a.Limits)).Scan(&id)
		if err != nil {
			return named(err, "agents", a.Login)
		}
		batch := &pgx.Batch{}
		batch.Queue(`delete from agent_groups where agent_id = $1`, id)
		batch.Queue(`delete from agent_skills where agent_id = $1`, id)
		for _, g := range a.Groups {
			batch.Queue(`insert into agent_groups (agent_id, group_name) values ($1, $2)`, id, g)
		}
		for skill, level := range a.Skills {
			batch.Queue(`insert into agent_skills (agent_id, skill, level) values ($1, $2, $3)`, id, skill, level)
		}
		if err := t.SendBatch(ctx, batch).Close(); err != nil {
			return named(err, "agents", a.Login)
		}
	}
	return nil
}

func limits(m map[string]int) map[string]int {
	if m == nil {
		return map[string]int{}
	}
	return m
}

func (t *tx) applyCategories(ctx context.Context, setup interaction.Setup) error {
	for _, c := range setup.Categories {
		_, err := t.Exec(ctx, `
			insert into categories (name, title, skill, queue, auto_threshold, route_threshold) values ($1, $2, $3, nullif($4, ''), coalesce($5, 0.85), coalesce($6, 0.5))
			on conflict (name) do update set (title, skill, queue, auto_threshold, route_threshold)
				= (excluded.title, excluded.skill, excluded.queue, excluded.auto_threshold, excluded.route_threshold)`,
			c.Name, c.Title, c.Skill, c.Queue, c.AutoThreshold, c.RouteThreshold)
		if err != nil {
			return named(err, "categories", c.Name)
		}
	}
	return nil
}

func (t *tx) applyResponses(ctx context.Context, setup interaction.Setup) error {
	for _, r := range setup.Responses {
		state := "draft"
		if r.Approved {
			state = "approved"
		}
		_, err := t.Exec(ctx, `
			insert into responses (id, name, category, language, usage, state, subject, body) values ($1, $2, $3, $4, $5, $6, $7, $8)
			on conflict (name) do update set (category, language, usage, state, subject, body, version)
				= (excluded.category, excluded.language, excluded.usage, excluded.state, excluded.subject, excluded.body, responses.version + 1)
				where (responses.category, responses.language, responses.usage, responses.state, responses.subject, responses.body)
					is distinct from (excluded.category, excluded.language, excluded.usage, excluded.state, excluded.subject, excluded.body)`,
			interaction.NewID(), r.Name, r.Category, r.Language, r.Usage, state, r.Subject, r.Text)
		if err != nil {
			return named(err, "responses", r.Name)
		}
	}
	return nil
}

func (t *tx) applyRules(ctx context.Context, setup interaction.Setup) error {
	for n, r := range setup.Rules {
		_, err := t.Exec(ctx, `insert into rules (name, position, enabled, definition) values ($1, $2, $3, $4)
			on conflict (name) do update set (position, enabled, definition, version) = ($2, $3, $4, rules.version + 1)`, r.Name, n+1, r.Enabled, r.Definition)
		if err != nil {
			return named(err, "rules", r.Name)
		}
	}
	return nil
}

func (t *tx) applyModels(ctx context.Context, setup interaction.Setup) error {
	for _, m := range setup.Models {
		if _, err := t.Exec(ctx, `update models set active = false where name = $1 and language = $2`, m.Name, m.Language); err != nil {
			return err
		}
		if _, err := t.Exec(ctx, `insert into models (id, name, language, active, report, data) values ($1, $2, $3, true, jsonb_build_object('source', $4::text), $5)`,
			m.ID, m.Name, m.Language, m.Source, m.Data); err != nil {
			return named(err, "models", m.Name)
		}
	}
	return nil
}

// named says which entry of a setup did not fit.
func named(err error, list, name string) error {
	return fmt.Errorf("%s %q: %w", list, name, translate(err))
}

// SetupVersion counts the changes of configuration; 0 before the first.
func (s *Store) SetupVersion(ctx context.Context) (int, error) {
	var n int
	err := s.pool.QueryRow(ctx, `select coalesce((select value::int from settings where name = 'configuration'), 0)`).Scan(&n)
	return n, translate(err)
}

// Screening gives the stored rules in their order.
func (s *Store) Screening(ctx context.Context) ([]interaction.Rule, error) {
	rows, err := s.pool.Query(ctx, `select name, enabled, definition from rules order by position, name`)
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

// AgentByLogin gives the id of an enabled agent.
func (s *Store) AgentByLogin(ctx context.Context, login string) (interaction.ID, error) {
	return one(ctx, s.pool, "agent", pgx.RowTo[interaction.ID], `select id from agents where login = $1 and enabled`, login)
}
