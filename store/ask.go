package store

import (
	"context"
	"time"

	"parley/interaction"
)

// OpenTask opens the task once, whatever runs again, and puts the interaction into people's hands.
func (s *Store) OpenTask(ctx context.Context, a interaction.Ask) (interaction.ID, error) {
	return once(ctx, s, a.Interaction, a.Step, func(t *tx, o openInteraction) (interaction.ID, error) {
		return t.openTask(ctx, o, a)
	})
}

func (t *tx) openTask(ctx context.Context, o openInteraction, a interaction.Ask) (interaction.ID, error) {
	if a.Queue == "" {
		a.Queue = o.Queue
	}
	class := string(a.Kind)
	if a.Kind == interaction.TaskHandle {
		class = string(o.Channel)
	}
	id := a.Interaction.Derive(a.Step)
	chain := t.resolve(o, a.Chain)
	var objective, links int
	var opened time.Time
	err := t.QueryRow(ctx, `
		insert into tasks (id, interaction_id, kind, step, channel, class, state, queue, chain, priority, message_number, author,
			reserved_for, reserved_until, cycles, opened_at, not_before, chain_since, note)
		select $1, $2, $3, $4, $5, $6, 'queued', q.name, case when $8::jsonb = '[]' and $3 in ('handle', 'callback') then q.chain else $8 end, $9, $10, $11,
			$12, now() + make_interval(secs => $13), $14,
			coalesce($16, (select opened_at from interactions where id = $2)), $16, coalesce($16, now()),
			coalesce((select answer from closed_tasks where interaction_id = $2 and id = $15), '')
		from queues q where q.name = $7
		returning case when kind in ('handle', 'callback') then (select objective_seconds from queues where name = $7) else 0 end, opened_at, jsonb_array_length(chain)`,
		id, a.Interaction, a.Kind, a.Step, o.Channel, class, a.Queue, some(chain), o.Priority, a.Message, a.Author,
		a.For, reservation.Seconds(), a.Cycles, a.Returned, orNull(a.NotBefore)).Scan(&objective, &opened, &links)
	if noRows(err) {
		return "", t.checkQueue(ctx, a.Queue)
	}
	if err != nil {
		return "", err
	}
	if objective > 0 {
		if err := t.setDue(ctx, id, opened, time.Duration(objective)*time.Second); err != nil {
			return "", err
		}
	}
	if err := t.openFirstLink(ctx, id); err != nil {
		return "", err
	}
	if a.Returned != "" {
		if err := t.restoreDraft(ctx, id, a); err != nil {
			return "", err
		}
	}
	if err := t.become(ctx, o, "task.opened", interaction.Waiting); err != nil {
		return "", err
	}
	t.tasks = true
	data := map[string]any{"kind": a.Kind, "message": a.Message, "for": a.For, "links": links}
	if !a.NotBefore.IsZero() {
		data["due"] = a.NotBefore.UTC()
	}
	return id, t.audit(ctx, event{Code: "task.opened", Interaction: o.ID, Task: id, Queue: a.Queue, To: string(interaction.TaskQueued), Data: data})
}

// resolve replaces "last agent" by who that was, and drops it where there was none.
func (t *tx) resolve(o openInteraction, chain []interaction.RouteTarget) []interaction.RouteTarget {
	var out []interaction.RouteTarget
	for _, target := range chain {
		if target.Kind == interaction.ToLastAgent {
			if o.LastAgent == "" {
				continue
			}
			target = interaction.RouteTarget{Kind: interaction.ToAgent, Name: string(o.LastAgent), Seconds: target.Seconds}
		}
		out = append(out, target)
	}
	return out
}

// restoreDraft gives the author his reply back as a draft.
func (t *tx) restoreDraft(ctx context.Context, task interaction.ID, a interaction.Ask) error {
	t.put(`insert into drafts (task_id, author, subject, body, html, attachments)
		select $1, author, subject, body, html, attachments from messages where interaction_id = $2 and number = $3 and author is not null
		on conflict do nothing`, task, a.Interaction, a.Message)
	return nil
}

// WithdrawTask takes a task out of people's hands if nobody holds it, and tells what it found otherwise. A task
// that was ended by its agent at this moment is left alone: the news of it is on its way.
func (s *Store) WithdrawTask(ctx context.Context, id interaction.ID, step string, task interaction.ID, force bool) (interaction.Withdrawn, error) {
	return once(ctx, s, id, step, func(t *tx, o openInteraction) (interaction.Withdrawn, error) {
		row, err := one(ctx, t, "task", scanTask, `select `+taskColumns+fromTasks+`where t.id = $1 and t.interaction_id = $2 for update of t`, task, id)
		if interaction.KindOf(err) == interaction.KindUnknown && err != nil {
			return interaction.Withdrawn{State: interaction.TaskDone}, nil
		}
		if err != nil {
			return interaction.Withdrawn{}, err
		}
		if holding(row.State) && !force {
			return interaction.Withdrawn{State: row.State, Agent: row.Agent}, nil
		}
		if err := t.withdraw(ctx, interaction.System, row); err != nil {
			return interaction.Withdrawn{}, err
		}
		return interaction.Withdrawn{Done: true}, t.become(ctx, o, "task.withdrawn", interaction.Automatic)
	})
}

// withdraw ends a task whoever holds it.
func (t *tx) withdraw(ctx context.Context, by interaction.Actor, row taskRow) error {
	if err := t.closeTask(ctx, row, "task.withdrawn", interaction.TaskWithdrawn, "", ""); err != nil {
		return err
	}
	return t.auditTask(ctx, by, row, "task.withdrawn", interaction.TaskWithdrawn, nil)
}

// SaveDraft keeps a draft of a held task; version is that of the draft it replaces, 0 for whatever is there.
func (s *Store) SaveDraft(ctx context.Context, by interaction.Actor, task interaction.ID, version int64, d interaction.Draft) (interaction.Draft, error) {
	return act(ctx, s, by, func(t *tx) (interaction.Draft, error) {
		row, err := t.readTask(ctx, task)
		if err != nil {
			return d, t.closedOr(ctx, by, task, err)
		}
		if !row.visible(by) {
			return d, interaction.Unknown("task")
		}
		if err := row.mine(by, 0); err != nil {
			return d, err
		}
		d.Task, d.Author = task, by.Agent
		err = t.QueryRow(ctx, `
			insert into drafts as d (task_id, author, subject, body, html, attachments) values ($1, $2, $3, $4, $5, $6)
			on conflict (task_id) do update set author = $2, subject = $3, body = $4, html = $5, attachments = $6, saved_at = now(), version = d.version + 1
				where $7 = 0 or d.version = $7
			returning saved_at, version, answers`, task, by.Agent, d.Subject, d.Text, d.HTML, some(d.Attachments), version).Scan(&d.SavedAt, &d.Version, &d.Answers)
		if noRows(err) {
			var now int64
			if err := t.QueryRow(ctx, `select version from drafts where task_id = $1`, task).Scan(&now); err != nil {
				return d, err
			}
			return d, interaction.Stale(now)
		}
		return d, err
	})
}

// TaskDraft gives the draft of a task the actor may know of; an empty one where there is none.
func (s *Store) TaskDraft(ctx context.Context, by interaction.Actor, task interaction.ID) (interaction.Draft, error) {
	d := interaction.Draft{Task: task, Attachments: []interaction.File{}}
	if _, err := s.Task(ctx, by, task); err != nil {
		return d, err
	}
	err := s.pool.QueryRow(ctx, `select author, subject, body, html, attachments, saved_at, version, answers from drafts where task_id = $1`, task).
		Scan(&d.Author, &d.Subject, &d.Text, &d.HTML, &d.Attachments, &d.SavedAt, &d.Version, &d.Answers)
	if noRows(err) {
		return d, nil
	}
	return d, translate(err)
}
