package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// room is the condition that an agent's row has room for one more task of class t.class, and taking it.
const (
	room = ` a.enabled and a.load_total < coalesce((a.limits->>'total')::int, 10)
		and coalesce((a.load->>t.class)::int, 0) < coalesce((a.limits->>t.class)::int, 10) `
	takeRoom = ` load = jsonb_set(a.load, array[t.class], to_jsonb(coalesce((a.load->>t.class)::int, 0) + 1)), load_total = a.load_total + 1 `
)

// suits is the condition that a queued task may be taken by agent $2 of role $3 in groups $4.
const suits = ` t.state = 'queued' and (t.not_before is null or t.not_before <= now())
	and (t.reserved_for is null or t.reserved_for = $2 or t.reserved_until <= now())
	and t.author is distinct from $2
	and (t.kind <> 'review' or $3 in ('senior', 'supervisor', 'admin'))
	and (t.reserved_for = $2 or t.group_name = any($4)
		or t.kind <> 'consult' and ($3 = 'admin' or q.group_name = any($4))
			and (t.skill = '' or exists (select 1 from agent_skills s where s.agent_id = $2 and s.skill = t.skill and s.level >= t.level))) `

// claimTask is the claim: one statement. It locks the task, then the agent, and changes both or neither; whoever waits for a lock
// sees the row as it is then. The audit line is part of it.
const claimTask = `
	with t as (
		select t.id, t.class, t.queue, t.kind, t.interaction_id, q.handle_seconds` + fromTasks + `
		where t.id = $1 and ` + suits + ` for update of t),
	a as (
		select a.id, a.load, a.load_total from agents a, t where a.id = $2 and ` + room + ` for update of a),
	held as (
		update tasks set state = 'held', agent_id = a.id, version = tasks.version + 1, offer_until = null,
			handle_until = now() + make_interval(secs => t.handle_seconds)
		from t, a where tasks.id = t.id returning tasks.id),
	loaded as (
		update agents set ` + takeRoom + ` from t, a, held where agents.id = a.id),
	line as (
		insert into events (code, actor, interaction_id, task_id, queue, from_state, to_state, data)
		select 'task.claimed', $2, t.interaction_id, t.id, t.queue, 'queued', 'held', jsonb_build_object('kind', t.kind, 'agent', $2::text) from t, held)
	select count(*) from held`

// Claim gives a queued task to the actor, or says who or what stands in the way. Exactly one of any number of claimants gets it.
func (s *Store) Claim(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.Task, error) {
	return act(ctx, s, by, func(t *tx) (interaction.Task, error) {
		won, err := t.claim(ctx, by, id)
		if err != nil {
			return interaction.Task{}, err
		}
		if !won {
			return interaction.Task{}, t.whyNot(ctx, by, id)
		}
		row, err := t.readTask(ctx, id)
		return row.Task, err
	})
}

func (t *tx) claim(ctx context.Context, by interaction.Actor, id interaction.ID) (bool, error) {
	var won int
	err := t.QueryRow(ctx, claimTask, id, by.Agent, by.Role, some(by.Groups)).Scan(&won)
	t.tasks, t.events = true, true
	return won == 1, err
}

// ClaimNext gives the actor the most urgent queued task that suits him, optionally of one queue; unknown when there is none. It
// looks at a few of the first and lets the claim itself decide, so that racing agents go on to the next.
func (s *Store) ClaimNext(ctx context.Context, by interaction.Actor, queue string) (interaction.Task, error) {
	return act(ctx, s, by, func(t *tx) (interaction.Task, error) {
		for range 5 {
			rows, err := t.Query(ctx, `select t.id`+fromTasks+`where `+suits+` and ($5 = '' or t.queue = $5) and $1::text is null
				order by (t.reserved_for = $2) desc nulls last, t.priority desc, t.opened_at limit 16`,
				nil, by.Agent, by.Role, some(by.Groups), queue)
			if err != nil {
				return interaction.Task{}, err
			}
			ids, err := pgx.CollectRows(rows, pgx.RowTo[interaction.ID])
			if err != nil {
				return interaction.Task{}, err
			}
			for _, id := range ids {
				won, err := t.claim(ctx, by, id)
				if err != nil {
					return interaction.Task{}, err
				}
				if won {
					row, err := t.readTask(ctx, id)
					return row.Task, err
				}
			}
			if len(ids) > 0 {
				if err := t.full(ctx, by, ids[0]); err != nil {
					return interaction.Task{}, err
				}
			}
			if len(ids) < 16 {
				break
			}
		}
		return interaction.Task{}, &interaction.Error{
			Kind: interaction.KindUnknown, Code: "nothing_waiting", Text: "nothing that suits you is waiting now; ask again in a moment",
		}
	})
}

// whyNot finds out why a claim changed nothing.
func (t *tx) whyNot(ctx context.Context, by interaction.Actor, id interaction.ID) error {
	row, err := t.readTask(ctx, id)
	if err != nil {
		return t.closedOr(ctx, by, id, err)
	}
	if !row.visible(by) {
		return interaction.Unknown("task")
	}
	switch {
	case row.State != interaction.TaskQueued:
		return taken(row)
	case row.Author == by.Agent:
		return interaction.Forbidden("own_reply", "nobody reviews his own reply")
	case row.ReservedFor != "" && row.ReservedFor != by.Agent && row.ReservedUntil.After(time.Now()):
		return interaction.Conflict("reserved", "the task is reserved for somebody else until %s", row.ReservedUntil.Format(time.RFC3339)).
			With("agent", row.ReservedFor)
	case row.NotBefore.After(time.Now()):
		return interaction.Conflict("too_early", "the task is not due before %s", row.NotBefore.Format(time.RFC3339))
	case row.Kind == interaction.TaskReview && !by.AtLeast(interaction.RoleSenior):
		return interaction.Forbidden("seniors_only", "a review is for seniors and supervisors")
	}
	if err := t.full(ctx, by, id); err != nil {
		return err
	}
	if row.Demand.Skill != "" {
		return interaction.Forbidden("skill_missing", "the task asks for %s at level %d", row.Demand.Skill, row.Demand.Level).
			With("skill", row.Demand.Skill).With("level", row.Demand.Level)
	}
	return interaction.Conflict("try_again", "the task changed at this moment; look at it again")
}

func taken(row taskRow) error {
	e := interaction.Conflict("task_taken", "the task is %s already", row.State).With("state", row.State)
	if row.Agent != "" {
		e = e.With("agent", row.Agent)
	}
	return e
}

// full says that the agent has no room for the task, if so.
func (t *tx) full(ctx context.Context, by interaction.Actor, id interaction.ID) error {
	var fits bool
	var load, limits map[string]int
	err := t.QueryRow(ctx, `select `+room+`, a.load, a.limits from agents a, tasks t where a.id = $1 and t.id = $2`, by.Agent, id).
		Scan(&fits, &load, &limits)
	if noRows(err) || err == nil && fits {
		return nil
	}
	if err != nil {
		return err
	}
	return interaction.Conflict("at_capacity", "you hold as many tasks as you may; finish or release one first").With("load", load).With("limits", limits)
}
