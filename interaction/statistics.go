package interaction

import "time"

// Fact names one thing that statistics count.
type Fact string

// The facts. Each is counted once, at the moment of the audit line that tells of it.
const (
	FactReceived  Fact = "received"  // a customer's interaction arrived
	FactOffered   Fact = "offered"   // it came before people for the first time
	FactTaken     Fact = "taken"     // an agent took it for the first time; seconds since it was offered, flag: in time
	FactHeld      Fact = "held"      // an agent had a task in hand; for so many seconds
	FactHandled   Fact = "handled"   // an agent ended a task by a reply or a disposition
	FactReviewed  Fact = "reviewed"  // a reviewer decided; flag: he returned the reply
	FactAnswered  Fact = "answered"  // the first answer left; seconds since the interaction arrived, flag: the machine's
	FactAbandoned Fact = "abandoned" // it stopped before anybody took it; seconds since it was offered
	FactResponded Fact = "responded" // a chat that an agent spoke in is over; seconds: the mean time until he answered what the customer wrote
	FactSurveyed  Fact = "surveyed"  // a customer was asked how it was
	FactRated     Fact = "rated"     // he answered; seconds: his score from 0 to 100, where he gave one; flag: he gave none
	FactStopped   Fact = "stopped"   // it stopped; flag: answered by the machine, and nobody ever took it
)

// AllFacts are all of them, in the order of an interaction's life.
var AllFacts = []Fact{FactReceived, FactOffered, FactTaken, FactHeld, FactHandled, FactReviewed, FactAnswered, FactAbandoned, FactStopped, FactResponded, FactSurveyed, FactRated}

// Live is how a house stands now.
type Live struct {
	At     time.Time // the figures tell everything that was committed before this moment
	Queues []LiveQueue
	States []LiveState
}

// LiveQueue is one channel of one queue. The sums are those of the last hours that were asked for.
type LiveQueue struct {
	Queue, Group string
	Channel      Channel
	Tasks        map[TaskState]int // tasks to handle, by state
	Reviews      int               // replies that wait for a reviewer
	Oldest       time.Time         // since when the oldest task waits; zero: none does
	Sums         map[Fact]Sum
	Totals       map[Fact]Sum // since the beginning
}

// Sum adds up facts of one kind.
type Sum struct {
	Count   int64
	Flagged int64
	Seconds float64
}

// LiveState is how many agents of a group are in a state: ready, or the reason why not.
type LiveState struct {
	Group  string // empty: everybody
	State  string
	Agents int
}

// Correction is what the check of the real-time figures found wrong and put right.
type Correction struct {
	Tasks, Queues, States int64
}

// None reports whether everything was right.
func (c Correction) None() bool { return c == Correction{} }

// Dimension is what a report is split by.
type Dimension string

// Dimensions of a report.
const (
	ByQueue    Dimension = "queue"
	ByChannel  Dimension = "channel"
	ByCategory Dimension = "category"
	ByAgent    Dimension = "agent"
)

// ReportQuery asks for a report over [From, Until).
type ReportQuery struct {
	From, Until time.Time
	Interval    string      // 15m, hour, day, week, month or total
	Zone        string      // IANA name of the time zone that days begin in
	By          []Dimension // none: all in one
	Queue       string      // empty filters do not count
	Channel     Channel
	Category    string
	Agent       ID
}

// ReportRow is one line of a report.
type ReportRow struct {
	At       time.Time // when the interval begins
	Queue    string
	Channel  Channel
	Category string
	Agent    ID

	Received, Offered, Taken, InTime, Handled, Abandoned int64
	Answered, AnsweredByMachine                          int64
	Reviewed, Returned                                   int64
	Stopped, Automatic                                   int64
	Surveyed, Rated, Scored                              int64   // customers asked, who answered, and of them with a score
	Score                                                float64 // mean, 0 to 100

	Wait, Handling, FirstAnswer, Response Spread // Response is within chats
}

// Spread is how a time was distributed, in seconds.
type Spread struct {
	Count                    int64
	Mean, P50, P90, P95, Max float64
}
