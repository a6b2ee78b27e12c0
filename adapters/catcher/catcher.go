// Package catcher is the way out of an installation that has no smart host yet:
// every message becomes a file that people can look at, and nothing reaches the
// network. A message has one file, named after its Message-ID, so a repeat adds none.
package catcher

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"time"

	"parley/interaction"
	"parley/lib/mail"
	"parley/lib/sending"
)

// Catcher writes messages into a folder.
type Catcher struct {
	dir  string
	loop string
	log  *slog.Logger
}

var (
	_ interaction.Sender = (*Catcher)(nil)
	_ interaction.Prober = (*Catcher)(nil)
)

// New makes the folder if it is not there. loop is the value of the loop mark on automatic mail; it may be empty.
func New(dir, loop string, log *slog.Logger) (*Catcher, error) {
	if dir == "" {
		return nil, errors.New("catcher: needs a folder")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("catcher: %w", err)
	}
	if log == nil {
		log = slog.Default()
	}
	return &Catcher{dir: dir, loop: loop, log: log.With("adapter", "catcher")}, nil
}

// Send writes the message beside its final place, commits, and moves it there. The move is what cannot be taken back.
func (c *Catcher) Send(ctx context.Context, out interaction.Outbound, commit func(context.Context) error) interaction.Outcome {
	return sending.Guard(c.log, commit, func(commit sending.Commit) interaction.Outcome { return c.catch(ctx, out, commit) })
}

func (c *Catcher) catch(ctx context.Context, out interaction.Outbound, commit sending.Commit) interaction.Outcome {
	raw, err := mail.Compose(out, mail.ComposeOptions{Loop: c.loop})
	if err != nil {
		return interaction.Outcome{State: interaction.SendNotSent, Text: err.Error()}
	}
	if err := ctx.Err(); err != nil {
		return queued(err)
	}
	temp, err := c.write(raw)
	if err != nil {
		return queued(err)
	}
	defer func() { _ = os.Remove(temp) }() // gone already once it was moved
	if err := commit(ctx); err != nil {
		return sending.Aborted(err)
	}
	if err := os.Rename(temp, filepath.Join(c.dir, fileName(out.MessageID))); err != nil {
		return queued(err)
	}
	if err := c.sync(); err != nil {
		return interaction.Outcome{State: interaction.SendUnknown, Text: err.Error()}
	}
	return interaction.Outcome{State: interaction.SendSent, Code: "250", Text: "kept as " + fileName(out.MessageID)}
}

// Probe tells whether the file is there. It always knows.
func (c *Catcher) Probe(_ context.Context, messageID string) (interaction.SendState, error) {
	switch _, err := os.Stat(filepath.Join(c.dir, fileName(messageID))); {
	case err == nil:
		return interaction.SendSent, nil
	case errors.Is(err, fs.ErrNotExist):
		return interaction.SendNotSent, nil
	default:
		return interaction.SendUnknown, fmt.Errorf("catcher: %w", err)
	}
}

// write makes a file that is on the disk when it returns.
func (c *Catcher) write(raw []byte) (name string, err error) {
	f, err := os.CreateTemp(c.dir, ".part-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(raw)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// sync puts the folder's own entry on the disk.
func (c *Catcher) sync() error {
	d, err := os.Open(c.dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func queued(err error) interaction.Outcome {
	return interaction.Outcome{State: interaction.SendQueued, Text: err.Error()}
}

func fileName(messageID string) string {
	sum := sha256.Sum256([]byte(messageID))
	return hex.EncodeToString(sum[:16]) + ".eml"
}

// Entry is one caught message, for a list.
type Entry struct {
	Name      string // for Open
	At        time.Time
	Size      int64
	From, To  []interaction.Address
	Subject   string
	MessageID string
	Date      time.Time
}

// List gives the newest n messages, newest first.
func (c *Catcher) List(n int) ([]Entry, error) {
	files, err := os.ReadDir(c.dir)
	if err != nil {
		return nil, fmt.Errorf("catcher: %w", err)
	}
	list := []Entry{}
	for _, f := range files {
		info, err := f.Info()
		if err == nil && caught.MatchString(f.Name()) {
			list = append(list, Entry{Name: f.Name(), At: info.ModTime(), Size: info.Size()})
		}
	}
	sort.Slice(list, func(i, j int) bool {
		if !list[i].At.Equal(list[j].At) {
			return list[i].At.After(list[j].At)
		}
		return list[i].Name < list[j].Name
	})
	list = list[:min(n, len(list))]
	for i := range list {
		if err := c.describe(&list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// describe reads what a list shows from the header.
func (c *Catcher) describe(e *Entry) error {
	raw, err := c.Open(e.Name)
	if err != nil {
		return err
	}
	m := mail.Parse(raw)
	e.From, e.To, e.Subject, e.MessageID, e.Date = m.From, m.To, m.Subject, m.MessageID, m.Date
	return nil
}

// caught are the names that Open takes: nothing else in the folder, and nothing outside.
var caught = regexp.MustCompile(`^[0-9a-f]{32}\.eml$`)

// Open gives the bytes of one message. Any name that List does not give is unknown.
func (c *Catcher) Open(name string) ([]byte, error) {
	if !caught.MatchString(name) {
		return nil, interaction.Unknown("message")
	}
	f, err := os.Open(filepath.Join(c.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, interaction.Unknown("message")
	}
	if err != nil {
		return nil, fmt.Errorf("catcher: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("catcher: %w", err)
	}
	return raw, nil
}
