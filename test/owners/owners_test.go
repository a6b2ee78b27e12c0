// Package owners holds possession to its promise while everything that can go wrong does: every task has one owner at a time, whoever claims,
// releases, completes or is timed out, and nobody ever has more than his limit. The verdict is porcupine's, a checker of linearizability that knows only
// what clients were told and when.
package owners

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// kind is what a client did.
type kind string

const (
	claim    kind = "claim"
	release  kind = "release"
	transfer kind = "transfer"
	complete kind = "complete"
	timeOut  kind = "time out"
)

// done is one operation: what was asked, and what the client was told.
type done struct {
	what        kind
	task, agent interaction.ID
	outcome     outcome
	holder      interaction.ID // of a refusal that names one
}

type outcome string

const (
	yes     outcome = "yes"
	no      outcome = "no"
	unknown outcome = "unknown" // the connection broke: it was done at some time, or never
)

const (
	nobody = interaction.ID("")
	over   = interaction.ID("over")
)

// model is one task: its state is who has it. What has an unknown outcome may have been done or not.
var model = (&porcupine.NondeterministicModel{
	Init:  func() []any { return []any{nobody} },
	Equal: func(a, b any) bool { return a == b },
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		of := map[interaction.ID][]porcupine.Operation{}
		for _, o := range history {
			of[o.Input.(done).task] = append(of[o.Input.(done).task], o)
		}
		var parts [][]porcupine.Operation
		for _, part := range of {
			parts = append(parts, part)
		}
		return parts
	},
	Step: func(state, input, _ any) []any {
		owner, d := state.(interaction.ID), input.(done)
		after, possible := effect(owner, d)
		switch {
		case d.outcome == yes && possible:
			return []any{after}
		case d.outcome == no && (d.holder == nobody || d.holder == owner) && refusable(owner, d):
			return []any{owner}
		case d.outcome == unknown && possible:
			return []any{owner, after}
		case d.outcome == unknown:
			return []any{owner}
		}
		return nil
	},
}).ToModel()

// effect is who has the task once it is done, and whether it can be done at all.
func effect(owner interaction.ID, d done) (interaction.ID, bool) {
	switch d.what {
	case claim:
		return d.agent, owner == nobody
	case complete:
		return over, owner == d.agent
	case timeOut:
		return nobody, owner != nobody && owner != over
	}
	return nobody, owner == d.agent
}

// refusable reports whether the operation may be refused in this state: who holds a task is never told that he does not. A claim may be refused for the
// agent's own sake, since he holds as much as he may.
func refusable(owner interaction.ID, d done) bool { return d.what == claim || owner != d.agent }

// log is the history, as the clients saw it.
type log struct {
	mu      sync.Mutex
	began   time.Time
	history []porcupine.Operation
}

// do runs an operation and writes down what came of it. An operation of unknown outcome never ends: it may still be done at any time.
func (l *log) do(client int, d done, run func() error) done {
	called := time.Since(l.began).Nanoseconds()
	err := run()
	returned := time.Since(l.began).Nanoseconds()
	var refusal *interaction.Error
	switch kind := interaction.KindOf(err); {
	case err == nil:
		d.outcome = yes
	case kind == interaction.KindConflict || kind == interaction.KindForbidden || kind == interaction.KindUnknown || kind == interaction.KindStale:
		d.outcome = no
		if errors.As(err, &refusal) && refusal.Code == "task_taken" {
			d.holder, _ = refusal.Detail["agent"].(interaction.ID)
		}
	default:
		d.outcome, returned = unknown, int64(1)<<62
	}
	if d.what == timeOut && d.outcome == yes { // by then it is done, unless the agent was quicker: nobody is told which
		d.outcome = unknown
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.history = append(l.history, porcupine.Operation{ClientId: client, Input: d, Call: called, Output: nil, Return: returned})
	return d
}

const (
	people = 12
	limit  = 3
	prizes = 60
)

// house is a store with people and waiting tasks.
type house struct {
	*store.Store
	log
	people []interaction.Actor
	tasks  []interaction.ID

	seen sync.Map // who was told last that he has a task
}

func newHouse(t *testing.T) *house {
	h := &house{Store: storetest.New(t, store.Options{})}
	setup := interaction.Setup{}
	for n := range people {
		setup.Agents = append(setup.Agents, interaction.NewAgent{
			Login: fmt.Sprint("agent", n), Name: "Agent", Role: interaction.RoleAgent, Groups: []string{"service"}, Limits: map[string]int{"email": limit, "total": limit},
		})
	}
	require.NoError(t, h.Apply(t.Context(), interaction.System, setup))
	for n := range people {
		h.people = append(h.people, storetest.Person(t, h.Store, fmt.Sprint("agent", n)))
	}
	for _, statement := range []string{
		fmt.Sprintf(`insert into interactions (id, thread_id, contact_id, channel, entry_point, queue, direction, state, workflow, kit)
			select uuid_at(now() + n * interval '1 millisecond'), gen_random_uuid(), gen_random_uuid(), 'email', 'support', 'service', 'in', 'waiting', 'Email', 1
			from generate_series(1, %d) n`, prizes),
		`insert into tasks (id, interaction_id, kind, step, channel, class, state, queue, message_number)
			select id, id, 'handle', 'ask', 'email', 'email', 'queued', 'service', 1 from interactions`,
	} {
		_, err := h.Pool().Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	rows, err := h.Pool().Query(t.Context(), `select id from tasks order by id`)
	require.NoError(t, err)
	h.tasks, err = pgx.CollectRows(rows, pgx.RowTo[interaction.ID])
	require.NoError(t, err)
	h.began = time.Now()
	return h
}

// Clients claim, release, hand on, complete and are timed out at random while their connections are killed. OWNERS sets how many operations there
// are (make owners N=); a kill comes with every two hundred.
func TestEveryTaskHasOneOwner(t *testing.T) {
	operations := 4000
	if n, err := strconv.Atoi(os.Getenv("OWNERS")); err == nil {
		operations = n
	}
	const round = 4000 // a history that the checker can take in
	for done, seed := 0, uint64(1); done < operations; done, seed = done+round, seed+1 {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { newHouse(t).live(t, seed, min(round, operations-done)) })
	}
}

const clients = 24

func (h *house) live(t *testing.T, seed uint64, operations int) {
	ctx, end := context.WithCancel(t.Context())
	var killed int
	var killer, working sync.WaitGroup
	killer.Go(func() { killed = h.kill(ctx, operations) })
	for client := range clients {
		working.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(client)))
			for range operations / clients {
				h.act(t.Context(), r, client)
			}
		})
	}
	working.Wait()
	end()
	killer.Wait()
	outcomes := map[string]int{}
	for _, o := range h.history {
		d := o.Input.(done)
		outcomes[string(d.what)+" "+string(d.outcome)]++
	}
	t.Logf("%d operations, %d kills: %v", len(h.history), killed, outcomes)
	require.Positive(t, outcomes["claim yes"])
	require.Positive(t, outcomes["claim no"])
	require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(model, h.history, time.Minute), "some task had two owners, or an owner who was told that he is none")
	h.checkCapacity(t)
	var crooked int
	require.NoError(t, h.Pool().QueryRow(t.Context(), `select count(*) from agents a where load_total <> (select count(*) from tasks where agent_id = a.id and state in ('held', 'offered'))`).Scan(&crooked))
	require.Zero(t, crooked, "loads are what is held")
	keep(t, seed, len(h.history), killed)
}

// keep writes the verdict of a long form beside the others.
func keep(t *testing.T, seed uint64, operations, kills int) {
	if os.Getenv("OWNERS") == "" {
		return
	}
	f, err := os.OpenFile("../../bench/results/owners.txt", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	require.NoError(t, err)
	_, err = fmt.Fprintf(f, "%s · seed %d · %d operations, %d kills · one owner, nobody above his limit\n", time.Now().UTC().Format(time.RFC3339), seed, operations, kills)
	require.NoError(t, errors.Join(err, f.Close()))
}

// The checker finds what it is there to find.
func TestTheCheckerSeesTwoOwners(t *testing.T) {
	op := func(what kind, agent string, o outcome, call, back int64) porcupine.Operation {
		return porcupine.Operation{Input: done{what: what, task: "t", agent: interaction.ID(agent), outcome: o}, Call: call, Return: back}
	}
	tests := []struct {
		name    string
		history []porcupine.Operation
		want    bool
	}{
		{"one after the other", []porcupine.Operation{op(claim, "ann", yes, 0, 1), op(release, "ann", yes, 2, 3), op(claim, "ben", yes, 4, 5)}, true},
		{"two at once", []porcupine.Operation{op(claim, "ann", yes, 0, 3), op(claim, "ben", yes, 1, 2)}, false},
		{"two, and a release whose answer was lost", []porcupine.Operation{op(claim, "ann", yes, 0, 1), op(release, "ann", unknown, 2, 1<<62), op(claim, "ben", yes, 4, 5)}, true},
		{"two, and a release that came too late", []porcupine.Operation{op(claim, "ann", yes, 0, 1), op(release, "ann", unknown, 6, 1<<62), op(claim, "ben", yes, 4, 5)}, false},
		{"who has it is told that he has not", []porcupine.Operation{op(claim, "ann", yes, 0, 1), op(release, "ann", no, 2, 3)}, false},
		{"claimed after the end", []porcupine.Operation{op(claim, "ann", yes, 0, 1), op(complete, "ann", yes, 2, 3), op(claim, "ben", yes, 4, 5)}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, porcupine.CheckOperations(model, tt.history)) })
	}
}

// kill cuts a few connections whenever two hundred operations are over, until the context ends.
func (h *house) kill(ctx context.Context, operations int) (kills int) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for next := 200; next < operations; {
		select {
		case <-ctx.Done():
			return kills
		case <-tick.C:
		}
		h.mu.Lock()
		over := len(h.history)
		h.mu.Unlock()
		if over < next {
			continue
		}
		next += 200
		var cut int
		err := h.Pool().QueryRow(ctx, `select count(pg_terminate_backend(pid)) from (select pid from pg_stat_activity
			where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle' order by random() limit 6) x`).Scan(&cut)
		if err == nil && cut > 0 {
			kills++
		}
	}
	return kills
}

func (h *house) act(ctx context.Context, r *rand.Rand, client int) {
	task, who := h.tasks[r.IntN(len(h.tasks))], h.people[r.IntN(len(h.people))]
	n := r.IntN(100)
	if last, ok := h.seen.Load(task); ok && n >= 50 && r.IntN(4) > 0 {
		who = last.(interaction.Actor)
	}
	d := done{task: task, agent: who.Agent}
	switch {
	case n < 50:
		d.what = claim
		if h.do(client, d, func() error { _, err := h.Claim(ctx, who, task); return err }).outcome == yes {
			h.seen.Store(task, who)
		}
	case n < 75:
		d.what = release
		h.do(client, d, func() error { return h.Release(ctx, who, task, 0) })
	case n < 90:
		d.what = transfer
		h.do(client, d, func() error { return h.Transfer(ctx, who, task, 0, interaction.Transfer{Queue: "service"}) })
	case n < 99:
		d.what = timeOut
		h.do(client, d, func() error { return h.expire(ctx, task) })
	default:
		d.what = complete
		h.do(client, d, func() error { return h.Complete(ctx, who, task, 0, interaction.Done{Disposition: "done"}) })
	}
}

// expire lets a held task's time run out, and the clocks run until it is no longer so.
func (h *house) expire(ctx context.Context, task interaction.ID) error {
	const due = `state = 'held' and handle_until = 'epoch'`
	if _, err := h.Pool().Exec(ctx, `update tasks set handle_until = 'epoch' where id = $1 and state = 'held'`, task); err != nil {
		return err
	}
	for {
		if _, err := h.Tick(ctx, ""); err != nil {
			return err
		}
		var still bool
		if err := h.Pool().QueryRow(ctx, `select exists (select 1 from tasks where id = $1 and `+due+`)`, task).Scan(&still); err != nil || !still {
			return err
		}
	}
}

// checkCapacity sweeps over what each agent certainly had: from when he was told that a claim succeeded until he, or a clock, began to give it up.
func (h *house) checkCapacity(t *testing.T) {
	type edge struct {
		at    int64
		delta int
	}
	edges := map[interaction.ID][]edge{}
	for _, task := range h.tasks {
		var of []porcupine.Operation
		for _, o := range h.history {
			if o.Input.(done).task == task {
				of = append(of, o)
			}
		}
		for _, o := range of {
			d := o.Input.(done)
			if d.what != claim || d.outcome != yes {
				continue
			}
			until := int64(1) << 62
			for _, after := range of { // whatever could have ended it, from the moment that it was asked for
				e := after.Input.(done)
				ends := e.what == timeOut || e.what != claim && e.agent == d.agent && e.outcome != no
				if ends && after.Return > o.Call {
					until = min(until, after.Call)
				}
			}
			if until > o.Return {
				edges[d.agent] = append(edges[d.agent], edge{o.Return, 1}, edge{until, -1})
			}
		}
	}
	for agent, list := range edges {
		slices.SortFunc(list, func(a, b edge) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.delta, b.delta)) })
		has := 0
		for _, e := range list {
			has += e.delta
			require.LessOrEqual(t, has, limit, "%s had more than he may", agent)
		}
	}
}
