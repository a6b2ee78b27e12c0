package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"parley/interaction"
)

// room is the condition that an agent's row has room for one more task of class t.class, and taking it. It is what package routing
// matches by (crowded there); a test holds the two together.
const (
	room = ` a.enabled and coalesce((a.load->>t.class)::int, 0) < coalesce((a.limits->>t.class)::int, 10)
		and case when a.capacity = '{}' then a.load_total < coalesce((a.limits->>'total')::int, 10)
			else within_capacity(a.load, a.limits, a.capacity, t.class) end `
	attended = room + ` and not a.away ? t.class ` // and that he has not said he is not ready for the class
	takeRoom = ` load = jsonb_set(a.load, array[t.class], to_jsonb(coalesce((a.load->>t.class)::int, 0) + 1)), load_total = a.load_total + 1 `
)

// free is the condition that a queued task is nobody else's before agent $2 of role $3; suits adds that it asks for what he has, in groups $4.
const (
	free = ` t.state = 'queued' and (t.not_before is null or t.not_before <= now())
		and (t.reserved_for is null or t.reserved_for = $2 or t.reserved_until <= now())
		and t.author is distinct from $2
		and (t.kind <> 'review' or $3 in ('senior', 'supervisor', 'admin')) `
	suits = free + ` and (t.reserved_for = $2 or t.group_name = any($4)
		or t.kind <> 'consult' and not t.shut and ($3 = 'admin' or q.group_name = any($4))
			and (t.skill = '' or exists (select 1 from agent_skills s where s.agent_id = $2 and s.skill = t.skill and s.level >= t.level))) `
)

// claimTask is the claim of one task ($1), claimFirst that of the first in line, of queue $1 or (empty) of any. Each is one statement: it
// locks the task, then the agent, and changes both or neither. Who waits for the lock of the task sees the row as it is then; who
// takes the first in line does not wait and goes on to the next. The audit line is part of it. Alone ($5 false) they leave chats, and lines that
// chats wait in, to the transaction in which their agent joins.
const (
	claimTask = `
	with t as (` + claimable + ` where t.id = $1 and ($5 or t.channel <> 'chat') and ` + suits + ` for update of t),` + claimed

	claimFirst = `
	with c as materialized (` + inLine + `),
	t as (` + claimable + ` join c on c.id = t.id
		where ($5 or not exists (select 1 from tasks w where w.state = 'queued' and w.channel = 'chat')) and ` + suits + ` order by c.turn, c.place, c.id limit 1 for update of t skip locked),` + claimed

	claimable = `select t.id, t.class, t.queue, t.kind, t.interaction_id, q.handle_seconds` + fromTasks

	claimed = `
	a as (
		select a.id, a.load, a.load_total from agents a, t where a.id = $2 and ` + room + ` for update of a),
	held as (
		update tasks set state = 'held', agent_id = a.id, version = tasks.version + 1, offer_until = null,
			handle_until = now() + make_interval(secs => t.handle_seconds)
		from t, a where tasks.id = t.id returning tasks.*),
	loaded as (
		update agents set ` + takeRoom + ` from t, a, held where agents.id = a.id),
	line as (
		insert into events (code, actor, interaction_id, task_id, queue, from_state, to_state, data)
		select 'task.claimed', $2, t.interaction_id, t.id, t.queue, 'queued', 'held', jsonb_build_object('kind', t.kind, 'agent', $2::text) from t, held)
	select ` + taskColumns + ` from held t join queues q on q.name = t.queue`
)

// inLine gives the first few tasks that suit agent $2 and that he has room for, out of each line that he stands at: what is reserved for him; of each
// queue of his groups what asks for no skill or for one of his; what is open to a group of his. An index gives each line in its order.
const inLine = `
	select w.* from agents a cross join lateral (
		select 0 as turn, t.place, t.id ` + fromTasks + ` where t.reserved_for = $2 and ($1 = '' or t.queue = $1) and ` + suits + ` and ` + attended + `
		union
		select 1, l.place, l.id
		from queues q cross join (select '' as skill, 0 as level union all select skill, level from agent_skills where agent_id = $2) s
			cross join lateral (
				select t.place, t.id from tasks t
				where t.queue = q.name and t.skill = s.skill and t.level <= s.level and t.kind <> 'consult' and not t.shut and ` + free + ` and ` + attended + ` order by t.place, t.id limit 4) l
		where ($3 = 'admin' or q.group_name = any($4)) and ($1 = '' or q.name = $1)
		union
		select 1, l.place, l.id from (
			select t.place, t.id ` + fromTasks + ` where t.group_name <> '' and t.group_name = any($4) and ($1 = '' or t.queue = $1) and ` + suits + ` and ` + attended + `
			order by t.place, t.id limit 4) l) w
	where a.id = $2 order by w.turn, w.place, w.id limit 8`

// Claim gives a queued task to the actor, or says who or what stands in the way. Exactly one of any number of claimants gets it.
func (s *Store) Claim(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.Task, error) {
	return s.claim(ctx, by, claimTask, id, func(t *tx) error { return t.whyNot(ctx, by, id) })
}

// ClaimNext gives the actor the first task in line that suits him, optionally of one queue; unknown when there is none.
func (s *Store) ClaimNext(ctx context.Context, by interaction.Actor, queue string) (interaction.Task, error) {
	single := func() (interaction.Task, error) {
		return s.claim(ctx, by, claimFirst, queue, func(t *tx) error { return t.whyNone(ctx, by, queue) })
	}
	if _, keyed := ctx.Value(requestKey{}).(request); keyed { // its answer is kept in the transaction of the claim
		return single()
	}
	return s.claimTogether(ctx, by, queue, single)
}

// claim runs one of the two statements. Where it stands alone, because the client asked under no key, it is its own transaction, in
// one round trip; when it changed nothing, or under a key, it runs in one with what goes with it.
func (s *Store) claim(ctx context.Context, by interaction.Actor, statement string, what any, whyNot func(*tx) error) (interaction.Task, error) {
	if _, keyed := ctx.Value(requestKey{}).(request); !keyed {
		row, err := one(ctx, s.pool, "task", scanTask, statement, what, by.Agent, by.Role, some(by.Groups), false)
		if err == nil {
			s.others.add((&tx{tasks: true, events: true}).tell(s.wake)...)
		}
		if err == nil || interaction.KindOf(err) != interaction.KindUnknown {
			return row.Task, err
		}
	}
	for {
		task, err := act(ctx, s, by, func(t *tx) (interaction.Task, error) {
			for range 5 { // others may have been quicker, each time
				row, err := t.claimBy(ctx, by, statement, what)
				if err == nil || interaction.KindOf(err) != interaction.KindUnknown {
					return row.Task, err
				}
				if err := whyNot(t); err != nil {
					return row.Task, err
				}
			}
			return interaction.Task{}, nothingWaiting()
		})
		if !errors.Is(err, errStoryBusy) || !pause(ctx, storyPause) {
			return task, err
		}
	}
}

// claimBy runs one of the two statements inside a transaction that does more; unknown when it changed nothing.
func (t *tx) claimBy(ctx context.Context, by interaction.Actor, statement string, what any) (taskRow, error) {
	row, err := one(ctx, t, "task", scanTask, statement, what, by.Agent, by.Role, some(by.Groups), true)
	if err != nil {
		return row, err
	}
	t.tasks, t.events = true, true
	if row.Channel != interaction.Chat || row.Kind != interaction.TaskHandle && row.Kind != interaction.TaskConsult {
		return row, nil
	}
	if err := t.takeStory(ctx, row.Interaction); err != nil {
		return row, err
	}
	return row, t.enterChat(ctx, by, row.ID, row.Interaction, row.Kind)
}

// claim is the claim of one task inside a transaction that does more.
func (t *tx) claim(ctx context.Context, by interaction.Actor, id interaction.ID) (bool, error) {
	_, err := t.claimBy(ctx, by, claimTask, id)
	if err != nil && interaction.KindOf(err) == interaction.KindUnknown {
		return false, nil
	}
	return err == nil, err
}

// storyPause is how long a claim waits for who holds its interaction's row; transactions are short.
const storyPause = 5 * time.Millisecond

// errStoryBusy says that somebody else holds the interaction's row at this moment.
var errStoryBusy = errors.New("the interaction is being changed")

// takeStory locks the interaction behind its task's lock, against the house's order: so it does not wait, and its transaction begins anew when the row is taken.
func (t *tx) takeStory(ctx context.Context, id interaction.ID) error {
	_, err := t.Exec(ctx, `select 1 from interactions where id = $1 for update nowait`, id)
	if isCode(err, lockNotAvailable) {
		return errStoryBusy
	}
	return err
}

func nothingWaiting() error {
	return &interaction.Error{
		Kind: interaction.KindUnknown, Code: "nothing_waiting", Text: "nothing that suits you is waiting now; ask again in a moment",
	}
}

// whyNone finds out why there was nothing in line: nothing waits, or the actor has no room for what does. Nil: something waits by now.
func (t *tx) whyNone(ctx context.Context, by interaction.Actor, queue string) error {
	var waiting bool
	if err := t.QueryRow(ctx, `select exists (`+inLine+`)`, queue, by.Agent, by.Role, some(by.Groups)).Scan(&waiting); err != nil || waiting {
		return err
	}
	var first interaction.ID
	err := t.QueryRow(ctx, `select t.id`+fromTasks+`where `+suits+` and ($1 = '' or t.queue = $1) order by t.place, t.id limit 1`,
		queue, by.Agent, by.Role, some(by.Groups)).Scan(&first)
	if noRows(err) {
		return nothingWaiting()
	}
	if err != nil {
		return err
	}
	if err := t.full(ctx, by, first); err != nil {
		return err
	}
	return nothingWaiting()
}

// whyNot finds out why a claim changed nothing.
func (t *tx) whyNot(ctx context.Context, by interaction.Actor, id interaction.ID) error {
	row, err := t.readTask(ctx, id)
	if err != nil {
		return t.closedOr(ctx, by, id, err)
	}
	if !row.visible(by) {
		return interaction.Unknown("task")
	}
	switch {
	case row.State != interaction.TaskQueued:
		return taken(row)
	case row.Author == by.Agent:
		return interaction.Forbidden("own_reply", "nobody reviews his own reply")
	case row.ReservedFor != "" && row.ReservedFor != by.Agent && row.ReservedUntil.After(time.Now()):
		return interaction.Conflict("reserved", "the task is reserved for somebody else until %s", row.ReservedUntil.Format(time.RFC3339)).
			With("agent", row.ReservedFor)
	case row.NotBefore.After(time.Now()):
		return interaction.Conflict("too_early", "the task is not due before %s", row.NotBefore.Format(time.RFC3339))
	case row.Kind == interaction.TaskReview && !by.AtLeast(interaction.RoleSenior):
		return interaction.Forbidden("seniors_only", "a review is for seniors and supervisors")
	}
	if err := t.full(ctx, by, id); err != nil {
		return err
	}
	var shut bool
	if err := t.QueryRow(ctx, `select shut from tasks where id = $1`, id).Scan(&shut); err != nil && !noRows(err) {
		return err
	}
	if shut && !slices.Contains(by.Groups, row.Demand.Group) {
		return interaction.Forbidden("group_only", "the task is open to group %s only", row.Demand.Group).With("group", row.Demand.Group)
	}
	if row.Demand.Skill != "" {
		return interaction.Forbidden("skill_missing", "the task asks for %s at level %d", row.Demand.Skill, row.Demand.Level).
			With("skill", row.Demand.Skill).With("level", row.Demand.Level)
	}
	return interaction.Conflict("try_again", "the task changed at this moment; look at it again")
}

func taken(row taskRow) error {
	e := interaction.Conflict("task_taken", "the task is %s already", row.State).With("state", row.State)
	if row.Agent != "" {
		e = e.With("agent", row.Agent)
	}
	return e
}

// full says that the agent has no room for the task, if so.
func (t *tx) full(ctx context.Context, by interaction.Actor, id interaction.ID) error {
	var fits bool
	var load, limits map[string]int
	var capacity interaction.Capacity
	err := t.QueryRow(ctx, `select `+room+`, a.load, a.limits, a.capacity from agents a, tasks t where a.id = $1 and t.id = $2`, by.Agent, id).
		Scan(&fits, &load, &limits, &capacity)
	if noRows(err) || err == nil && fits {
		return nil
	}
	if err != nil {
		return err
	}
	return interaction.Conflict("at_capacity", "you hold as many tasks as you may; finish or release one first").
		With("load", load).With("limits", limits).With("capacity", capacity)
}
