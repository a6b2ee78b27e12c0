package interaction

import (
	"context"
	"errors"
	"time"
)

// CallbackMode is when somebody wants to be called.
type CallbackMode string

// The modes.
const (
	CallNow  CallbackMode = "now"  // at once, before those who wait for a free agent; only within business hours
	CallFree CallbackMode = "free" // when an agent is free, in the next business hours
	CallSlot CallbackMode = "slot" // at a time that he chose
)

// CallbackState is where a callback stands. How its agent is doing is the task's own state.
type CallbackState string

// The states of a callback; all but the first are final.
const (
	CallbackWaiting   CallbackState = "waiting"   // it will be called, or is being called
	CallbackDone      CallbackState = "done"      // somebody was reached
	CallbackFailed    CallbackState = "failed"    // tried as often as the policy says
	CallbackCancelled CallbackState = "cancelled" // by the customer or a person here
	CallbackExpired   CallbackState = "expired"   // nobody called within its limit
)

// CallRequest is a request to be called as it was sent, unchecked.
type CallRequest struct {
	EntryPoint string `json:"entry_point"`
	Key        string `json:"-"` // made by who asks: the same one sent again is one callback; empty: none
	Phone      string `json:"phone"`
	Email      string `json:"email"`
	Name       string `json:"name"`
	Topic      string `json:"topic"`
	Text       string `json:"text"`
	Language   string `json:"language"`
	CallWhen

	Chat ID `json:"-"` // the conversation that it comes of, whose contact and thread are the callback's; empty: none
}

// CallWhen is when somebody wants to be called, as it was sent.
type CallWhen struct {
	Mode CallbackMode `json:"mode"`
	At   string       `json:"at"`   // a moment with its offset (RFC 3339), or a time on the wall of the zone: 2006-01-02T15:04
	Zone string       `json:"zone"` // IANA name; empty: the entry point's
}

// CallTime is a time that was found to be good.
type CallTime struct {
	Mode    CallbackMode
	Zone    string    // whose wall the time is on
	Local   string    // of a slot: the time on that wall, 2006-01-02T15:04
	Slot    time.Time // its bucket; zero without one
	Due     time.Time
	Expires time.Time
}

// Call is one callback.
type Call struct {
	ID         ID // its interaction
	EntryPoint string
	Queue      string
	Phone      string // E.164
	Extension  string // behind it
	Email      string
	Name       string
	Topic      string
	Text       string
	Language   string
	CallTime
	State     CallbackState
	Outcome   string // last disposition
	Tries     int    // made so far
	Most      int    // tries that are made at most
	Task      ID     // open one; empty: none
	TaskState TaskState
	Agent     ID // who has it
	Dialled   time.Time
	DialState DialState
	Booked    time.Time
	Ended     time.Time
	Version   int64
}

// Booked tells what became of a request.
type Booked struct {
	Call
	Token  string // of the link by which the customer reads, moves and cancels it; empty when it is somebody else's, as far as we can know
	Repeat bool   // it was here before, under the same key
	Merged bool   // the number waits already, and its callback has the words of this request too
}

// CallSlotView is one time that can be chosen.
type CallSlotView struct {
	At   time.Time // in the zone that was asked for
	Free int       // how many more callbacks it takes
}

// NextCall is what a callback's story does next.
type NextCall struct {
	Task    ID        `json:"task,omitempty"`
	Until   time.Time `json:"until,omitzero"` // it is looked at again then, at the latest
	Over    bool      `json:"over,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Message int64     `json:"message,omitempty"` // tells the customer that nobody reached him; its ledger row stands
}

// CallbackDesk is what the customer's side of callbacks needs; the store implements it.
type CallbackDesk interface {
	// CallbackPlace gives an enabled entry point of channel callback; unknown where it is none.
	CallbackPlace(ctx context.Context, entryPoint string) (CallbackPlace, error)
	// CallbackSlots gives the times of [from, to) that have room.
	CallbackSlots(ctx context.Context, entryPoint, zone string, from, to time.Time) ([]CallSlotView, error)
	BookCallback(ctx context.Context, by Actor, r CallRequest) (Booked, error)
	// CallbackByToken gives what a customer's link is about; unknown where the token is wrong.
	CallbackByToken(ctx context.Context, token string) (Call, error)
	// MoveCallback gives it another time; a version of 0 is not checked.
	MoveCallback(ctx context.Context, by Actor, id ID, to CallWhen, version int64) (Call, error)
	CancelCallback(ctx context.Context, by Actor, id ID, version int64) (Call, error)
	// CallbackKey is this house's own key for form tokens of callbacks.
	CallbackKey(ctx context.Context) ([]byte, error)
}

// CallbackFilter narrows a list of callbacks; empty fields do not count.
type CallbackFilter struct {
	EntryPoint string
	States     []CallbackState
	Phone      string
}

// DialState is what is known of the last order to dial.
type DialState string

// The states of an order to dial.
const (
	DialBegun   DialState = "dialling" // committed before the order left
	DialOK      DialState = "ok"       // the telephone system took it
	DialFailed  DialState = "failed"   // it did not, and nothing is dialled: it may be ordered again at once
	DialUnknown DialState = "unknown"  // it may dial: nobody orders again within the guard time
)

// Dial is one order to a telephone system.
type Dial struct {
	ID        ID     `json:"id"` // a telephone system that has seen it does not dial again
	Callback  ID     `json:"callback"`
	Number    string `json:"number"` // E.164
	Extension string `json:"extension,omitempty"`
	Agent     ID     `json:"agent"`
	Login     string `json:"login"` // whom it is to be connected with
	URL       string `json:"-"`     // where the order goes; empty: the agent dials himself
	Secret    string `json:"-"`     // place of the secret that signs it
}

// Dialler has a telephone system call a customer. An error that is ErrDialUnknown says that nobody knows whether it does; any other that it does not.
type Dialler interface {
	Dial(ctx context.Context, d Dial) error
}

// ErrDialUnknown says that an order to dial may have been carried out.
var ErrDialUnknown = errors.New("whether the number is dialled is not known")

// PhoneNumber is a telephone number that can exist.
type PhoneNumber struct {
	E164      string
	Extension string
	Region    string // ISO 3166-1 alpha-2; empty: of no country
	Costly    bool   // who calls it pays more than for a call
}
