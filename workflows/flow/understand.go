package flow

import (
	"go.temporal.io/sdk/workflow"

	"parley/activities/understanding"
	"parley/interaction"
)

// Understand screens the newest message, tells its language and category, and writes both to the interaction: one durable step, or two
// where a classifier outside is asked. What cannot be understood is left to people: the story goes on with nothing known.
func (f *Flow) Understand() interaction.Understood {
	seen := step(f, "understand", func(key string) (interaction.Understood, error) {
		request := understanding.Request{Interaction: f.in.Interaction, Step: key, Message: f.newest, Category: f.category}
		seen, err := local[interaction.Understood](f, thinking, (*understands)(nil).UnderstandMessage, request)
		if err == nil && seen.AskOutside {
			seen, err = f.askOutside(request)
		}
		if err != nil && f.end(err) != nil {
			f.log.Error("not understood", "error", err)
			request.GiveUp = true
			return local[interaction.Understood](f, quick, (*understands)(nil).UnderstandMessage, request)
		}
		return seen, err
	})
	f.answered = max(f.answered, seen.Message)
	return seen
}

// askOutside has the classifier outside asked, and understands alone what it cannot be asked about.
func (f *Flow) askOutside(request understanding.Request) (seen interaction.Understood, err error) {
	ctx := workflow.WithActivityOptions(f.ctx, asking)
	err = workflow.ExecuteActivity(ctx, (*understands)(nil).AskOutside, request).Get(ctx, &seen)
	if err == nil || f.end(err) == nil {
		return seen, err
	}
	f.log.Warn("the classifier outside was not asked", "error", err)
	request.Alone = true
	return local[interaction.Understood](f, thinking, (*understands)(nil).UnderstandMessage, request)
}

// AutoRespond answers with the category's approved response, if the category is certain, there is a response for its language, and the loop guard
// allows it; it reports whether the customer was answered so.
func (f *Flow) AutoRespond(seen interaction.Understood) bool {
	if seen.Response == "" {
		return false
	}
	return f.answer(interaction.AutoAnswer{Usage: interaction.UseAutoResponse, Message: seen.Message, Response: seen.Response})
}

// Acknowledge tells the customer that his message has arrived, under the same conditions except certainty.
func (f *Flow) Acknowledge(seen interaction.Understood) {
	if seen.Acknowledgement != "" {
		f.answer(interaction.AutoAnswer{Usage: interaction.UseAcknowledgement, Message: seen.Message, Response: seen.Acknowledgement})
	}
}

// answer writes an automatic mail and sends it; false where none was to be sent or it did not leave.
func (f *Flow) answer(a interaction.AutoAnswer) bool {
	written := step(f, "answer-"+string(a.Usage), func(key string) (interaction.AutoAnswered, error) {
		a.Interaction, a.Step = f.in.Interaction, key
		return local[interaction.AutoAnswered](f, quick, (*answers)(nil).WriteAutomaticAnswer, a)
	})
	if !written.Queued {
		return false
	}
	state := f.deliver(written.Message)
	return state == interaction.SendSent || state == interaction.SendUnknown
}

// respondByOrder sends the automatic answer that a supervisor chose, and ends the story with it.
func (f *Flow) respondByOrder(response interaction.ID) {
	f.settled = true
	if f.answer(interaction.AutoAnswer{Usage: interaction.UseAutoResponse, Message: f.newest, Response: response, Forced: true}) {
		panic(unwound{"answered_by_order"})
	}
	panic(unwound{"order_not_sent"})
}
