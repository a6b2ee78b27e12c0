package store

import (
	"slices"
	"time"

	"parley/interaction"
)

// tally turns lines of the audit into facts. It knows no database: what it has to remember of open interactions and tasks is read before and
// written after it. Lines come in the order of their numbers; those of one task were numbered under its lock, so they tell what happened in its order.
type tally struct {
	interactions map[interaction.ID]*liveInteraction
	tasks        map[interaction.ID]*liveTask
	dims         map[interaction.ID]dims
	targets      map[string]time.Duration // queue → what waits longer was not in time
	facts        []fact
}

// liveInteraction is what has to be known of an open interaction to count what comes.
type liveInteraction struct {
	ID                           interaction.ID
	Inbound                      bool
	ReceivedAt                   time.Time
	OfferedAt                    *time.Time
	Taken, Answered, Automatic   bool
	Acknowledgements, Automatics []int64
	over                         bool
}

// liveTask is the same of a task.
type liveTask struct {
	ID, Interaction      interaction.ID
	Kind, Queue, Channel string
	State                string // as it is counted
	OpenedAt             time.Time
	Agent                interaction.ID
	HeldAt               *time.Time
	over                 bool
}

// dims is what an interaction's facts are split by.
type dims struct {
	queue, channel, category string
	inbound                  bool
}

// fact is one row to be added up.
type fact struct {
	at      time.Time
	what    interaction.Fact
	dims    dims
	agent   interaction.ID
	of      interaction.ID
	seconds float64
	flag    bool
}

// auditLine is what of an audit line counts.
type auditLine struct {
	at                time.Time
	code              string
	actor, of, task   interaction.ID
	queue, from, into string
	kind              string
	agent             interaction.ID
	word              string // decision of a review, usage of an automatic mail
	message           int64
	seconds, mean     float64   // first and mean response of a chat, score of a survey; -1: none
	due               time.Time // of a callback
	again             bool      // instead of an interaction whose workflow was lost
}

// count counts one line.
func (c *tally) count(l auditLine) {
	if l.of == "" {
		return
	}
	switch l.code {
	case "interaction.received":
		if c.begin(l, true); !l.again {
			c.add(l, interaction.FactReceived, "", 0, false)
		}
	case "interaction.started":
		c.begin(l, false)
	case "interaction.stopped":
		c.stopped(l)
	case "chat.kept", "survey.asked", "callback.told":
		c.noAnswer(l)
	case "callback.ended":
		c.called(l)
	case "chat.measured":
		c.measured(l)
	case "survey.answered":
		c.add(l, interaction.FactRated, l.agent, seconds(max(0, l.seconds)), l.seconds < 0)
	case "answer.written":
		if i := c.interactions[l.of]; i != nil && l.word == string(interaction.UseAcknowledgement) {
			i.Acknowledgements = append(i.Acknowledgements, l.message)
		} else if i != nil {
			i.Automatics = append(i.Automatics, l.message)
		}
	case "send.sent", "send.settled":
		if l.into == string(interaction.SendSent) {
			c.sent(l)
		}
	default:
		if l.task != "" {
			c.moved(l)
		}
	}
}

// noAnswer notes a message to the customer that answers nothing: a transcript, a survey, or that nobody reached him.
func (c *tally) noAnswer(l auditLine) {
	if l.code == "survey.asked" {
		c.add(l, interaction.FactSurveyed, "", 0, false)
	}
	if i := c.interactions[l.of]; i != nil && l.message > 0 {
		i.Acknowledgements = append(i.Acknowledgements, l.message)
	}
}

// measured counts how a chat's customer was answered. What is said in a chat passes no ledger.
func (c *tally) measured(l auditLine) {
	if i := c.interactions[l.of]; i != nil && i.Inbound && !i.Answered && l.seconds >= 0 {
		i.Answered = true
		c.add(l, interaction.FactAnswered, "", seconds(l.seconds), false)
	}
	if l.mean >= 0 {
		c.add(l, interaction.FactResponded, "", seconds(l.mean), false)
	}
}

// called counts how long somebody waited for a call that reached him, from the time that it was due.
func (c *tally) called(l auditLine) {
	if i := c.interactions[l.of]; i != nil && i.Inbound && !i.Answered && i.OfferedAt != nil && l.into == string(interaction.CallbackDone) {
		i.Answered = true
		c.add(l, interaction.FactAnswered, "", l.at.Sub(*i.OfferedAt), false)
	}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func (c *tally) begin(l auditLine, inbound bool) {
	c.interactions[l.of] = &liveInteraction{ID: l.of, Inbound: inbound, ReceivedAt: l.at}
}

// moved counts what happened to a task.
func (c *tally) moved(l auditLine) {
	t := c.tasks[l.task]
	if l.code == "task.opened" || l.code == "task.consulted" {
		if t == nil {
			if l.code == "task.consulted" {
				l.kind = string(interaction.TaskConsult)
			}
			t = &liveTask{ID: l.task, Interaction: l.of, Kind: l.kind, Queue: l.queue, Channel: c.dims[l.of].channel, OpenedAt: later(l.at, l.due)}
			c.tasks[l.task] = t
		}
		c.offered(l, t)
	}
	if l.code == "task.due_moved" && t != nil {
		t.OpenedAt = later(l.at, l.due)
		if i := c.interactions[l.of]; i != nil && i.OfferedAt != nil && !i.Taken {
			i.OfferedAt = &t.OpenedAt
		}
	}
	if t == nil {
		return // it was over before the statistics began
	}
	if l.from == string(interaction.TaskHeld) && t.HeldAt != nil {
		if t.forCustomer() {
			c.add(l, interaction.FactHeld, t.Agent, l.at.Sub(*t.HeldAt), false)
		}
		t.Agent, t.HeldAt = "", nil
	}
	switch l.into {
	case string(interaction.TaskHeld):
		at := l.at
		if t.Agent, t.HeldAt = l.agent, &at; t.Agent == "" {
			t.Agent = l.actor
		}
		c.taken(l, t)
	case string(interaction.TaskDone):
		t.over = true
		if t.forCustomer() {
			c.add(l, interaction.FactHandled, l.actor, 0, false)
		} else if t.Kind == string(interaction.TaskReview) {
			c.add(l, interaction.FactReviewed, l.actor, 0, l.word == "returned")
		}
	case string(interaction.TaskWithdrawn):
		t.over = true
	}
}

// forCustomer reports whether the task is to answer or to call a customer.
func (t *liveTask) forCustomer() bool {
	return t.Kind == string(interaction.TaskHandle) || t.Kind == string(interaction.TaskCallback)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// offered counts an interaction that comes before people for the first time.
func (c *tally) offered(l auditLine, t *liveTask) {
	if i := c.interactions[l.of]; i != nil && i.Inbound && i.OfferedAt == nil && t.forCustomer() {
		at := later(l.at, l.due)
		i.OfferedAt = &at
		c.add(l, interaction.FactOffered, "", 0, false)
	}
}

// taken counts an interaction that somebody takes for the first time.
func (c *tally) taken(l auditLine, t *liveTask) {
	if i := c.interactions[l.of]; i != nil && i.OfferedAt != nil && !i.Taken && t.forCustomer() {
		i.Taken = true
		waited := l.at.Sub(*i.OfferedAt)
		c.add(l, interaction.FactTaken, t.Agent, waited, waited <= c.targets[l.queue])
	}
}

// sent counts the first answer; an acknowledgement is none.
func (c *tally) sent(l auditLine) {
	i := c.interactions[l.of]
	if i == nil || slices.Contains(i.Acknowledgements, l.message) {
		return
	}
	machine := slices.Contains(i.Automatics, l.message)
	i.Automatic = i.Automatic || machine
	if i.Inbound && !i.Answered {
		i.Answered = true
		c.add(l, interaction.FactAnswered, "", l.at.Sub(i.ReceivedAt), machine)
	}
}

func (c *tally) stopped(l auditLine) {
	i := c.interactions[l.of]
	if i == nil || i.over {
		return
	}
	i.over = true
	if !i.Inbound {
		return
	}
	if i.OfferedAt != nil && !i.OfferedAt.After(l.at) && !i.Taken && !i.Automatic { // a callback that is cancelled before its time has waited for nobody
		c.add(l, interaction.FactAbandoned, "", l.at.Sub(*i.OfferedAt), false)
	}
	c.add(l, interaction.FactStopped, "", 0, i.Automatic && !i.Taken)
}

// add notes a fact. A line's time is that of its transaction's begin, which can be before the line that it follows: no time is negative.
func (c *tally) add(l auditLine, what interaction.Fact, agent interaction.ID, took time.Duration, flag bool) {
	d := c.dims[l.of]
	if l.queue != "" {
		d.queue = l.queue
	}
	c.facts = append(c.facts, fact{at: l.at, what: what, dims: d, agent: agent, of: l.of, seconds: max(0, took.Seconds()), flag: flag})
}
