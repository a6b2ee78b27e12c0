package interaction

// Visibility tells who can read a message. Channels between two people have none.
type Visibility string

// The visibilities.
const (
	VisiblePublic   Visibility = "public"   // everybody, and it is shown to who looks for nothing in particular
	VisibleUnlisted Visibility = "unlisted" // everybody who comes by, but no list shows it
	VisiblePrivate  Visibility = "private"  // the customer and we
)

// Open reports whether strangers can read what is said. What is said openly and what is said in private is never one conversation.
func (v Visibility) Open() bool { return v == VisiblePublic || v == VisibleUnlisted }

// Amendment is what a customer did later to a message of his.
type Amendment struct {
	Kind AmendmentKind
	Of   []string // names that the message may have, see Message.MessageID
	Show bool     // of a withdrawal: people go on seeing what it said
}

// AmendmentKind is what was done.
type AmendmentKind string

// The kinds of amendments.
const (
	AmendmentEdit       AmendmentKind = "edited"    // it says something else now: the new version is a message of its own, the old one is kept
	AmendmentWithdrawal AmendmentKind = "withdrawn" // he took it back
)

// Marks of messages that were amended, and of those that amend.
const (
	ProblemEditedLater = "edited_later" // a newer version of it came
	ProblemNewVersion  = "new_version"  // it replaces the message that it names in InReplyTo
	ProblemWithdrawn   = "withdrawn"    // the customer took it back; its words are shown only where the link says so
)
