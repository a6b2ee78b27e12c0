package interaction

import (
	"context"
	"time"
)

// ReceiptState is what a carrier says of a message that it took.
type ReceiptState string

// The states of a receipt.
const (
	ReceiptPending   ReceiptState = "pending"   // it is on its way
	ReceiptDelivered ReceiptState = "delivered" // it is with the customer
	ReceiptRead      ReceiptState = "read"      // and he has seen it
	ReceiptFailed    ReceiptState = "failed"    // it will not reach him
)

// Receipted is a carrier's word on a message, by the name that the carrier gave it (Outcome.ID).
type Receipted struct {
	EntryPoint string
	ID         string
	State      ReceiptState
	Code       string // the carrier's own
	At         time.Time

	// Spellings are other ways in which the carrier may have written the name when it took the message; ID itself goes first.
	Spellings []string
}

// CarrierName is what a carrier calls a message that it took, or one part of it.
type CarrierName struct {
	ID        string
	Spellings []string // other ways in which its receipts may write the name
}

// Receipts keeps what carriers say of messages that they took.
type Receipts interface {
	// Receipt writes the word down and reports whether the message is known. Saying the same again changes nothing.
	Receipt(ctx context.Context, r Receipted) (known bool, err error)
}
