package flow

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"parley/activities/delivery"
	"parley/interaction"
)

// Send sends the reply, which Review has released, and reports whether it reached the carrier. When the carrier's answer was lost, a person says
// what became of it: nothing is repeated blindly. False means that the customer has not got it; the reason is with the ledger.
func (f *Flow) Send(r *Reply) bool {
	return f.deliver(r.Message) == interaction.SendSent
}

// deliver sends a message whose ledger row stands, and settles an unknown outcome by a person.
func (f *Flow) deliver(message int64) interaction.SendState {
	sent := step(f, "send", func(string) (delivery.Sent, error) { return f.send(message) })
	if sent.State != interaction.SendUnknown {
		return sent.State
	}
	task := step(f, "settle", func(key string) (interaction.ID, error) {
		return local[interaction.ID](f, quick, (*routes)(nil).OpenTask, interaction.Ask{
			Interaction: f.in.Interaction, Step: key, Kind: interaction.TaskSettle, Message: message,
		})
	})
	return step(f, "settled", func(string) (interaction.SendState, error) {
		n, _ := f.hear(time.Time{}, func(n interaction.News) bool { return n.Task == task })
		return interaction.SendState(n.Code), nil
	})
}

// send sends a message whose ledger row stands; for days, if the carrier is away.
func (f *Flow) send(message int64) (delivery.Sent, error) {
	var sent delivery.Sent
	ctx := workflow.WithActivityOptions(f.ctx, sending)
	err := workflow.ExecuteActivity(ctx, (*delivers)(nil).SendMessage, delivery.Send{Interaction: f.in.Interaction, Message: message}).Get(ctx, &sent)
	if err != nil && f.end(err) != nil && f.ctx.Err() == nil {
		f.log.Error("gave up sending", "message", message, "error", err)
		return delivery.Sent{State: interaction.SendUnknown}, nil
	}
	return sent, err
}

func stepOf(name string, task interaction.ID, n int) string {
	return fmt.Sprintf("%s-%s-%d", name, task, n)
}
