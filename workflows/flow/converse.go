package flow

import (
	"slices"
	"time"

	"parley/activities/conversation"
	"parley/activities/routing"
	"parley/interaction"
)

type converses = conversation.Activities

// Greet says hello in the session, or that it is out of hours, and gives the policies of the entry point. However often the story is told, the
// customer is greeted once.
func (f *Flow) Greet() interaction.ChatTold {
	return step(f, "greet", func(string) (interaction.ChatTold, error) {
		return local[interaction.ChatTold](f, quick, (*converses)(nil).BeginChat, conversation.Turn{Interaction: f.in.Interaction, Step: "greet"})
	})
}

// Question asks the customer what the entry point wants to know before an agent is invited, one thing after the other. The answers are
// attached to the interaction. It goes on when the session is over, with what there is.
func (f *Flow) Question(talk interaction.ChatTold) {
	for n := range talk.Questions {
		f.ask("ask-customer", (*converses)(nil).AskCustomer, conversation.Turn{Question: n})
	}
}

// ask puts a question and waits for its answer, or for the end of the session; it reports whether something was asked. How long a
// customer may think is the session's own clock.
func (f *Flow) ask(name string, activity any, turn conversation.Turn) bool {
	asked := step(f, name, func(key string) (interaction.ChatTold, error) {
		turn.Interaction, turn.Step = f.in.Interaction, key
		return local[interaction.ChatTold](f, quick, activity, turn)
	})
	if asked.Asked == "" {
		return false
	}
	step(f, "answer", func(string) (bool, error) {
		answered := false
		f.watch(never, func() bool {
			_, answered = f.drain(func(n interaction.News) bool {
				return n.Kind == interaction.NewsAnswered && n.Code == asked.Asked && !f.held
			})
			return answered || f.chat.Over != "" && !f.held
		})
		return answered, nil
	})
	return true
}

func never() time.Time { return time.Time{} }

// Met is what came of a conversation.
type Met struct {
	Task   interaction.ID
	Agent  interaction.ID // who was there last
	Nobody bool           // nobody came in time
	Gone   bool           // the session was over while the customer waited
}

// Meet invites agents, one after the other along the chain, and waits until the conversation is over. Messages wake nobody here. An agent
// who leaves the session makes the customer wait again, as long as at first; one who puts it away (mission C6: asynchronous chats) does not,
// until the customer speaks.
func (f *Flow) Meet(to Targets) Met {
	task := step(f, "invite", func(key string) (opened, error) {
		f.waitAnew()
		id, err := local[interaction.ID](f, quick, (*routes)(nil).OpenTask, interaction.Ask{
			Interaction: f.in.Interaction, Step: key, Kind: interaction.TaskHandle, Queue: to.queue, Chain: to.chain,
		})
		return opened{Task: id}, err
	})
	return step(f, "meet", func(string) (Met, error) { return f.meet(task.Task, to.deadline) })
}

// pause before a task that nobody may be asked for any more is looked at again, because it is on offer or was taken this moment.
const another = 10 * time.Second

func (f *Flow) meet(task interaction.ID, patience time.Duration) (Met, error) {
	for tries := 0; ; tries++ {
		f.watch(func() time.Time {
			if f.chat.Present || f.chat.Asleep {
				return time.Time{}
			}
			return f.chat.Alone.Add(patience + time.Duration(tries)*another)
		}, func() bool {
			f.drain(nothing)
			return !f.held && (f.chat.Over != "" || f.expects(task))
		})
		met := Met{Task: task, Agent: f.chat.Agent}
		if f.chat.Present || f.chat.Asleep || f.expects(task) {
			return met, nil
		}
		found, err := f.takeBack(task, tries, false)
		switch {
		case err != nil:
			return met, err
		case found.Done:
			met.Nobody, met.Gone = f.chat.Over == "", f.chat.Over != ""
			return met, nil
		case f.chat.Over != "": // somebody has just taken it, or has just ended it: he says how
			return met, nil
		}
	}
}

func nothing(interaction.News) bool { return false }

// expects reports whether news of the task has arrived that nobody has heard yet.
func (f *Flow) expects(task interaction.ID) bool {
	return slices.ContainsFunc(f.pending, func(n interaction.News) bool { return n.Task == task })
}

// takeBack withdraws the task, from who holds it only when forced, and tells what it found.
func (f *Flow) takeBack(task interaction.ID, tries int, force bool) (interaction.Withdrawn, error) {
	return local[interaction.Withdrawn](f, quick, (*routes)(nil).WithdrawTask, routing.Withdrawal{
		Interaction: f.in.Interaction, Step: stepOf("withdraw", task, tries), Task: task, Force: force,
	})
}

// WrapUp waits for the agent's disposition, at most this long from the end of the session, and then takes the task from him.
func (f *Flow) WrapUp(met Met, limit time.Duration) (disposition string) {
	until := step(f, "wrap-up", func(string) (time.Time, error) { return f.Now().Add(limit), nil })
	return step(f, "disposition", func(string) (string, error) {
		of := func(n interaction.News) bool { return n.Task == met.Task && !f.held }
		if n, ok := f.hear(until, of); ok {
			return n.Code, nil
		}
		found, err := f.takeBack(met.Task, -1, true)
		if err != nil || found.Done {
			return "handled", err
		}
		n, _ := f.hear(time.Time{}, of) // he was quicker: the news of it is on its way
		return n.Code, nil
	})
}
