package store_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// check is a test, or one case of rapid's.
type check interface {
	require.TestingT
	Context() context.Context
}

// countAll counts until every line of the audit is counted.
func countAll(t check, s *store.Store) {
	require.Eventually(t, func() bool {
		_, err := s.Count(t.Context())
		require.NoError(t, err)
		var left int
		require.NoError(t, s.Pool().QueryRow(t.Context(), `select count(*) from events e, followers f where (e.xid, e.position) > (f.xid, f.position)`).Scan(&left))
		return left == 0
	}, time.Minute, time.Millisecond)
}

// Whatever people and workflows do in whatever order, and wherever the counting stops in between: the statistics equal a naive count of the
// audit from its beginning, and the real-time counts equal a full count of the rows.
func TestStatisticsEqualANaiveCount(t *testing.T) {
	s := storetest.New(t, store.Options{})
	require.NoError(t, s.Apply(t.Context(), interaction.System, interaction.Setup{
		Categories: []interaction.CategorySetup{{Name: "billing"}},
		Responses: []interaction.Answer{
			{Name: "ack", Language: "en", Usage: interaction.UseAcknowledgement, State: interaction.ResponseActive, Text: "We have it."},
			{Name: "auto", Language: "en", Usage: interaction.UseAutoResponse, Category: "billing", State: interaction.ResponseActive, Text: "It is so."},
		},
	}))
	m := &machine{s: s, ctx: t.Context()}
	for _, login := range []string{"ann", "ben", "carl", "sue", "vic", "root"} {
		m.people = append(m.people, storetest.Person(t, s, login))
	}
	for range 4 {
		m.open = append(m.open, arrive(t, s, "c@customer.test", "Random"))
	}
	// What only chats and surveys make has a test of its own (survey_test.go).
	wanted := len(interaction.AllFacts) - 3
	walks, kinds := 0, 0
	walk := func(r *rapid.T) {
		for range rapid.IntRange(5, 25).Draw(r, "commands") {
			switch rapid.IntRange(0, 9).Draw(r, "what") {
			case 0:
				if _, err := s.Count(t.Context()); err != nil {
					r.Fatal(err)
				}
			case 1:
				m.answerAutomatically(r)
			case 2:
				by := rapid.SampledFrom(m.people).Draw(r, "who")
				_, err := s.SetReady(t.Context(), by, rapid.Bool().Draw(r, "ready"), rapid.SampledFrom([]string{"", "lunch"}).Draw(r, "reason"))
				require.NoError(r, err)
			default:
				m.command(r)
			}
		}
		if walks++; walks%10 == 0 {
			countAll(r, s)
			compareFacts(r, s)
			compareLive(r, s)
		}
	}
	for round := 0; round < 10 && kinds < wanted; round++ { // a walk that found little goes on
		rapid.Check(t, walk)
		require.NoError(t, s.Pool().QueryRow(t.Context(), `select count(distinct what) from facts`).Scan(&kinds))
	}
	require.Equal(t, wanted, kinds, "the walk has not made every fact")
	found, err := s.CheckFigures(t.Context())
	require.NoError(t, err)
	require.True(t, found.None(), "%+v", found)
}

// answerAutomatically writes and sends an automatic mail, if that is allowed now.
func (m *machine) answerAutomatically(r *rapid.T) {
	m.step++
	id := rapid.SampledFrom(m.open).Draw(r, "interaction")
	usage := rapid.SampledFrom([]interaction.Usage{interaction.UseAcknowledgement, interaction.UseAutoResponse}).Draw(r, "usage")
	_, err := m.s.Pool().Exec(m.ctx, `update interactions set language = 'en', category = 'billing', confidence = 1 where id = $1`, id)
	require.NoError(r, err)
	_, err = m.s.Pool().Exec(m.ctx, `delete from automatic_mail`)
	require.NoError(r, err)
	a, err := m.s.AnswerAutomatically(m.ctx, interaction.AutoAnswer{Interaction: id, Step: fmt.Sprintf("auto-%d", m.step), Usage: usage, Message: 1})
	if err != nil || !a.Queued {
		return
	}
	attempt := interaction.NewID()
	if won, err := m.s.BeginSend(m.ctx, id, a.Message, attempt); err == nil && won {
		_, err := m.s.EndSend(m.ctx, id, a.Message, attempt, interaction.Outcome{State: interaction.SendSent})
		require.NoError(r, err)
	}
}

// told is an audit line as the naive count reads it.
type told struct {
	At                    time.Time
	Code                  string
	Actor, Of, Task       interaction.ID
	Queue, From, To, Kind string
	Agent                 string
	Decision              string
	Message               int64
	Usage                 string
}

// naive counts facts from the whole audit, an interaction at a time.
func naive(t check, s *store.Store) (count map[string]int, seconds map[string][]float64) {
	rows, err := s.Pool().Query(t.Context(), `select at, code, coalesce(actor::text, ''), interaction_id::text, coalesce(task_id::text, ''), queue, from_state, to_state, coalesce(data->>'kind', ''),
		coalesce(data->>'agent', ''), coalesce(data->>'decision', ''), coalesce((data->>'message')::bigint, 0), coalesce(data->>'usage', '')
		from events where interaction_id is not null order by position`)
	require.NoError(t, err)
	defer rows.Close()
	of := map[interaction.ID][]told{}
	for rows.Next() {
		var l told
		require.NoError(t, rows.Scan(&l.At, &l.Code, &l.Actor, &l.Of, &l.Task, &l.Queue, &l.From, &l.To, &l.Kind, &l.Agent, &l.Decision, &l.Message, &l.Usage))
		of[l.Of] = append(of[l.Of], l)
	}
	require.NoError(t, rows.Err())
	count, seconds = map[string]int{}, map[string][]float64{}
	for _, lines := range of {
		naiveInteraction(lines, count, seconds)
	}
	return count, seconds
}

func naiveInteraction(lines []told, count map[string]int, seconds map[string][]float64) {
	first := func(is func(told) bool) *told {
		if n := slices.IndexFunc(lines, is); n >= 0 {
			return &lines[n]
		}
		return nil
	}
	took := func(what string, from, to time.Time) {
		seconds[what] = append(seconds[what], max(0, to.Sub(from).Seconds()))
	}
	handles, machine := map[interaction.ID]bool{}, map[int64]string{}
	for _, l := range lines {
		if l.Code == "task.opened" && l.Kind == "handle" {
			handles[l.Task] = true
		}
		if l.Code == "answer.written" {
			machine[l.Message] = l.Usage
		}
	}
	received := first(func(l told) bool { return l.Code == "interaction.received" })
	offered := first(func(l told) bool { return l.Code == "task.opened" && l.Kind == "handle" })
	taken := first(func(l told) bool { return l.To == "held" && handles[l.Task] })
	answered := first(func(l told) bool {
		return (l.Code == "send.sent" || l.Code == "send.settled") && l.To == "sent" && machine[l.Message] != "acknowledgement"
	})
	auto := first(func(l told) bool {
		return (l.Code == "send.sent" || l.Code == "send.settled") && l.To == "sent" && machine[l.Message] == "auto_response"
	})
	stopped := first(func(l told) bool { return l.Code == "interaction.stopped" })
	count["received"]++
	if offered != nil {
		count["offered "+offered.Queue]++
	}
	if taken != nil {
		count["taken "+taken.Queue+" "+taken.Agent]++
		took("taken", offered.At, taken.At)
	}
	if answered != nil {
		count["answered"]++
		took("answered", received.At, answered.At)
		if machine[answered.Message] != "" {
			count["answered flagged"]++
		}
	}
	if stopped != nil {
		count["stopped "+stopped.Queue]++
		if taken == nil && auto != nil {
			count["stopped flagged"]++
		}
		if taken == nil && auto == nil && offered != nil {
			count["abandoned "+stopped.Queue]++
			took("abandoned", offered.At, stopped.At)
		}
	}
	for n, l := range lines {
		if l.Code == "task.done" && handles[l.Task] {
			count["handled "+l.Queue+" "+string(l.Actor)]++
		}
		if l.Code == "task.done" && l.Kind == "review" {
			count["reviewed "+l.Queue+" "+string(l.Actor)]++
			if l.Decision == "returned" {
				count["reviewed flagged"]++
			}
		}
		if l.To != "held" || !handles[l.Task] {
			continue
		}
		for _, end := range lines[n+1:] {
			if end.Task == l.Task && end.From == "held" {
				count["held "+end.Queue+" "+l.Agent]++
				took("held", l.At, end.At)
				break
			}
		}
	}
}

// compareFacts holds facts, hourly sums and the report against the naive count.
func compareFacts(t check, s *store.Store) {
	count, seconds := naive(t, s)
	got := map[string]int{}
	byQueue, byAgent := map[string]bool{"offered": true, "taken": true, "handled": true, "abandoned": true, "stopped": true, "reviewed": true, "held": true}, map[string]bool{"taken": true, "handled": true, "reviewed": true, "held": true}
	rows, err := s.Pool().Query(t.Context(), `select what, queue, coalesce(agent::text, ''), flag, count(*) from facts group by 1, 2, 3, 4`)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var what, queue, agent string
		var flag bool
		var n int
		require.NoError(t, rows.Scan(&what, &queue, &agent, &flag, &n))
		key := what
		if byQueue[what] {
			key += " " + queue
		}
		if byAgent[what] {
			key += " " + agent
		}
		got[key] += n
		if flag && what != "taken" {
			got[what+" flagged"] += n
		}
	}
	require.NoError(t, rows.Err())
	require.Equal(t, count, got)

	report, err := s.Report(t.Context(), interaction.System, interaction.ReportQuery{
		From: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour), Interval: "total", Zone: "Europe/Berlin",
	})
	require.NoError(t, err)
	require.Len(t, report, 1)
	for _, c := range []struct {
		what string
		is   interaction.Spread
	}{{"taken", report[0].Wait}, {"held", report[0].Handling}, {"answered", report[0].FirstAnswer}} {
		want := seconds[c.what]
		slices.Sort(want)
		require.EqualValues(t, len(want), c.is.Count, c.what)
		if len(want) == 0 {
			continue
		}
		sum := 0.0
		for _, w := range want {
			sum += w
		}
		require.InDelta(t, sum/float64(len(want)), c.is.Mean, 1e-3, c.what)
		require.InDelta(t, want[len(want)-1], c.is.Max, 1e-3, c.what)
		for p, is := range map[float64]float64{0.5: c.is.P50, 0.9: c.is.P90, 0.95: c.is.P95} {
			require.InDelta(t, percentile(want, p), is, 1e-3, "%s p%v", c.what, 100*p)
		}
	}
}

// percentile of a sorted list, linear between its neighbours.
func percentile(sorted []float64, p float64) float64 {
	at := p * float64(len(sorted)-1)
	low := int(math.Floor(at))
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}

// compareLive holds the real-time figures against the rows.
func compareLive(t check, s *store.Store) {
	var wrong string
	err := s.Pool().QueryRow(t.Context(), `
		with now as (select queue, channel, kind, state, count(*)::int as tasks from tasks group by 1, 2, 3, 4)
		select coalesce(string_agg(concat_ws(' ', queue, channel, kind, state, n.tasks, 'counted', l.tasks), '; '), '')
		from now n full join live_queues l using (queue, channel, kind, state) where coalesce(n.tasks, 0) <> coalesce(l.tasks, 0)`).Scan(&wrong)
	require.NoError(t, err)
	require.Empty(t, wrong)
	live, err := s.Live(t.Context(), interaction.System, 24)
	require.NoError(t, err)
	sums := map[interaction.Fact]int64{}
	for _, q := range live.Queues {
		var oldest *time.Time
		require.NoError(t, s.Pool().QueryRow(t.Context(), `select min(opened_at) from tasks where queue = $1 and channel = $2 and state = 'queued' and kind = 'handle'`, q.Queue, q.Channel).Scan(&oldest))
		require.Equal(t, oldest == nil, q.Oldest.IsZero())
		if oldest != nil {
			require.True(t, oldest.Equal(q.Oldest))
		}
		for what, sum := range q.Sums {
			sums[what] += sum.Count
		}
	}
	for _, what := range interaction.AllFacts {
		var n int64
		require.NoError(t, s.Pool().QueryRow(t.Context(), `select count(*) from facts where what = $1`, what).Scan(&n))
		require.Equal(t, n, sums[what], what)
	}
	ready, groups := map[string]int{}, map[string]int{}
	for _, state := range live.States {
		groups[state.Group+" "+state.State] = state.Agents
	}
	rows, err := s.Pool().Query(t.Context(), `select g.group_name, case when a.ready then 'ready' when a.reason = '' then 'not_ready' else a.reason end from agents a join agent_groups g on g.agent_id = a.id
		union all select '', case when a.ready then 'ready' when a.reason = '' then 'not_ready' else a.reason end from agents a`)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var group, state string
		require.NoError(t, rows.Scan(&group, &state))
		ready[group+" "+state]++
	}
	require.Equal(t, ready, groups)
}

// Counters that race and die count every line once.
func TestCountersMayRaceAndDie(t *testing.T) {
	s := storetest.New(t, store.Options{})
	stop, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for stop.Err() == nil { // its connection is cut in the middle of some statement
				dying, cut := context.WithTimeout(stop, time.Duration(rand.IntN(6000))*time.Microsecond)
				_, _ = s.Count(dying)
				cut()
			}
		})
	}
	busy(t, s, 15)
	cancel()
	all.Wait()
	countAll(t, s)
	compareFacts(t, s)
	compareLive(t, s)
}

// Figures that went wrong are found, put right and told.
func TestWrongFiguresAreCorrectedAndTold(t *testing.T) {
	s := storetest.New(t, store.Options{})
	busy(t, s, 3)
	countAll(t, s)
	compareLive(t, s)
	for _, spoil := range []string{
		`update live_queues set tasks = tasks + 7`, `delete from live_queues`, `delete from live_tasks`,
		`update live_tasks set state = 'held'`, `update live_states set agents = 0`, `insert into live_tasks select gen_random_uuid(), interaction_id, kind, queue, channel, 'queued', opened_at from live_tasks`,
	} {
		_, err := s.Pool().Exec(t.Context(), spoil)
		require.NoError(t, err)
		found, err := s.CheckFigures(t.Context())
		require.NoError(t, err)
		require.False(t, found.None(), spoil)
		compareLive(t, s)
		found, err = s.CheckFigures(t.Context())
		require.NoError(t, err)
		require.True(t, found.None(), "%s: corrected twice: %+v", spoil, found)
	}
	var told int
	require.NoError(t, s.Pool().QueryRow(t.Context(), `select count(*) from events where code = 'statistics.corrected'`).Scan(&told))
	require.Equal(t, 6, told)
}
