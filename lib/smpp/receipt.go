package smpp

import (
	"bytes"
	"math/big"
	"strings"
	"time"
)

// Receipt tells what became of a message that was submitted (appendix B and section 5.3.2).
type Receipt struct {
	MessageID string    `json:"message_id"`      // as the carrier writes it here: perhaps in another base than in its answer to submit_sm
	State     State     `json:"state,omitempty"` // empty where it does not say
	Error     string    `json:"error,omitempty"`
	Done      time.Time `json:"done,omitzero"`     // zero where it does not say; the carrier's clock
	Text      string    `json:"text,omitempty"`    // the first characters of the message, as the carrier gives them
	Interim   bool      `json:"interim,omitempty"` // an intermediate notification: a final one may follow
}

// State is what became of a message.
type State string

// States of a message (section 5.2.28).
const (
	StateScheduled     State = "SCHEDULED"
	StateEnroute       State = "ENROUTE"
	StateDelivered     State = "DELIVERED"
	StateExpired       State = "EXPIRED"
	StateDeleted       State = "DELETED"
	StateUndeliverable State = "UNDELIVERABLE"
	StateAccepted      State = "ACCEPTED"
	StateUnknown       State = "UNKNOWN"
	StateRejected      State = "REJECTED"
	StateSkipped       State = "SKIPPED"
)

var states = []State{
	StateScheduled, StateEnroute, StateDelivered, StateExpired, StateDeleted, StateUndeliverable, StateAccepted, StateUnknown, StateRejected, StateSkipped,
}

// shortStates are the words of a receipt's text.
var shortStates = map[string]State{
	"SCHEDULED": StateScheduled, "ENROUTE": StateEnroute, "DELIVRD": StateDelivered, "EXPIRED": StateExpired, "DELETED": StateDeleted,
	"UNDELIV": StateUndeliverable, "ACCEPTD": StateAccepted, "UNKNOWN": StateUnknown, "REJECTD": StateRejected, "SKIPPED": StateSkipped,
}

// Final reports whether nothing more will be told.
func (s State) Final() bool {
	switch s {
	case StateDelivered, StateExpired, StateDeleted, StateUndeliverable, StateRejected, StateSkipped:
		return true
	}
	return false
}

// ParseState reads a state in either spelling, or as the number of the parameter message_state; empty for anything else.
func ParseState(word string) State {
	word = strings.ToUpper(strings.TrimSpace(word))
	if s, ok := shortStates[word]; ok {
		return s
	}
	for _, s := range states {
		if string(s) == word {
			return s
		}
	}
	return ""
}

// readReceipt reads the parameters first, since they are exact, and the text for what they leave open.
func readReceipt(octets []byte, list TLVs) *Receipt {
	r := parseReceiptText(octets)
	if id, ok := list.Get(TagReceiptedMessageID); ok && id.Text() != "" {
		r.MessageID = id.Text()
	}
	if n, ok := list.Int(TagMessageState); ok && n < len(states) {
		r.State = states[n]
	}
	return r
}

// receiptKeys are the names of appendix B, longest first where one ends another. Carriers write them in any case.
var receiptKeys = []string{"submit date", "done date", "dlvrd", "text", "stat", "sub", "err", "id"}

// parseReceiptText reads "id:… sub:… dlvrd:… submit date:… done date:… stat:… err:… text:…". What is missing stays empty.
func parseReceiptText(octets []byte) *Receipt {
	r := new(Receipt)
	lower := bytes.ToLower(octets)
	for at := 0; at < len(octets); {
		key := receiptKeyAt(lower, at)
		if key == "" {
			at++
			continue
		}
		at += len(key) + 1
		if key == "text" { // the rest, whatever it looks like
			r.Text = strings.ToValidUTF8(string(octets[at:]), "\uFFFD")
			break
		}
		value, _, _ := bytes.Cut(octets[at:], []byte{' '})
		at += len(value)
		r.set(key, strings.ToValidUTF8(string(value), "\uFFFD"))
	}
	return r
}

// receiptKeyAt gives the key that begins at a place: at the beginning or behind a blank.
func receiptKeyAt(lower []byte, at int) string {
	if at > 0 && lower[at-1] != ' ' {
		return ""
	}
	for _, key := range receiptKeys {
		if bytes.HasPrefix(lower[at:], []byte(key+":")) {
			return key
		}
	}
	return ""
}

func (r *Receipt) set(key, value string) {
	switch key {
	case "id":
		r.MessageID = value
	case "stat":
		r.State = ParseState(value)
	case "err":
		r.Error = value
	case "done date":
		for _, layout := range []string{"060102150405", "0601021504"} {
			if t, err := time.Parse(layout, value); err == nil {
				r.Done = t
				break
			}
		}
	}
}

// SameID gives the spellings under which a carrier may know a message id: as it is, and in the other base. Carriers answer submit_sm in hex and write
// receipts in decimal, or the other way round, with zeros in front or without.
func SameID(id string) []string {
	spellings := []string{id}
	add := func(s string) {
		for _, had := range spellings {
			if had == s {
				return
			}
		}
		spellings = append(spellings, s)
	}
	add(strings.ToLower(id))
	bare := strings.TrimLeft(strings.ToLower(id), "0")
	if bare == "" || len(bare) > 40 {
		return spellings
	}
	if n, ok := new(big.Int).SetString(bare, 10); ok {
		add(bare)
		add(n.Text(16))
	}
	if n, ok := new(big.Int).SetString(bare, 16); ok {
		add(bare)
		add(n.Text(10))
	}
	return spellings
}
