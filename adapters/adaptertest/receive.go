// Package adaptertest is the suite that every adapter passes. It knows no
// protocol: an adapter's test says how a client of it sends something and what
// the answer meant, and the suite checks what the seam in interaction promises.
package adaptertest

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/interaction"
)

// Answer is what an adapter told its client, in the words of the seam.
type Answer string

// The answers.
const (
	Yes   Answer = "yes"   // it is here for good
	Later Answer = "later" // try again
	No    Answer = "no"    // for good
	Gone  Answer = "gone"  // no answer: the connection ended, which a client takes as Later
)

// Way is a way in under test, started on the inbox and the entry points it was given.
type Way struct {
	Adapter interaction.Adapter
	// Deliver sends one thing with this content to an address, as a client of the protocol does, and tells the answer.
	Deliver func(address, content string) Answer
	// Mounted says that it is an HTTP handler for an entry point by name: it has no life of its own (Adapter is nil), and which entry points there are it knows by heart.
	Mounted bool
}

// The addresses that the suite's entry points know, or not.
const (
	KnownAddress   = "support@example.test"
	UnknownAddress = "nobody@example.test"
	BrokenAddress  = "broken@example.test" // looking it up fails
)

// Receive checks a way in. open makes and starts a fresh one for each case; the suite stops it.
func Receive(t *testing.T, open func(t *testing.T, inbox interaction.Inbox, entries interaction.EntryPoints) Way) {
	start := func(t *testing.T, accept func(context.Context, interaction.Inbound) (interaction.Receipt, error)) (Way, *Inbox) {
		inbox := &Inbox{accept: accept}
		way := open(t, inbox, entries{})
		t.Cleanup(func() {
			if way.Mounted {
				return
			}
			if err := way.Adapter.Stop(t.Context()); err != nil && t.Context().Err() == nil {
				t.Errorf("stop: %v", err)
			}
		})
		return way, inbox
	}

	t.Run("yes when it was accepted, with all that came", func(t *testing.T) {
		way, inbox := start(t, nil)
		want(t, way.Deliver(KnownAddress, "hello there"), Yes)
		got := inbox.All(t, 1)[0]
		if len(got.Targets) != 1 || got.Targets[0].EntryPoint != "support" || got.Targets[0].Address != KnownAddress {
			t.Errorf("targets %+v", got.Targets)
		}
		if !strings.Contains(string(got.Content), "hello there") || int64(len(got.Content)) != got.Size {
			t.Errorf("content %q of size %d", got.Content, got.Size)
		}
		if got.Identity == [32]byte{} || got.Facts.Peer == "" {
			t.Errorf("identity %x, peer %q", got.Identity, got.Facts.Peer)
		}
	})
	t.Run("no answer before the inbox has answered", func(t *testing.T) {
		entered, release := make(chan struct{}), make(chan struct{})
		way, _ := start(t, func(context.Context, interaction.Inbound) (interaction.Receipt, error) {
			close(entered)
			<-release
			return interaction.Receipt{ID: interaction.NewID()}, nil
		})
		answer := make(chan Answer, 1)
		go func() { answer <- way.Deliver(KnownAddress, "x") }()
		<-entered
		select {
		case a := <-answer:
			t.Errorf("answered %q before the commit", a)
		default:
		}
		close(release)
		want(t, <-answer, Yes)
	})
	t.Run("a repeat is a yes, under the same identity", func(t *testing.T) {
		way, inbox := start(t, func(context.Context, interaction.Inbound) (interaction.Receipt, error) {
			return interaction.Receipt{ID: interaction.NewID(), Repeat: true}, nil
		})
		want(t, way.Deliver(KnownAddress, "again"), Yes)
		want(t, way.Deliver(KnownAddress, "again"), Yes)
		want(t, way.Deliver(KnownAddress, "other"), Yes)
		all := inbox.All(t, 3)
		if all[0].Identity != all[1].Identity || all[0].Identity == all[2].Identity {
			t.Errorf("identities %x %x %x", all[0].Identity[:4], all[1].Identity[:4], all[2].Identity[:4])
		}
	})
	for name, c := range map[string]struct {
		err  error
		want Answer
	}{
		"store away":          {interaction.Unavailable("store_away", nil), Later},
		"an error of no kind": {errors.New("what is this"), Later},
		"disk full":           {&interaction.Error{Kind: interaction.KindFull, Code: "disk_full"}, Later},
		"too many":            {&interaction.Error{Kind: interaction.KindTooMany, Code: "too_many"}, Later},
		"refused for good":    {interaction.Invalid("bad", "body", "is bad"), No},
	} {
		t.Run(name, func(t *testing.T) {
			way, _ := start(t, func(context.Context, interaction.Inbound) (interaction.Receipt, error) {
				return interaction.Receipt{}, c.err
			})
			want(t, way.Deliver(KnownAddress, "x"), c.want)
		})
	}
	t.Run("an inbox that hangs gets its deadline", func(t *testing.T) {
		way, _ := start(t, func(ctx context.Context, _ interaction.Inbound) (interaction.Receipt, error) {
			<-ctx.Done()
			return interaction.Receipt{}, ctx.Err()
		})
		begun := time.Now()
		want(t, way.Deliver(KnownAddress, "x"), Later)
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("it took %v, want at most 5 s", took)
		}
	})
	t.Run("a panic is no yes, and the next client is served", func(t *testing.T) {
		first := true
		way, _ := start(t, func(context.Context, interaction.Inbound) (interaction.Receipt, error) {
			if first {
				first = false
				panic("planted")
			}
			return interaction.Receipt{ID: interaction.NewID()}, nil
		})
		if a := way.Deliver(KnownAddress, "x"); a == Yes || a == No {
			t.Errorf("answered %q after a panic", a)
		}
		want(t, way.Deliver(KnownAddress, "y"), Yes)
	})
	t.Run("unknown recipient", func(t *testing.T) {
		way, inbox := start(t, nil)
		want(t, way.Deliver(UnknownAddress, "x"), No)
		if !way.Mounted {
			want(t, way.Deliver(BrokenAddress, "x"), Later)
		}
		inbox.All(t, 0)
	})
	t.Run("stop ends it, and may be called twice", func(t *testing.T) {
		way, inbox := start(t, nil)
		if way.Mounted {
			return // who serves it stops
		}
		for range 2 {
			if err := way.Adapter.Stop(t.Context()); err != nil {
				t.Errorf("stop: %v", err)
			}
		}
		if a := way.Deliver(KnownAddress, "x"); a == Yes {
			t.Error("it said yes after it was stopped")
		}
		inbox.All(t, 0)
	})
}

func want(t *testing.T, got, want Answer) {
	t.Helper()
	if got != want {
		t.Errorf("answered %q, want %q", got, want)
	}
}

// Received is one thing that an Inbox was given, with its content read.
type Received struct {
	interaction.Inbound
	Content []byte
}

// Inbox keeps what it accepts in memory. The zero value says yes to everything.
type Inbox struct {
	accept func(context.Context, interaction.Inbound) (interaction.Receipt, error)

	mu  sync.Mutex
	all []Received
}

// Accept reads the content and answers as the test wants.
func (b *Inbox) Accept(ctx context.Context, in interaction.Inbound) (interaction.Receipt, error) {
	content, err := io.ReadAll(in.Raw)
	if err != nil {
		return interaction.Receipt{}, err
	}
	b.mu.Lock()
	b.all = append(b.all, Received{in, content})
	b.mu.Unlock()
	if b.accept != nil {
		return b.accept(ctx, in)
	}
	return interaction.Receipt{ID: interaction.NewID()}, nil
}

// All gives what was accepted, and fails unless it is n things.
func (b *Inbox) All(t testing.TB, n int) []Received {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.all) != n {
		t.Fatalf("the inbox got %d things, want %d", len(b.all), n)
	}
	return b.all
}

// Sum is the SHA-256 of the content.
func (r Received) Sum() [32]byte { return sha256.Sum256(r.Content) }

// EntryPoints knows the addresses of the suite.
func EntryPoints() interaction.EntryPoints { return entries{} }

type entries struct{}

// EntryPoint knows support@ and sales@example.test.
func (entries) EntryPoint(_ context.Context, _ interaction.Channel, address string) (string, error) {
	switch strings.ToLower(address) {
	case KnownAddress, "help@example.test":
		return "support", nil
	case "sales@example.test":
		return "sales", nil
	case BrokenAddress:
		return "", interaction.Unavailable("store_away", errors.New("planted"))
	}
	return "", interaction.Unknown("entry_point")
}

// Count is how many things were accepted.
func (b *Inbox) Count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.all)
}
