package adaptertest

import (
	"context"
	"errors"
	"testing"
	"time"

	"parley/interaction"
)

// Outlet is a way out under test, with a carrier behind it that takes everything.
type Outlet struct {
	Sender interaction.Sender
	// Left counts the messages that the carrier has. It must be exact when Send has returned.
	Left func() int
}

// Example is a message that every way out can send.
func Example() interaction.Outbound {
	return interaction.Outbound{
		Interaction: "01990000-0000-7000-8000-000000000001", Key: "reply/1", EntryPoint: "support", MessageID: "m1@example.test",
		Date: time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC),
		From: interaction.Address{Name: "Support", Address: "support@example.test"}, To: []interaction.Address{{Address: "anna@example.org"}},
		Envelope: "bounce@example.test", Subject: "Re: question", Text: "An answer.\n",
	}
}

// Send checks a way out. open makes a fresh one for each case.
func Send(t *testing.T, open func(t *testing.T) Outlet) {
	t.Run("commit is called once, before anything has left", func(t *testing.T) {
		out := open(t)
		calls := 0
		o := out.Sender.Send(t.Context(), Example(), func(context.Context) error {
			if calls++; out.Left() != 0 {
				t.Error("the carrier had the message before the commit")
			}
			return nil
		})
		if o.State != interaction.SendSent || o.Aborted || calls != 1 || out.Left() != 1 {
			t.Errorf("outcome %+v, %d commits, %d messages", o, calls, out.Left())
		}
	})
	t.Run("nothing leaves when the commit refuses", func(t *testing.T) {
		out := open(t)
		o := out.Sender.Send(t.Context(), Example(), func(context.Context) error { return errors.New("another attempt owns the row") })
		if !o.Aborted || o.State == interaction.SendSent || o.State == interaction.SendUnknown || out.Left() != 0 {
			t.Errorf("outcome %+v, %d messages", o, out.Left())
		}
	})
	t.Run("a commit that panics sends nothing", func(t *testing.T) {
		out := open(t)
		o := out.Sender.Send(t.Context(), Example(), func(context.Context) error { panic("planted") })
		if o.State == interaction.SendSent || out.Left() != 0 {
			t.Errorf("outcome %+v, %d messages", o, out.Left())
		}
	})
	t.Run("what cannot be sent is not sent, without a commit", func(t *testing.T) {
		out := open(t)
		bad := Example()
		bad.To[0].Address = "anna@example.org\r\nDATA"
		o := out.Sender.Send(t.Context(), bad, noCommit(t))
		if o.State != interaction.SendNotSent || out.Left() != 0 {
			t.Errorf("outcome %+v, %d messages", o, out.Left())
		}
	})
	t.Run("an ended context sends nothing", func(t *testing.T) {
		out := open(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		o := out.Sender.Send(ctx, Example(), noCommit(t))
		if o.State != interaction.SendQueued || out.Left() != 0 {
			t.Errorf("outcome %+v, %d messages", o, out.Left())
		}
	})
	t.Run("probe tells what became of it, where it can", func(t *testing.T) {
		out := open(t)
		prober, ok := out.Sender.(interaction.Prober)
		if !ok {
			return
		}
		if state, err := prober.Probe(t.Context(), Example().MessageID); err != nil || state == interaction.SendSent {
			t.Errorf("before: %v, %v", state, err)
		}
		out.Sender.Send(t.Context(), Example(), func(context.Context) error { return nil })
		if state, err := prober.Probe(t.Context(), Example().MessageID); err != nil || state == interaction.SendNotSent {
			t.Errorf("after: %v, %v", state, err)
		}
	})
}

func noCommit(t *testing.T) func(context.Context) error {
	return func(context.Context) error {
		t.Error("commit was called")
		return nil
	}
}
