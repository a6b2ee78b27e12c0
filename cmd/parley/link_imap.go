package main

import (
	"os"
	"path/filepath"

	"parley/adapters/imap"
	"parley/interaction"
	"parley/lib/safehttp"
)

// openMailbox makes what works on a mailbox.
func openMailbox(h *house, l interaction.Link, secret string) (interaction.Puller, error) {
	spool := filepath.Join(h.config.Home, "spool")
	if err := os.MkdirAll(spool, 0o700); err != nil {
		return nil, err
	}
	return imap.New(imap.Options{
		Link: l, Secret: secret, SpoolDir: spool, Logger: h.log, HTTP: safehttp.New(safehttp.Options{Allow: networks(h.config.Allow)}).Do,
	}, h.inbox(), h.store)
}
