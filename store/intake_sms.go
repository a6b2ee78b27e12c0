package store

import (
	"context"

	"parley/interaction"
)

// shortConversation is how the thread of a number is remembered, beside message ids; the parser of short messages names the same.
func shortConversation(number string) string { return "sms " + number }

// openShort gives the interaction that a short message is added to: none in paging mode, where each begins its own, with the one before it as parent; except where the
// entry point joins all that a contact writes.
func (t *tx) openShort(ctx context.Context, in interaction.Taken, contact, thread interaction.ID) (open *openRow, parent interaction.ID, err error) {
	joined, err := t.joins(ctx, in.EntryPoint, contact)
	if err != nil {
		return nil, "", err
	}
	if joined != "" && joined == thread {
		open, err = t.lockOpen(ctx, thread)
		return open, "", err
	}
	if thread != "" {
		err = t.QueryRow(ctx, `select last_interaction from threads where id = $1`, thread).Scan(&parent)
	}
	return nil, parent, err
}
