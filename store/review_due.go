package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// dueBatch is how many reviews one look finds at most.
const dueBatch = 50

// queueDue looks for reviews whose deadline has passed. While the interaction is on hold the deadline waits.
func queueDue(batch *pgx.Batch) *[]interaction.ID {
	due := new([]interaction.ID)
	batch.Queue(`select r.task_id from open_reviews r join tasks t on t.id = r.task_id
		where r.due_at <= now() and t.state <> 'suspended' order by r.due_at limit $1`, dueBatch).Query(func(rows pgx.Rows) (err error) {
		*due, err = pgx.CollectRows(rows, pgx.RowTo[interaction.ID])
		return err
	})
	return due
}

// passDeadlines does for each of these reviews what its policy says. Each is a transaction of its own that looks again whether it is still due, so whoever
// does it at the same time, and wherever a process dies, it is done once. One that fails is left for the next look.
func (s *Store) passDeadlines(ctx context.Context, due []interaction.ID) {
	for _, id := range due {
		if err := s.inTx(ctx, func(t *tx) error { return t.passDeadline(ctx, id) }); err != nil && ctx.Err() == nil {
			s.log.Warn("review's deadline not passed", "task", id, "error", err)
		}
	}
}

func (t *tx) passDeadline(ctx context.Context, id interaction.ID) error {
	row, err := t.lockTask(ctx, interaction.System, id)
	if kind := interaction.KindOf(err); err != nil {
		if kind == interaction.KindUnknown || kind == interaction.KindConflict {
			return nil // somebody decided at this moment
		}
		return err
	}
	var policy struct {
		overdue    interaction.Overdue
		escalateTo string
		passed     int
	}
	err = t.QueryRow(ctx, `select overdue, escalate_to, passed from open_reviews where task_id = $1 and due_at <= now() for update`, id).
		Scan(&policy.overdue, &policy.escalateTo, &policy.passed)
	if noRows(err) || err == nil && row.State == interaction.TaskSuspended {
		return nil
	}
	if err != nil {
		return err
	}
	held := row.State != interaction.TaskQueued
	switch {
	case policy.overdue == interaction.OverdueRelease:
		return t.releaseUnseen(ctx, row)
	case policy.overdue == interaction.OverdueReassign && held && policy.passed == 0:
		return t.reassignOverdue(ctx, row)
	}
	return t.escalateReview(ctx, row, policy.escalateTo)
}

// releaseUnseen lets the reply leave as its author wrote it.
func (t *tx) releaseUnseen(ctx context.Context, row taskRow) error {
	open, err := t.openReview(ctx, row.ID)
	if err != nil {
		return err
	}
	if err := t.closeTask(ctx, row, "review.released", interaction.TaskDone, "released", ""); err != nil {
		return err
	}
	if err := t.auditTask(ctx, interaction.System, row, "review.released", interaction.TaskDone, map[string]any{"message": row.Message, "policy": open.Policy}); err != nil {
		return err
	}
	if err := t.keepResult(ctx, interaction.System, row, open, "released", reviewResult{}); err != nil {
		return err
	}
	return t.answeredBy(ctx, row, interaction.System, interaction.News{Kind: interaction.NewsDecision, Task: row.ID, Message: row.Message, Code: "approved"})
}

// reassignOverdue takes the review from who has it; the others have as much time as he had.
func (t *tx) reassignOverdue(ctx context.Context, row taskRow) error {
	if _, err := t.Exec(ctx, `update open_reviews set passed = passed + 1, due_at = now() + make_interval(secs => greatest(seconds, 60)) where task_id = $1`, row.ID); err != nil {
		return err
	}
	return t.requeue(ctx, row, interaction.System, "task.taken_back", `refused = refused || $2::uuid, reserved_for = null`, row.Agent)
}

// escalated is how much sooner than others an escalated review goes.
const escalated = 10

// escalateReview asks another group's seniors as well and puts the review before others. It has no deadline from then on.
func (t *tx) escalateReview(ctx context.Context, row taskRow, group string) error {
	if row.State != interaction.TaskQueued {
		if err := t.requeue(ctx, row, interaction.System, "task.taken_back", `refused = refused || $2::uuid, reserved_for = null`, row.Agent); err != nil {
			return err
		}
		row.State = interaction.TaskQueued
	}
	if _, err := t.Exec(ctx, `with r as (update open_reviews set passed = passed + 1, due_at = null where task_id = $1)
		update tasks set priority = priority + $2, reserved_for = null, group_name = case when $3 = '' then group_name else $3 end,
			chain = case when $3 = '' then chain else jsonb_build_array(jsonb_build_object('kind', 'group', 'name', $3::text)) end,
			chain_step = 0, chain_since = now(), version = version + 1
		where id = $1`, row.ID, escalated, group); err != nil {
		return err
	}
	if err := t.openFirstLink(ctx, row.ID); err != nil {
		return err
	}
	t.tasks = true
	return t.auditTask(ctx, interaction.System, row, "review.escalated", interaction.TaskQueued, map[string]any{"group": group, "priority": row.Priority + escalated})
}
