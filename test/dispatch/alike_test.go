package dispatch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"parley/interaction"
	"parley/routing"
	"parley/store/storetest"
)

// The claim's statement and the matcher keep to the same capacity: for any load, limits, weights and rules, an agent claims a task if and only
// if the matcher would find room for it.
func TestClaimAndMatcherKnowTheSameCapacity(t *testing.T) {
	h := newHouse(t)
	ann, ctx := storetest.Person(t, h.Store, "ann"), t.Context()
	task := h.open(t)
	class := rapid.SampledFrom([]string{"email", "chat", "sms", "review"})
	number := rapid.IntRange(0, 3)
	full, free := 0, 0
	rapid.Check(t, func(r *rapid.T) {
		load, total := rapid.MapOfN(class, number, 0, 4).Draw(r, "load"), 0
		for _, n := range load {
			total += n
		}
		limits := rapid.MapOf(rapid.SampledFrom([]string{"email", "chat", "total"}), rapid.IntRange(0, 8)).Draw(r, "limits")
		capacity := interaction.Capacity{
			Weights: rapid.MapOfN(class, number, 0, 3).Draw(r, "weights"),
			Rules: rapid.SliceOfN(rapid.Custom(func(r *rapid.T) interaction.CapacityRule {
				return interaction.CapacityRule{
					No:    rapid.SampledFrom([]string{"email", "email", "chat", interaction.AnyClass}).Draw(r, "no"),
					While: rapid.MapOfN(class, rapid.IntRange(1, 2), 1, 2).Draw(r, "while"),
				}
			}), 0, 3).Draw(r, "rules"),
		}
		_, err := h.Pool().Exec(ctx, `update agents set load = $2, load_total = $3, limits = $4, capacity = $5 where id = $1`, ann.Agent, load, total, limits, capacity)
		require.NoError(r, err)
		agent, err := h.Agent(ctx, ann.Agent)
		require.NoError(r, err)
		_, err = h.Claim(ctx, ann, task)
		if !routing.RoomFor(agent, "email") {
			full++
			require.ErrorIs(r, err, interaction.Conflict("at_capacity", ""))
			return
		}
		free++
		require.NoError(r, err)
		after, err := h.Agent(ctx, ann.Agent)
		require.NoError(r, err)
		require.Equal(r, agent.Load["email"]+1, after.Load["email"])
		require.NoError(r, h.Release(ctx, ann, task, 0))
	})
	require.Positive(t, full)
	require.Positive(t, free)
}

// The database gives every task the place in line that the policy gives it, whoever writes the row.
func TestDatabaseAndMatcherKnowTheSamePlaces(t *testing.T) {
	h := newHouse(t)
	ctx, task := t.Context(), h.open(t)
	rapid.Check(t, func(r *rapid.T) {
		_, err := h.Pool().Exec(ctx, `update queues set ageing_seconds = $1, service_weight = $2`,
			rapid.SampledFrom([]int{0, 1, 3600, 365 * 24 * 3600}).Draw(r, "ageing"), rapid.IntRange(0, 100).Draw(r, "service"))
		require.NoError(r, err)
		opened := time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(r, "opened")).UTC()
		var due *time.Time
		if rapid.Bool().Draw(r, "objective") {
			at := opened.Add(time.Duration(rapid.Int64Range(-1e18, 1e18).Draw(r, "due") / 1000 * 1000))
			due = &at
		}
		_, err = h.Pool().Exec(ctx, `update tasks set opened_at = $2, due_at = $3, priority = $4 where id = $1`, task, opened, due,
			rapid.OneOf(rapid.IntRange(-3, 3), rapid.IntRange(-1<<31, 1<<31-1)).Draw(r, "priority"))
		require.NoError(r, err)
		all, err := h.Changed(ctx, "")
		require.NoError(r, err)
		require.Len(r, all.Tasks, 1)
		var place int64
		require.NoError(r, h.Pool().QueryRow(ctx, `select place from tasks where id = $1`, task).Scan(&place))
		require.Equal(r, routing.Place(all.Tasks[0]), place)
	})
}

// Another policy moves what waits already.
func TestAnotherPolicyMovesWhatWaits(t *testing.T) {
	h := newHouse(t)
	h.exec(t, `update queues set push = false`)
	old, urgent := h.open(t), h.open(t)
	h.exec(t, `update tasks set opened_at = opened_at - interval '2 hours' where id = $1`, old)
	h.exec(t, `update tasks set priority = 1 where id = $1`, urgent)
	first := func() interaction.ID {
		ann := storetest.Person(t, h.Store, "ann")
		task, err := h.ClaimNext(t.Context(), ann, "")
		require.NoError(t, err)
		require.NoError(t, h.Release(t.Context(), ann, task.ID, 0))
		return task.ID
	}
	require.Equal(t, urgent, first(), "priority goes before age")
	policy := func(ageing int) {
		require.NoError(t, h.Apply(t.Context(), interaction.System, interaction.Setup{Queues: []interaction.Queue{{Name: "service", Group: "service", AgeingSeconds: ageing}}}))
	}
	policy(3600)
	require.Equal(t, old, first(), "two hours are worth more than one step")
	policy(3 * 3600)
	require.Equal(t, urgent, first())
}

// chains are what tasks ask for in the next test; all their links are open.
var chains = [][]interaction.RouteTarget{
	{{Kind: interaction.ToQueue}},
	{{Kind: interaction.ToSkill, Name: "billing", Level: 7}},
	{{Kind: interaction.ToSkill, Name: "billing", Level: 9}},
	{{Kind: interaction.ToSkill, Name: "returns", Level: 1}},
	{{Kind: interaction.ToGroup, Name: "sales", Seconds: 1}, {Kind: interaction.ToQueue}},
	{{Kind: interaction.ToGroup, Name: "service", Seconds: 1}, {Kind: interaction.ToQueue}},
}

// Who claims the next one gets what the matcher would give him first, out of tasks of every kind of demand, until nothing suits him.
func TestClaimNextTakesWhatWouldBeGiven(t *testing.T) {
	h := newHouse(t)
	ctx, ben := t.Context(), storetest.Person(t, h.Store, "ben") // billing 8
	h.exec(t, `update agents set limits = '{"email": 100, "total": 100}', ready = login = 'ben'`)
	var tasks []interaction.ID
	for range 8 {
		tasks = append(tasks, h.open(t))
	}
	worlds := 0
	rapid.Check(t, func(r *rapid.T) {
		if worlds++; worlds > 30 {
			return // each takes a hundred statements
		}
		h.exec(t, `update tasks set state = 'queued', agent_id = null, opened_at = now() - interval '1 hour'`)
		h.exec(t, `update agents set load = '{}', load_total = 0`)
		for _, task := range tasks {
			_, err := h.Pool().Exec(ctx, `update tasks set priority = $2, skill = $3, level = $4, group_name = $5, not_before = now() + $6::int * interval '1 minute',
					reserved_for = case $7::int when 1 then $8::uuid when 2 then id end, reserved_until = now() + interval '1 hour', chain = $9 where id = $1`, task,
				rapid.IntRange(0, 3).Draw(r, "priority"), "", 0, "", rapid.SampledFrom([]int{-1, -1, -1, 1}).Draw(r, "not before"),
				rapid.IntRange(0, 4).Draw(r, "reserved"), ben.Agent, rapid.SampledFrom(chains).Draw(r, "chain"))
			require.NoError(r, err)
		}
		h.exec(t, `update tasks set skill = case when chain->0->>'kind' = 'skill' then chain->0->>'name' else '' end, level = coalesce((chain->0->>'level')::int, 0),
			group_name = case when chain->0->>'kind' = 'group' then chain->0->>'name' else '' end, chain_step = jsonb_array_length(chain) - 1`)
		all, err := h.Changed(ctx, "")
		require.NoError(r, err)
		book := routing.NewBook()
		reserved := map[interaction.ID]bool{}
		for _, w := range all.Tasks {
			reserved[w.ID] = w.ReservedFor == ben.Agent
			book.SetTask(w)
		}
		require.Len(r, all.Agents, 1)
		book.SetAgent(all.Agents[0])
		var hers, others []interaction.ID // a person takes first what is kept for him
		for o, found := book.Next(all.At); found; o, found = book.Next(all.At) {
			if reserved[o.Task] {
				hers = append(hers, o.Task)
			} else {
				others = append(others, o.Task)
			}
		}
		for _, want := range append(hers, others...) {
			got, err := h.ClaimNext(ctx, ben, "")
			require.NoError(r, err)
			require.Equal(r, want, got.ID)
		}
		_, err = h.ClaimNext(ctx, ben, "")
		require.ErrorIs(r, err, &interaction.Error{Code: "nothing_waiting"})
	})
}
