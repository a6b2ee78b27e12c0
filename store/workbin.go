package store

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// workOrders are the orders that a workbin can have, each with a key that no two tasks share.
var workOrders = map[string]workOrder{
	"place":      {"t.place, t.id", "(t.place, t.id) > (?::bigint, ?::uuid)", "t.place::text"},
	"opened_at":  {"t.opened_at, t.id", "(t.opened_at, t.id) > (?::timestamptz, ?::uuid)", "t.opened_at::text"},
	"-opened_at": {"t.opened_at desc, t.id desc", "(t.opened_at, t.id) < (?::timestamptz, ?::uuid)", "t.opened_at::text"},
	"priority":   {"t.priority, t.id", "(t.priority, t.id) > (?::int, ?::uuid)", "t.priority::text"},
	"-priority":  {"t.priority desc, t.id desc", "(t.priority, t.id) < (?::int, ?::uuid)", "t.priority::text"},
	"due_at":     {workDue + ", t.id", "(" + workDue + ", t.id) > (?::timestamptz, ?::uuid)", workDue + "::text"},
	"subject":    {"lower(i.subject), t.id", "(lower(i.subject), t.id) > (?::text, ?::uuid)", "lower(i.subject)"},
}

// workOrder is how rows are sorted, which come behind a key, and the key.
type workOrder struct{ order, after, key string }

// workDue is when a task is due; one without an objective comes last.
const workDue = "coalesce(t.due_at, 'infinity'::timestamptz)"

// workRow is an item of a workbin with its key.
type workRow struct {
	interaction.WorkItem
	key string
}

// Workbin lists the open tasks of the actor himself (held, on offer to him, put away by him, reserved for him), or of one of his groups: those of its queues and those that
// the group is asked for. It is sorted by place in line unless asked otherwise.
func (s *Store) Workbin(ctx context.Context, by interaction.Actor, f interaction.WorkFilter, page interaction.Page) (interaction.Listed[interaction.WorkItem], error) {
	var none interaction.Listed[interaction.WorkItem]
	order, err := sorting(workOrders, page, "place")
	if err != nil {
		return none, err
	}
	q := asked(by, visibleTasks)
	if f.Group == "" {
		q.and("(t.agent_id = ? or t.reserved_for = ? and (t.reserved_until > now() or t.reserved_until is null))", by.Agent, by.Agent)
	} else {
		q.and("(q.group_name = ? or t.group_name = ?)", f.Group, f.Group)
	}
	narrowWork(q, f)
	if page.After != "" {
		key, id, found := strings.Cut(page.After, " ")
		if swap := strings.LastIndexByte(page.After, ' '); found {
			key, id = page.After[:swap], page.After[swap+1:]
		}
		parsed, err := interaction.ParseID("cursor", id)
		if err != nil {
			return none, badCursor()
		}
		q.and(order.after, key, parsed)
	}
	list, err := collect(ctx, s, q, page, scanWork, selectWork(order.key), order.order, func(w workRow) string { return w.key + " " + string(w.ID) })
	return only(list, func(w workRow) interaction.WorkItem { return w.WorkItem }), err
}

func narrowWork(q *query, f interaction.WorkFilter) {
	oneOf(q, "t.state", f.States)
	oneOf(q, "t.kind", f.Kinds)
	equal(q, "t.channel", f.Channel)
	equal(q, "t.queue", f.Queue)
	equal(q, "i.category", f.Category)
	if f.Contact != "" {
		q.and("i.contact_id = ?", f.Contact)
	}
	for _, word := range strings.Fields(f.Words) {
		q.and("position(lower(?) in lower(i.subject || ' ' || c.name)) > 0", word)
	}
}

func selectWork(key string) string {
	return `select ` + taskColumns + `, i.subject, i.category, i.contact_id, coalesce(c.name, ''), i.messages, t.due_at,
		(select max(m.at) from messages m where m.interaction_id = i.id and m.kind = 'in'), d.saved_at,
		(select count(*) from closed_tasks k where k.interaction_id = t.interaction_id and k.parent_id = t.id and k.state = 'done'),
		(select count(*) from tasks k where k.interaction_id = t.interaction_id and k.parent_id = t.id), ` + key + fromTasks + `
		join interactions i on i.id = t.interaction_id left join contacts c on c.id = i.contact_id and c.erased_at is null left join drafts d on d.task_id = t.id`
}

func scanWork(row pgx.CollectableRow) (workRow, error) {
	var w workRow
	var wrote, saved, due *time.Time
	var asked int
	task, err := scanTask(tail{row, []any{
		&w.Subject, &w.Category, &w.Contact, &w.Name, &w.Messages, &due, &wrote, &saved, &w.Answers, &asked, &w.key,
	}})
	w.Task, w.WroteAt, w.DraftedAt, w.DueAt, w.Asked = task.Task, orZero(wrote), orZero(saved), orZero(due), w.Answers+asked
	return w, err
}
