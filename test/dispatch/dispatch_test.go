// Package dispatch shows on a real PostgreSQL what the dispatcher promises: offers, time, relaxation, and no harm by two leaders.
package dispatch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/routing"
	"parley/store"
	"parley/store/storetest"
	"parley/workers"
)

// house is a store whose commits ring the bells of the dispatchers that run on it.
type house struct {
	*store.Store
	mu    sync.Mutex
	bells []workers.Bell

	shards int
}

func newHouse(t *testing.T) *house {
	h := &house{}
	h.Store = storetest.New(t, store.Options{Wake: store.Wake{Tasks: func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, b := range h.bells {
			b.Ring()
		}
	}}})
	h.exec(t, `update queues set push = true`)
	return h
}

func (h *house) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := h.Pool().Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}

func value[T any](t *testing.T, h *house, sql string, args ...any) T {
	t.Helper()
	var v T
	require.NoError(t, h.Pool().QueryRow(t.Context(), sql, args...).Scan(&v))
	return v
}

// always leads, whoever else does: for tests of several leaders at once.
type always struct{ *store.Store }

func (always) Lead(ctx context.Context, _ int, work func(context.Context) error) (bool, error) {
	return true, work(ctx)
}

// dispatch runs a dispatcher until the test ends or the function it gives is called.
func (h *house) dispatch(t *testing.T, s workers.DispatchStore) (stop func()) {
	bell := workers.NewBell()
	h.mu.Lock()
	h.bells = append(h.bells, bell)
	h.mu.Unlock()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	d := &workers.Dispatcher{Store: s, Bell: bell, Log: slog.New(slog.DiscardHandler), Shards: h.shards}
	go func() { done <- d.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(stop)
	return stop
}

// open brings in a mail and gives it to people.
func (h *house) open(t *testing.T, chain ...interaction.RouteTarget) interaction.ID {
	t.Helper()
	ctx := t.Context()
	raw := fmt.Sprintf("Subject: Kettle\r\n\r\nHello %s", interaction.NewID())
	receipt, err := h.Accept(ctx, interaction.Inbound{
		Channel: interaction.Email, Targets: []interaction.Target{{EntryPoint: "support", Address: "support@example.test"}},
		Identity: sha256.Sum256([]byte(raw)), Raw: strings.NewReader(raw), Size: int64(len(raw)),
	})
	require.NoError(t, err)
	taken, err := h.Take(ctx, 10)
	require.NoError(t, err)
	for _, in := range taken {
		require.NoError(t, h.Settle(ctx, in, interaction.Parsed{Message: interaction.Message{Text: "Hello", From: interaction.Address{Address: "c@customer.test"}}}))
	}
	id := value[interaction.ID](t, h, `select interaction_id from inbound where id = $1`, receipt.ID)
	task, err := h.OpenTask(ctx, interaction.Ask{Interaction: id, Step: "ask", Kind: interaction.TaskHandle, Message: 1, Chain: chain})
	require.NoError(t, err)
	return task
}

func (h *house) ready(t *testing.T, login string) interaction.Actor {
	t.Helper()
	who := storetest.Person(t, h.Store, login)
	_, err := h.SetReady(t.Context(), who, true, "")
	require.NoError(t, err)
	return who
}

// offeredTo waits until the task is on offer to the agent.
func (h *house) offeredTo(t *testing.T, task interaction.ID, who interaction.Actor) {
	t.Helper()
	require.Eventually(t, func() bool {
		return value[bool](t, h, `select exists (select 1 from tasks where id = $1 and state = 'offered' and agent_id = $2)`, task, who.Agent)
	}, 20*time.Second, 5*time.Millisecond, "it is never offered to %s", who.Login)
}

func TestDeclinedOrMissedItGoesToTheNext(t *testing.T) {
	h := newHouse(t)
	h.dispatch(t, h.Store)
	ann := h.ready(t, "ann")
	task := h.open(t)
	h.offeredTo(t, task, ann)
	ben := h.ready(t, "ben")
	require.NoError(t, h.DeclineOffer(t.Context(), ann, task))
	h.offeredTo(t, task, ben)
	h.exec(t, `update tasks set offer_until = now()`) // the clock runs at least once a second
	sue := h.ready(t, "sue")
	h.offeredTo(t, task, sue)
	held, err := h.AcceptOffer(t.Context(), sue, task)
	require.NoError(t, err)
	require.ElementsMatch(t, []interaction.ID{ann.Agent, ben.Agent}, held.Refused)
	require.Equal(t, []string{"task.opened", "task.offered", "task.declined", "task.offered", "task.missed", "task.offered", "task.accepted"},
		value[[]string](t, h, `select array_agg(code order by position) from events where task_id = $1`, task))
}

// A new leader knows from the tables what the one before it knew.
func TestTheNextLeaderGoesOn(t *testing.T) {
	h := newHouse(t)
	first := h.dispatch(t, h.Store)
	ann := h.ready(t, "ann")
	h.offeredTo(t, h.open(t), ann)
	second := h.dispatch(t, h.Store)
	first()
	h.offeredTo(t, h.open(t), ann)
	second()
	waiting := h.open(t)
	h.dispatch(t, h.Store)
	h.offeredTo(t, waiting, ann)
	h.open(t)
	require.Equal(t, 3, value[int](t, h, `select load_total from agents where id = $1`, ann.Agent), "he has room for three mails")
}

// Two processes share three shards. When every leader's connection is cut, and then one process stops, others lead within seconds; every task is
// offered, and none twice.
func TestShardsAreLedWhoeverDies(t *testing.T) {
	h := newHouse(t)
	h.shards = 3
	setup := interaction.Setup{}
	for n := range 5 {
		name := fmt.Sprint("team", n)
		setup.Groups = append(setup.Groups, interaction.Group{Name: name})
		setup.Queues = append(setup.Queues, interaction.Queue{Name: name, Group: name, Push: true, OfferSeconds: 3600})
		setup.Agents = append(setup.Agents, interaction.NewAgent{
			Login: name, Name: name, Role: interaction.RoleAgent, Groups: []string{name}, Limits: map[string]int{"email": 100, "total": 100},
		})
	}
	require.NoError(t, h.Apply(t.Context(), interaction.System, setup))
	for n := range 5 {
		h.ready(t, fmt.Sprint("team", n))
	}
	stop := h.dispatch(t, h.Store)
	h.dispatch(t, h.Store)
	opened := 0
	wave := func() {
		t.Helper()
		for n := range 10 {
			task := h.open(t)
			opened++
			// As if its workflow had asked for that queue.
			h.exec(t, `with e as (insert into events (code, task_id, queue) values ('task.moved', $1, $2)) update tasks set queue = $2, version = version + 1 where id = $1`, task, fmt.Sprint("team", n%5))
		}
		began := time.Now()
		require.Eventually(t, func() bool {
			return value[int](t, h, `select count(*) from tasks where state = 'offered'`) == opened
		}, 30*time.Second, 10*time.Millisecond, "some shard is led by nobody")
		t.Logf("offered after %v", time.Since(began))
	}
	wave()
	require.Equal(t, 3, value[int](t, h, `select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`))
	h.exec(t, `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`)
	wave()
	stop()
	wave()
	require.Equal(t, opened, value[int](t, h, `select count(*) from events where code = 'task.offered'`), "none twice")
}

// The links of a chain open by the database's clock, for who is offered the task and for who claims it.
func TestTheChainRelaxes(t *testing.T) {
	h := newHouse(t)
	h.exec(t, `update queues set push = false`)
	h.dispatch(t, h.Store)
	ann, ben := storetest.Person(t, h.Store, "ann"), storetest.Person(t, h.Store, "ben") // billing 8, and none
	task := h.open(t,
		interaction.RouteTarget{Kind: interaction.ToSkill, Name: "billing", Level: 9, Seconds: 3600},
		interaction.RouteTarget{Kind: interaction.ToSkill, Name: "billing", Level: 4, Seconds: 3600},
		interaction.RouteTarget{Kind: interaction.ToQueue})
	demand := func(step int, skill string, level int) {
		t.Helper()
		require.Eventually(t, func() bool {
			return value[bool](t, h, `select chain_step = $2 and skill = $3 and level = $4 from tasks where id = $1`, task, step, skill, level)
		}, 20*time.Second, 5*time.Millisecond)
	}
	age := func(by string) { // as if it had waited that long; an order's line tells the dispatcher
		h.exec(t, `update tasks set chain_since = chain_since - $2::text::interval where id = $1`, task, by)
		_, err := h.Order(t.Context(), storetest.Person(t, h.Store, "vic"), value[interaction.ID](t, h, `select interaction_id from tasks where id = $1`, task),
			interaction.Order{Name: interaction.OrderPriority, Priority: 1}, 0)
		require.NoError(t, err)
	}
	demand(0, "billing", 9)
	_, err := h.Claim(t.Context(), ben, task)
	require.Error(t, err)
	age("1 hour")
	demand(1, "billing", 4)
	_, err = h.Claim(t.Context(), ann, task)
	require.Error(t, err)
	age("1 hour")
	demand(2, "", 0)
	_, err = h.Claim(t.Context(), ann, task)
	require.NoError(t, err)
	require.Equal(t, []int{1, 2}, value[[]int](t, h, `select array_agg((data->>'link')::int order by position) from events
		where task_id = $1 and code = 'task.link_opened' and data->>'link' <> '0'`, task))
}

// A link of one second opens by itself, without anything else happening.
func TestALinkOpensWithoutABell(t *testing.T) {
	h := newHouse(t)
	ben, ann := h.ready(t, "ben"), h.ready(t, "ann")
	h.exec(t, `update agents set load = '{"email": 3}', load_total = 3 where id = $1`, ben.Agent)
	h.dispatch(t, h.Store)
	task := h.open(t, interaction.RouteTarget{Kind: interaction.ToSkill, Name: "billing", Level: 7, Seconds: 1}, interaction.RouteTarget{Kind: interaction.ToQueue})
	h.offeredTo(t, task, ann)
	late := value[float64](t, h, `select extract(epoch from e.at - t.opened_at)::float8 from events e, tasks t where e.task_id = t.id and e.code = 'task.offered'`)
	require.GreaterOrEqual(t, late, 1.0)
}

// Work that waits is offered within the target of 100 ms when an agent becomes ready.
func TestReadyToOffered(t *testing.T) {
	h := newHouse(t)
	h.dispatch(t, h.Store)
	for range 40 {
		h.open(t)
	}
	ann := storetest.Person(t, h.Store, "ann")
	h.exec(t, `update agents set limits = '{"email": 1, "total": 1}'`)
	var worst time.Duration
	for range 20 {
		_, err := h.SetReady(t.Context(), ann, true, "")
		require.NoError(t, err)
		var task interaction.ID
		require.Eventually(t, func() bool {
			return h.Pool().QueryRow(t.Context(), `select id from tasks where agent_id = $1`, ann.Agent).Scan(&task) == nil
		}, 20*time.Second, 2*time.Millisecond)
		took := time.Duration(value[float64](t, h, `select extract(epoch from o.at - r.at)::float8 from
			(select max(at) as at from events where code = 'task.offered') o, (select max(at) as at from events where code = 'agent.ready') r`) * float64(time.Second))
		worst = max(worst, took)
		_, err = h.SetReady(t.Context(), ann, false, "break")
		require.NoError(t, err)
		require.NoError(t, h.DeclineOffer(t.Context(), ann, task))
	}
	t.Logf("the longest of 20 took %v", worst)
	require.Less(t, worst, 2*time.Second, "the bell was not heard: only the poll found it")
}

// Eight leaders at once and people who claim, accept, decline and release: every task has one holder, no agent ever
// more than his limit, and the loads add up.
func TestManyLeadersDoNoHarm(t *testing.T) {
	h := newHouse(t)
	for range 8 {
		h.dispatch(t, always{h.Store})
	}
	people := []interaction.Actor{h.ready(t, "ann"), h.ready(t, "ben"), h.ready(t, "sue")}
	h.exec(t, `update agents set limits = '{"email": 2, "total": 2}'`)
	const all = 40
	for range all {
		h.open(t)
	}
	var over, ended atomic.Int32
	watch, stop := context.WithCancel(t.Context())
	defer stop()
	var wg, watcher sync.WaitGroup
	watcher.Go(func() {
		for watch.Err() == nil {
			var n int32
			err := h.Pool().QueryRow(watch, `select count(*) from (select agent_id from tasks where state in ('held', 'offered') group by agent_id having count(*) > 2) x`).Scan(&n)
			if err == nil {
				over.Add(n)
			}
		}
	})
	deadline := time.Now().Add(90 * time.Second)
	for n, who := range append(people, people...) {
		wg.Go(func() {
			for turn := n; ended.Load() < all && time.Now().Before(deadline); turn++ {
				ended.Add(h.act(t, who, turn))
			}
		})
	}
	wg.Wait()
	stop()
	watcher.Wait()
	require.EqualValues(t, all, ended.Load(), "some task is stuck")
	require.Zero(t, over.Load(), "an agent had more than his limit")
	require.Zero(t, value[int](t, h, `select count(*) from agents where load_total <> (select coalesce(sum(v::int), 0) from jsonb_each_text(load) as l (k, v)) or load_total <> 0`))
	require.Zero(t, value[int](t, h, `select count(*) from tasks`))
	require.Zero(t, value[int](t, h, `
		select count(*) from (select code, lag(to_state) over (partition by task_id order by position) as was, from_state from events
			where task_id is not null and code <> 'task.link_opened') x where was is not null and was <> from_state`), "the audit tells one story of each task")
}

// act does one of the things that a person does, and gives 1 when it ended a task.
func (h *house) act(t *testing.T, who interaction.Actor, turn int) int32 {
	ctx := t.Context()
	var task interaction.ID
	var state interaction.TaskState
	if h.Pool().QueryRow(ctx, `select id, state from tasks where agent_id = $1 order by random() limit 1`, who.Agent).Scan(&task, &state) != nil {
		if _, err := h.SetReady(ctx, who, true, ""); err == nil && turn%2 == 0 {
			_, _ = h.ClaimNext(ctx, who, "")
		}
		return 0
	}
	switch {
	case state == interaction.TaskOffered && turn%5 == 0:
		_ = h.DeclineOffer(ctx, who, task)
	case state == interaction.TaskOffered:
		_, _ = h.AcceptOffer(ctx, who, task)
	case turn%4 == 0:
		_ = h.Release(ctx, who, task, 0)
	default:
		if h.Complete(ctx, who, task, 0, interaction.Done{Disposition: "done"}) == nil {
			return 1
		}
	}
	return 0
}

// Nothing changes hands silently: while two leaders offer, people work, supervisors order and clocks run, the database itself notes every change of a task's
// agent, and each has a line of the audit in its own transaction that names a cause. OWNER_CHANGES sets how many changes are waited for (make assignments N=).
func TestEveryChangeOfOwnerHasACause(t *testing.T) {
	changes := 50
	if n, err := strconv.Atoi(os.Getenv("OWNER_CHANGES")); err == nil {
		changes = n
	}
	h := newHouse(t)
	h.exec(t, `
		create table owners (task uuid, before uuid, after uuid, xid xid8 default pg_current_xact_id());
		create function note_owner() returns trigger language plpgsql as $$
		begin
			insert into owners values (old.id, old.agent_id, new.agent_id);
			return null;
		end $$;
		create trigger note_owner after update of agent_id on tasks for each row when (old.agent_id is distinct from new.agent_id) execute function note_owner()`)
	for range 2 {
		h.dispatch(t, always{h.Store})
	}
	people := []interaction.Actor{h.ready(t, "ann"), h.ready(t, "ben"), h.ready(t, "sue")}
	vic := storetest.Person(t, h.Store, "vic")
	var tasks []interaction.ID
	owners := func() int { return value[int](t, h, `select count(*) from owners`) }
	for round := 0; round < max(10, changes/5) && owners() <= changes; round++ { // when all tasks of one have ended, little may have happened
		for range 20 - min(20, value[int](t, h, `select count(*)::int from tasks where state <> 'suspended'`)/2) {
			tasks = append(tasks, h.open(t))
		}
		var left atomic.Int32
		left.Store(600)
		var wg sync.WaitGroup
		for n, who := range people {
			wg.Go(func() {
				for turn := n; left.Add(-1) > 0; turn++ {
					h.act(t, who, 4*turn+turn%2) // releases, declines and accepts; it ends few
				}
			})
		}
		wg.Go(func() {
			for turn := 0; left.Add(-1) > 0; turn++ {
				h.supervise(t, vic, tasks[len(tasks)-1-turn%min(len(tasks), 40)], turn)
			}
		})
		wg.Wait()
	}
	require.Greater(t, owners(), changes)
	require.Zero(t, value[int](t, h, `select count(*) from owners o where not exists (select 1 from events e where e.task_id = o.task and e.xid = o.xid and e.code <> '')`),
		"an owner changed and nobody said why")
	require.Zero(t, value[int](t, h, `select count(*) from owners o where after is not null and not exists (
		select 1 from events e where e.task_id = o.task and e.xid = o.xid and e.data->>'agent' = o.after::text)`), "the line names another agent")
	if os.Getenv("OWNER_CHANGES") == "" {
		return
	}
	f, err := os.OpenFile("../../bench/results/assignments.txt", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	require.NoError(t, err)
	_, err = fmt.Fprintf(f, "%s %d changes of owner, %d of them assignments · each with a cause in the audit\n", time.Now().UTC().Format(time.DateTime), owners(),
		value[int](t, h, `select count(*)::int from owners where after is not null`))
	require.NoError(t, errors.Join(err, f.Close()))
}

// supervise does one of the things that a supervisor does.
func (h *house) supervise(t *testing.T, who interaction.Actor, task interaction.ID, turn int) {
	ctx := t.Context()
	var id interaction.ID
	if h.Pool().QueryRow(ctx, `select interaction_id from tasks where id = $1`, task).Scan(&id) != nil {
		return
	}
	order := []interaction.Order{
		{Name: interaction.OrderHold, Force: true},
		{Name: interaction.OrderResume, Force: true},
		{Name: interaction.OrderReassign, Agent: storetest.Person(t, h.Store, "ben").Agent, Force: true},
		{Name: interaction.OrderPriority, Priority: turn % 5},
	}[turn%4]
	_, _ = h.Order(ctx, who, id, order, 0) // a refusal changes nothing
	_, _ = h.Pool().Exec(ctx, `update tasks set offer_until = now() where id = $1 and state = 'offered'`, task)
	_, _ = h.Pool().Exec(ctx, `update tasks set handle_until = now() where id = $1 and state = 'held'`, task)
}

// The question who would get a task is answered as the dispatcher then decides, in a process that has none.
func TestWhoWouldGet(t *testing.T) {
	h := newHouse(t)
	ann, ben := h.ready(t, "ann"), h.ready(t, "ben")
	task := h.open(t, interaction.RouteTarget{Kind: interaction.ToSkill, Name: "billing", Level: 7, Seconds: 3600}, interaction.RouteTarget{Kind: interaction.ToQueue})
	_, err := h.MatchView(t.Context(), ann, task)
	require.Equal(t, interaction.KindForbidden, interaction.KindOf(err))
	v, err := h.MatchView(t.Context(), storetest.Person(t, h.Store, "vic"), task)
	require.NoError(t, err)
	e := routing.Explain(v.Task, v.Agents, v.At)
	require.Equal(t, ben.Agent, e.Winner)
	for _, c := range e.Candidates {
		if c.Agent == ann.Agent {
			require.Equal(t, routing.NoLink, c.Why)
		}
	}
	h.dispatch(t, h.Store)
	h.offeredTo(t, task, ben)
	_, err = h.MatchView(t.Context(), storetest.Person(t, h.Store, "vic"), task)
	require.Equal(t, interaction.KindConflict, interaction.KindOf(err))
}
