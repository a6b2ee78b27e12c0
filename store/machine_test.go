package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// watch has the database itself write down every change of state, whoever makes it.
const watch = `
	create table changes (kind text, before text, after text);
	create function note_change() returns trigger language plpgsql as $$
	begin
		if tg_op = 'DELETE' then
			insert into changes values (tg_argv[0], old.state, 'gone');
		elsif old.state <> new.state then
			insert into changes values (tg_argv[0], old.state, new.state);
		end if;
		return null;
	end $$;
	create trigger note after update or delete on interactions for each row execute function note_change('interaction');
	create trigger note after update or delete on tasks for each row execute function note_change('task');
	create trigger note after update on ledger for each row execute function note_change('send');`

// machine drives one house with random commands of random people at random moments.
type machine struct {
	s      *store.Store
	ctx    context.Context
	people []interaction.Actor
	open   []interaction.ID
	step   int
}

// Whatever people do in whatever order: every change of state that SQL makes is one of the table's, loads are what is held, nobody
// is above his limit, and a refusal changes nothing.
func TestRandomCommandsKeepToTheTable(t *testing.T) {
	s := storetest.New(t, store.Options{})
	_, err := s.Pool().Exec(t.Context(), watch)
	require.NoError(t, err)
	m := &machine{s: s, ctx: t.Context()}
	for _, login := range []string{"ann", "ben", "carl", "sue", "vic", "root"} {
		m.people = append(m.people, storetest.Person(t, s, login))
	}
	for range 4 {
		m.open = append(m.open, arrive(t, s, "c@customer.test", "Random"))
	}
	for range 2 {
		m.open = append(m.open, openChat(t, s).Session)
	}
	seen := 0
	for round := 0; round < 10 && seen < 16; round++ { // a walk that found little goes on
		rapid.Check(t, func(r *rapid.T) {
			for range rapid.IntRange(5, 25).Draw(r, "commands") {
				m.command(r)
				m.check(r)
			}
		})
		seen = m.checkTable(t)
	}
	require.GreaterOrEqual(t, seen, 16, "the walk has seen too little")
}

func (m *machine) command(r *rapid.T) {
	m.step++
	by := rapid.SampledFrom(m.people).Draw(r, "by")
	id := rapid.SampledFrom(m.open).Draw(r, "interaction")
	task := m.anyTask(r)
	if rapid.Bool().Draw(r, "holder") { // what only the holder may do is seldom drawn by chance
		by = m.holder(by, task)
	}
	step := fmt.Sprintf("%d", m.step)
	var err error
	switch what := rapid.IntRange(0, 17).Draw(r, "command"); what {
	case 0:
		_, err = m.s.OpenTask(m.ctx, interaction.Ask{Interaction: id, Step: step, Kind: interaction.TaskHandle, Message: 1})
	case 1, 2:
		_, err = m.s.Claim(m.ctx, by, task)
	case 3:
		_, err = m.s.ClaimNext(m.ctx, by, "")
	case 4:
		err = m.s.Release(m.ctx, by, task, 0)
	case 5:
		err = m.s.Transfer(m.ctx, by, task, 0, interaction.Transfer{Agent: rapid.SampledFrom(m.people).Draw(r, "to").Agent})
	case 6:
		err = m.s.Transfer(m.ctx, by, task, 0, interaction.Transfer{Queue: rapid.SampledFrom([]string{"service", "sales", "none"}).Draw(r, "queue")})
	case 7:
		err = m.s.Snooze(m.ctx, by, task, 0, time.Now().Add(time.Hour))
	case 8:
		var reply interaction.Message
		if reply, err = m.s.Reply(m.ctx, by, task, 0, interaction.Reply{Text: "An answer."}); err == nil {
			_, err = m.s.OpenReview(m.ctx, reply.Interaction, step, reply.Number, by.Agent, rapid.IntRange(0, 1).Draw(r, "cycles"))
		}
	case 9:
		err = m.s.Decide(m.ctx, by, task, 0, interaction.Decision{
			Verdict: rapid.SampledFrom([]string{"approve", "return", "reassign", "stop"}).Draw(r, "verdict"), Comment: "c", Reason: "r",
		})
	case 10:
		err = m.s.Complete(m.ctx, by, task, 0, interaction.Done{Disposition: "closed", Answer: "yes", Outcome: "sent"})
	case 11:
		_, err = m.s.Consult(m.ctx, by, task, rapid.SampledFrom(m.people).Draw(r, "colleague").Agent, "", "What do you think?")
	case 12:
		_, err = m.s.WithdrawTask(m.ctx, id, step, task, rapid.Bool().Draw(r, "force"))
	case 13:
		_, err = m.s.Order(m.ctx, by, id, m.order(r), 0)
	case 14:
		m.send(r, id, step)
	case 15:
		m.renew(r, id)
	case 16, 17:
		err = m.chat(r, by, id)
	}
	if err != nil && interaction.KindOf(err) == interaction.KindUnavailable {
		r.Fatalf("not a refusal: %v", err)
	}
}

func (m *machine) order(r *rapid.T) interaction.Order {
	return interaction.Order{
		Name: rapid.SampledFrom([]string{
			interaction.OrderHold, interaction.OrderResume, interaction.OrderMove, interaction.OrderReassign, interaction.OrderPriority,
			interaction.OrderData, interaction.OrderAutoRespond, interaction.OrderRecategorize, interaction.OrderStop,
		}).Draw(r, "order"),
		Queue: "sales", Agent: rapid.SampledFrom(m.people).Draw(r, "assignee").Agent, Priority: rapid.IntRange(0, 9).Draw(r, "priority"),
		Reason: "reason", Force: rapid.Bool().Draw(r, "force"),
	}
}

// send releases and sends the newest reply that was not released yet, with a random outcome.
func (m *machine) send(r *rapid.T, id interaction.ID, step string) {
	var number int64
	err := m.s.Pool().QueryRow(m.ctx, `select coalesce(max(m.number), 0) from messages m
		where m.interaction_id = $1 and m.kind = 'reply' and not exists (select 1 from ledger l where l.interaction_id = $1 and l.message_number = m.number)`, id).Scan(&number)
	if err != nil || number == 0 {
		return
	}
	if err := m.s.ReleaseReply(m.ctx, id, step, number); err != nil {
		return
	}
	attempt := interaction.NewID()
	if won, err := m.s.BeginSend(m.ctx, id, number, attempt); err != nil || !won {
		return
	}
	if rapid.Bool().Draw(r, "repeat") {
		if again, err := m.s.RepeatSend(m.ctx, id, number, attempt, interaction.Outcome{State: interaction.SendUnknown}); err != nil || !again {
			r.Fatalf("a first repeat was refused: %v, %v", again, err)
		}
		attempt = interaction.NewID()
		if won, err := m.s.BeginSend(m.ctx, id, number, attempt); err != nil || !won {
			r.Fatalf("a repeat was not begun: %v, %v", won, err)
		}
	}
	outcome := rapid.SampledFrom([]interaction.SendState{interaction.SendSent, interaction.SendNotSent, interaction.SendUnknown, interaction.SendQueued}).Draw(r, "outcome")
	if _, err := m.s.EndSend(m.ctx, id, number, attempt, interaction.Outcome{State: outcome}); err != nil {
		r.Fatalf("an attempt's end was not written: %v", err)
	}
	if outcome == interaction.SendQueued { // the next attempt brings it to an end
		_, _ = m.s.BeginSend(m.ctx, id, number, attempt)
		_, _ = m.s.EndSend(m.ctx, id, number, attempt, interaction.Outcome{State: interaction.SendSent})
	}
}

// chat does what people do in a conversation; for what is none it is refused.
func (m *machine) chat(r *rapid.T, by interaction.Actor, id interaction.ID) error {
	var err error
	var posted []interaction.ChatPosted
	switch rapid.IntRange(0, 6).Draw(r, "chat") {
	case 0, 1:
		posted, err = m.s.PostChats(m.ctx, []interaction.ChatPost{
			{Session: id, From: customer, Kind: interaction.ChatText, Text: "Hello"}, {Session: id, From: agentOf(by), Kind: interaction.ChatText, Text: "Hi"},
		})
		for _, p := range posted {
			if err == nil && interaction.KindOf(p.Err) == interaction.KindUnavailable && p.Err != nil {
				err = p.Err
			}
		}
	case 2, 3:
		_, err = m.s.JoinChat(m.ctx, by, id, rapid.SampledFrom([]interaction.ChatMode{interaction.ChatFull, interaction.ChatCoach, interaction.ChatSilent, ""}).Draw(r, "mode"))
	case 4:
		_, err = m.s.InviteChat(m.ctx, by, id, "", "sales", interaction.ChatFull, "")
	case 5:
		_, err = m.s.ChatTick(m.ctx)
	case 6:
		if rapid.IntRange(0, 4).Draw(r, "ends") == 0 {
			err = m.s.EndChat(m.ctx, id, customer, "customer")
		}
	}
	return err
}

// renew stops an interaction and puts a new one in its place.
func (m *machine) renew(r *rapid.T, id interaction.ID) {
	var news int64
	if err := m.s.Pool().QueryRow(m.ctx, `select news from interactions where id = $1`, id).Scan(&news); err != nil {
		return
	}
	stopping, err := m.s.Stop(m.ctx, id, news, "closed")
	if err != nil {
		if interaction.KindOf(err) == interaction.KindUnavailable {
			r.Fatalf("not stopped: %v", err)
		}
		return
	}
	if !stopping.Stopped {
		r.Fatalf("not stopped though all was seen")
	}
	receipt, err := m.s.Accept(m.ctx, inbound(string(interaction.NewID())))
	if err != nil {
		r.Fatalf("not accepted: %v", err)
	}
	taken, err := m.s.Take(m.ctx, 1)
	if err != nil || len(taken) != 1 {
		r.Fatalf("not taken: %v %v", taken, err)
	}
	if err := m.s.Settle(m.ctx, taken[0], interaction.Parsed{
		Message: interaction.Message{From: interaction.Address{Address: "c@customer.test"}}, Identities: []interaction.Attribute{{Kind: "email", Value: "c@customer.test"}},
	}); err != nil {
		r.Fatalf("not settled: %v", err)
	}
	var fresh interaction.ID
	if err := m.s.Pool().QueryRow(m.ctx, `select interaction_id from inbound where id = $1`, receipt.ID).Scan(&fresh); err != nil {
		r.Fatalf("no interaction: %v", err)
	}
	for i := range m.open {
		if m.open[i] == id {
			m.open[i] = fresh
		}
	}
}

func (m *machine) anyTask(r *rapid.T) interaction.ID {
	var ids []interaction.ID
	rows, err := m.s.Pool().Query(m.ctx, `select id from tasks order by id`)
	if err != nil {
		r.Fatal(err)
	}
	for rows.Next() {
		var id interaction.ID
		if err := rows.Scan(&id); err != nil {
			r.Fatal(err)
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return interaction.NewID()
	}
	return rapid.SampledFrom(ids).Draw(r, "task")
}

// holder gives who holds the task, or by where nobody does.
func (m *machine) holder(by interaction.Actor, task interaction.ID) interaction.Actor {
	var agent interaction.ID
	if err := m.s.Pool().QueryRow(m.ctx, `select agent_id from tasks where id = $1 and state = 'held'`, task).Scan(&agent); err != nil {
		return by
	}
	for _, p := range m.people {
		if p.Agent == agent {
			return p
		}
	}
	return by
}

// check holds what must be true at every moment.
func (m *machine) check(r *rapid.T) {
	var wrong string
	err := m.s.Pool().QueryRow(m.ctx, `
		select coalesce(string_agg(a.login || ' has ' || a.load::text || ' and holds ' || (select count(*) from tasks t where t.agent_id = a.id and t.state in ('held', 'offered')), '; '), '')
		from agents a where a.load_total <> (select count(*) from tasks t where t.agent_id = a.id and t.state in ('held', 'offered'))
			or a.load_total > coalesce((a.limits->>'total')::int, 10)
			or exists (select 1 from jsonb_each_text(a.load) l where l.value::int <> (select count(*) from tasks t where t.agent_id = a.id and t.class = l.key and t.state in ('held', 'offered')))`).Scan(&wrong)
	if err != nil || wrong != "" {
		r.Fatalf("loads: %s %v", wrong, err)
	}
	err = m.s.Pool().QueryRow(m.ctx, `
		select coalesce(string_agg(p.agent_id || ' is in ' || p.session_id || ' without his task', '; '), '') from chat_participants p
		where p.left_at is null and p.task_id is not null
			and not exists (select 1 from tasks t where t.id = p.task_id and t.agent_id = p.agent_id and t.state = 'held')`).Scan(&wrong)
	if err != nil || wrong != "" {
		r.Fatalf("chats: %s %v", wrong, err)
	}
	err = m.s.Pool().QueryRow(m.ctx, `
		select coalesce(string_agg(s.interaction_id || ' has ' || s.last || ' and not ' || coalesce(m.n, 0), '; '), '') from chat_sessions s
		left join (select session_id, count(*) as n, max(number) as last from chat_messages group by 1) m on m.session_id = s.interaction_id
		where s.last <> coalesce(m.n, 0) or s.last <> coalesce(m.last, 0)`).Scan(&wrong)
	if err != nil || wrong != "" {
		r.Fatalf("numbers: %s %v", wrong, err)
	}
	err = m.s.Pool().QueryRow(m.ctx, `
		select coalesce(string_agg(concat_ws(' ', t.kind, t.id, 'is', t.state, 'agent', t.agent_id, 'author', t.author, 'of', i.state), '; '), '') from tasks t left join interactions i on i.id = t.interaction_id
		where i.id is null or (t.state = 'held') <> (t.agent_id is not null and t.state not in ('offered', 'snoozed')) or t.author = t.agent_id`).Scan(&wrong)
	if err != nil || wrong != "" {
		r.Fatalf("tasks: %s %v", wrong, err)
	}
}

// checkTable holds every change that the database saw against the table, and tells how many different ones there were.
func (m *machine) checkTable(t *testing.T) int {
	tables := map[string][]interaction.Transition{
		"interaction": interaction.InteractionTransitions, "task": interaction.TaskTransitions, "send": interaction.SendTransitions,
	}
	ends := map[string][]string{"interaction": {string(interaction.Stopped)}, "task": {string(interaction.TaskDone), string(interaction.TaskWithdrawn)}}
	rows, err := m.s.Pool().Query(m.ctx, `select kind, before, after, count(*) from changes group by 1, 2, 3 order by 1, 2, 3`)
	require.NoError(t, err)
	defer rows.Close()
	kinds := 0
	for rows.Next() {
		var kind, before, after string
		var n int
		require.NoError(t, rows.Scan(&kind, &before, &after, &n))
		to := []string{after}
		if after == "gone" {
			to = ends[kind]
		}
		allowed := false
		for _, tr := range tables[kind] {
			for _, end := range to {
				allowed = allowed || tr.From == before && tr.To == end
			}
		}
		require.True(t, allowed, "%s went from %s to %s, %d times; the table does not know that", kind, before, after, n)
		kinds++
	}
	return kinds
}
