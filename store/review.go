package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// OpenReview decides by policy whether the reply is reviewed; if so it opens the review, otherwise it writes the ledger row: the decision to
// send. What was returned once is always seen again.
func (s *Store) OpenReview(ctx context.Context, id interaction.ID, step string, message int64, author interaction.ID, cycles int) (interaction.Review, error) {
	return once(ctx, s, id, step, func(t *tx, o openInteraction) (interaction.Review, error) {
		d, err := t.drawReview(ctx, o, message, author)
		if err != nil {
			return interaction.Review{}, err
		}
		if cycles > 0 {
			d.Rate, d.Reason = 100, "returned_before"
		}
		line := event{Code: "review.drawn", Interaction: id, Queue: o.Queue, Data: map[string]any{
			"message": message, "author": author, "policy": d.Policy, "rate": d.Rate, "reason": d.Reason, "number": d.Number,
		}}
		if d.Number >= d.Rate {
			line.Code = "review.spared"
			if err := t.audit(ctx, line); err != nil {
				return interaction.Review{}, err
			}
			return interaction.Review{}, t.release(ctx, o, message)
		}
		line.Task, err = t.openTask(ctx, o, interaction.Ask{
			Interaction: id, Step: step, Kind: interaction.TaskReview, Message: message, Author: author, Cycles: cycles,
		})
		if err != nil {
			return interaction.Review{}, err
		}
		if err := t.keepReview(ctx, line.Task, d); err != nil {
			return interaction.Review{}, err
		}
		return interaction.Review{Needed: true, Task: line.Task}, t.audit(ctx, line)
	})
}

// keepReview keeps why the reply is reviewed and by when; it goes with the task.
func (t *tx) keepReview(ctx context.Context, task interaction.ID, d drawn) error {
	if err := t.objectiveOf(ctx, task, d.objective); err != nil {
		return err
	}
	// By the policy's time or its share of the service objective, whichever is sooner; a reviewer has a minute at least.
	t.put(`insert into open_reviews (task_id, policy, rate, reason, number, form, seconds, overdue, escalate_to, due_at)
		select $1, $2, $3, $4, $5, $6, $7, $8, $9, least(now() + make_interval(secs => nullif($7::int, 0)), case when due_at is not null then greatest(due_at, now() + interval '1 minute') end)
		from tasks where id = $1`,
		task, d.Policy, d.Rate, d.Reason, d.Number, d.form, int(d.time/time.Second), d.overdue, d.escalateTo)
	return nil
}

// objectiveOf makes a share of the queue's service objective, counted from the interaction's arrival in open time, the review's own.
func (t *tx) objectiveOf(ctx context.Context, task interaction.ID, percent int) error {
	if percent == 0 {
		return nil
	}
	var objective int
	var opened time.Time
	err := t.QueryRow(ctx, `select q.objective_seconds, t.opened_at from tasks t join queues q on q.name = t.queue where t.id = $1`, task).Scan(&objective, &opened)
	if err != nil || objective == 0 {
		return err
	}
	return t.setDue(ctx, task, opened, time.Duration(objective)*time.Second*time.Duration(percent)/100)
}

// release decides to send: ledger row and state together.
func (t *tx) release(ctx context.Context, o openInteraction, message int64) error {
	refused, err := t.queueSend(ctx, o, message)
	if err != nil {
		return err
	}
	if refused != "" {
		return t.audit(ctx, event{
			Code: "send.refused", Interaction: o.ID, To: string(interaction.SendNotSent), Data: map[string]any{"message": message, "code": refused},
		})
	}
	if err := t.become(ctx, o, "send.begun", interaction.Sending); err != nil {
		return err
	}
	return t.audit(ctx, event{
		Code: "send.queued", Interaction: o.ID, To: string(interaction.SendQueued), Data: map[string]any{"message": message},
	})
}

// ReleaseReply decides to send a reply that was approved.
func (s *Store) ReleaseReply(ctx context.Context, id interaction.ID, step string, message int64) error {
	_, err := once(ctx, s, id, step, func(t *tx, o openInteraction) (nothing, error) {
		return nothing{}, t.release(ctx, o, message)
	})
	return err
}

// Decide ends a review. The reviewer need not have claimed it; nobody decides on his own reply, and what another reviewer holds is his.
func (s *Store) Decide(ctx context.Context, by interaction.Actor, id interaction.ID, version int64, d interaction.Decision) error {
	_, err := act(ctx, s, by, func(t *tx) (nothing, error) {
		row, err := t.lockTask(ctx, by, id)
		if err != nil {
			return nothing{}, err
		}
		if err := mayDecide(row, by, version); err != nil {
			return nothing{}, err
		}
		if row.State == interaction.TaskQueued {
			won, err := t.claim(ctx, by, id)
			if err != nil {
				return nothing{}, err
			}
			if !won {
				return nothing{}, t.whyNot(ctx, by, id)
			}
			row.State, row.Agent = interaction.TaskHeld, by.Agent
		}
		return nothing{}, t.decide(ctx, by, row, d)
	})
	return err
}

func mayDecide(row taskRow, by interaction.Actor, version int64) error {
	switch {
	case row.Kind != interaction.TaskReview:
		return interaction.Unknown("review")
	case row.Author == by.Agent:
		return interaction.Forbidden("own_reply", "nobody reviews his own reply")
	case row.State == interaction.TaskQueued && (version == 0 || version == row.Version):
		return nil
	}
	return row.mine(by, version)
}

func (t *tx) decide(ctx context.Context, by interaction.Actor, row taskRow, d interaction.Decision) error {
	news := interaction.News{Kind: interaction.NewsDecision, Task: row.ID, Message: row.Message, Agent: by.Agent}
	result := reviewResult{verdict: d.Verdict}
	open, err := t.openReview(ctx, row.ID)
	if err != nil {
		return err
	}
	switch d.Verdict {
	case interaction.VerdictApprove:
		news.Code = "approved"
		if result.edited, err = t.editReply(ctx, by, row, d); err != nil {
			return err
		}
	case interaction.VerdictReturn:
		if d.Comment == "" {
			return interaction.Invalid("required", "comment", "say what is to be changed")
		}
		news.Code = "returned"
	case interaction.VerdictStop:
		if d.Reason == "" {
			return interaction.Invalid("required", "reason", "say why it is stopped, as a code")
		}
		news.Code, news.Value = "stopped", clip(d.Reason, 60)
	case interaction.VerdictReassign:
		return t.reassignReview(ctx, by, row, d.Agent)
	default:
		return interaction.Invalid("bad_decision", "decision", "is approve, return, stop or reassign")
	}
	if result.form, result.answers, result.score, err = t.evaluate(ctx, open, d); err != nil {
		return err
	}
	if err := t.closeTask(ctx, row, "task.done", interaction.TaskDone, news.Code, d.Comment); err != nil {
		return err
	}
	if err := t.auditTask(ctx, by, row, "task.done", interaction.TaskDone, map[string]any{
		"decision": news.Code, "message": row.Message, "edited": result.edited, "score": result.score, "author": row.Author,
	}); err != nil {
		return err
	}
	if err := t.keepResult(ctx, by, row, open, news.Code, result); err != nil {
		return err
	}
	if err := t.learn(ctx, by, row, open.Policy, d.Verdict, result.edited); err != nil {
		return err
	}
	return t.answeredBy(ctx, row, by, news)
}

// reassignReview gives a review to others: to anybody but who has it, or to one reviewer by name.
func (t *tx) reassignReview(ctx context.Context, by interaction.Actor, row taskRow, to interaction.ID) error {
	if to == "" {
		return t.requeue(ctx, row, by, "task.released", `refused = refused || $2::uuid, reserved_for = null`, by.Agent)
	}
	if to == row.Author {
		return interaction.Invalid("own_reply", "agent_id", "is the author, who never decides on his own reply")
	}
	if err := t.checkFor(ctx, "agent_id", to, row); err != nil {
		return err
	}
	return t.requeue(ctx, row, by, "task.released", `refused = array_remove(refused, $2), reserved_for = $2, reserved_until = now() + make_interval(secs => $3)`,
		to, reservation.Seconds())
}

// editReply changes the reply under review and tells whether anything is different; what it was before stays with the audit.
func (t *tx) editReply(ctx context.Context, by interaction.Actor, row taskRow, d interaction.Decision) (bool, error) {
	if d.Text == "" && d.HTML == "" && d.Subject == "" {
		return false, nil
	}
	before, err := one(ctx, t, "message", pgx.RowToStructByPos[interaction.Content],
		`select subject, body, html from messages where interaction_id = $1 and number = $2`, row.Interaction, row.Message)
	if err != nil {
		return false, err
	}
	after := before
	if d.Text != "" || d.HTML != "" {
		after.Text, after.HTML = d.Text, d.HTML
	}
	if d.Subject != "" {
		after.Subject = d.Subject
	}
	if after == before {
		return false, nil
	}
	t.put(`update messages set subject = $3, body = $4, html = $5 where interaction_id = $1 and number = $2`,
		row.Interaction, row.Message, after.Subject, after.Text, after.HTML)
	return true, t.audit(ctx, event{
		Code: "reply.edited", Actor: by, Interaction: row.Interaction, Task: row.ID, Data: map[string]any{"message": row.Message},
		Before: before, After: after,
	})
}

// Edits gives what reviewers changed in a message of an interaction that the actor may know of, oldest first.
func (s *Store) Edits(ctx context.Context, by interaction.Actor, id interaction.ID, message int64) ([]interaction.Edit, error) {
	if _, err := s.InteractionMessage(ctx, by, id, message); err != nil {
		return nil, err
	}
	rows, err := s.pool.Query(ctx, `select e.actor, e.at, e.task_id, coalesce(v.before, '{}'), coalesce(v.after, '{}') from events e join event_values v using (position)
		where e.interaction_id = $1 and e.at >= $2 and e.code = 'reply.edited' and (e.data->>'message')::bigint = $3 order by e.position`,
		id, id.Time().Add(-time.Hour), message)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[interaction.Edit])
	return list, translate(err)
}
