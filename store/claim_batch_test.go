package store_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// Claims made together give what the same claims give one after another, whatever waits and whoever asks.
func TestClaimsTogetherAreClaimsInARow(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ctx := t.Context()
	var people []interaction.Actor
	for _, login := range []string{"ann", "ben", "carl", "sue", "vic", "root"} {
		people = append(people, storetest.Person(t, s, login))
	}
	for n := range 12 {
		open(t, s, arrive(t, s, "c@customer.test", "Kettle"), string(rune('a'+n)))
	}
	tasks := scan[[]interaction.ID](t, s, `select array_agg(id order by id) from tasks`)
	worlds, failed := 0, false
	rapid.Check(t, func(r *rapid.T) {
		if worlds++; worlds > 40 && !failed {
			return // each takes some hundred statements
		}
		defer func() { failed = failed || r.Failed() }() // what fails is made smaller
		exec := func(sql string, args ...any) {
			_, err := s.Pool().Exec(ctx, sql, args...)
			require.NoError(r, err)
		}
		for n, task := range tasks {
			kind := rapid.SampledFrom([]string{"handle", "handle", "handle", "review"}).Draw(r, "kind")
			class := rapid.SampledFrom([]string{"email", "email", "sms"}).Draw(r, "class")
			if kind == "review" {
				class = kind
			}
			skill, level := rapid.SampledFrom([]string{"", "billing", "returns"}).Draw(r, "skill"), 0
			if skill != "" {
				level = rapid.IntRange(0, 10).Draw(r, "level")
			}
			exec(`update tasks set kind = $2, class = $3, queue = $4, skill = $5, level = $6, group_name = $7, priority = $8, author = $9, opened_at = now() - $10::int * interval '1 second',
					not_before = now() + $11::int * interval '1 minute', reserved_for = $12, reserved_until = now() + $13::int * interval '1 minute' where id = $1`, task,
				kind, class, rapid.SampledFrom([]string{"service", "service", "sales"}).Draw(r, "queue"), skill, level,
				rapid.SampledFrom([]string{"", "", "service", "sales"}).Draw(r, "group"), rapid.IntRange(0, 2).Draw(r, "priority"),
				someone(r, people, "author"), n, rapid.SampledFrom([]int{-1, -1, -1, 1}).Draw(r, "not before"),
				someone(r, people, "reserved for"), rapid.SampledFrom([]int{-1, 1}).Draw(r, "reserved until"))
		}
		for _, p := range people {
			exec(`update agents set limits = $2, away = $3 where id = $1`, p.Agent,
				map[string]int{"email": rapid.IntRange(0, 1).Draw(r, "email"), "sms": 1, "review": 1, "total": rapid.IntRange(0, 3).Draw(r, "total")},
				rapid.SampledFrom([]map[string]any{{}, {"sms": map[string]any{"reason": "lunch"}}}).Draw(r, "away"))
		}
		free := func() {
			exec(`update tasks set state = 'queued', agent_id = null, handle_until = null`)
			exec(`update agents set load = '{}', load_total = 0`)
		}
		askers := rapid.Permutation(people).Draw(r, "askers")

		free()
		var want []interaction.ID
		for _, by := range askers {
			task, err := s.ClaimNext(ctx, by, "")
			require.Contains(r, []string{"<nil>", "nothing_waiting", "at_capacity"}, code(err))
			want = append(want, task.ID)
		}
		free()
		given, err := s.ClaimBatch(ctx, askers)
		require.NoError(r, err)
		for n, task := range given {
			if task == nil {
				require.Empty(r, want[n], "claim %d", n)
				continue
			}
			require.Equal(r, want[n], task.ID, "claim %d", n)
			require.Equal(r, askers[n].Agent, task.Agent)
			require.Equal(r, interaction.TaskHeld, task.State)
		}
		var loads, held, told int
		require.NoError(r, s.Pool().QueryRow(ctx, `select (select sum(load_total) from agents), (select count(*) from tasks where state = 'held'),
			(select count(*) from events e join tasks t on t.id = e.task_id where e.code = 'task.claimed' and e.actor = t.agent_id and e.position > (select max(position) - $1 from events))`,
			len(askers)).Scan(&loads, &held, &told))
		require.Equal(r, held, loads)
		require.GreaterOrEqual(r, told, held)
	})
}

func someone(r *rapid.T, people []interaction.Actor, label string) *interaction.ID {
	if n := rapid.IntRange(0, len(people)*3).Draw(r, label); n < len(people) {
		return &people[n].Agent
	}
	return nil
}

// However many claim at once, each task goes to one of them and everything that waits is given.
func TestClaimsAtOnceGiveEachTaskOnce(t *testing.T) {
	s := storetest.New(t, store.Options{})
	exec(t, s, `update agents set limits = '{"email": 100, "total": 100}'`)
	const waiting = 60
	for n := range waiting {
		open(t, s, arrive(t, s, "c@customer.test", "Kettle"), "ask"+string(rune('a'+n)))
	}
	people := []interaction.Actor{storetest.Person(t, s, "ann"), storetest.Person(t, s, "ben"), storetest.Person(t, s, "sue"), storetest.Person(t, s, "root")}
	var mu sync.Mutex
	var group sync.WaitGroup
	got := map[interaction.ID]interaction.ID{}
	for client := range 24 {
		by := people[client%len(people)]
		group.Go(func() {
			for {
				task, err := s.ClaimNext(t.Context(), by, "")
				if err != nil {
					if code(err) != "nothing_waiting" {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				if other, twice := got[task.ID]; twice {
					t.Errorf("task %s was given to %s and %s", task.ID, other, by.Agent)
				}
				got[task.ID] = by.Agent
				mu.Unlock()
			}
		})
	}
	group.Wait()
	require.Len(t, got, waiting)
	require.Equal(t, waiting, scan[int](t, s, `select sum(load_total)::int from agents`))
	require.Equal(t, waiting, scan[int](t, s, `select count(distinct task_id)::int from events where code = 'task.claimed'`))
}

// Who goes away before it is his turn is given nothing.
func TestAClaimOfAClientThatIsGoneIsNotMade(t *testing.T) {
	s := storetest.New(t, store.Options{})
	open(t, s, arrive(t, s, "c@customer.test", "Kettle"), "ask")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.ClaimNext(ctx, storetest.Person(t, s, "ann"), "")
	require.Error(t, err)
	require.Equal(t, "queued", scan[string](t, s, `select state from tasks`))
}
