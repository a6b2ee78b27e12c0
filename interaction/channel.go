package interaction

import (
	"context"
	"io"
	"net/http"
	"time"
)

// Channel is a kind of written conversation.
type Channel string

// The channels.
const (
	Email    Channel = "email"
	WebForm  Channel = "webform"
	Chat     Channel = "chat"
	SMS      Channel = "sms"
	MMS      Channel = "mms"
	Callback Channel = "callback"
	Social   Channel = "social"
)

// Inbox takes what arrives. The store implements it; adapters call it.
type Inbox interface {
	// Accept commits one inbound thing together with what assures that its
	// workflow is started or signalled. Only after a nil error may the adapter
	// say yes to its sender; on any error nothing is kept and the adapter
	// answers with its protocol's "try later" (or a final no where KindOf says invalid or unknown).
	// Accepting the same thing again is no error: the receipt says Repeat.
	Accept(ctx context.Context, in Inbound) (Receipt, error)
}

// Inbound is one thing that arrived, as it came over the wire.
type Inbound struct {
	Channel  Channel
	Targets  []Target // at least one; each becomes an interaction or a message of one
	Identity [32]byte // SHA-256 of what the source itself calls identity: for mail the content with CRLF line ends
	Facts    Facts
	Raw      io.Reader // read once, to Size bytes; bodies beyond memory come from a spool file
	Size     int64
}

// Target is one of our entry points that the thing was sent to.
type Target struct {
	EntryPoint string // name of the entry point
	Address    string // the address as the sender gave it
}

// Facts is what the connection told, kept beside the raw bytes. Personal: it
// lives in PostgreSQL only and is erased with the person.
type Facts struct {
	Peer     string `json:"peer,omitempty"`     // IP address and port of the sender
	Helo     string `json:"helo,omitempty"`     // name the sender gave itself
	TLS      string `json:"tls,omitempty"`      // version and cipher, empty in clear
	Sender   string `json:"sender,omitempty"`   // envelope sender; empty for the null path
	NullPath bool   `json:"nullPath,omitempty"` // the envelope sender was <>
	SMTPUTF8 bool   `json:"smtputf8,omitempty"`
	BodyType string `json:"bodyType,omitempty"` // 7BIT, 8BITMIME or BINARYMIME
	Via      string `json:"via,omitempty"`      // the kind of link, where a channel has raw bytes of several forms
	Alphabet string `json:"alphabet,omitempty"` // that the carrier takes for granted
}

// Receipt tells what became of an accepted thing.
type Receipt struct {
	ID     ID   // of the inbound row
	Repeat bool // it was here before; nothing was added
}

// EntryPoints finds the entry point that an address belongs to.
type EntryPoints interface {
	// EntryPoint gives the name of the enabled entry point for the address,
	// or an unknown error (final: "no such recipient"), or an unavailable one (try later).
	EntryPoint(ctx context.Context, ch Channel, address string) (string, error)
}

// Sender puts one message on its way to a customer.
type Sender interface {
	// Send delivers out and answers with what is known afterwards. It calls
	// commit immediately before the first byte that cannot be taken back
	// (the final dot, submit_sm, the POST); when commit fails nothing may leave and the outcome
	// is Aborted. Send never calls commit twice and never panics.
	Send(ctx context.Context, out Outbound, commit func(context.Context) error) Outcome
}

// Prober is a Sender that can tell afterwards whether a message left.
type Prober interface {
	// Probe reports what became of the message with this id: SendSent,
	// SendNotSent, or SendUnknown where the carrier cannot tell.
	Probe(ctx context.Context, messageID string) (SendState, error)
}

// Address is a name and an address on a channel.
type Address struct {
	Name    string `json:"name,omitempty"`
	Address string `json:"address"`
}

// Outbound is one message to a customer, complete: the same value always gives the same bytes.
type Outbound struct {
	Interaction ID
	Key         string // of the ledger row; unique per effect
	Channel     Channel
	EntryPoint  string
	MessageID   string // without angle brackets
	Date        time.Time
	From        Address
	ReplyTo     *Address
	To, Cc      []Address
	Envelope    string // envelope sender; empty is the null path
	Subject     string
	Text        string
	HTML        string     // empty: text only
	Visibility  Visibility // of what it answers: an answer to a private message is private
	Heard       time.Time  // when the customer last wrote to this entry point; zero: never. Some channels may be answered for a time only
	InReplyTo   string     // message id without brackets
	References  []string
	Automatic   bool // carries the marks of automatic mail (RFC 3834)
	Attachments []Attachment
}

// Attachment is one file of an outbound message.
type Attachment struct {
	Name string
	Type string // media type, checked by content when it was uploaded
	Data []byte
}

// Outcome is what is known after an attempt to send.
type Outcome struct {
	State     SendState     // SendSent, SendNotSent, SendUnknown, or SendQueued: nothing left, try again later
	Aborted   bool          // commit refused: another attempt owns the row, nothing left
	Code      string        // the protocol's own code, e.g. "451 4.3.0"
	ID        string        // the carrier's own name for the message; receipts and answers may name it
	Names     []CarrierName // the same, of a message that the carrier took in several parts or whose name it writes in several ways
	Text      string        // what the other side said, cut to 500 bytes; may be personal, never goes to Temporal
	Permanent bool          // with SendNotSent: the address itself is bad
	Wait      time.Duration // with SendQueued: the carrier wants to be left alone for so long; zero: it did not say
}

// Codes of SendQueued where a line of ours is down: it is tried again soon, since the line comes back by itself. Of other codes the carrier is left alone for longer each time.
const (
	CodeLineDown = "link_down"
	CodeNoLine   = "no_line" // this process has none for the entry point: another one may
)

// Adapter is one channel's way in, out, or both. Start returns when it listens;
// Stop ends it in order, may be called twice, and honours the context's deadline.
type Adapter interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
}

// HTTPAdapter is an adapter whose way in is HTTP: cmd mounts its handler under /in/{entry-point}/.
type HTTPAdapter interface {
	Handler(entryPoint string) http.Handler
}

// Parser makes a message of raw bytes that arrived on its channel. It never
// fails: what cannot be read becomes a message that says so in its Problems and
// keeps what could be read.
type Parser interface {
	Parse(raw []byte, facts Facts) Parsed
}

// Parsed is what a parser made of an inbound thing.
type Parsed struct {
	Message    Message     // without Interaction, Number and Inbound
	Name       string      // what the sender calls himself
	Identities []Attribute // that identify the contact, best first; empty for an anonymous sender
	Follows    []string    // ids of messages that it answers, nearest first
	Joined     []ID        // other inbound things whose words Message holds too
	Report     *Report     // what it says of a message of ours, where it is that
	Amendment  *Amendment  // what it does to an earlier message of the same author
	Part       *Part       // it is one part of a long message, and Message is what this part says

	// Conversations are the source's own names of what it belongs to, where a channel has no ids of answered messages: the next message under
	// one of them, by the same contact, goes to the same thread.
	Conversations []string
}

// ProblemKeptRaw marks a message that was not parsed: a person looks at the raw bytes.
const ProblemKeptRaw = "kept_raw"
