package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"parley/interaction"
	"parley/workflows/flow"
)

// Chat is the workflow of a chat session: from the greeting to the transcript.
func Chat(ctx workflow.Context, in interaction.Start) error {
	return flow.Run(ctx, in, chat, (*flow.Flow).Transcript, (*flow.Flow).Survey)
}

func chat(f *flow.Flow) (reason string) {
	talk := f.Greet()
	if talk.Closed {
		return f.Instead(talk.WhenClosed, "closed")
	}
	f.Question(talk)
	met := f.Meet(flow.To(flow.LastAgent(30*time.Second), flow.Anyone()).Within(talk.Wait()))
	switch {
	case met.Nobody:
		return f.Instead(talk.WhenNobody, "nobody_there")
	case met.Gone:
		return f.Instead(talk.WhenGone, "customer_gone")
	}
	return f.WrapUp(met, talk.WrapUp())
}
