//go:build planted

package main

// This file is in no program that anybody runs. A build with the tag planted has three faults, each chosen by PARLEY_PLANTED, and a test shows that the
// checker of the kill tests finds every one of them: a judge who never convicts proves nothing.

import (
	"bytes"
	"context"
	"io"
	"os"
	"sync/atomic"
	"time"

	"parley/interaction"
	"parley/workers"
)

func (h *house) inbox() interaction.Inbox {
	if os.Getenv("PARLEY_PLANTED") == "early-250" {
		return hastyInbox{h.store}
	}
	return h.store
}

func (h *house) relayEngine() workers.Engine {
	if os.Getenv("PARLEY_PLANTED") == "drop-news" {
		return &carelessEngine{Engine: h.engine}
	}
	return h.engine
}

func (h *house) carrier() interaction.Sender {
	if os.Getenv("PARLEY_PLANTED") == "double-send" {
		return &eagerSender{Sender: h.sender}
	}
	return h.sender
}

// hastyInbox says yes first and commits later, as a server does that collects mail in memory.
type hastyInbox struct{ interaction.Inbox }

func (i hastyInbox) Accept(ctx context.Context, in interaction.Inbound) (interaction.Receipt, error) {
	raw, err := io.ReadAll(in.Raw)
	if err != nil {
		return interaction.Receipt{}, err
	}
	in.Raw = bytes.NewReader(raw)
	time.AfterFunc(500*time.Millisecond, func() {
		_, _ = i.Inbox.Accept(context.WithoutCancel(ctx), in) // the fault: nobody hears of an error
	})
	return interaction.Receipt{ID: interaction.NewID()}, nil
}

// unlucky is which call of a process goes wrong: late enough for the storm to be at its height.
const unlucky = 25

// carelessEngine loses one row of the outbox: the relay hears that it was handed over.
type carelessEngine struct {
	workers.Engine
	calls atomic.Int64
}

func (e *carelessEngine) Start(ctx context.Context, workflow string, in interaction.Start) error {
	if e.calls.Add(1) == unlucky {
		return nil
	}
	return e.Engine.Start(ctx, workflow, in)
}

func (e *carelessEngine) Signal(ctx context.Context, id interaction.ID, n interaction.News) error {
	if e.calls.Add(1) == unlucky {
		return nil
	}
	return e.Engine.Signal(ctx, id, n)
}

// eagerSender sends one message once more.
type eagerSender struct {
	interaction.Sender
	calls atomic.Int64
}

func (s *eagerSender) Send(ctx context.Context, out interaction.Outbound, commit func(context.Context) error) interaction.Outcome {
	o := s.Sender.Send(ctx, out, commit)
	if o.State == interaction.SendSent && s.calls.Add(1) == unlucky {
		return s.Sender.Send(ctx, out, func(context.Context) error { return nil })
	}
	return o
}
