package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"
)

// What a line of the ledger tells.
const (
	said      = "yes"       // Parley took a mail: it answered 250
	refused   = "refused"   // Parley refused a mail for good
	delivered = "delivered" // a mail came out of Parley
	done      = "done"      // a person ended a task, and Parley said yes
	settled   = "settled"   // a person told what became of a mail whose answer was lost
	odd       = "odd"       // an answer that must not be
)

// entry is one line of the ledger.
type entry struct {
	At        time.Time `json:"at"`
	What      string    `json:"what"`
	Marker    string    `json:"marker,omitempty"` // of a mail that a customer sent
	SHA256    string    `json:"sha256,omitempty"` // of its bytes
	Follows   bool      `json:"follows,omitempty"`
	Tries     int       `json:"tries,omitempty"`
	MessageID string    `json:"message_id,omitempty"`
	InReplyTo string    `json:"in_reply_to,omitempty"`
	Automatic bool      `json:"automatic,omitempty"`
	To        []string  `json:"to,omitempty"`
	Task      string    `json:"task,omitempty"`
	Text      string    `json:"text,omitempty"`
}

// ledger is a file that only grows. A line that cannot be written ends the program: a judge who forgets is none.
type ledger struct {
	mu      sync.Mutex
	file    *os.File
	yes     int
	follows int
}

func openLedger(path string) (*ledger, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return &ledger{file: file}, err
}

func (l *ledger) close() error { return l.file.Close() }

func (l *ledger) note(e entry) {
	e.At = time.Now()
	line, err := json.Marshal(e)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		_, err = l.file.Write(append(line, '\n'))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "checker: ledger:", err)
		os.Exit(2)
	}
	if e.What == said {
		l.yes++
		if e.Follows {
			l.follows++
		}
	}
}

// acknowledged is how many mails Parley has said yes to.
func (l *ledger) acknowledged() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.yes
}

// followUps is how many of them answer a mail of Parley's, and may have joined an interaction that is open.
func (l *ledger) followUps() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.follows
}

// readLedger gives all lines of a ledger.
func readLedger(path string) ([]entry, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	var all []entry
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var e entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("%s line %d: %w", path, len(all)+1, err)
		}
		all = append(all, e)
	}
	return all, lines.Err()
}
