package interaction

import "strings"

// This file holds the words of short messages: what arrives in parts, and who may be written to.

// Part tells that an inbound thing is one part of a long message. Parts are kept as they come, in any order, and joined when all are there.
type Part struct {
	Key    string // tells the message among all of its entry point: sender, recipient and the reference that its parts share
	Number int    // from 1
	Total  int
	Sum    [32]byte // of what the part says: the same part twice is one
}

// Joiner is a Parser of a channel whose messages can come in parts.
type Joiner interface {
	// Join makes one message of its parts' raw bytes in their order; nil stands for one that never came, and the message says so in its Problems.
	Join(parts [][]byte, facts Facts) Parsed
}

// ProblemIncomplete marks a message of which parts never came.
const ProblemIncomplete = "incomplete"

// ProblemOtherPart marks a message of which a part came twice with different words: the first was kept.
const ProblemOtherPart = "part_came_with_other_text"

// ProblemNoReply marks a message whose sender cannot be answered: it calls itself by a name and not by a number.
const ProblemNoReply = "sender_cannot_be_answered"

// KeptPart is what is to be done with a part.
type KeptPart struct {
	Wait   bool // others are missing: the part is kept, nothing else is to be done
	Parts  []ID // of inbound things, in their order, once the message is whole or is not waited for any longer; empty for one that never came
	Differ bool // a part came twice with different words
}

// Fits refuses a message that the channel of its entry point cannot carry.
func (n NewOutbound) Fits(c Channel) error {
	number := strings.HasPrefix(n.To.Address, "+")
	switch {
	case (c == SMS) != number && c == SMS:
		return Invalid("bad_address", "to.address", "must be a telephone number with its country's code: the entry point sends short messages")
	case (c == SMS) != number:
		return Invalid("bad_address", "to.address", "must be a mail address: the entry point sends mail")
	case c == SMS && n.HTML != "":
		return Invalid("no_html", "html", "cannot go into a short message; write text")
	case c == SMS && strings.TrimSpace(n.Text) == "":
		return Invalid("empty", "text", "is empty")
	case c != SMS && n.Subject == "":
		return Invalid("empty", "subject", "is empty")
	}
	return nil
}

// SessionSend is a message of a chat whose customer is written to by text, on its way.
type SessionSend struct {
	Session ID
	Number  int64 // of the chat's message
	Out     Outbound
}
