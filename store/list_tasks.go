package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// visibleClosed is visibleTasks for tasks that are over: nothing is reserved any more, and who wrote the
// reviewed reply may read what was said about it.
const visibleClosed = ` ($1 = 'admin' or t.agent_id = $2 or t.author = $2 or $1 <> 'designer' and q.group_name = any($3)
	and (t.kind in ('handle', 'settle', 'callback') or t.kind = 'review' and $1 in ('senior', 'supervisor') or t.kind = 'consult' and $1 = 'supervisor')) `

const closedColumns = `t.id, t.interaction_id, t.kind, t.step, t.channel, t.class, t.state, t.queue, t.skill, t.level, t.priority,
	t.opened_at, t.agent_id, t.author, t.parent_id, t.message_number, t.note, t.cycles, t.transfers, t.version, t.answer, t.disposition`

func scanClosed(row pgx.CollectableRow) (interaction.TaskView, error) {
	var t interaction.TaskView
	err := row.Scan(&t.ID, &t.Interaction, &t.Kind, &t.Step, &t.Channel, &t.Class, &t.State, &t.Queue, &t.Demand.Skill, &t.Demand.Level, &t.Priority,
		&t.OpenedAt, &t.Agent, &t.Author, &t.Parent, &t.Message, &t.Note, &t.Cycles, &t.Transfers, &t.Version, &t.Answer, &t.Disposition)
	return t, err
}

// Tasks lists tasks that the actor may know of: open ones in the order in which they are to be done, or, when
// asked for done or withdrawn ones, the newest of those first.
func (s *Store) Tasks(ctx context.Context, by interaction.Actor, f interaction.TaskFilter, page interaction.Page) (interaction.Listed[interaction.Task], error) {
	over, err := areOver(f.States)
	if err != nil {
		return interaction.Listed[interaction.Task]{}, err
	}
	if over {
		return s.closedTasks(ctx, by, f, page)
	}
	q := asked(by, visibleTasks)
	narrowTasks(q, f)
	if page.After != "" {
		var priority int
		var opened time.Time
		var id interaction.ID
		if err := after(page.After, &priority, &opened, &id); err != nil {
			return interaction.Listed[interaction.Task]{}, err
		}
		q.and("(-t.priority, t.opened_at, t.id) > (?, ?, ?)", -priority, opened, id)
	}
	list, err := collect(ctx, s, q, page, scanTask, `select `+taskColumns+fromTasks, "-t.priority, t.opened_at, t.id", func(t taskRow) string {
		return keyOf(t.Priority, t.OpenedAt, t.ID)
	})
	return only(list, func(t taskRow) interaction.Task { return t.Task }), err
}

func (s *Store) closedTasks(ctx context.Context, by interaction.Actor, f interaction.TaskFilter, page interaction.Page) (interaction.Listed[interaction.Task], error) {
	q := asked(by, visibleClosed)
	narrowTasks(q, f)
	if page.After != "" {
		var id interaction.ID
		if err := after(page.After, &id); err != nil {
			return interaction.Listed[interaction.Task]{}, err
		}
		q.and("t.id < ?", id)
	}
	list, err := collect(ctx, s, q, page, scanClosed, `select `+closedColumns+` from closed_tasks t join queues q on q.name = t.queue`, "t.id desc",
		func(t interaction.TaskView) string { return keyOf(t.ID) })
	return only(list, func(t interaction.TaskView) interaction.Task { return t.Task }), err
}

func only[A, B any](list interaction.Listed[A], part func(A) B) interaction.Listed[B] {
	out := interaction.Listed[B]{Items: make([]B, len(list.Items)), Next: list.Next}
	for n, item := range list.Items {
		out.Items[n] = part(item)
	}
	return out
}

// areOver tells whether tasks that are over are asked for; both kinds at once have no common order.
func areOver(states []interaction.TaskState) (bool, error) {
	over := 0
	for _, s := range states {
		if s == interaction.TaskDone || s == interaction.TaskWithdrawn {
			over++
		}
	}
	if over > 0 && over < len(states) {
		return false, interaction.Invalid("mixed_states", "state", "ask for open tasks or for those that are over, not for both at once")
	}
	return over > 0, nil
}

func narrowTasks(q *query, f interaction.TaskFilter) {
	oneOf(q, "t.state", f.States)
	oneOf(q, "t.kind", f.Kinds)
	equal(q, "t.queue", f.Queue)
	if f.Agent != "" {
		q.and("t.agent_id = ?", f.Agent)
	}
	if f.Interaction != "" {
		q.and("t.interaction_id = ?", f.Interaction)
	}
}

// maxSuggestions is how many standard responses a task shows by itself.
const maxSuggestions = 3

// TaskView gives a task that the actor may know of, open or over, with its consults, draft and suggestions.
func (s *Store) TaskView(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.TaskView, error) {
	v, err := s.anyTask(ctx, by, id)
	if err != nil {
		return v, err
	}
	if v.Consults, err = s.consults(ctx, v.Task); err != nil {
		return v, err
	}
	if v.State == interaction.TaskDone || v.State == interaction.TaskWithdrawn {
		return v, nil
	}
	draft, err := s.TaskDraft(ctx, by, id)
	if err != nil {
		return v, err
	}
	if draft.Version > 0 {
		v.Draft = &draft
	}
	if v.Kind != interaction.TaskHandle {
		return v, nil
	}
	if v.Ways, err = ways(ctx, s.pool, v.Interaction); err != nil {
		return v, err
	}
	v.Suggestions, err = s.suggestions(ctx, by, v.Interaction)
	return v, err
}

func (s *Store) anyTask(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.TaskView, error) {
	row, err := one(ctx, s.pool, "task", scanTask, `select `+taskColumns+fromTasks+`where t.id = $1`, id)
	if err == nil && !row.visible(by) {
		return interaction.TaskView{}, interaction.Unknown("task")
	}
	if err == nil || interaction.KindOf(err) != interaction.KindUnknown {
		return interaction.TaskView{Task: row.Task}, err
	}
	q := asked(by, visibleClosed)
	q.and("t.id = ?", id)
	return one(ctx, s.pool, "task", scanClosed, `select `+closedColumns+` from closed_tasks t join queues q on q.name = t.queue`+q.sql(), q.args...)
}

// consults gives what was asked for a task, open and answered, in the order of asking.
func (s *Store) consults(ctx context.Context, asking interaction.Task) ([]interaction.Consult, error) {
	rows, err := s.pool.Query(ctx, `
		select id, coalesce(agent_id, reserved_for), group_name, note, '', state from tasks where interaction_id = $1 and parent_id = $2
		union all select id, agent_id, '', note, answer, state from closed_tasks where interaction_id = $1 and parent_id = $2
		order by 1`, asking.Interaction, asking.ID)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[interaction.Consult])
	return list, translate(err)
}

// ReviewView gives an open review with the reply under review and the message that it answers.
func (s *Store) ReviewView(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.ReviewView, error) {
	var v interaction.ReviewView
	row, err := one(ctx, s.pool, "review", scanTask, `select `+taskColumns+fromTasks+`where t.id = $1 and t.kind = 'review'`, id)
	if err != nil {
		return v, err
	}
	if !row.visible(by) {
		return v, interaction.Unknown("review")
	}
	v.Task = row.Task
	if v.Reply, err = s.Message(ctx, row.Interaction, row.Message); err != nil {
		return v, err
	}
	answers, err := one(ctx, s.pool, "message", scanMessage, `select `+messageColumns+` from messages
		where interaction_id = $1 and number < $2 and kind = 'in' order by number desc limit 1`, row.Interaction, row.Message)
	if err == nil {
		v.Answers = &answers
	} else if interaction.KindOf(err) == interaction.KindUnknown {
		err = nil
	}
	if err == nil {
		err = s.policyOf(ctx, &v)
	}
	return v, err
}
