// Package bounce says why a mail could not be delivered, from what mail servers
// wrote about it: a status (RFC 3463), a reply code (RFC 5321), and words.
//
// Servers mean the same by very different things, and different things by the
// same code. So the words decide first where they are known, then the status,
// then the stage of the SMTP dialogue at which the refusal came. The words are
// in phrases.go by reason, the tables that large providers publish in
// provider.go, and the meaning of the codes in status.go.
package bounce

// Reason is why a mail was not delivered, or what else a report tells about it.
type Reason string

// The reasons. They are those of Sisimai's vocabulary, which is the widest in
// use (https://libsisimai.org/en/reason/).
const (
	AuthFailure     Reason = "authfailure"     // SPF, DKIM or DMARC of our domain did not pass
	BadReputation   Reason = "badreputation"   // our address or domain is not trusted
	Blocked         Reason = "blocked"         // our server's address or name is on a list of theirs
	ContentError    Reason = "contenterror"    // header or body is not well-formed
	Delivered       Reason = "delivered"       // it arrived
	ExceedLimit     Reason = "exceedlimit"     // larger than the recipient may take
	Expired         Reason = "expired"         // it could not be handed over in time, or not yet
	FailedSTARTTLS  Reason = "failedstarttls"  // no TLS could be agreed on
	Feedback        Reason = "feedback"        // a recipient complained (RFC 5965)
	Filtered        Reason = "filtered"        // refused for this recipient, by a filter or after the content
	HasMoved        Reason = "hasmoved"        // the recipient has another address now
	HostUnknown     Reason = "hostunknown"     // the recipient's domain does not exist
	MailboxFull     Reason = "mailboxfull"     // over quota
	MailerError     Reason = "mailererror"     // a program behind the mailbox failed
	MesgTooBig      Reason = "mesgtoobig"      // larger than the server takes
	NetworkError    Reason = "networkerror"    // no route, no name service, or a loop
	NoRelaying      Reason = "norelaying"      // their server does not relay for us
	NotAccept       Reason = "notaccept"       // their server takes no mail at all
	NotCompliantRFC Reason = "notcompliantrfc" // the message breaks RFC 5322
	OnHold          Reason = "onhold"          // refused, and nothing says why
	PolicyViolation Reason = "policyviolation" // a rule of theirs
	RateLimited     Reason = "speeding"        // too much in too short a time
	Rejected        Reason = "rejected"        // the sender's address is refused
	RequirePTR      Reason = "requireptr"      // our server's address has no name
	SecurityError   Reason = "securityerror"   // authentication, encryption, or access denied
	SpamDetected    Reason = "spamdetected"    // taken for spam
	Suppressed      Reason = "suppressed"      // the sending service holds back mail to this address
	Suspend         Reason = "suspend"         // the account exists, and is disabled
	SyntaxError     Reason = "syntaxerror"     // the dialogue went wrong
	SystemError     Reason = "systemerror"     // a fault of theirs
	SystemFull      Reason = "systemfull"      // no space at theirs
	TooManyConn     Reason = "toomanyconn"     // too many connections at a time
	Undefined       Reason = "undefined"       // nothing can be told
	UserUnknown     Reason = "userunknown"     // no such mailbox
	Vacation        Reason = "vacation"        // an automatic answer (RFC 3834)
	VirusDetected   Reason = "virusdetected"   // taken for malware
)

// Hard reports whether a further mail to the same address is pointless for good.
func (r Reason) Hard() bool {
	switch r {
	case HasMoved, HostUnknown, NotAccept, UserUnknown:
		return true
	}
	return false
}

// Stage is the SMTP command that was refused.
type Stage string

// The stages of a dialogue; empty where it is not known.
const (
	StageConnect Stage = "CONN"
	StageHello   Stage = "EHLO"
	StageMail    Stage = "MAIL"
	StageRcpt    Stage = "RCPT"
	StageData    Stage = "DATA" // the command, the content, or the final dot
)

// Evidence is what is known about one recipient.
type Evidence struct {
	Action string // of RFC 3464 section 2.3.3, in lower case; may be empty
	Status string // enhanced status code of the report, e.g. "5.1.1"; may be empty
	Text   string // what the server said, in its own words
	Server string // name of the server that said it, where known
	Agent  string // diagnostic type or program that wrote the report, in lower case, e.g. "x-unix"
	Stage  Stage  // where the report names it outside Text
}
