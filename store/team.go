package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// Team lists the people of the actor's groups by login, with what each has at this moment.
func (s *Store) Team(ctx context.Context, by interaction.Actor, page interaction.Page) (interaction.Listed[interaction.TeamMember], error) {
	agents, err := s.Agents(ctx, by, page)
	team := only(agents, func(a interaction.Agent) interaction.TeamMember { return interaction.TeamMember{Agent: a} })
	if err != nil {
		return team, err
	}
	ids, at := make([]interaction.ID, len(agents.Items)), map[interaction.ID]int{}
	for n, a := range agents.Items {
		ids[n], at[a.ID] = a.ID, n
	}
	rows, err := s.pool.Query(ctx, `select t.agent_id, t.id, t.interaction_id, t.kind, t.state, t.queue, l.held_at, coalesce(t.offer_until, t.handle_until, t.not_before)
		from tasks t join queues q on q.name = t.queue left join live_tasks l on l.id = t.id and l.agent = t.agent_id
		where `+visibleTasks+` and t.agent_id = any($4) order by t.opened_at, t.id`, by.Role, by.Agent, some(by.Groups), ids)
	if err != nil {
		return team, translate(err)
	}
	var agent interaction.ID
	var h interaction.Holding
	var since, until *time.Time
	_, err = pgx.ForEachRow(rows, []any{&agent, &h.Task, &h.Interaction, &h.Kind, &h.State, &h.Queue, &since, &until}, func() error {
		h.Since, h.Until = orZero(since), orZero(until)
		team.Items[at[agent]].Holds = append(team.Items[at[agent]].Holds, h)
		return nil
	})
	return team, translate(err)
}

// TakeBack takes tasks back from an agent who cannot go on with them: to their queues, to another queue, or reserved for another agent. Age, drafts and chains are kept
// as after a release. It is one transaction: all of them or none.
func (s *Store) TakeBack(ctx context.Context, by interaction.Actor, agent interaction.ID, what interaction.TakeBack) (interaction.TakenBack, error) {
	return act(ctx, s, by, func(t *tx) (interaction.TakenBack, error) {
		taken := interaction.TakenBack{Tasks: []interaction.ID{}}
		if err := t.mayTakeBack(ctx, by, agent, what); err != nil {
			return taken, err
		}
		rows, err := t.lockHeld(ctx, agent, what.Tasks)
		if err != nil {
			return taken, err
		}
		for _, row := range rows {
			if !row.visible(by) {
				taken.Left++
				continue
			}
			if err := t.takeBack(ctx, by, row, what); err != nil {
				return taken, err
			}
			taken.Tasks = append(taken.Tasks, row.ID)
		}
		if what.NotReady {
			if err := t.sendAway(ctx, by, agent); err != nil {
				return taken, err
			}
		}
		return taken, t.audit(ctx, event{
			Code: "agent.work_taken_back", Actor: by,
			Data:  map[string]any{"agent": agent, "tasks": taken.Tasks, "left": taken.Left, "queue": what.Queue, "to": what.Agent},
			After: map[string]any{"word": what.Reason},
		})
	})
}

func (t *tx) mayTakeBack(ctx context.Context, by interaction.Actor, agent interaction.ID, what interaction.TakeBack) error {
	var known bool
	err := t.QueryRow(ctx, `select $1 = 'admin' or exists (select 1 from agent_groups g where g.agent_id = a.id and g.group_name = any($2)) from agents a where a.id = $3`,
		by.Role, some(by.Groups), agent).Scan(&known)
	if noRows(err) || err == nil && !known {
		return interaction.Unknown("agent")
	}
	if err != nil {
		return err
	}
	if !by.AtLeast(interaction.RoleSupervisor) {
		return interaction.Forbidden("supervisors_only", "work is taken back by supervisors")
	}
	if what.Agent == agent {
		return interaction.Invalid("bad_agent", "to_agent_id", "is the agent from whom the work is taken")
	}
	if what.Agent != "" {
		if err := t.checkAgent(ctx, "to_agent_id", what.Agent); err != nil {
			return err
		}
	}
	if what.Queue != "" {
		return t.checkOwnQueue(ctx, by, what.Queue)
	}
	return nil
}

// lockHeld locks what an agent has, in the house's order: all interactions, then all tasks.
func (t *tx) lockHeld(ctx context.Context, agent interaction.ID, tasks []interaction.ID) ([]taskRow, error) {
	const his = `t.agent_id = $1 and t.state in ('held', 'offered', 'snoozed') and (cardinality($2::uuid[]) = 0 or t.id = any($2))`
	if _, err := t.Exec(ctx, `select 1 from interactions where id in (select t.interaction_id from tasks t where `+his+`) order by id for update`, agent, some(tasks)); err != nil {
		return nil, err
	}
	rows, err := t.Query(ctx, `select `+taskColumns+fromTasks+`where `+his+` order by t.id for update of t`, agent, some(tasks))
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, scanTask)
	if err != nil || len(tasks) == 0 {
		return list, err
	}
	there := map[interaction.ID]bool{}
	for _, row := range list {
		there[row.ID] = true
	}
	for _, id := range tasks {
		if !there[id] {
			return nil, interaction.Conflict("not_his", "the agent does not have this task (any more)").With("task", id)
		}
	}
	return list, nil
}

func (t *tx) takeBack(ctx context.Context, by interaction.Actor, row taskRow, what interaction.TakeBack) error {
	change := `reserved_for = case when kind = 'consult' then reserved_for end`
	var args []any
	if what.Agent != "" && row.Author != what.Agent {
		change, args = `reserved_for = $2, reserved_until = now() + make_interval(secs => $3)`, []any{what.Agent, reservation.Seconds()}
	}
	if err := t.requeue(ctx, row, by, "task.taken_back", change, args...); err != nil {
		return err
	}
	if what.Queue == "" || what.Queue == row.Queue || row.Kind == interaction.TaskConsult {
		return nil
	}
	if _, err := t.Exec(ctx, `update interactions set queue = $2, version = version + 1 where id = $1`, row.Interaction, what.Queue); err != nil {
		return err
	}
	return t.toQueue(ctx, by, row, what.Queue)
}

// toQueue lets a queued task join another queue from the beginning of its chain.
func (t *tx) toQueue(ctx context.Context, by interaction.Actor, row taskRow, queue string) error {
	_, err := t.Exec(ctx, `update tasks set queue = $2, skill = '', level = 0, group_name = '', chain_step = 0, chain_since = greatest(now(), not_before), refused = '{}',
			chain = case when kind in ('handle', 'callback') then (select chain from queues where name = $2) else chain end, version = version + 1
		where id = $1`, row.ID, queue)
	if err != nil {
		return err
	}
	if err := t.openFirstLink(ctx, row.ID); err != nil {
		return err
	}
	row.State, row.Agent = interaction.TaskQueued, ""
	return t.auditTask(ctx, by, row, "task.moved", interaction.TaskQueued, map[string]any{"to": queue})
}

// sendAway makes an agent not ready for offers.
func (t *tx) sendAway(ctx context.Context, by interaction.Actor, agent interaction.ID) error {
	changed, err := t.exec(ctx, `update agents set ready = false, reason = 'absent', since = now(), version = version + 1 where id = $1 and ready`, agent)
	if err != nil || !changed {
		return err
	}
	t.tasks = true
	return t.audit(ctx, event{Code: "agent.not_ready", Actor: by, Data: map[string]any{"agent": agent, "reason": "absent"}})
}

// checkOwnQueue refuses a queue that is none of the actor's groups'; admins have all.
func (t *tx) checkOwnQueue(ctx context.Context, by interaction.Actor, name string) error {
	var ours bool
	err := t.QueryRow(ctx, `select $2 = 'admin' or group_name = any($3) from queues where name = $1`, name, by.Role, some(by.Groups)).Scan(&ours)
	if noRows(err) || err == nil && !ours {
		return interaction.Invalid("unknown_queue", "queue", "there is no queue of that name")
	}
	return err
}
