package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"parley/interaction"
)

// erasureLedger is the file that knows who was erased when the database does not, since it was restored from a backup: one line of JSON for each
// erasure, ids and hashes only. A backup of it is younger than any of the database, or it is kept elsewhere.
type erasureLedger struct {
	path string
	mu   sync.Mutex
}

// Keep appends a record; when it returns nil the record is on the disk.
func (l *erasureLedger) Keep(r interaction.ErasureRecord) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := os.MkdirAll(filepath.Dir(l.path), 0o700); err != nil {
		return fmt.Errorf("keep an erasure: %w", err)
	}
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("keep an erasure: %w", err)
	}
	// A line begins by itself: behind one that was cut off it is whole all the same.
	_, err = f.Write(append(append([]byte{'\n'}, line...), '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("keep an erasure: %w", err)
	}
	return nil
}

// Read gives all records; none where there is no file yet. A line that was cut off is left out: its erasure had not begun.
func (l *erasureLedger) Read(log *slog.Logger) ([]interaction.ErasureRecord, error) {
	f, err := os.Open(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the ledger of erasures: %w", err)
	}
	defer func() { _ = f.Close() }()
	var list []interaction.ErasureRecord
	lines := bufio.NewReader(f)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		var r interaction.ErasureRecord
		switch {
		case len(line) <= 1:
		case json.Unmarshal(line, &r) != nil:
			log.Warn("a line of the ledger of erasures was cut off", "line", n)
		default:
			list = append(list, r)
		}
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the ledger of erasures: %w", err)
		}
	}
}

// ledger is the ledger of erasures of this process.
func (c *config) ledger() *erasureLedger {
	path := c.Erasures
	if path == "" {
		path = filepath.Join(c.Home, "erasures.jsonl")
	}
	return &erasureLedger{path: path}
}

// eraseAgain has done again what the ledger says was done and a restored database knows nothing of.
func (h *house) eraseAgain(ctx context.Context) error {
	records, err := h.ledger.Read(h.log)
	if err != nil {
		return err
	}
	again, err := h.store.Reapply(ctx, records)
	if again > 0 {
		h.log.Warn("people who were erased are in the database again, as after restoring a backup; they are erased once more", "contacts", again)
	}
	return err
}
