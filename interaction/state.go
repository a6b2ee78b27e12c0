package interaction

// State is where an interaction stands in its life.
type State string

// The states of an interaction. What an open task is doing (queued, offered,
// held …) is the task's own state; the interaction is Waiting meanwhile.
const (
	Received  State = "received"  // committed with what assures its workflow, which has not begun
	Automatic State = "automatic" // inside an automatic step
	Waiting   State = "waiting"   // a task or a question is open: people have the word
	OnHold    State = "on_hold"   // a supervisor has stopped the clock
	Sending   State = "sending"   // something is on its way to the customer
	Stopped   State = "stopped"   // closed for good, with a reason
)

// TaskState is where a task stands.
type TaskState string

// The states of a task.
const (
	TaskQueued    TaskState = "queued"    // anybody it suits can claim it
	TaskOffered   TaskState = "offered"   // one agent is asked, until a time
	TaskHeld      TaskState = "held"      // one agent works on it
	TaskSnoozed   TaskState = "snoozed"   // put away by its agent until a time or until the customer writes
	TaskSuspended TaskState = "suspended" // its interaction is on hold
	TaskDone      TaskState = "done"      // ended by its agent
	TaskWithdrawn TaskState = "withdrawn" // ended by the workflow or an order
)

// SendState is where an effect on a customer stands in the ledger.
type SendState string

// The states of a ledger row (architecture rule 9). Unknown is never repeated blindly.
const (
	SendQueued    SendState = "queued"    // decided; nothing has left
	SendInFlight  SendState = "in_flight" // committed immediately before the irreversible byte
	SendSent      SendState = "sent"      // the receiver said yes
	SendNotSent   SendState = "not_sent"  // the receiver said no, for good
	SendUnknown   SendState = "unknown"   // no answer behind the irreversible byte
	SendCancelled SendState = "cancelled" // withdrawn before anything left
)

// Transition is one allowed change of state, and what may cause it.
type Transition struct {
	By   string // the command or event, as it is named in the audit
	From string
	To   string
}

// InteractionTransitions lists every allowed change of an interaction's state.
// The SQL of the store, the refusals of the API and a property test are checked against this one table.
var InteractionTransitions = []Transition{
	{"interaction.understood", string(Received), string(Automatic)},
	{"task.opened", string(Automatic), string(Waiting)},
	{"task.opened", string(Received), string(Waiting)},
	{"task.answered", string(Waiting), string(Automatic)},
	{"task.withdrawn", string(Waiting), string(Automatic)},
	{"task.withdrawn", string(OnHold), string(Automatic)},
	{"send.begun", string(Received), string(Sending)},
	{"send.begun", string(Automatic), string(Sending)},
	{"send.ended", string(Sending), string(Automatic)},
	{"task.opened", string(Sending), string(Waiting)},
	{"chat.begun", string(Received), string(Automatic)},
	{"chat.asked", string(Received), string(Waiting)},
	{"chat.asked", string(Automatic), string(Waiting)},
	{"chat.ended", string(Received), string(Automatic)},
	{"chat.ended", string(Waiting), string(Automatic)},
	{"chat.ended", string(OnHold), string(Automatic)},
	{"order.hold", string(Waiting), string(OnHold)},
	{"order.resume", string(OnHold), string(Waiting)},
	{"interaction.stopped", string(Received), string(Stopped)},
	{"interaction.stopped", string(Automatic), string(Stopped)},
	{"interaction.stopped", string(Waiting), string(Stopped)},
	{"interaction.stopped", string(OnHold), string(Stopped)},
}

// TaskTransitions lists every allowed change of a task's state.
var TaskTransitions = []Transition{
	{"task.offered", string(TaskQueued), string(TaskOffered)},
	{"task.claimed", string(TaskQueued), string(TaskHeld)},
	{"task.accepted", string(TaskOffered), string(TaskHeld)},
	{"task.declined", string(TaskOffered), string(TaskQueued)},
	{"task.missed", string(TaskOffered), string(TaskQueued)},
	{"task.released", string(TaskHeld), string(TaskQueued)},
	{"task.transferred", string(TaskHeld), string(TaskQueued)},
	{"task.taken_back", string(TaskHeld), string(TaskQueued)},
	{"task.taken_back", string(TaskOffered), string(TaskQueued)},
	{"task.taken_back", string(TaskSnoozed), string(TaskQueued)},
	{"task.snoozed", string(TaskHeld), string(TaskSnoozed)},
	{"task.woken", string(TaskSnoozed), string(TaskQueued)},
	{"order.hold", string(TaskQueued), string(TaskSuspended)},
	{"order.hold", string(TaskSnoozed), string(TaskSuspended)},
	{"order.resume", string(TaskSuspended), string(TaskQueued)},
	{"task.moved", string(TaskQueued), string(TaskQueued)},
	{"task.routing_timeout", string(TaskQueued), string(TaskQueued)},
	{"task.moved", string(TaskSuspended), string(TaskSuspended)},
	{"task.due_moved", string(TaskQueued), string(TaskQueued)},
	{"task.due_moved", string(TaskSnoozed), string(TaskSnoozed)},
	{"task.due_moved", string(TaskSuspended), string(TaskSuspended)},
	{"task.done", string(TaskHeld), string(TaskDone)},
	{"review.released", string(TaskQueued), string(TaskDone)},
	{"review.released", string(TaskOffered), string(TaskDone)},
	{"review.released", string(TaskHeld), string(TaskDone)},
	{"review.released", string(TaskSnoozed), string(TaskDone)},
	{"task.withdrawn", string(TaskQueued), string(TaskWithdrawn)},
	{"task.withdrawn", string(TaskOffered), string(TaskWithdrawn)},
	{"task.withdrawn", string(TaskHeld), string(TaskWithdrawn)},
	{"task.withdrawn", string(TaskSnoozed), string(TaskWithdrawn)},
	{"task.withdrawn", string(TaskSuspended), string(TaskWithdrawn)},
}

// SendTransitions lists every allowed change of a ledger row's state.
var SendTransitions = []Transition{
	{"send.begun", string(SendQueued), string(SendInFlight)},
	{"send.cancelled", string(SendQueued), string(SendCancelled)},
	{"send.refused", string(SendQueued), string(SendNotSent)},
	{"send.deferred", string(SendInFlight), string(SendQueued)},
	{"send.repeated", string(SendInFlight), string(SendQueued)},
	{"send.sent", string(SendInFlight), string(SendSent)},
	{"send.refused", string(SendInFlight), string(SendNotSent)},
	{"send.unknown", string(SendInFlight), string(SendUnknown)},
	{"send.settled", string(SendUnknown), string(SendSent)},
	{"send.settled", string(SendUnknown), string(SendNotSent)},
}

// Allowed reports whether the table holds this change.
func Allowed(table []Transition, by, from, to string) bool {
	for _, t := range table {
		if t.By == by && t.From == from && t.To == to {
			return true
		}
	}
	return false
}

// From lists the states from which by may lead to to, in the order of the table.
// Conditional statements are built from it, so that they cannot allow more than the table.
func From(table []Transition, by string, to string) []string {
	var from []string
	for _, t := range table {
		if t.By == by && t.To == to {
			from = append(from, t.From)
		}
	}
	return from
}
