// Package sending holds what adapters share that send messages (interaction.Sender): the guard around the moment at which a message leaves, what a message of mere
// words may be, and the patience with a server that wants to be left alone.
package sending

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"

	"parley/interaction"
)

// Commit is what a Sender calls before the first byte that cannot be taken back, see interaction.Sender.
type Commit = func(context.Context) error

// Guard runs one attempt to send; send gets the commit that it calls.
//
// A panic inside of send comes out as an outcome: unknown where the commit had agreed, since something may have left; aborted where the commit itself broke down, since
// nobody knows what it wrote; queued before that.
func Guard(log *slog.Logger, commit Commit, send func(Commit) interaction.Outcome) (o interaction.Outcome) {
	called, agreed := false, false
	defer func() {
		if cause := recover(); cause != nil {
			log.Error("send panicked", "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			o = interaction.Outcome{State: interaction.SendQueued, Aborted: called, Code: "panicked"}
			if agreed {
				o = interaction.Outcome{State: interaction.SendUnknown, Code: "panicked"}
			}
		}
	}()
	return send(func(ctx context.Context) error {
		called = true
		err := commit(ctx)
		agreed = err == nil
		return err
	})
}

// Once is Guard for what leaves in one go: it commits, unless the context has ended, and calls leave when that agreed.
func Once(ctx context.Context, log *slog.Logger, commit Commit, leave func() interaction.Outcome) interaction.Outcome {
	return Guard(log, commit, func(commit Commit) interaction.Outcome {
		if err := context.Cause(ctx); err != nil {
			return Ended(err)
		}
		if err := commit(ctx); err != nil {
			return Aborted(err)
		}
		return leave()
	})
}

// Ended is the outcome where the context ended before anything left.
func Ended(err error) interaction.Outcome {
	return interaction.Outcome{State: interaction.SendQueued, Code: "ended", Text: err.Error()}
}

// Aborted is the outcome where the commit did not agree.
func Aborted(err error) interaction.Outcome {
	return interaction.Outcome{State: interaction.SendQueued, Aborted: true, Text: err.Error()}
}

// Impossible is the outcome of a message that this way out cannot carry; err tells its author why.
func Impossible(err error) interaction.Outcome {
	return interaction.Outcome{State: interaction.SendNotSent, Code: "cannot_be_sent", Text: err.Error()}
}

// Words gives the recipient and the text of a message that is nothing but words for one recipient. The error tells its author what is in the way.
func Words(out interaction.Outbound) (to, text string, err error) {
	text = strings.TrimRight(out.Text, "\r\n ")
	switch {
	case len(out.To) != 1:
		return "", "", fmt.Errorf("a message goes to one recipient here, not to %d", len(out.To))
	case len(out.Attachments) > 0:
		return "", "", errors.New("files cannot be sent by this link; take them out, or answer by another entry point")
	case text == "":
		return "", "", errors.New("the text is empty")
	}
	return out.To[0].Address, text, nil
}
