package store

import (
	"context"

	"parley/interaction"
)

// lockStory locks an interaction's row, open or not, before anything of its chat is: the workflow is to hear of it.
func (t *tx) lockStory(ctx context.Context, id interaction.ID) error {
	_, err := t.Exec(ctx, `select 1 from interactions where id = $1 for update`, id)
	return err
}

// enterChat brings who takes a chat's task into its session, in the transaction that gives him the task. The interaction's row is locked.
func (t *tx) enterChat(ctx context.Context, by interaction.Actor, task, session interaction.ID, kind interaction.TaskKind) error {
	mode := interaction.ChatFull
	switch kind {
	case interaction.TaskHandle:
	case interaction.TaskConsult:
		if err := t.QueryRow(ctx, `select mode from tasks where id = $1`, task).Scan(&mode); err != nil {
			return err
		}
		if mode == "" { // a question about the chat, not an invitation into it
			return nil
		}
	default:
		return nil
	}
	log, c, err := t.lockChat(ctx, session)
	if err != nil {
		return err
	}
	who, err := t.placeChat(ctx, c, by, mode, task)
	if err != nil {
		return err
	}
	if kind == interaction.TaskHandle {
		c.Sleeping = false
	}
	if c.EndedAt == nil {
		log.arrive(c, who, "", mode)
		policy, err := t.chatPolicy(ctx, c.EntryPoint)
		if err != nil {
			return err
		}
		if mode == interaction.ChatFull {
			log.wake(c, policy)
		}
	}
	if err := log.keep(ctx, t); err != nil {
		return err
	}
	if kind == interaction.TaskHandle {
		if err := t.addNews(ctx, session, interaction.News{Kind: interaction.NewsJoined, Agent: by.Agent, Task: task}, ""); err != nil {
			return err
		}
	}
	joined := event{Code: "chat.joined", Actor: by, Interaction: session, Task: task, Data: map[string]any{"mode": mode, "message": c.Last}}
	if kind == interaction.TaskHandle { // by the queue's lines it is estimated how long others will wait
		if err := t.QueryRow(ctx, `select queue from tasks where id = $1`, task).Scan(&joined.Queue); err != nil {
			return err
		}
	}
	return t.audit(ctx, joined)
}

// placeChat writes the participant's row; the role of who has no task there is supervisor.
func (t *tx) placeChat(ctx context.Context, c *chatRow, by interaction.Actor, mode interaction.ChatMode, task interaction.ID) (interaction.Party, error) {
	who := interaction.Party{Role: interaction.ChatAgent, Agent: by.Agent}
	if task == "" {
		who.Role = interaction.ChatSupervisor
	}
	err := t.QueryRow(ctx, `
		insert into chat_participants as p (session_id, agent_id, role, name, mode, task_id) select $1, id, $3, name, $4, $5 from agents where id = $2
		on conflict (session_id, agent_id) do update set mode = $4, left_at = null, joined_at = case when p.left_at is null then p.joined_at else now() end,
			role = case when $5::uuid is null and p.left_at is null then p.role else $3 end,
			task_id = coalesce($5, case when p.left_at is null then p.task_id end)
		returning role, name`, c.ID, by.Agent, who.Role, mode, task).Scan(&who.Role, &who.Name)
	return who, err
}

// arrive tells those in the session of a change of somebody's mode; "" means not there. The customer learns of full participants only, and
// silent ones are told to nobody.
func (l *chatLog) arrive(c *chatRow, who interaction.Party, from, to interaction.ChatMode) {
	if from == to {
		return
	}
	switch from {
	case interaction.ChatFull:
		l.add(c, interaction.ChatMessage{From: who, Kind: interaction.ChatLeft})
	case interaction.ChatCoach:
		l.add(c, interaction.ChatMessage{From: who, Kind: interaction.ChatLeft, Text: string(from), Internal: true})
	}
	switch to {
	case interaction.ChatFull:
		l.add(c, interaction.ChatMessage{From: who, Kind: interaction.ChatJoined})
	case interaction.ChatCoach:
		l.add(c, interaction.ChatMessage{From: who, Kind: interaction.ChatJoined, Text: string(to), Internal: true})
	}
}

// leaveChat takes who loses a chat's task out of its session, in the transaction that takes the task from him. The interaction's row is locked.
func (t *tx) leaveChat(ctx context.Context, row taskRow, sleeps bool) error {
	if row.Channel != interaction.Chat || row.State != interaction.TaskHeld || row.Kind != interaction.TaskHandle && row.Kind != interaction.TaskConsult {
		return nil
	}
	log, c, err := t.lockChat(ctx, row.Interaction)
	if err != nil {
		if interaction.KindOf(err) == interaction.KindUnknown {
			return nil // an interaction of the channel without a session has nobody in it
		}
		return err
	}
	var who interaction.Party
	var mode interaction.ChatMode
	err = t.QueryRow(ctx, `update chat_participants set left_at = now(), task_id = null where session_id = $1 and task_id = $2 and left_at is null
		returning role, name, agent_id, mode`, c.ID, row.ID).Scan(&who.Role, &who.Name, &who.Agent, &mode)
	if noRows(err) {
		return nil
	}
	if err != nil {
		return err
	}
	c.Sleeping = c.Sleeping || sleeps
	if c.EndedAt == nil {
		log.arrive(c, who, mode, "")
	}
	if err := t.restChat(ctx, c); err != nil {
		return err
	}
	if err := log.keep(ctx, t); err != nil {
		return err
	}
	if row.Kind == interaction.TaskHandle && c.EndedAt == nil {
		gone := interaction.News{Kind: interaction.NewsLeft, Agent: who.Agent, Task: row.ID}
		if sleeps {
			gone.Code = "asleep"
		}
		if err := t.addNews(ctx, c.ID, gone, ""); err != nil {
			return err
		}
	}
	return t.audit(ctx, event{Code: "chat.left", Interaction: c.ID, Task: row.ID, Data: map[string]any{"agent": who.Agent, "mode": mode, "message": c.Last}})
}

// restChat stops the clock of inactivity when nobody is left to answer, nor a question open. An asynchronous session that was put away until its
// customer speaks waits for him: its clock goes on, so that it does not sleep for ever.
func (t *tx) restChat(ctx context.Context, c *chatRow) error {
	if c.DueAt == nil || c.Asking != nil {
		return nil
	}
	var anybody bool
	err := t.QueryRow(ctx, `select exists (select 1 from chat_participants where session_id = $1 and left_at is null and mode = 'full')
		or $2 and (select async from chat_sessions where interaction_id = $1)
			and exists (select 1 from tasks where interaction_id = $1 and state = 'snoozed' and not_before is null)`, c.ID, c.Sleeping).Scan(&anybody)
	if !anybody {
		c.DueAt = nil
	}
	return err
}

// JoinChat brings a supervisor in, or changes how he or an agent takes part; mode "" takes him out. Whoever may not know of
// the session is told that there is none. An agent comes and goes with his task.
func (s *Store) JoinChat(ctx context.Context, by interaction.Actor, session interaction.ID, mode interaction.ChatMode) (interaction.ChatSession, error) {
	_, err := act(ctx, s, by, func(t *tx) (nothing, error) { return nothing{}, t.joinChat(ctx, by, session, mode) })
	if err != nil {
		return interaction.ChatSession{}, err
	}
	return s.chatSession(ctx, ` where s.interaction_id = $1`, session)
}

func (t *tx) joinChat(ctx context.Context, by interaction.Actor, session interaction.ID, mode interaction.ChatMode) error {
	switch mode {
	case interaction.ChatFull, interaction.ChatCoach, interaction.ChatSilent, "":
	default:
		return interaction.Invalid("bad_mode", "mode", "is full, coach or silent")
	}
	log, c, err := t.lockChat(ctx, session)
	if err != nil {
		return err
	}
	var now interaction.ChatMode
	var task interaction.ID
	var kind string
	err = t.QueryRow(ctx, `select p.mode, p.task_id, coalesce(t.kind, '') from chat_participants p left join tasks t on t.id = p.task_id
		where p.session_id = $1 and p.agent_id = $2 and p.left_at is null`, session, by.Agent).Scan(&now, &task, &kind)
	if err != nil && !noRows(err) {
		return err
	}
	if now == "" {
		if err := t.mayWatch(ctx, by, session); err != nil {
			return err
		}
	}
	switch {
	case now == mode:
		return nil
	case task != "" && (mode == "" || kind == string(interaction.TaskHandle)):
		return interaction.Conflict("has_task", "you are here with a task; release, transfer or complete it").With("task", task)
	case c.EndedAt != nil && mode != "":
		return interaction.Conflict("chat_ended", "the conversation is over").With("ended_by", c.EndedBy)
	}
	return t.changeMode(ctx, log, c, by, now, mode)
}

// mayWatch lets in supervisors who may know of the interaction.
func (t *tx) mayWatch(ctx context.Context, by interaction.Actor, session interaction.ID) error {
	err := t.visibleInteraction(ctx, by, session)
	if interaction.KindOf(err) == interaction.KindUnknown && err != nil || err == nil && !by.AtLeast(interaction.RoleSupervisor) {
		return interaction.Unknown("chat")
	}
	return err
}

func (t *tx) changeMode(ctx context.Context, log *chatLog, c *chatRow, by interaction.Actor, now, mode interaction.ChatMode) error {
	var who interaction.Party
	var err error
	if mode == "" {
		who = interaction.Party{Agent: by.Agent}
		err = t.QueryRow(ctx, `update chat_participants set left_at = now() where session_id = $1 and agent_id = $2 returning role, name`, c.ID, by.Agent).Scan(&who.Role, &who.Name)
	} else {
		who, err = t.placeChat(ctx, c, by, mode, "")
	}
	if err != nil {
		return err
	}
	if c.EndedAt == nil {
		log.arrive(c, who, now, mode)
	}
	if mode == interaction.ChatFull {
		policy, err := t.chatPolicy(ctx, c.EntryPoint)
		if err != nil {
			return err
		}
		log.wake(c, policy)
	} else if err := t.restChat(ctx, c); err != nil {
		return err
	}
	if err := log.keep(ctx, t); err != nil {
		return err
	}
	code := "chat.joined"
	if mode == "" {
		code = "chat.left"
	}
	return t.audit(ctx, event{Code: code, Actor: by, Interaction: c.ID, From: string(now), To: string(mode), Data: map[string]any{"mode": mode, "message": c.Last}})
}
