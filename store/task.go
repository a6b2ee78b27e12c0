package store

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// taskRow is a task as the store reads it, with the group that its queue belongs to.
type taskRow struct {
	interaction.Task
	QueueGroup  string
	HandleUntil time.Time
}

const taskColumns = `t.id, t.interaction_id, t.kind, t.step, t.channel, t.class, t.state, t.queue, q.group_name, t.skill, t.level, t.group_name,
	t.chain, t.chain_step, t.priority, t.opened_at, t.due_at, t.not_before, t.agent_id, t.reserved_for, t.reserved_until, t.offer_until, t.handle_until,
	t.refused, t.author, t.parent_id, t.message_number, t.note, t.cycles, t.transfers, t.version`

const fromTasks = ` from tasks t join queues q on q.name = t.queue `

func scanTask(row pgx.CollectableRow) (taskRow, error) {
	var t taskRow
	var due, notBefore, reserved, offer, handle *time.Time
	err := row.Scan(&t.ID, &t.Interaction, &t.Kind, &t.Step, &t.Channel, &t.Class, &t.State, &t.Queue, &t.QueueGroup, &t.Demand.Skill, &t.Demand.Level,
		&t.Demand.Group, &t.Chain, &t.ChainStep, &t.Priority, &t.OpenedAt, &due, &notBefore, &t.Agent, &t.ReservedFor, &reserved, &offer, &handle,
		&t.Refused, &t.Author, &t.Parent, &t.Message, &t.Note, &t.Cycles, &t.Transfers, &t.Version)
	t.DueAt, t.NotBefore, t.ReservedUntil, t.OfferUntil, t.HandleUntil = orZero(due), orZero(notBefore), orZero(reserved), orZero(offer), orZero(handle)
	return t, err
}

func orZero(at *time.Time) time.Time {
	if at == nil {
		return time.Time{}
	}
	return *at
}

// visible reports whether the actor may know of the task (mission P3): his own and those reserved for him,
// those of his groups; reviews from senior on. What is invisible is unknown.
func (t *taskRow) visible(a interaction.Actor) bool {
	switch {
	case a.Role == interaction.RoleAdmin:
		return true
	case a.Agent != "" && (t.Agent == a.Agent || t.ReservedFor == a.Agent || t.Demand.Agent == a.Agent):
		return true
	case !a.AtLeast(interaction.RoleAgent) || !t.ofGroup(a):
		return false
	case t.Kind == interaction.TaskReview:
		return a.AtLeast(interaction.RoleSenior)
	}
	return t.Kind != interaction.TaskConsult || a.AtLeast(interaction.RoleSupervisor) || slices.Contains(a.Groups, t.Demand.Group)
}

func (t *taskRow) ofGroup(a interaction.Actor) bool {
	return slices.Contains(a.Groups, t.QueueGroup) || t.Demand.Group != "" && slices.Contains(a.Groups, t.Demand.Group)
}

// visibleTasks is the same rule as an SQL condition; $1 role, $2 agent, $3 groups. A test holds the two together.
const visibleTasks = ` ($1 = 'admin' or t.agent_id = $2 or t.reserved_for = $2
	or $1 <> 'designer' and (q.group_name = any($3) or t.group_name <> '' and t.group_name = any($3))
		and (t.kind in ('handle', 'settle', 'callback') or t.kind = 'review' and $1 in ('senior', 'supervisor') or t.kind = 'consult' and ($1 = 'supervisor' or t.group_name = any($3)))) `

// readTask reads a task without locking it.
func (t *tx) readTask(ctx context.Context, id interaction.ID) (taskRow, error) {
	return one(ctx, t, "task", scanTask, `select `+taskColumns+fromTasks+`where t.id = $1`, id)
}

// lockTask locks the task's interaction and then the task (the house's order of locks) and gives it, if the actor may know of it.
func (t *tx) lockTask(ctx context.Context, by interaction.Actor, id interaction.ID) (taskRow, error) {
	row, err := t.readTask(ctx, id)
	if err != nil {
		if interaction.KindOf(err) == interaction.KindUnknown {
			return row, t.closedOr(ctx, by, id, err)
		}
		return row, err
	}
	if !row.visible(by) {
		return row, interaction.Unknown("task")
	}
	var erased bool
	if err := t.QueryRow(ctx, `select coalesce(c.erased_at is not null, false) from interactions i left join contacts c on c.id = i.contact_id where i.id = $1 for update of i`,
		row.Interaction).Scan(&erased); err != nil && !noRows(err) {
		return row, err
	}
	if erased && by.Agent != "" { // the clocks go on until its workflow has stopped
		return row, interaction.Gone("customer", interaction.GoneErased)
	}
	row, err = one(ctx, t, "task", scanTask, `select `+taskColumns+fromTasks+`where t.id = $1 for update of t`, id)
	if interaction.KindOf(err) == interaction.KindUnknown && err != nil {
		return row, t.closedOr(ctx, by, id, err)
	}
	return row, err
}

// closedOr tells a task that is over from one that never was.
func (t *tx) closedOr(ctx context.Context, by interaction.Actor, id interaction.ID, otherwise error) error {
	var state string
	var erased bool
	err := t.QueryRow(ctx, `select t.state, exists (select 1 from all_interactions i join contacts c on c.id = i.contact_id where i.id = t.interaction_id and c.erased_at is not null)
		from closed_tasks t join queues q on q.name = t.queue
		where t.id = $4 and `+visibleClosed, by.Role, by.Agent, some(by.Groups), id).Scan(&state, &erased)
	if err != nil {
		return otherwise
	}
	if erased {
		return interaction.Gone("customer", interaction.GoneErased)
	}
	return t.lastChanges(ctx, id, interaction.Conflict("task_over", "the task is %s already", state).With("state", state))
}

// mine refuses who does not hold the task, and what was written against an older state (version 0: not asked).
func (t *taskRow) mine(by interaction.Actor, version int64) error {
	if t.State != interaction.TaskHeld || t.Agent != by.Agent {
		e := interaction.Forbidden("not_yours", "the task is %s; claim it first", t.State).With("state", t.State)
		if t.Agent != "" {
			e = e.With("agent", t.Agent)
		}
		return e
	}
	if version != 0 && version != t.Version {
		return interaction.Stale(t.Version)
	}
	return nil
}

// Task gives one open task, or what is known of a closed one.
func (s *Store) Task(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.Task, error) {
	row, err := one(ctx, s.pool, "task", scanTask, `select `+taskColumns+fromTasks+`where t.id = $1`, id)
	if err == nil && !row.visible(by) {
		return interaction.Task{}, interaction.Unknown("task")
	}
	if err == nil || interaction.KindOf(err) != interaction.KindUnknown {
		return row.Task, err
	}
	return s.closedTask(ctx, by, id)
}

func (s *Store) closedTask(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.Task, error) {
	return one(ctx, s.pool, "task", func(row pgx.CollectableRow) (interaction.Task, error) {
		var t interaction.Task
		err := row.Scan(&t.ID, &t.Interaction, &t.Kind, &t.Step, &t.Channel, &t.Class, &t.State, &t.Queue, &t.Demand.Skill, &t.Demand.Level, &t.Priority,
			&t.OpenedAt, &t.Agent, &t.Author, &t.Parent, &t.Message, &t.Note, &t.Cycles, &t.Transfers, &t.Version)
		return t, err
	}, `select t.id, t.interaction_id, t.kind, t.step, t.channel, t.class, t.state, t.queue, t.skill, t.level, t.priority, t.opened_at, t.agent_id, t.author,
			t.parent_id, t.message_number, t.note, t.cycles, t.transfers, t.version
		from closed_tasks t join queues q on q.name = t.queue
		where t.id = $4 and `+visibleClosed, by.Role, by.Agent, some(by.Groups), id)
}

// giveBack takes one task of this class off an agent's load.
func (t *tx) giveBack(ctx context.Context, agent interaction.ID, class string) error {
	if agent == "" {
		return nil
	}
	t.put(`update agents set load = jsonb_set(load, array[$2], to_jsonb(greatest(coalesce((load->>$2)::int, 0) - 1, 0))),
		load_total = greatest(load_total - 1, 0) where id = $1`, agent, class)
	return nil
}

// holding reports whether a task in this state counts in its agent's load.
func holding(s interaction.TaskState) bool {
	return s == interaction.TaskHeld || s == interaction.TaskOffered
}

// closeTask moves the task out of the open ones and off its agent's load; nobody goes on with what was asked for it.
func (t *tx) closeTask(ctx context.Context, row taskRow, by string, end interaction.TaskState, disposition, answer string) error {
	if !interaction.Allowed(interaction.TaskTransitions, by, string(row.State), string(end)) {
		return interaction.Conflict("task_state", "the task is %s and cannot become %s", row.State, end).With("state", row.State)
	}
	if err := t.closeConsults(ctx, row); err != nil {
		return err
	}
	if row.Channel == interaction.Chat && row.Kind == interaction.TaskHandle && end == interaction.TaskDone {
		who := interaction.Party{Role: interaction.ChatAgent, Agent: row.Agent}
		if err := t.endLiving(ctx, row.Interaction, who, endedByAgent, true); err != nil {
			return err
		}
	}
	t.put(`
		with gone as (delete from tasks where id = $1 returning *), draft as (delete from drafts where task_id = $1)
		insert into closed_tasks (id, interaction_id, kind, step, channel, class, state, queue, skill, level, priority, opened_at, agent_id, author,
			parent_id, message_number, note, answer, disposition, cycles, transfers, version)
		select id, interaction_id, kind, step, channel, class, $2, queue, skill, level, priority, opened_at, agent_id, author,
			parent_id, message_number, note, $3, $4, cycles, transfers, version + 1 from gone`, row.ID, end, answer, disposition)
	t.tasks = true
	if holding(row.State) {
		if err := t.giveBack(ctx, row.Agent, row.Class); err != nil {
			return err
		}
	}
	return t.leaveChat(ctx, row, false)
}

// closeConsults withdraws what was asked for a task that is over, and so what those who were asked have asked others in turn.
func (t *tx) closeConsults(ctx context.Context, asking taskRow) error {
	rows, err := t.Query(ctx, `select `+taskColumns+fromTasks+`where t.parent_id = $1 and t.interaction_id = $2 order by t.id for update of t`, asking.ID, asking.Interaction)
	if err != nil {
		return err
	}
	consults, err := pgx.CollectRows(rows, scanTask)
	if err != nil {
		return err
	}
	for _, c := range consults {
		if err := t.closeTask(ctx, c, "task.withdrawn", interaction.TaskWithdrawn, "", ""); err != nil {
			return err
		}
		if err := t.auditTask(ctx, interaction.System, c, "task.withdrawn", interaction.TaskWithdrawn, nil); err != nil {
			return err
		}
	}
	return nil
}

// auditTask writes the line of a task's change.
func (t *tx) auditTask(ctx context.Context, by interaction.Actor, row taskRow, code string, to interaction.TaskState, data map[string]any) error {
	if data == nil {
		data = map[string]any{}
	}
	data["kind"] = row.Kind
	if row.Agent != "" {
		data["agent"] = row.Agent
	}
	return t.audit(ctx, event{
		Code: code, Actor: by, Interaction: row.Interaction, Task: row.ID, Queue: row.Queue,
		From: string(row.State), To: string(to), Data: data,
	})
}

// lockTasks locks all open tasks of an interaction, in the order of their ids.
func (t *tx) lockTasks(ctx context.Context, id interaction.ID) ([]taskRow, error) {
	rows, err := t.Query(ctx, `select `+taskColumns+fromTasks+`where t.interaction_id = $1 order by t.id for update of t`, id)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanTask)
}
