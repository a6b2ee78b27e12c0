package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// MatchView gives a waiting task with everybody who works here, for the question who would get it now (mission R10). It is for
// supervisors who may know of the task, and for designers, who answer for the rules. The tables know all that the dispatcher goes by, so
// any process answers, whether a dispatcher runs or not.
func (s *Store) MatchView(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.MatchView, error) {
	var v interaction.MatchView
	err := s.inTx(ctx, func(t *tx) error {
		row, err := t.readTask(ctx, id)
		if err != nil {
			return t.closedOr(ctx, by, id, err)
		}
		if err := mayAsk(by, row.visible(by), "task"); err != nil {
			return err
		}
		if row.State != interaction.TaskQueued {
			return taken(row)
		}
		v, err = t.matchView(ctx, id)
		return err
	})
	return v, err
}

// MatchViews does the same for every waiting task of an interaction; a conflict when none waits.
func (s *Store) MatchViews(ctx context.Context, by interaction.Actor, id interaction.ID) ([]interaction.MatchView, error) {
	var views []interaction.MatchView
	err := s.inTx(ctx, func(t *tx) error {
		seen := by
		if by.Role == interaction.RoleDesigner {
			seen = interaction.System
		}
		if err := t.visibleInteraction(ctx, seen, id); err != nil {
			return err
		}
		if err := mayAsk(by, true, "interaction"); err != nil {
			return err
		}
		rows, err := t.Query(ctx, `select id from tasks where interaction_id = $1 and state = 'queued' order by id`, id)
		if err != nil {
			return err
		}
		tasks, err := pgx.CollectRows(rows, pgx.RowTo[interaction.ID])
		if err != nil {
			return err
		}
		if len(tasks) == 0 {
			return interaction.Conflict("nothing_waiting", "no task of the interaction waits for an agent now")
		}
		for _, task := range tasks {
			v, err := t.matchView(ctx, task)
			if err != nil {
				return err
			}
			views = append(views, v)
		}
		return nil
	})
	return views, err
}

// mayAsk refuses whom the question is not for.
func mayAsk(by interaction.Actor, visible bool, what string) error {
	switch {
	case by.Role == interaction.RoleDesigner:
		return nil
	case !visible:
		return interaction.Unknown(what)
	case !by.AtLeast(interaction.RoleSupervisor):
		return interaction.Forbidden("supervisors_only", "who would get a task is for supervisors and designers to ask")
	}
	return nil
}

func (t *tx) matchView(ctx context.Context, id interaction.ID) (v interaction.MatchView, err error) {
	if v.Task, err = one(ctx, t, "task", scanQueued, selectQueued+`where t.id = $1`, id); err != nil {
		return v, err
	}
	if err := t.QueryRow(ctx, `select now()`).Scan(&v.At); err != nil {
		return v, err
	}
	v.Agents, err = t.everybody(ctx)
	return v, err
}

// everybody gives all agents, idle since their work last changed as the dispatcher counts it.
func (t *tx) everybody(ctx context.Context) ([]interaction.Agent, error) {
	rows, err := t.Query(ctx, agentColumns+` order by a.id`)
	if err != nil {
		return nil, err
	}
	agents, err := pgx.CollectRows(rows, scanAgent)
	if err != nil {
		return nil, err
	}
	worked := map[interaction.ID]time.Time{}
	rows, err = t.Query(ctx, `select (data->>'agent')::uuid, max(at) from events where at > now() - interval '1 hour' and code like 'task.%' and `+namesAgent+` group by 1`)
	if err != nil {
		return nil, err
	}
	var agent interaction.ID
	var at time.Time
	if _, err := pgx.ForEachRow(rows, []any{&agent, &at}, func() error { worked[agent] = at; return nil }); err != nil {
		return nil, err
	}
	for n := range agents {
		if at := worked[agents[n].ID]; at.After(agents[n].Since) {
			agents[n].Since = at
		}
	}
	return agents, nil
}
