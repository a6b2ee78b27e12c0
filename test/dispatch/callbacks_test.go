package dispatch

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store/storetest"
)

// TestManyCallbacksAreDueAtOnce has them all due at one moment (§G1): none is offered before it, each is offered once, and an agent who is free gets
// the next one within two seconds, as long as there is one. CALLBACKS sets how many they are (make callbacks N=).
func TestManyCallbacksAreDueAtOnce(t *testing.T) {
	callbacks := 300
	if n, err := strconv.Atoi(os.Getenv("CALLBACKS")); err == nil {
		callbacks = n
	}
	h := newHouse(t)
	const people = 40
	setup := interaction.Setup{EntryPoints: []interaction.EntryPoint{{
		Name: "line", Channel: interaction.Callback, Address: "line", Workflow: interaction.WorkflowCallback, Queue: "service",
	}}}
	for n := range people {
		setup.Agents = append(setup.Agents, interaction.NewAgent{
			Login: fmt.Sprintf("agent%d", n), Name: "Agent", Role: interaction.RoleAgent, Groups: []string{"service"}, Limits: map[string]int{"callback": 1},
		})
	}
	require.NoError(t, h.Apply(t.Context(), interaction.System, setup))
	h.bookMany(t, callbacks)
	agents := map[interaction.ID]interaction.Actor{}
	for n := range people {
		who := h.ready(t, fmt.Sprintf("agent%d", n))
		agents[who.Agent] = storetest.Person(t, h.Store, who.Login)
	}
	due := value[time.Time](t, h, `with t as (update tasks set not_before = now() + interval '3 seconds', opened_at = now() + interval '3 seconds' returning not_before) select max(not_before) from t`)
	h.dispatch(t, h.Store)
	h.work(t, agents, callbacks)

	require.Equal(t, int64(callbacks), value[int64](t, h, `select count(*) from events where code = 'task.offered'`), "each is offered once")
	require.Equal(t, int64(callbacks), value[int64](t, h, `select count(distinct task_id) from events where code = 'task.offered'`))
	require.False(t, value[time.Time](t, h, `select min(at) from events where code = 'task.offered'`).Before(due), "none before its time")
	waits := value[[]float64](t, h, `
		with lines as (select at, code, data->>'agent' as agent, actor::text from events where code in ('task.offered', 'task.done')),
		steps as (select code, at, lag(at) over w as free from (select at, code, coalesce(agent, actor) as who from lines) l window w as (partition by who order by at))
		select array[max(extract(epoch from at - greatest(free, $1)))::float8, (percentile_cont(0.99) within group (order by extract(epoch from at - greatest(free, $1))))::float8]
		from steps where code = 'task.offered'`, due)
	verdict := fmt.Sprintf("%d callbacks for %d agents: a free agent waited %.3f s at most, %.3f s at the 99th percentile; all done %.1f s behind their time", callbacks, people, waits[0], waits[1],
		value[float64](t, h, `select extract(epoch from max(at) - $1)::float8 from events where code = 'task.done'`, due))
	t.Log(verdict)
	keep(t, verdict)
	require.Less(t, waits[0], 2.0)
}

// keep writes the verdict of a long form beside the others.
func keep(t *testing.T, verdict string) {
	t.Helper()
	if os.Getenv("CALLBACKS") == "" {
		return
	}
	f, err := os.OpenFile("../../bench/results/callbacks.txt", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	require.NoError(t, err)
	_, err = fmt.Fprintf(f, "%s %s\n", time.Now().UTC().Format(time.DateTime), verdict)
	require.NoError(t, errors.Join(err, f.Close()))
}

// bookMany makes callbacks whose tasks are open.
func (h *house) bookMany(t *testing.T, n int) {
	t.Helper()
	numbers := make(chan int)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for n := range numbers {
				b, err := h.BookCallback(t.Context(), interaction.Actor{}, interaction.CallRequest{
					EntryPoint: "line", Phone: fmt.Sprintf("+4930%08d", n), CallWhen: interaction.CallWhen{Mode: interaction.CallFree},
				})
				if err == nil {
					_, err = h.NextCall(t.Context(), b.ID, "0.0-call")
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for n := range n {
		numbers <- n
	}
	close(numbers)
	wg.Wait()
}

// work has agents take what they are offered and be done with it at once, until all is done.
func (h *house) work(t *testing.T, agents map[interaction.ID]interaction.Actor, n int) {
	t.Helper()
	type offer struct{ task, agent interaction.ID }
	offers := make(chan offer)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for o := range offers {
				if _, err := h.AcceptOffer(t.Context(), agents[o.agent], o.task); err != nil {
					t.Error(err)
					continue
				}
				if err := h.Complete(t.Context(), agents[o.agent], o.task, 0, interaction.Done{Disposition: "reached"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	seen := map[interaction.ID]bool{}
	require.Eventually(t, func() bool {
		rows, err := h.Pool().Query(t.Context(), `select id, agent_id from tasks where state = 'offered'`)
		require.NoError(t, err)
		var found []offer
		for rows.Next() {
			var o offer
			require.NoError(t, rows.Scan(&o.task, &o.agent))
			found = append(found, o)
		}
		for _, o := range found {
			if !seen[o.task] {
				seen[o.task] = true
				offers <- o
			}
		}
		return len(seen) == n
	}, 20*time.Minute, 10*time.Millisecond)
	close(offers)
	wg.Wait()
}
