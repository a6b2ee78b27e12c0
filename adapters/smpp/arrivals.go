package smpp

import (
	"crypto/sha256"
	"sync"
	"time"

	"parley/interaction"
	"parley/lib/smpp"
)

// unsureFor is how long before a connection an acknowledgement may have been lost that was given on an earlier one: dead connections are found within two
// intervals of life signs, and the pause before the next is at most a minute.
const unsureFor = 5 * time.Minute

// lateAfter is how long an answer may take before a centre has perhaps asked again on the same connection.
const lateAfter = 5 * time.Second

// maxUnsure bounds how many are remembered, whatever a centre floods us with; the oldest are forgotten.
const maxUnsure = 100_000

// arrivals tells a message that comes again from one that says the same. SMPP gives messages no name: a centre that has not got our answer delivers the
// same octets once more, on its next connection or after its patience is over, and customers do write "ok" twice. So equal octets are one message when the first were acknowledged
// on an earlier connection shortly before, or late; otherwise two. What was accepted keeps its mark in the house's source keys, so that this holds over a restart.
type arrivals struct {
	mu     sync.Mutex
	unsure map[mark][]*arrival
	order  []*arrival // oldest first, those that are used up among them
}

// mark is of a message's octets.
type mark [16]byte

type arrival struct {
	identity [32]byte
	on       any // the connection; nil: of an earlier process
	at       time.Time
	late     bool
}

// markOf leaves out what differs between two deliveries of the same: the sequence number.
func markOf(p *smpp.PDU) mark {
	bare := *p
	bare.Sequence = 0
	raw, err := bare.Encode()
	if err != nil { // it was read off the wire: it can be written
		raw = []byte(err.Error())
	}
	sum := sha256.Sum256(raw)
	return mark(sum[:16])
}

// remember takes over what an earlier process accepted.
func (a *arrivals) remember(known [][32]byte, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, identity := range known {
		a.add(&arrival{identity: identity, at: at})
	}
}

// identify gives a message's identity: that of the one that it repeats, or one of its own.
func (a *arrivals) identify(m mark, on any, now time.Time) [32]byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, had := range a.unsure[m] {
		if now.Sub(had.at) < unsureFor && (had.on != on || had.late) {
			a.drop(had)
			return had.identity
		}
	}
	own := sha256.Sum256([]byte(interaction.NewID()))
	copy(own[:16], m[:])
	return own
}

// acknowledged is to be called when the answer is given.
func (a *arrivals) acknowledged(identity [32]byte, on any, begun, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.add(&arrival{identity: identity, on: on, at: now, late: now.Sub(begun) > lateAfter})
	old := 0
	for old < len(a.order) && (now.Sub(a.order[old].at) > unsureFor || len(a.order)-old > maxUnsure) {
		a.drop(a.order[old])
		a.order[old] = nil
		old++
	}
	a.order = a.order[old:]
}

func (a *arrivals) add(one *arrival) {
	if a.unsure == nil {
		a.unsure = map[mark][]*arrival{}
	}
	m := mark(one.identity[:16])
	a.unsure[m] = append(a.unsure[m], one)
	a.order = append(a.order, one)
}

// drop lets nothing be recognised by it any more.
func (a *arrivals) drop(one *arrival) {
	m := mark(one.identity[:16])
	list := a.unsure[m]
	for i, had := range list {
		if had == one {
			list = append(list[:i:i], list[i+1:]...)
			break
		}
	}
	if len(list) == 0 {
		delete(a.unsure, m)
		return
	}
	a.unsure[m] = list
}
