package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// MatchView gives a queued task with everybody who works here, for the question who would get it now (mission R10). It is for
// supervisors who may know of the task.
func (s *Store) MatchView(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.MatchView, error) {
	var v interaction.MatchView
	err := s.inTx(ctx, func(t *tx) error {
		row, err := t.readTask(ctx, id)
		if err != nil {
			return t.closedOr(ctx, by, id, err)
		}
		if !row.visible(by) {
			return interaction.Unknown("task")
		}
		if !by.AtLeast(interaction.RoleSupervisor) {
			return interaction.Forbidden("supervisors_only", "who would get a task is for supervisors to ask")
		}
		if row.State != interaction.TaskQueued {
			return taken(row)
		}
		if v.Task, err = one(ctx, t, "task", scanQueued, selectQueued+`where t.id = $1`, id); err != nil {
			return err
		}
		if err := t.QueryRow(ctx, `select now()`).Scan(&v.At); err != nil {
			return err
		}
		v.Agents, err = t.everybody(ctx)
		return err
	})
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
