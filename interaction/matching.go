package interaction

import "time"

// Queued is a waiting task as matching sees it.
type Queued struct {
	ID            ID
	Kind          TaskKind
	Class         string // what it will count as in an agent's load
	Queue         string
	Group         string // that the queue belongs to
	Push          bool   // the queue's tasks are offered; otherwise they wait to be claimed
	Demand        Demand // what a claim is checked against now
	Chain         []RouteTarget
	ChainStep     int       // the newest open link
	ChainSince    time.Time // since when it is open
	LastAgent     ID        // of the interaction; what a link to the last agent means
	Policy        Policy    // of the queue
	Priority      int
	OpenedAt      time.Time
	DueAt         time.Time // by the service objective; zero: none
	NotBefore     time.Time // zero: at once
	ReservedFor   ID
	ReservedUntil time.Time
	Refused       []ID
	Author        ID
	Version       int64
}

// Opening is a link of a task's chain that has opened, with what claims are checked against from then on.
type Opening struct {
	Task          ID
	Version       int64 // of the task it was worked out from
	Step          int
	Since         time.Time
	Demand        Demand
	ReservedFor   ID // empty: the task's reservation stays as it is
	ReservedUntil time.Time
}

// Offer is a decision of matching that is to be confirmed.
type Offer struct {
	Task         ID
	TaskVersion  int64
	Agent        ID
	AgentVersion int64
	Link         int // of the chain, through which the agent gets it; -1: it is reserved for him
}

// Changes tells what became of waiting tasks and ready agents since they were looked at last.
type Changes struct {
	At     time.Time       // by the database's clock
	Seen   string          // where to look on from; opaque
	All    bool            // these are all there are: forget what was known
	Lanes  map[string]Lane // the queues; only with All
	Tasks  []Queued
	Gone   []ID // no longer waiting
	Agents []Agent
	Away   []ID             // no longer ready
	Worked map[ID]time.Time // when an agent's work last changed
}

// MatchView is one waiting task with all agents who could have to do with it.
type MatchView struct {
	At     time.Time // by the database's clock
	Task   Queued
	Agents []Agent
}

// Lane is a queue as a dispatcher sees it.
type Lane struct {
	Push bool // its tasks are offered
	Mine bool // its group is of the dispatcher's shard
}

// Look is what a dispatcher wants to know. The zero Look is everything, from the tables.
type Look struct {
	Seen   string // where the last look ended; empty: everything
	Clocks bool   // what is due by time is done first

	// Of several shards a dispatcher leads one: groups are divided among them by a hash of their names. 0 shards: it wants all.
	Shard, Shards int
	// A dispatcher need not hear of tasks that are only pulled and have no more links to open, nor of people where no queue pushes. Nil
	// Lanes: it wants to hear of all.
	Lanes map[string]Lane
	Known func(ID) bool // tasks that it has
}

// Pushes reports whether any queue of the shard offers its tasks.
func (l Look) Pushes() bool {
	for _, lane := range l.Lanes {
		if lane.Mine && lane.Push {
			return true
		}
	}
	return false
}
