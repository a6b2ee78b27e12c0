package adaptertest

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/interaction"
)

// Source is a way in under test that goes out for what arrives, at a source of the test's own.
type Source struct {
	Link interaction.Link
	Open func(t *testing.T) interaction.Puller // makes one that works on the source, on the inbox it was given; each holder has its own
	Put  func(content string)                  // leaves one thing at the source
}

// pullLimit is how long the suite waits for something to come about.
const pullLimit = 30 * time.Second

// Pull checks a way in that works under a lease. open makes a fresh source for each case; it waits milliseconds where it waits between two tries.
func Pull(t *testing.T, open func(t *testing.T, inbox interaction.Inbox, entries interaction.EntryPoints) Source) {
	type house struct {
		*Inbox
		Source
		place *Place
	}
	build := func(t *testing.T, accept func(context.Context, interaction.Inbound) (interaction.Receipt, error)) *house {
		inbox := &Inbox{accept: accept}
		return &house{Inbox: inbox, Source: open(t, inbox, EntryPoints()), place: &Place{}}
	}
	work := func(t *testing.T, h *house) (over <-chan error, stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		puller, lease := h.Open(t), h.place.Take(h.Link)
		done, ended := make(chan error, 1), make(chan struct{})
		go func() {
			defer close(ended)
			done <- puller.Pull(ctx, lease)
		}()
		stop = func() { cancel(); <-ended }
		t.Cleanup(stop)
		return done, stop
	}
	yes := func() (interaction.Receipt, error) { return interaction.Receipt{ID: interaction.NewID()}, nil }

	t.Run("what is there is taken once, with all that belongs to it", func(t *testing.T) {
		h := build(t, nil)
		h.Put("hello there")
		_, stop := work(t, h)
		await(t, "it is taken", func() bool { return h.Count() == 1 })
		h.Put("and again")
		await(t, "the next too", func() bool { return h.Count() == 2 })
		stop()
		_, stop = work(t, h)
		h.Put("after a rest")
		await(t, "and one behind a new beginning", func() bool { return h.Count() == 3 })
		stop()
		all := h.All(t, 3)
		for n, content := range []string{"hello there", "and again", "after a rest"} {
			got := all[n]
			if !strings.Contains(string(got.Content), content) || int64(len(got.Content)) != got.Size {
				t.Errorf("content %q of size %d", got.Content, got.Size)
			}
			if len(got.Targets) != 1 || got.Targets[0].EntryPoint != h.Link.EntryPoint || got.Identity == [32]byte{} || got.Facts.Peer == "" {
				t.Errorf("targets %+v, identity %x, peer %q", got.Targets, got.Identity[:4], got.Facts.Peer)
			}
		}
	})
	t.Run("the position moves behind the commit only", func(t *testing.T) {
		entered, release := make(chan struct{}), make(chan struct{})
		h := build(t, func(context.Context, interaction.Inbound) (interaction.Receipt, error) {
			close(entered)
			<-release
			return yes()
		})
		h.Put("x")
		work(t, h)
		<-entered
		if n := h.place.Moves(); n != 0 {
			t.Errorf("it moved %d times before the commit", n)
		}
		close(release)
		await(t, "it moves", func() bool { return h.place.Moves() > 0 })
	})
	for name, err := range map[string]error{
		"store away": interaction.Unavailable("store_away", nil), "an error of no kind": errors.New("what is this"),
		"disk full": &interaction.Error{Kind: interaction.KindFull, Code: "disk_full"}, "too many": &interaction.Error{Kind: interaction.KindTooMany, Code: "too_many"},
	} {
		t.Run(name+": it is tried again until it is taken", func(t *testing.T) {
			var tries atomic.Int64
			h := build(t, func(context.Context, interaction.Inbound) (interaction.Receipt, error) {
				if tries.Add(1) <= 5 {
					return interaction.Receipt{}, err
				}
				return yes()
			})
			h.Put("x")
			work(t, h)
			await(t, "it is taken", func() bool { return tries.Load() > 5 && h.place.Moves() > 0 })
			all := h.All(t, 6)
			if all[0].Identity != all[5].Identity {
				t.Error("a repeat has another identity")
			}
		})
	}
	for name, fail := range map[string]func() (interaction.Receipt, error){
		"refused for good": func() (interaction.Receipt, error) {
			return interaction.Receipt{}, interaction.Invalid("bad", "body", "is bad")
		},
		"a panic": func() (interaction.Receipt, error) { panic("planted") },
	} {
		t.Run(name+": it does not keep the next one back", func(t *testing.T) {
			var taken atomic.Int64
			h := build(t, nil)
			h.accept = func(context.Context, interaction.Inbound) (interaction.Receipt, error) {
				if all := h.last(); strings.Contains(string(all.Content), "poison") {
					return fail()
				}
				taken.Add(1)
				return yes()
			}
			h.Put("poison")
			h.Put("good")
			work(t, h)
			await(t, "the next is taken", func() bool { return taken.Load() == 1 })
		})
	}
	t.Run("who has lost the lease moves nothing and ends", func(t *testing.T) {
		h := build(t, nil)
		entered, release := make(chan struct{}, 1), make(chan struct{})
		h.accept = func(context.Context, interaction.Inbound) (interaction.Receipt, error) {
			entered <- struct{}{}
			<-release
			return yes()
		}
		h.Put("x")
		over, _ := work(t, h)
		<-entered
		h.place.Take(h.Link)
		close(release)
		select {
		case err := <-over:
			if interaction.KindOf(err) != interaction.KindConflict {
				t.Errorf("it ended with %v, want the conflict", err)
			}
		case <-time.After(pullLimit):
			t.Error("it goes on")
		}
		if n := h.place.Moves(); n != 0 {
			t.Errorf("it moved %d times", n)
		}
		h.accept = nil
		work(t, h)
		await(t, "the next holder takes it again", func() bool { return h.Count() == 2 && h.place.Moves() > 0 })
		if all := h.All(t, 2); all[0].Identity != all[1].Identity {
			t.Error("a repeat has another identity")
		}
	})
	t.Run("it ends with its context, and what was under way is not over", func(t *testing.T) {
		h := build(t, func(ctx context.Context, _ interaction.Inbound) (interaction.Receipt, error) {
			<-ctx.Done()
			return interaction.Receipt{}, ctx.Err()
		})
		h.Put("x")
		over, stop := work(t, h)
		await(t, "it is at work", func() bool { return h.Count() == 1 })
		begun := time.Now()
		stop()
		if err := <-over; err != nil || time.Since(begun) > 5*time.Second {
			t.Errorf("it ended after %v with %v", time.Since(begun), err)
		}
		h.accept = nil
		work(t, h)
		await(t, "what was not taken is taken by the next", func() bool { return h.Count() == 2 })
	})
}

// last is what the inbox was given last.
func (b *Inbox) last() Received {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all[len(b.all)-1]
}

// await waits for something to come about.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	over := time.Now().Add(pullLimit)
	for ; time.Now().Before(over); <-time.After(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not within %v: %s", pullLimit, what)
}
