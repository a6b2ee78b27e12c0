package test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"parley/interaction"
	"parley/store/storetest"
	"parley/workflows/flow"
)

// concierge is a designer's own story of a chat, as docs/adding-a-workflow.md shows it.
func concierge(f *flow.Flow) (reason string) {
	talk := f.Greet()
	met := f.Meet(flow.To(flow.Skill("concierge", 8, time.Minute), flow.Anyone()).Within(talk.Wait()))
	if met.Nobody || met.Gone {
		return f.Instead(interaction.InsteadStop, "nobody_there")
	}
	return f.WrapUp(met, 0)
}

// A designer's own chat workflow is bound to an entry point by configuration (mission D2), and runs.
func TestStoryOfADesignersChat(t *testing.T) {
	known := [2][]string{interaction.EntryWorkflows, interaction.ChatWorkflows}
	t.Cleanup(func() { interaction.EntryWorkflows, interaction.ChatWorkflows = known[0], known[1] })
	house := storetest.House()
	house.Agents[0].Skills = map[string]int{"concierge": 9}
	house.EntryPoints = append(house.EntryPoints, interaction.EntryPoint{
		Name: "chat", Channel: interaction.Chat, Address: "lobby", Workflow: "Concierge", Queue: "service", FromName: "Lobby",
		Chat: &interaction.ChatSettings{Greeting: map[string]string{"en": "Good evening."}},
	})
	faults := interaction.CheckSetup(house, interaction.Setup{})
	require.NotEmpty(t, faults, "a workflow that nobody registered cannot be bound")
	interaction.EntryWorkflows = append(slices.Clone(known[0]), "Concierge")
	require.NotEmpty(t, interaction.CheckSetup(house, interaction.Setup{}), "nor one that is no story of a chat")
	interaction.ChatWorkflows = append(slices.Clone(known[1]), "Concierge")

	st := newStageWith(t, map[string]any{"Concierge": func(ctx workflow.Context, in interaction.Start) error { return flow.Run(ctx, in, concierge) }})
	require.NoError(t, st.store.Apply(t.Context(), interaction.System, house))
	id := st.openChat("")
	st.said(id, interaction.ChatText, "Good evening.")
	st.claim("ann", id)
	st.post(id, customer, "A taxi, please.")
	st.post(id, st.agent("ann"), "It is here.")
	st.endChat(id)
	require.Equal(t, "handled", st.stopped(id))
	require.Empty(t, st.mails(), "this story has no transcript")

	gone := st.openChat("")
	st.task(gone, interaction.TaskHandle)
	st.endChat(gone)
	require.Equal(t, "nobody_there", st.stopped(gone))
}
