package flow

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"parley/activities/review"
	"parley/activities/routing"
	"parley/interaction"
)

// Targets is who a task goes to: links with a time each, and who has the first word.
type Targets struct {
	chain    []interaction.RouteTarget
	queue    string
	agent    interaction.ID // has the first word, with his draft
	returned interaction.ID // the review that sent it back
	cycles   int
	message  int64 // the reply he is to revise
	deadline time.Duration
}

// To makes a chain of targets; the last one stays open. An empty chain is the queue's own.
func To(links ...interaction.RouteTarget) Targets {
	return Targets{chain: links, deadline: routingDeadline}
}

// routingDeadline is how long a task waits for people before the story takes it back (mission R7).
const routingDeadline = 12 * time.Hour

// In sends the task to this queue instead of the interaction's; empty changes nothing.
func (t Targets) In(queue string) Targets {
	if queue != "" {
		t.queue = queue
	}
	return t
}

// Within sets another routing deadline.
func (t Targets) Within(d time.Duration) Targets {
	t.deadline = d
	return t
}

// LastAgent means who handled this thread last, for this long.
func LastAgent(d time.Duration) interaction.RouteTarget {
	return interaction.RouteTarget{Kind: interaction.ToLastAgent, Seconds: int(d / time.Second)}
}

// Skill means agents who have the skill at this level or better, for this long (0: it stays open); an empty skill means everybody of the queue.
func Skill(name string, level int, d time.Duration) interaction.RouteTarget {
	if name == "" {
		return interaction.RouteTarget{Kind: interaction.ToQueue, Seconds: int(d / time.Second)}
	}
	return interaction.RouteTarget{Kind: interaction.ToSkill, Name: name, Level: level, Seconds: int(d / time.Second)}
}

// Group means all agents of a group.
func Group(name string) interaction.RouteTarget {
	return interaction.RouteTarget{Kind: interaction.ToGroup, Name: name}
}

// Anyone means everybody of the queue.
func Anyone() interaction.RouteTarget { return interaction.RouteTarget{Kind: interaction.ToQueue} }

// BackTo means the author's workbin with his draft and the reviewer's comment first, then the chain.
func BackTo(work Work, then Targets) Targets {
	then.agent, then.cycles = work.Agent, work.cycles+1
	if work.Reply != nil {
		then.message, then.returned = work.Reply.Message, work.Reply.review
	}
	return then
}

// Work is what came of a task.
type Work struct {
	Agent       interaction.ID
	Reply       *Reply // nil: ended without one
	Disposition string // how it ended without a reply, as a code
	Nobody      bool   // nobody took it before the deadline
	cycles      int
}

// Reply is an agent's reply that waits for its release.
type Reply struct {
	Message int64 // its number
	Author  interaction.ID
	cycles  int
	review  interaction.ID
}

// opened is the journal's line of an open task.
type opened struct {
	Task  interaction.ID `json:"task"`
	Until time.Time      `json:"until"`
}

// Handle gives the interaction to people and waits for what they make of it.
func (f *Flow) Handle(to Targets) Work {
	task := step(f, "ask", func(key string) (opened, error) {
		message := f.newest
		if to.message != 0 {
			message = to.message
		}
		id, err := local[interaction.ID](f, quick, (*routes)(nil).OpenTask, interaction.Ask{
			Interaction: f.in.Interaction, Step: key, Kind: interaction.TaskHandle, Queue: to.queue, Chain: to.chain,
			Message: message, For: to.agent, Returned: to.returned, Cycles: to.cycles,
		})
		return opened{Task: id, Until: f.Now().Add(to.deadline)}, err
	})
	work := step(f, "work", func(string) (Work, error) { return f.await(task, to.cycles), nil })
	if work.Reply != nil {
		work.Reply.cycles = to.cycles
	}
	work.cycles = to.cycles
	f.answered = max(f.answered, work.upTo(f.newest))
	return work
}

// upTo is the newest message that the agent has seen: he was told of what arrived before his reply; a task ended without one is ended with all there was.
func (w Work) upTo(newest int64) int64 {
	if w.Reply != nil {
		return w.Reply.Message
	}
	return newest
}

// await hears what becomes of the task. At the deadline it takes the task back, unless somebody holds it: he may finish.
func (f *Flow) await(task opened, cycles int) Work {
	until := task.Until
	for tries := 0; ; tries++ {
		n, ok := f.hear(until, func(n interaction.News) bool { return n.Task == task.Task })
		if ok && n.Kind == interaction.NewsReply {
			return Work{Agent: n.Agent, Reply: &Reply{Message: n.Message, Author: n.Agent}}
		}
		if ok {
			return Work{Agent: n.Agent, Disposition: n.Code}
		}
		found, err := local[interaction.Withdrawn](f, quick, (*routes)(nil).WithdrawTask, routing.Withdrawal{
			Interaction: f.in.Interaction, Step: stepOf("withdraw", task.Task, tries), Task: task.Task,
		})
		switch {
		case err != nil:
			panic(failed{err})
		case found.Done:
			return Work{Nobody: true}
		case found.State == interaction.TaskDone:
			until = time.Time{} // the news of it is on its way
		default:
			until = f.Now().Add(time.Hour)
		}
	}
}

// Verdict is what the review said.
type Verdict struct {
	Approved bool
	Stopped  string // the reviewer stopped the interaction, for this reason
}

// Review holds the reply until a second pair of eyes has seen it, if the policy says so. Approved, it is ready to be sent.
func (f *Flow) Review(r *Reply) Verdict {
	request := review.Request{Interaction: f.in.Interaction, Message: r.Message, Author: r.Author, Cycles: r.cycles}
	asked := step(f, "review", func(key string) (interaction.Review, error) {
		request.Step = key
		return local[interaction.Review](f, quick, (*reviews)(nil).OpenReview, request)
	})
	if !asked.Needed {
		return Verdict{Approved: true}
	}
	r.review = asked.Task
	verdict := step(f, "decision", func(string) (Verdict, error) {
		n, _ := f.hear(time.Time{}, func(n interaction.News) bool { return n.Task == asked.Task })
		return Verdict{Approved: n.Code == "approved", Stopped: n.Value}, nil
	})
	if verdict.Approved {
		step(f, "release", func(key string) (bool, error) {
			request.Step = key
			_, err := local[any](f, quick, (*reviews)(nil).ReleaseReply, request)
			return true, err
		})
	}
	if verdict.Stopped != "" {
		panic(unwound{verdict.Stopped})
	}
	return verdict
}

// Wait pauses the story, in the calendar's plain hours; orders and messages are heard meanwhile.
func (f *Flow) Wait(d time.Duration) {
	until := step(f, "wait-until", func(string) (time.Time, error) { return workflow.Now(f.ctx).Add(d), nil })
	step(f, "wait", func(string) (bool, error) {
		f.hear(until, func(interaction.News) bool { return false })
		return true, nil
	})
}

// Reported is what a report says that the story began with; empty once the customer has written.
func (f *Flow) Reported() interaction.ReportKind {
	if f.newest > f.in.Message {
		return ""
	}
	f.answered = max(f.answered, f.newest) // there is nothing to answer
	return interaction.ReportKind(f.in.Code)
}

// Begun is the message that an outbound interaction began with, as if an agent had just written it.
func (f *Flow) Begun() Work {
	return Work{Agent: f.in.Agent, Reply: &Reply{Message: f.in.Message, Author: f.in.Agent}}
}
