package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// The two forms of the rule who may know of a task, in Go for one and in SQL for lists, agree on whatever task and actor.
func TestVisibleTasksInSQLAndInGoAgree(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ctx := t.Context()
	groups := []string{"service", "sales"}
	asked := []string{"", "service", "sales", "experts"}
	people := []interaction.ID{"", interaction.NewID(), interaction.NewID(), interaction.NewID()}
	roles := []interaction.Role{
		interaction.RoleDesigner, interaction.RoleAgent, interaction.RoleSenior, interaction.RoleSupervisor, interaction.RoleAdmin,
	}
	kinds := []interaction.TaskKind{interaction.TaskHandle, interaction.TaskReview, interaction.TaskConsult, interaction.TaskSettle}
	seen := map[bool]int{}
	rapid.Check(t, func(rt *rapid.T) {
		id := interaction.NewID()
		_, err := s.Pool().Exec(ctx, `insert into tasks (id, interaction_id, kind, step, channel, class, state, queue, group_name, agent_id, reserved_for, author, reserved_until)
			values ($1, $2, $3, 'x', 'email', 'email', $4, $5, $6, $7, $8, $9, $10)`,
			id, interaction.NewID(), rapid.SampledFrom(kinds).Draw(rt, "kind"), rapid.SampledFrom([]string{"queued", "held"}).Draw(rt, "state"),
			rapid.SampledFrom(groups).Draw(rt, "queue"), rapid.SampledFrom(asked).Draw(rt, "group"),
			rapid.SampledFrom(people).Draw(rt, "agent"), rapid.SampledFrom(people).Draw(rt, "reserved for"), rapid.SampledFrom(people).Draw(rt, "author"),
			time.Now().Add(time.Hour))
		require.NoError(rt, err)
		actor := interaction.Actor{
			Agent: rapid.SampledFrom(people).Draw(rt, "actor"), Role: rapid.SampledFrom(roles).Draw(rt, "role"),
			Groups: rapid.SliceOfDistinct(rapid.SampledFrom(asked[1:]), rapid.ID[string]).Draw(rt, "groups"),
		}
		inGo, inSQL, err := s.TaskVisible(ctx, actor, id)
		require.NoError(rt, err)
		require.Equal(rt, inGo, inSQL)
		seen[inSQL]++
	})
	require.Positive(t, seen[true])
	require.Positive(t, seen[false])
}
