package store

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// putSetup writes what the setup names, list by list: what is named comes before what names it. It was checked before.
func (t *tx) putSetup(ctx context.Context, by interaction.Actor, setup interaction.Setup) error {
	setup = setup.WithDefaults()
	for _, part := range []func(context.Context, interaction.Setup) error{
		t.putGroups, t.putWords, t.putForms, t.putCalendars, t.putQueues, t.putSurveys, t.putEntryPoints,
		func(ctx context.Context, setup interaction.Setup) error { return t.putAgents(ctx, by, setup) },
		t.putCategories,
		func(ctx context.Context, setup interaction.Setup) error { return t.putResponses(ctx, by, setup) },
		t.putRules, t.putPolicies, t.putWebhooks, t.putLinks, t.putRetention,
	} {
		if err := part(ctx, setup); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) putGroups(ctx context.Context, setup interaction.Setup) error {
	for _, g := range setup.Groups {
		if _, err := t.Exec(ctx, `insert into groups (name, title) values ($1, $2) on conflict (name) do update set title = $2`, g.Name, g.Title); err != nil {
			return named(err, interaction.ListGroups, g.Name)
		}
	}
	return nil
}

// putWords writes what agents may say: why they are not ready, how a task ended.
func (t *tx) putWords(ctx context.Context, setup interaction.Setup) error {
	for _, r := range setup.Reasons {
		if _, err := t.Exec(ctx, `insert into reasons (name, title) values ($1, $2) on conflict (name) do update set title = $2`, r.Name, r.Title); err != nil {
			return named(err, interaction.ListReasons, r.Name)
		}
	}
	for _, d := range setup.Dispositions {
		if _, err := t.Exec(ctx, `insert into dispositions (name, title, queues, channels) values ($1, $2, $3, $4)
			on conflict (name) do update set (title, queues, channels) = (excluded.title, excluded.queues, excluded.channels)`,
			d.Name, d.Title, some(d.Queues), some(d.Channels)); err != nil {
			return named(err, interaction.ListDispositions, d.Name)
		}
	}
	return nil
}

func (t *tx) putForms(ctx context.Context, setup interaction.Setup) error {
	for _, f := range setup.Forms {
		if _, err := t.Exec(ctx, `insert into forms (name, title, questions) values ($1, $2, $3)
			on conflict (name) do update set (title, questions) = (excluded.title, excluded.questions)`, f.Name, f.Title, some(f.Questions)); err != nil {
			return named(err, interaction.ListForms, f.Name)
		}
	}
	return nil
}

func (t *tx) putCalendars(ctx context.Context, setup interaction.Setup) error {
	for _, c := range setup.Calendars {
		if _, err := t.Exec(ctx, `insert into calendars (name, definition) values ($1, $2) on conflict (name) do update set definition = $2`, c.Name, c); err != nil {
			return named(err, interaction.ListCalendars, c.Name)
		}
	}
	return nil
}

// putQueues writes queues, and then where they overflow to: that may be one behind them. What waits gets its place in line by the queue's new policy.
func (t *tx) putQueues(ctx context.Context, setup interaction.Setup) error {
	for _, q := range setup.Queues {
		_, err := t.Exec(ctx, `
			insert into queues (name, title, group_name, priority, chain, review_percent, route_seconds, handle_seconds, offer_seconds, push,
				choice, ageing_seconds, service_weight, objective_seconds, calendar, missed_offers, service_seconds)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, nullif($15, ''), $16, $17)
			on conflict (name) do update set (title, group_name, priority, chain, review_percent, route_seconds, handle_seconds, offer_seconds, push,
					choice, ageing_seconds, service_weight, objective_seconds, calendar, missed_offers, service_seconds)
				= (excluded.title, excluded.group_name, excluded.priority, excluded.chain, excluded.review_percent, excluded.route_seconds,
					excluded.handle_seconds, excluded.offer_seconds, excluded.push,
					excluded.choice, excluded.ageing_seconds, excluded.service_weight, excluded.objective_seconds, excluded.calendar, excluded.missed_offers, excluded.service_seconds)`,
			q.Name, q.Title, q.Group, q.Priority, some(q.Chain), q.ReviewPercent, q.RouteSeconds, q.HandleSeconds, q.OfferSeconds, q.Push,
			q.Choice, q.AgeingSeconds, q.ServiceWeight, q.ObjectiveSeconds, q.Calendar, q.MissedOffers, q.ServiceSeconds)
		if err != nil {
			return named(err, interaction.ListQueues, q.Name)
		}
		if _, err := t.Exec(ctx, `update tasks set priority = priority where queue = $1 and place <> place_of(opened_at, due_at, priority, $2, $3)`,
			q.Name, q.AgeingSeconds, q.ServiceWeight); err != nil {
			return named(err, interaction.ListQueues, q.Name)
		}
	}
	for _, q := range setup.Queues {
		if _, err := t.Exec(ctx, `update queues set overflow = nullif($2, '') where name = $1`, q.Name, q.Overflow); err != nil {
			return named(err, interaction.ListQueues, q.Name)
		}
	}
	return nil
}

func (t *tx) putSurveys(ctx context.Context, setup interaction.Setup) error {
	for _, v := range setup.Surveys {
		if _, err := t.Exec(ctx, `insert into surveys (name, title, definition) values ($1, $2, $3)
			on conflict (name) do update set (title, definition) = (excluded.title, excluded.definition)`, v.Name, v.Title, v); err != nil {
			return named(err, interaction.ListSurveys, v.Name)
		}
	}
	return nil
}

func (t *tx) putRetention(ctx context.Context, setup interaction.Setup) error {
	for _, r := range setup.Retention {
		if _, err := t.Exec(ctx, `insert into retention_rules (name, kind, channel, days) values ($1, $2, $3, $4)
			on conflict (name) do update set (kind, channel, days) = (excluded.kind, excluded.channel, excluded.days)`, r.Name, r.Kind, r.Channel, r.Days); err != nil {
			return named(err, interaction.ListRetention, r.Name)
		}
	}
	return nil
}

func (t *tx) putEntryPoints(ctx context.Context, setup interaction.Setup) error {
	for _, e := range setup.EntryPoints {
		_, err := t.Exec(ctx, `
			insert into entry_points (name, channel, address, enabled, workflow, queue, from_name, language, calendar, survey, chat, joins, sms, callback)
			values ($1, $2, $3, $4, $5, $6, $7, $8, nullif($9, ''), nullif($10, ''), $11, $12, $13, $14)
			on conflict (name) do update set (channel, address, enabled, workflow, queue, from_name, language, calendar, survey, chat, joins, sms, callback)
				= (excluded.channel, excluded.address, excluded.enabled, excluded.workflow, excluded.queue, excluded.from_name, excluded.language, excluded.calendar, excluded.survey,
					excluded.chat, excluded.joins, excluded.sms, excluded.callback)`,
			e.Name, e.Channel, e.Address, !e.Disabled, e.Workflow, e.Queue, e.FromName, e.Language, e.Calendar, e.Survey, e.Chat, e.Joins, e.SMS, e.Callback)
		if err != nil {
			return named(err, interaction.ListEntryPoints, e.Name)
		}
	}
	return nil
}

// putAgents writes people. Who is disabled loses his tokens at once; the last admin who is left can be neither disabled nor anything else.
func (t *tx) putAgents(ctx context.Context, by interaction.Actor, setup interaction.Setup) error {
	for _, a := range setup.Agents {
		var id interaction.ID
		var admin, enabled bool
		err := t.QueryRow(ctx, `select id, role = 'admin', enabled from agents where login = $1`, a.Login).Scan(&id, &admin, &enabled)
		if err != nil && !noRows(err) {
			return err
		}
		if admin && enabled && (a.Disabled || a.Role != interaction.RoleAdmin) {
			if err := t.lockAdmins(ctx, id, false); err != nil {
				return named(err, interaction.ListAgents, a.Login)
			}
		}
		err = t.QueryRow(ctx, `
			insert into agents (id, login, name, email, role, limits, enabled, capacity) values ($1, $2, $3, $4, $5, $6, $7, $8)
			on conflict (login) do update set (name, email, role, limits, enabled, capacity, ready, version)
				= (excluded.name, excluded.email, excluded.role, excluded.limits, excluded.enabled, excluded.capacity, agents.ready and excluded.enabled,
					agents.version + 1)
			returning id`, interaction.NewID(), a.Login, a.Name, a.Email, a.Role, a.Limits, !a.Disabled, a.Capacity).Scan(&id)
		if err != nil {
			return named(err, interaction.ListAgents, a.Login)
		}
		if err := t.putSkills(ctx, id, a); err != nil {
			return named(err, interaction.ListAgents, a.Login)
		}
		if a.Disabled && enabled {
			if err := t.revoke(ctx, by, `agent_id = $1`, id); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tx) putSkills(ctx context.Context, id interaction.ID, a interaction.NewAgent) error {
	batch := &pgx.Batch{}
	batch.Queue(`delete from agent_groups where agent_id = $1`, id)
	batch.Queue(`delete from agent_skills where agent_id = $1`, id)
	for _, g := range a.Groups {
		batch.Queue(`insert into agent_groups (agent_id, group_name) values ($1, $2)`, id, g)
	}
	for skill, level := range a.Skills {
		batch.Queue(`insert into agent_skills (agent_id, skill, level) values ($1, $2, $3)`, id, skill, level)
	}
	return t.SendBatch(ctx, batch).Close()
}

func (t *tx) putCategories(ctx context.Context, setup interaction.Setup) error {
	for _, c := range setup.Categories {
		_, err := t.Exec(ctx, `
			insert into categories (name, title, skill, queue, auto_threshold, route_threshold) values ($1, $2, $3, nullif($4, ''), $5, $6)
			on conflict (name) do update set (title, skill, queue, auto_threshold, route_threshold)
				= (excluded.title, excluded.skill, excluded.queue, excluded.auto_threshold, excluded.route_threshold)`,
			c.Name, c.Title, c.Skill, c.Queue, c.AutoThreshold, c.RouteThreshold)
		if err != nil {
			return named(err, interaction.ListCategories, c.Name)
		}
	}
	return nil
}

func (t *tx) putRules(ctx context.Context, setup interaction.Setup) error {
	for _, r := range setup.Rules {
		_, err := t.Exec(ctx, `insert into rules (name, position, enabled, definition)
			values ($1, coalesce(nullif($2::int, 0), (select coalesce(max(position), 0) + 1 from rules)), $3, $4)
			on conflict (name) do update set (position, enabled, definition, version)
				= (coalesce(nullif($2::int, 0), rules.position), $3, $4, rules.version + 1)`, r.Name, r.Position, r.Enabled, r.Definition)
		if err != nil {
			return named(err, interaction.ListRules, r.Name)
		}
	}
	return nil
}

func (t *tx) putPolicies(ctx context.Context, setup interaction.Setup) error {
	for _, p := range setup.ReviewPolicies {
		_, err := t.Exec(ctx, `
			insert into review_policies (name, queue, category, skill, agent, floor, ceiling, start, rise, fall, clean_run, form, deadline_seconds,
				objective_percent, overdue, escalate_to)
			values ($1, nullif($2, ''), nullif($3, ''), $4, nullif($5, ''), $6, $7, $8, $9, $10, $11, nullif($12, ''), $13, $14, $15, nullif($16, ''))
			on conflict (name) do update set (queue, category, skill, agent, floor, ceiling, start, rise, fall, clean_run, form, deadline_seconds,
					objective_percent, overdue, escalate_to)
				= (excluded.queue, excluded.category, excluded.skill, excluded.agent, excluded.floor, excluded.ceiling, excluded.start, excluded.rise,
					excluded.fall, excluded.clean_run, excluded.form, excluded.deadline_seconds, excluded.objective_percent, excluded.overdue, excluded.escalate_to)`,
			p.Name, p.Queue, p.Category, p.Skill, p.Agent, p.Floor, p.Ceiling, p.Start, p.Rise, p.Fall, p.Clean, p.Form, p.Deadline, p.Objective, p.Overdue, p.EscalateTo)
		if err != nil {
			return named(err, interaction.ListReviewPolicies, p.Name)
		}
	}
	return nil
}

func (t *tx) applyModels(ctx context.Context, setup interaction.Setup) error {
	for _, m := range setup.Models {
		if _, err := t.Exec(ctx, `update models set active = false where name = $1 and language = $2`, m.Name, m.Language); err != nil {
			return err
		}
		if _, err := t.Exec(ctx, `insert into models (id, name, language, active, activated_at, report, data) values ($1, $2, $3, true, now(), jsonb_build_object('source', $4::text), $5)`,
			m.ID, m.Name, m.Language, m.Source, m.Data); err != nil {
			return named(err, "training", m.Language)
		}
	}
	return nil
}

// tableOf is where a list is kept. Agents are not removed but disabled: the audit names them.
var tableOf = map[string]string{
	interaction.ListGroups: "groups", interaction.ListReasons: "reasons", interaction.ListForms: "forms",
	interaction.ListCalendars: "calendars", interaction.ListQueues: "queues",
	interaction.ListEntryPoints: "entry_points", interaction.ListCategories: "categories", interaction.ListResponses: "responses",
	interaction.ListRules: "rules", interaction.ListDispositions: "dispositions", interaction.ListReviewPolicies: "review_policies",
	interaction.ListWebhooks: "webhooks", interaction.ListLinks: "links", interaction.ListSurveys: "surveys",
	interaction.ListRetention: "retention_rules",
}

// remove takes a thing out that nothing uses.
func (t *tx) remove(ctx context.Context, list, name string) error {
	if list == interaction.ListAgents {
		return interaction.Conflict("never_removed", "people are named in the audit and are not removed; disable %q instead", name)
	}
	uses, err := t.usesOf(ctx, list, name)
	if err != nil {
		return err
	}
	if len(uses) > 0 {
		return inUse(list, name, uses)
	}
	if table := tableOf[list]; slices.Contains(interaction.Lists, list) {
		_, err = t.Exec(ctx, `delete from `+table+` where name = $1`, name)
		return named(err, list, name)
	}
	return interaction.Unknown("entry")
}
