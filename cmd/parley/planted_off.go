//go:build !planted

package main

import (
	"parley/interaction"
	"parley/workers"
)

// inbox is what adapters hand over to.
func (h *house) inbox() interaction.Inbox { return h.store }

// relayEngine is what the relay hands the outbox's rows to.
func (h *house) relayEngine() workers.Engine { return h.engine }

// carrier is what sends.
func (h *house) carrier() interaction.Sender { return h.sender }
