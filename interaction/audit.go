package interaction

import "time"

// AuditFilter narrows the audit; empty fields do not count.
type AuditFilter struct {
	Actor, Interaction ID
	Code               string // or the beginning of one, up to a dot: "order." means all orders
	After, Before      time.Time
}

// AuditLine is one line of the audit with what was before and after it.
type AuditLine struct {
	Event
	Position int64
	Queue    string
	Values   *AuditValues // nil: it has none, or whoever asks may not see them
}

// AuditValues is the personal part of an audit line; nil where there is nothing, and after it was erased.
type AuditValues struct {
	Before, After any
	Erased        bool
}

// AuditCheck is what a check of the audit's chain found.
type AuditCheck struct {
	Events   int64  // that are sealed and were checked
	Values   int64  // personal values that were checked against their hash
	Erased   int64  // personal values that were erased
	Seals    int64  // links of the chain
	Head     string // number and hash of the newest seal; kept elsewhere, it shows later that nothing was cut off
	Unsealed int64  // events that wait for their seal
	Behind   time.Duration
	Faults   []AuditFault // the first of them; none: the chain is whole
}

// AuditFault is one thing that is not as it was sealed.
type AuditFault struct {
	Code     string // broken_seal, missing_seal, changed_values, missing_values, unknown_values, head_differs
	Seal     int64  // the link, 0 where it is about none
	Position int64  // of the event, 0 where it is about none
	Text     string
}
