package store

import (
	"fmt"

	"github.com/jackc/pgx/v5"
)

// This file is what happens by time alone. Each clock is one statement that finds by the database's clock what is due,
// changes it and writes the audit. It never waits for a lock (what somebody is changing at this moment is
// left for the next time), so any number of processes may run it at once, and what one has done the next one does not find.

// clockBatch is how many tasks one statement changes at most, so that none holds many locks for long.
const clockBatch = 200

// backToQueue is the middle of a clock that puts tasks back: t are the tasks that are due, locked, with the state they are in; of their
// agents those count whose rows are free. The tasks are queued again, their age and drafts kept, and the load is given back.
// A reservation for who did not take the task ends, but a question asked of him alone stays his.
func backToQueue(change string) string {
	return `
	a as (
		select id, load, load_total, missed, ready from agents where id in (select agent_id from t) for update skip locked),
	back as (
		update tasks set state = 'queued', agent_id = null, offer_until = null, handle_until = null, not_before = null, version = tasks.version + 1,
			reserved_for = case when tasks.kind <> 'consult' and tasks.reserved_for = t.agent_id then null else tasks.reserved_for end` + change + `
		from t join a on a.id = t.agent_id where tasks.id = t.id
		returning tasks.id, tasks.interaction_id, tasks.kind, tasks.queue, tasks.class, t.agent_id, t.state),
	n as (
		select c.agent_id, sum(c.n)::int as total, min(c.most) as most, jsonb_object_agg(c.class, greatest(coalesce((a.load->>c.class)::int, 0) - c.n, 0)) as load
		from (select agent_id, class, count(*)::int as n, (select min(missed_offers) from queues where name = any(array_agg(back.queue))) as most from back where state in ('held', 'offered') group by agent_id, class) c
			join a on a.id = c.agent_id
		group by c.agent_id)`
}

// less gives the load back; the change may use n (what it is about) and a (the agent's row, locked).
func less(change string) string {
	return `
	less as (
		update agents set load = a.load || n.load, load_total = greatest(a.load_total - n.total, 0)` + change + `
		from n join a on a.id = n.agent_id where agents.id = n.agent_id
		returning agents.id, a.ready as was, agents.ready as still)`
}

// line writes the audit of what went back.
func line(code, data string) string {
	return `
	line as (
		insert into events (code, interaction_id, task_id, queue, from_state, to_state, data)
		select '` + code + `', interaction_id, id, queue, state, 'queued', jsonb_strip_nulls(jsonb_build_object('kind', kind, 'agent', agent_id::text` + data + `)) from back)`
}

// clocks are the statements in the order in which they run; each gives how many tasks it changed.
var clocks = []string{
	// An offer that nobody answered. The agent is not asked for this task again, and after some in a row not for any.
	fmt.Sprintf(`
	with t as (
		select id, agent_id, state from tasks where state = 'offered' and offer_until <= now() order by offer_until limit %d for update skip locked),`, clockBatch) +
		backToQueue(`, refused = tasks.refused || t.agent_id`) + `,` +
		less(`, missed = a.missed + n.total, ready = a.ready and a.missed + n.total < n.most,
			reason = case when a.ready and a.missed + n.total >= n.most then 'missed_offers' else agents.reason end,
			since = case when a.ready and a.missed + n.total >= n.most then now() else agents.since end,
			version = agents.version + (a.ready and a.missed + n.total >= n.most)::int`) + `,` +
		line("task.missed", "") + `,
	away as (
		insert into events (code, data) select 'agent.not_ready', jsonb_build_object('agent', id::text, 'reason', 'missed_offers') from less where was and not still)
	select count(*) from back`,

	// A task that was held longer than its queue allows (mission R7). Who loses a chat's leaves it, too: see chat_clock.go.
	fmt.Sprintf(`
	with t as (
		select id, agent_id, state from tasks where state = 'held' and handle_until <= now() and channel <> 'chat' order by handle_until limit %d for update skip locked),`, clockBatch) +
		backToQueue("") + `,` + less("") + `,` + line("task.taken_back", ", 'why', 'handling_timeout'") + `
	select count(*) from back`,

	// A task that nobody took within its queue's routing time-out (mission R7), where the queue has an overflow: from now on it is open to the
	// whole group of that. The one for whom it was kept has had his time. Without an overflow the workflow's own deadline decides.
	fmt.Sprintf(`
	with t as (
		select id, queue from tasks where state = 'queued' and route_until <= now() order by route_until limit %d for update skip locked),
	back as (
		update tasks set queue = coalesce(q.overflow, q.name), route_until = null, chain = '[]', chain_step = 0, skill = '', level = 0, group_name = '',
			reserved_for = null, reserved_until = null, version = tasks.version + 1
		from t join queues q on q.name = t.queue where tasks.id = t.id
		returning tasks.id, tasks.interaction_id, tasks.kind, tasks.queue, 'queued' as state, null as agent_id, t.queue as before),`, clockBatch) +
		line("task.routing_timeout", ", 'before', before") + `
	select count(*) from back`,

	// Whatever an agent had who works here no more.
	fmt.Sprintf(`
	with t as (
		select t.id, t.agent_id, t.state from tasks t where t.agent_id in (select id from agents where not enabled)
			and t.state in ('held', 'offered', 'snoozed') and (t.channel <> 'chat' or t.state <> 'held') order by t.id limit %d for update skip locked),`, clockBatch) +
		backToQueue("") + `,` + less("") + `,` + line("task.taken_back", ", 'why', 'agent_disabled'") + `
	select count(*) from back`,

	// A task that was put away until now: its agent has the first word.
	fmt.Sprintf(`
	with t as (
		select id, agent_id from tasks where state = 'snoozed' and not_before <= now() order by not_before limit %d for update skip locked),
	back as (
		update tasks set state = 'queued', agent_id = null, not_before = null, version = tasks.version + 1, refused = array_remove(tasks.refused, t.agent_id),
			reserved_for = t.agent_id, reserved_until = case when tasks.kind = 'consult' then tasks.reserved_until else now() + interval '%d seconds' end
		from t where tasks.id = t.id
		returning tasks.id, tasks.interaction_id, tasks.kind, tasks.queue, 'snoozed' as state, t.agent_id),`, clockBatch, int(reservation.Seconds())) +
		line("task.woken", "") + `
	select count(*) from back`,
}

// queueClocks puts the clocks into a batch, which is one transaction: offers that ran out, tasks held too long and those of agents who left
// go back to their queues; what was put away until now is woken. The count of changed tasks is right when the batch has run.
func queueClocks(batch *pgx.Batch) *int {
	changed := new(int)
	for _, clock := range clocks {
		batch.Queue(clock).QueryRow(func(row pgx.Row) error {
			var n int
			err := row.Scan(&n)
			*changed += n
			return err
		})
	}
	return changed
}
