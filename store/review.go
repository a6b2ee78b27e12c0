package store

import (
	"context"
	"hash/fnv"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// OpenReview decides by the queue's policy whether the reply is reviewed; if so it opens the review, otherwise it
// writes the ledger row: the decision to send. Which replies are drawn follows from the interaction and the message alone, so a step that runs again draws the same.
func (s *Store) OpenReview(ctx context.Context, id interaction.ID, step string, message int64, author interaction.ID, cycles int) (interaction.Review, error) {
	return once(ctx, s, id, step, func(t *tx, o openInteraction) (interaction.Review, error) {
		var percent int
		if err := t.QueryRow(ctx, `select review_percent from queues where name = $1`, o.Queue).Scan(&percent); err != nil {
			return interaction.Review{}, err
		}
		if cycles > 0 || draw(id, message) < percent { // what was returned once is always seen again
			task, err := t.openTask(ctx, o, interaction.Ask{
				Interaction: id, Step: step, Kind: interaction.TaskReview, Message: message, Author: author, Cycles: cycles,
			})
			return interaction.Review{Needed: true, Task: task}, err
		}
		return interaction.Review{}, t.release(ctx, o, message)
	})
}

// draw gives a number from 0 to 99 that belongs to this reply.
func draw(id interaction.ID, message int64) int {
	h := fnv.New32a()
	h.Write([]byte(id))
	h.Write([]byte{byte(message)})
	return int(h.Sum32() % 100)
}

// release decides to send: ledger row and state together.
func (t *tx) release(ctx context.Context, o openInteraction, message int64) error {
	if err := t.queueSend(ctx, o, message); err != nil {
		return err
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
	switch d.Verdict {
	case "approve":
		news.Code = "approved"
		if d.Text != "" || d.HTML != "" || d.Subject != "" {
			if err := t.editReply(ctx, by, row, d); err != nil {
				return err
			}
		}
	case "return":
		if d.Comment == "" {
			return interaction.Invalid("required", "comment", "say what is to be changed")
		}
		news.Code = "returned"
	case "stop":
		if d.Reason == "" {
			return interaction.Invalid("required", "reason", "say why it is stopped, as a code")
		}
		news.Code, news.Value = "stopped", clip(d.Reason, 60)
	case "reassign":
		return t.requeue(ctx, row, by, "task.released", `refused = refused || $2::uuid, reserved_for = null`, by.Agent)
	default:
		return interaction.Invalid("bad_decision", "decision", "is approve, return, stop or reassign")
	}
	if err := t.closeTask(ctx, row, "task.done", interaction.TaskDone, news.Code, d.Comment); err != nil {
		return err
	}
	if err := t.auditTask(ctx, by, row, "task.done", interaction.TaskDone, map[string]any{"decision": news.Code, "message": row.Message}); err != nil {
		return err
	}
	return t.answeredBy(ctx, row, by, news)
}

// editReply changes the reply under review; what it was before stays with the audit.
func (t *tx) editReply(ctx context.Context, by interaction.Actor, row taskRow, d interaction.Decision) error {
	type content struct {
		Subject string `json:"subject"`
		Text    string `json:"text"`
		HTML    string `json:"html"`
	}
	before, err := one(ctx, t, "message", pgx.RowToStructByPos[content],
		`select subject, body, html from messages where interaction_id = $1 and number = $2`, row.Interaction, row.Message)
	if err != nil {
		return err
	}
	after := before
	if d.Text != "" || d.HTML != "" {
		after.Text, after.HTML = d.Text, d.HTML
	}
	if d.Subject != "" {
		after.Subject = d.Subject
	}
	if _, err := t.Exec(ctx, `update messages set subject = $3, body = $4, html = $5 where interaction_id = $1 and number = $2`,
		row.Interaction, row.Message, after.Subject, after.Text, after.HTML); err != nil {
		return err
	}
	return t.audit(ctx, event{
		Code: "reply.edited", Actor: by, Interaction: row.Interaction, Task: row.ID, Data: map[string]any{"message": row.Message},
		Before: before, After: after,
	})
}
