package interaction

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"time"
)

// Link is an account or a line at somebody else's by which an entry point's messages come and go: a mailbox, an SMSC, an HTTP provider, a gateway, a bot.
type Link struct {
	Name       string         `yaml:"name" json:"name,omitempty"`
	Kind       string         `yaml:"kind" json:"kind,omitempty"` // which adapter it is: imap, smpp, …
	EntryPoint string         `yaml:"entry_point" json:"entry_point,omitempty"`
	Disabled   bool           `yaml:"disabled,omitempty" json:"disabled,omitempty"`
	Settings   map[string]any `yaml:"settings,omitempty" json:"settings,omitempty"` // the kind's own
	Secret     string         `yaml:"secret,omitempty" json:"secret,omitempty"`     // where the secret is, see SecretPlace; the secret itself is in no configuration and in no table
}

// SecretPlace is the form of Link.Secret: a variable of the environment whose name begins with PARLEY_LINK_, or a file of the directory PARLEY_SECRETS. Who may configure links
// can thereby send no other variable and no other file to a host of his choice.
var SecretPlace = regexp.MustCompile(`^(env:PARLEY_LINK_[A-Za-z0-9_]+|file:[A-Za-z0-9_-][A-Za-z0-9._-]*)$`)

// Decode reads the link's settings into a struct with JSON names; a setting that the struct does not have is an error.
func (l Link) Decode(into any) error {
	raw, err := json.Marshal(l.Settings)
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	return nil
}

// LinkState is how a link is doing, for people.
type LinkState string

// The states of a link.
const (
	LinkIdle  LinkState = "idle"  // nobody works on it: it is new, disabled, or only called
	LinkUp    LinkState = "up"    // connected
	LinkAway  LinkState = "away"  // the other side cannot be reached now; it is tried again
	LinkFault LinkState = "fault" // somebody must do something: a wrong password, a setting
)

// LinkView is a link with how it is doing.
type LinkView struct {
	Link
	State  LinkState
	Detail string // what it met last, without personal data
	Since  time.Time
	Holder string // the process that works on it, empty for none
}

// Lease is the right to work on a link, held by one process at a time. Each holder's lease has an epoch of its own, and what an earlier holder still writes under
// an older one changes nothing (architecture rule 12).
type Lease interface {
	Link() Link
	// Epoch grows with each holder.
	Epoch() int64
	// Position reads how far the link has been worked through into a value of the adapter's own; it stays as it is when nothing was kept.
	Position(ctx context.Context, into any) error
	// Move keeps a new position; a conflict says that the lease is lost. Call it only behind what the position covers.
	Move(ctx context.Context, position any) error
	// Tell writes down how the link is doing; nothing depends on it.
	Tell(ctx context.Context, state LinkState, detail string)
}

// Line is a Sender over a standing connection that can be down. Where an entry point has several lines, one that is ready sends.
type Line interface {
	Ready() bool
}

// Puller is an adapter that goes out for what arrives, or keeps a line open. Pull works under the lease until its context ends, which it does when the lease is lost; it
// reconnects by itself, and an error it gives ends this attempt only: it is called again after a pause.
type Puller interface {
	Pull(ctx context.Context, lease Lease) error
}
