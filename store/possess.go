package store

import (
	"context"
	"slices"
	"time"

	"parley/interaction"
)

// nothing is the answer of a command that has none.
type nothing struct{}

// requeue puts a task back: off its agent's load, age kept.
func (t *tx) requeue(ctx context.Context, row taskRow, by interaction.Actor, code, change string, args ...any) error {
	if !interaction.Allowed(interaction.TaskTransitions, code, string(row.State), string(interaction.TaskQueued)) {
		return interaction.Conflict("task_state", "the task is %s", row.State).With("state", row.State)
	}
	if change != "" {
		change = ", " + change
	}
	t.put(`update tasks set state = 'queued', agent_id = null, offer_until = null, handle_until = null, not_before = null,
		version = version + 1`+change+` where id = $1`, append([]any{row.ID}, args...)...)
	t.tasks = true
	if holding(row.State) {
		if err := t.giveBack(ctx, row.Agent, row.Class); err != nil {
			return err
		}
	}
	if err := t.leaveChat(ctx, row, false); err != nil {
		return err
	}
	return t.auditTask(ctx, by, row, code, interaction.TaskQueued, nil)
}

// AcceptOffer takes the task that was offered to the actor, if the offer still stands by the database's clock.
// The offer has reserved his capacity already.
func (s *Store) AcceptOffer(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.Task, error) {
	return act(ctx, s, by, func(t *tx) (interaction.Task, error) {
		row, err := t.readTask(ctx, id)
		if err != nil {
			return row.Task, t.closedOr(ctx, by, id, err)
		}
		if !row.visible(by) {
			return row.Task, interaction.Unknown("task")
		}
		if row.Channel == interaction.Chat {
			if err := t.lockStory(ctx, row.Interaction); err != nil {
				return row.Task, err
			}
		}
		won, err := t.exec(ctx, `update tasks t set state = 'held', offer_until = null, version = t.version + 1,
				handle_until = now() + make_interval(secs => q.handle_seconds)
			from queues q where t.id = $1 and q.name = t.queue and t.state = 'offered' and t.agent_id = $2 and t.offer_until > now()`, id, by.Agent)
		if err != nil {
			return row.Task, err
		}
		if !won {
			return row.Task, notOffered(row, by)
		}
		t.tasks = true
		t.put(`update agents set missed = 0 where id = $1 and missed > 0`, by.Agent)
		row.State = interaction.TaskOffered
		if err := t.auditTask(ctx, by, row, "task.accepted", interaction.TaskHeld, nil); err != nil {
			return row.Task, err
		}
		if row.Channel == interaction.Chat {
			if err := t.enterChat(ctx, by, id, row.Interaction, row.Kind); err != nil {
				return row.Task, err
			}
		}
		row, err = t.readTask(ctx, id)
		return row.Task, err
	})
}

// notOffered says why the actor can't accept: his offer is over, whether the task waits for the next, is with him or is done; or it never was his.
func notOffered(row taskRow, by interaction.Actor) error {
	if row.State == interaction.TaskOffered && row.Agent == by.Agent || slices.Contains(row.Refused, by.Agent) {
		return interaction.Conflict("expired", "the offer is over; the task goes to the next").With("state", row.State)
	}
	return taken(row)
}

// DeclineOffer gives an offered task back; it is not offered to the actor again.
func (s *Store) DeclineOffer(ctx context.Context, by interaction.Actor, id interaction.ID) error {
	_, err := act(ctx, s, by, func(t *tx) (nothing, error) {
		row, err := t.lockTask(ctx, by, id)
		if err != nil {
			return nothing{}, err
		}
		if row.State != interaction.TaskOffered || row.Agent != by.Agent {
			return nothing{}, notOffered(row, by)
		}
		return nothing{}, t.requeue(ctx, row, by, "task.declined",
			`refused = refused || $2::uuid, reserved_for = case when kind <> 'consult' and reserved_for = $2 then null else reserved_for end`, by.Agent)
	})
	return err
}

// Release gives a held task back to its queue; its age is kept. A draft stays for who takes it next.
func (s *Store) Release(ctx context.Context, by interaction.Actor, id interaction.ID, version int64) error {
	_, err := act(ctx, s, by, func(t *tx) (nothing, error) {
		row, err := t.lockMine(ctx, by, id, version)
		if err != nil {
			return nothing{}, err
		}
		return nothing{}, t.requeue(ctx, row, by, "task.released", `reserved_for = case when kind = 'consult' then reserved_for end`)
	})
	return err
}

// lockMine locks a task that the actor must hold.
func (t *tx) lockMine(ctx context.Context, by interaction.Actor, id interaction.ID, version int64) (taskRow, error) {
	row, err := t.lockTask(ctx, by, id)
	if err != nil {
		return row, err
	}
	if err := row.mine(by, version); err != nil {
		return row, t.since(ctx, row, version, err)
	}
	return row, nil
}

// maxTransfers stops a circle of transfers. Who hands on for the last time has supervisors told; one of them moves the task from there, or gives it to somebody, and it counts anew.
const maxTransfers = 100

// reservation is how long a task waits for the one agent that it was handed to, before others may have it.
const reservation = 10 * time.Minute

// Transfer hands a held task on. To an agent it is reserved for a while; to a queue it joins those waiting there, its age kept.
func (s *Store) Transfer(ctx context.Context, by interaction.Actor, id interaction.ID, version int64, to interaction.Transfer) error {
	_, err := act(ctx, s, by, func(t *tx) (nothing, error) {
		row, err := t.lockMine(ctx, by, id, version)
		if err != nil {
			return nothing{}, err
		}
		if row.Transfers >= maxTransfers {
			return nothing{}, interaction.Conflict("too_many_transfers", "the task was handed on %d times; ask a supervisor", row.Transfers)
		}
		if row.Transfers+1 == maxTransfers {
			if err := t.audit(ctx, event{
				Code: "task.circled", Actor: by, Interaction: row.Interaction, Task: row.ID, Queue: row.Queue, Data: map[string]any{"transfers": maxTransfers},
			}); err != nil {
				return nothing{}, err
			}
		}
		const counted = `transfers = transfers + 1, note = case when $2 = '' then note else $2 end, `
		if to.Agent != "" {
			if err := t.checkFor(ctx, "agent_id", to.Agent, row); err != nil {
				return nothing{}, err
			}
			return nothing{}, t.requeue(ctx, row, by, "task.transferred",
				counted+`reserved_for = $3, reserved_until = now() + make_interval(secs => $4)`, to.Note, to.Agent, reservation.Seconds())
		}
		if row.Kind == interaction.TaskConsult {
			return nothing{}, interaction.Invalid("not_to_a_queue", "queue", "a question goes to a colleague, not to a queue; give agent_id")
		}
		if err := t.checkQueue(ctx, to.Queue); err != nil {
			return nothing{}, err
		}
		t.put(`update interactions set queue = $2 where id = $1`, row.Interaction, to.Queue)
		if err := t.requeue(ctx, row, by, "task.transferred",
			counted+`queue = $3, reserved_for = null, reserved_until = null, refused = '{}', skill = '', level = 0, group_name = '',
			chain = case when kind in ('handle', 'callback') then (select chain from queues where name = $3) else chain end, chain_step = 0, chain_since = now()`, to.Note, to.Queue); err != nil {
			return nothing{}, err
		}
		return nothing{}, t.openFirstLink(ctx, id)
	})
	return err
}

func (t *tx) checkAgent(ctx context.Context, field string, id interaction.ID) error {
	var enabled bool
	err := t.QueryRow(ctx, `select enabled from agents where id = $1`, id).Scan(&enabled)
	if noRows(err) || err == nil && !enabled {
		return interaction.Invalid("unknown_agent", field, "there is no such agent at work")
	}
	return err
}

// checkFor refuses who cannot have this task: nobody at work, a designer, for a review a mere agent.
func (t *tx) checkFor(ctx context.Context, field string, id interaction.ID, row taskRow) error {
	var role interaction.Role
	var enabled bool
	err := t.QueryRow(ctx, `select role, enabled from agents where id = $1`, id).Scan(&role, &enabled)
	if err != nil && !noRows(err) {
		return err
	}
	to := interaction.Actor{Role: role}
	switch {
	case noRows(err) || !enabled:
		return interaction.Invalid("unknown_agent", field, "there is no such agent at work")
	case !to.AtLeast(interaction.RoleAgent):
		return interaction.Invalid("takes_no_tasks", field, "is a designer, who configures and takes no tasks")
	case row.Kind == interaction.TaskReview && !to.AtLeast(interaction.RoleSenior):
		return interaction.Invalid("seniors_only", field, "is no senior or supervisor, who decide on reviews")
	case row.Kind == interaction.TaskReview && row.Author == id:
		return interaction.Invalid("own_reply", field, "is the author, who never decides on his own reply")
	}
	return nil
}

func (t *tx) checkQueue(ctx context.Context, name string) error {
	var found bool
	if err := t.QueryRow(ctx, `select exists (select 1 from queues where name = $1)`, name).Scan(&found); err != nil || found {
		return err
	}
	return interaction.Invalid("unknown_queue", "queue", "there is no queue of that name")
}

// Snooze is SnoozeUntil that the customer's answer ends as well.
func (s *Store) Snooze(ctx context.Context, by interaction.Actor, id interaction.ID, version int64, until time.Time) error {
	return s.SnoozeUntil(ctx, by, id, version, until, true)
}

// SnoozeUntil puts a held task away until a time (zero: none), or, if it wakes, until the customer writes, whichever comes first. It does not count in
// the agent's load meanwhile.
func (s *Store) SnoozeUntil(ctx context.Context, by interaction.Actor, id interaction.ID, version int64, until time.Time, wakes bool) error {
	_, err := act(ctx, s, by, func(t *tx) (nothing, error) {
		row, err := t.lockMine(ctx, by, id, version)
		if err != nil {
			return nothing{}, err
		}
		var at *time.Time
		if !until.IsZero() {
			at = &until
		}
		t.put(`update tasks set state = 'snoozed', not_before = $2, wakes = $3, handle_until = null, version = version + 1 where id = $1`, id, at, wakes || at == nil)
		if err := t.giveBack(ctx, row.Agent, row.Class); err != nil {
			return nothing{}, err
		}
		t.tasks = true
		if err := t.leaveChat(ctx, row, true); err != nil {
			return nothing{}, err
		}
		return nothing{}, t.auditTask(ctx, by, row, "task.snoozed", interaction.TaskSnoozed, nil)
	})
	return err
}
