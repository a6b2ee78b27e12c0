package store

import (
	"context"
	"slices"

	"parley/interaction"
)

// Order carries out a supervisor's order: one transaction, answered at once; the workflow hears of it by the outbox. It is
// refused with what stands in the way while the interaction is on offer, held by an agent or inside an automatic
// step, unless forced, and always while something is being sent (mission V2).
func (s *Store) Order(ctx context.Context, by interaction.Actor, id interaction.ID, order interaction.Order, version int64) (interaction.Interaction, error) {
	return act(ctx, s, by, func(t *tx) (interaction.Interaction, error) {
		done, err := t.order(ctx, by, id, order, version)
		return done.after, err
	})
}

// ordered is what an order has changed.
type ordered struct {
	before, after interaction.Interaction
	reserved      interaction.ID // for whom the task was reserved before
}

// order carries out one order on one interaction. A version of 0 is not checked.
func (t *tx) order(ctx context.Context, by interaction.Actor, id interaction.ID, order interaction.Order, version int64) (ordered, error) {
	var done ordered
	if err := t.visibleInteraction(ctx, by, id); err != nil {
		return done, err
	}
	if !by.AtLeast(interaction.RoleSupervisor) {
		return done, interaction.Forbidden("supervisors_only", "orders are for supervisors")
	}
	open, err := t.lockInteraction(ctx, id)
	if err != nil {
		return done, err
	}
	if done.before, err = t.snapshot(ctx, id); err != nil {
		return done, err
	}
	if version != 0 && version != done.before.Version {
		return done, interaction.Stale(done.before.Version)
	}
	tasks, err := t.lockTasks(ctx, id)
	if err != nil {
		return done, err
	}
	if n := forPeople(tasks); n >= 0 {
		done.reserved = tasks[n].ReservedFor
	}
	if err := inTheWay(open, tasks, order); err != nil {
		return done, err
	}
	value, err := t.carryOut(ctx, by, open, tasks, order)
	if err != nil {
		return done, err
	}
	if err := t.addNews(ctx, id, interaction.News{Kind: interaction.NewsOrder, Code: order.Name, Value: value}, ""); err != nil {
		return done, err
	}
	if done.after, err = t.snapshot(ctx, id); err != nil {
		return done, err
	}
	return done, t.audit(ctx, event{
		Code: "order." + order.Name, Actor: by, Interaction: id, Queue: done.after.Queue, From: string(done.before.State), To: string(done.after.State),
		Data:   map[string]any{"forced": order.Force, "value": value, "priority": done.after.Priority},
		Before: done.before, After: orderedTo{done.after, order.Reason},
	})
}

// orderedTo is how an interaction stands after an order, with the supervisor's word for the audit.
type orderedTo struct {
	interaction.Interaction
	Word string `json:",omitempty"`
}

// forPeople finds the task by which an interaction waits for people; -1: none.
func forPeople(tasks []taskRow) int {
	return slices.IndexFunc(tasks, func(r taskRow) bool { return r.Kind != interaction.TaskConsult })
}

// inTheWay says why the order cannot be carried out now.
func inTheWay(o openInteraction, tasks []taskRow, order interaction.Order) error {
	if o.State == interaction.Sending {
		return interaction.Conflict("being_sent", "a message is on its way to the customer; try again when it has left").With("state", o.State)
	}
	if o.Channel == interaction.Chat && order.Name == interaction.OrderAutoRespond {
		return interaction.Conflict("not_by_mail", "a chat is not answered by mail; write in its session")
	}
	if o.Channel == interaction.Callback && order.Name == interaction.OrderAutoRespond {
		return interaction.Conflict("not_by_mail", "who wants to be called is not answered by mail; call, or stop it")
	}
	for _, task := range tasks {
		if holding(task.State) && task.Kind != interaction.TaskConsult && !order.Force && order.Name != interaction.OrderData && order.Name != interaction.OrderPriority {
			return interaction.Conflict("task_"+string(task.State), "the task is %s; repeat with force to take it back", task.State).
				With("state", task.State).With("agent", task.Agent).With("task", task.ID)
		}
	}
	if order.Force {
		return nil
	}
	switch {
	case o.State == interaction.Automatic || o.State == interaction.Received:
		return interaction.Conflict("automatic_step", "the interaction is inside an automatic step; try again in a moment").With("state", o.State)
	case o.State == interaction.OnHold && order.Name == interaction.OrderHold:
		return interaction.Conflict("on_hold", "the interaction is on hold already").With("state", o.State)
	case o.State != interaction.OnHold && order.Name == interaction.OrderResume:
		return interaction.Conflict("not_on_hold", "the interaction is not on hold").With("state", o.State)
	}
	return nil
}

// carryOut changes the rows as the order says and gives the value that the workflow hears with it.
func (t *tx) carryOut(ctx context.Context, by interaction.Actor, o openInteraction, tasks []taskRow, order interaction.Order) (string, error) {
	switch order.Name {
	case interaction.OrderHold:
		return "", t.hold(ctx, by, o, tasks)
	case interaction.OrderResume:
		return "", t.resume(ctx, by, o, tasks)
	case interaction.OrderMove:
		return order.Queue, t.move(ctx, by, o, tasks, order.Queue)
	case interaction.OrderReassign:
		return string(order.Agent), t.reassign(ctx, by, tasks, order.Agent)
	case interaction.OrderPriority:
		_, err := t.Exec(ctx, `with i as (update interactions set priority = $2 where id = $1) update tasks set priority = $2, version = version + 1 where interaction_id = $1`, o.ID, order.Priority)
		return "", err
	case interaction.OrderData:
		_, err := t.Exec(ctx, `update interactions set data = jsonb_strip_nulls(data || $2) where id = $1`, o.ID, emptyIsNull(order.Data))
		return "", err
	case interaction.OrderAutoRespond:
		if order.Response != "" {
			if err := t.checkResponse(ctx, order.Response); err != nil {
				return "", err
			}
		}
		return string(order.Response), t.takeOut(ctx, by, o)
	case interaction.OrderRecategorize:
		if order.Category != "" {
			if _, err := t.Exec(ctx, `update interactions set category = $2, confidence = 1 where id = $1`, o.ID, order.Category); err != nil {
				return "", err
			}
			if err := t.label(ctx, interaction.Label{Interaction: o.ID, Source: interaction.LabelSupervisor, Category: order.Category, Agent: by.Agent}); err != nil {
				return "", err
			}
		}
		return order.Category, t.takeOut(ctx, by, o)
	case interaction.OrderStop:
		if order.Reason == "" {
			return "", interaction.Invalid("required", "reason", "say why it is stopped, as a code")
		}
		return clip(order.Reason, 60), t.takeOut(ctx, by, o)
	}
	return "", interaction.Invalid("unknown_order", "order", "there is no such order")
}

// takeOut ends the tasks and gives the interaction back to its workflow, which goes on as the order says.
func (t *tx) takeOut(ctx context.Context, by interaction.Actor, o openInteraction) error {
	if err := t.withdrawAll(ctx, by, o.ID); err != nil {
		return err
	}
	if o.State == interaction.Received || o.State == interaction.Automatic {
		return nil
	}
	return t.become(ctx, o, "task.withdrawn", interaction.Automatic)
}

func (t *tx) hold(ctx context.Context, by interaction.Actor, o openInteraction, tasks []taskRow) error {
	for _, row := range tasks {
		if row.Kind == interaction.TaskConsult {
			continue
		}
		if holding(row.State) { // forced: back to the queue first
			if err := t.requeue(ctx, row, by, "task.taken_back", ""); err != nil {
				return err
			}
			row.State, row.Agent = interaction.TaskQueued, ""
		}
		if _, err := t.Exec(ctx, `update tasks set state = 'suspended', suspended_at = now(), agent_id = null, not_before = case when state = 'queued' then not_before end, version = version + 1 where id = $1`, row.ID); err != nil {
			return err
		}
		if err := t.auditTask(ctx, by, row, "order.hold", interaction.TaskSuspended, nil); err != nil {
			return err
		}
	}
	t.tasks = true
	return t.become(ctx, o, "order.hold", interaction.OnHold)
}

func (t *tx) resume(ctx context.Context, by interaction.Actor, o openInteraction, tasks []taskRow) error {
	for _, row := range tasks {
		if row.State != interaction.TaskSuspended {
			continue
		}
		if err := t.endHold(ctx, row.ID); err != nil {
			return err
		}
		if _, err := t.Exec(ctx, `update tasks set state = 'queued', chain_since = greatest(now(), not_before), version = version + 1 where id = $1`, row.ID); err != nil {
			return err
		}
		if err := t.auditTask(ctx, by, row, "order.resume", interaction.TaskQueued, nil); err != nil {
			return err
		}
	}
	t.tasks = true
	return t.become(ctx, o, "order.resume", interaction.Waiting)
}

func (t *tx) move(ctx context.Context, by interaction.Actor, o openInteraction, tasks []taskRow, queue string) error {
	if err := t.checkOwnQueue(ctx, by, queue); err != nil {
		return err
	}
	if _, err := t.Exec(ctx, `update interactions set queue = $2 where id = $1`, o.ID, queue); err != nil {
		return err
	}
	for _, row := range tasks {
		if row.State == interaction.TaskHeld || row.State == interaction.TaskOffered || row.State == interaction.TaskSnoozed {
			if err := t.requeue(ctx, row, by, "task.taken_back", ""); err != nil {
				return err
			}
		}
	}
	_, err := t.Exec(ctx, `update tasks set queue = $2, transfers = 0, skill = '', level = 0, group_name = '', chain_step = 0, chain_since = greatest(now(), not_before), refused = '{}',
			reserved_for = null, chain = case when kind in ('handle', 'callback') then (select chain from queues where name = $2) else chain end, version = version + 1
		where interaction_id = $1 and kind <> 'consult'`, o.ID, queue)
	if err != nil {
		return err
	}
	t.tasks = true
	for _, row := range tasks {
		if err := t.openFirstLink(ctx, row.ID); err != nil {
			return err
		}
	}
	return nil
}

// emptyIsNull marks the keys whose value is empty to be removed.
func emptyIsNull(data map[string]string) map[string]*string {
	out := make(map[string]*string, len(data))
	for key, value := range data {
		if out[key] = nil; value != "" {
			out[key] = &value
		}
	}
	return out
}

// reassign reserves the task for one agent, or for nobody when there is none (as it was before, when that is undone); forced, it is taken from who holds it.
func (t *tx) reassign(ctx context.Context, by interaction.Actor, tasks []taskRow, agent interaction.ID) error {
	if agent != "" {
		if err := t.checkAgent(ctx, "agent", agent); err != nil {
			return err
		}
	}
	i := forPeople(tasks)
	if i < 0 {
		return interaction.Conflict("no_task", "nothing waits for people now")
	}
	row := tasks[i]
	if agent != "" && row.Author == agent {
		return interaction.Conflict("own_reply", "nobody reviews his own reply")
	}
	if row.State != interaction.TaskQueued && row.State != interaction.TaskSuspended {
		if err := t.requeue(ctx, row, by, "task.taken_back", ""); err != nil {
			return err
		}
	}
	_, err := t.Exec(ctx, `update tasks set transfers = 0, reserved_for = $2, reserved_until = case when $2::uuid is not null then now() + make_interval(secs => $3) end,
		version = version + 1 where id = $1`, row.ID, agent, reservation.Seconds())
	t.tasks = true
	return err
}

func (t *tx) checkResponse(ctx context.Context, id interaction.ID) error {
	var usable bool
	err := t.QueryRow(ctx, `select `+usableResponse+` from responses r where id = $1`, id).Scan(&usable)
	if noRows(err) || err == nil && !usable {
		return interaction.Invalid("unknown_response", "response", "there is no approved response of that id that is valid now")
	}
	return err
}
