package interaction

import "time"

// Report is what a mail server or a mail program says of a message of ours: a bounce, a delivery report, a receipt, a complaint, that its reader is away.
type Report struct {
	MessageID  string // of the message that it is about, without brackets; empty where it does not tell
	Recipients []Reported
}

// Reported is what became of the message for one recipient.
type Reported struct {
	Address string // empty where the report does not tell
	What    ReportKind
	Hard    bool   // a further message to the address is pointless
	Reason  string // as lib/mail/bounce names it, e.g. userunknown
	Status  string // enhanced status code (RFC 3463), may be empty
}

// ReportKind is what a report says.
type ReportKind string

// The kinds, the gravest first.
const (
	ReportComplaint ReportKind = "complaint"       // the recipient calls it spam
	ReportBounced   ReportKind = "bounced"         // it did not arrive and will not
	ReportGivenUp   ReportKind = "bounced_for_now" // it did not arrive, and may another time
	ReportDelayed   ReportKind = "delayed"         // it did not arrive yet; the server goes on trying
	ReportAnswered  ReportKind = "auto_reply"      // a program answered for the recipient: he is out of office, or has got it
	ReportRead      ReportKind = "read"            // a mail program has shown it
	ReportDelivered ReportKind = "delivered"       // it is in the mailbox
)

// Kind is what it says, and of a bounce whether it is one for good.
func (r Reported) Kind() ReportKind {
	if r.What == ReportBounced && !r.Hard {
		return ReportGivenUp
	}
	return r.What
}

// Again is whether a message that bounced for now is sent once more, and when.
type Again struct {
	Send bool          `json:"send"`
	Wait time.Duration `json:"wait"`
}

// gravity orders the kinds.
var gravity = []ReportKind{ReportComplaint, ReportBounced, ReportGivenUp, ReportDelayed, ReportAnswered, ReportRead, ReportDelivered}

// Worst is the gravest thing that it says.
func (r Report) Worst() ReportKind {
	for _, kind := range gravity {
		for _, one := range r.Recipients {
			if one.Kind() == kind {
				return kind
			}
		}
	}
	return ReportDelivered
}

// ForPeople reports whether somebody must look at it: the message has not arrived, or should not have been sent.
func (k ReportKind) ForPeople() bool {
	return k == ReportComplaint || k == ReportBounced || k == ReportGivenUp
}
