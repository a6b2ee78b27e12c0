package store

import (
	"context"

	"parley/interaction"
)

// InviteChat asks a colleague, or anybody of a group, into a session that the actor takes full part in: who takes the task takes part in
// that mode, until he completes it or the conversation's own task is over.
func (s *Store) InviteChat(ctx context.Context, by interaction.Actor, session, agent interaction.ID, group string, mode interaction.ChatMode, word string) (interaction.ID, error) {
	return act(ctx, s, by, func(t *tx) (interaction.ID, error) {
		if mode != interaction.ChatFull && mode != interaction.ChatCoach {
			return "", interaction.Invalid("bad_mode", "mode", "is full or coach")
		}
		if (agent == "") == (group == "") {
			return "", interaction.Invalid("one_target", "agent_id", "give either agent_id or group")
		}
		if err := t.lockStory(ctx, session); err != nil {
			return "", err
		}
		parent, err := t.chatHandler(ctx, by, session)
		if err != nil {
			return "", err
		}
		consult, err := t.consult(ctx, by, parent, interaction.Asked{Agent: agent, Group: group}, word)
		if err != nil {
			return "", err
		}
		if _, err := t.Exec(ctx, `update tasks set mode = $2 where id = $1`, consult, mode); err != nil {
			return "", err
		}
		return consult, t.audit(ctx, event{Code: "chat.invited", Actor: by, Interaction: session, Task: consult, Data: map[string]any{"mode": mode}})
	})
}

// invited reports whether a consult is an invitation into a chat, which needs no answer to end.
func (t *tx) invited(ctx context.Context, row taskRow) (bool, error) {
	var yes bool
	err := t.QueryRow(ctx, `select mode <> '' from tasks where id = $1`, row.ID).Scan(&yes)
	return yes, err
}

// chatHandler gives the task that the conversation is handled by, to an actor who takes full part in it.
func (t *tx) chatHandler(ctx context.Context, by interaction.Actor, session interaction.ID) (taskRow, error) {
	var mode interaction.ChatMode
	err := t.QueryRow(ctx, `select mode from chat_participants where session_id = $1 and agent_id = $2 and left_at is null`, session, by.Agent).Scan(&mode)
	if noRows(err) {
		return taskRow{}, interaction.Unknown("chat")
	}
	if err != nil {
		return taskRow{}, err
	}
	if mode != interaction.ChatFull {
		return taskRow{}, interaction.Forbidden("forbidden", "you take part as %s; only who speaks to the customer invites", mode)
	}
	row, err := one(ctx, t, "task", scanTask, `select `+taskColumns+fromTasks+`where t.interaction_id = $1 and t.kind = 'handle' order by t.id limit 1 for update of t`, session)
	if interaction.KindOf(err) == interaction.KindUnknown && err != nil {
		return row, interaction.Conflict("no_task", "nobody handles this conversation now")
	}
	return row, err
}
