package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"parley/interaction"
	"parley/lib/social"
)

// position is how far the bot's updates were worked through.
type position struct {
	Next int64     `json:"next"` // update_id to ask from; asking for it confirms all before
	At   time.Time `json:"at"`   // when the last one came
}

// Limits of one fetch, and of pauses.
const (
	maxUpdates   = 100
	acceptWithin = 4 * time.Second
	fetchWithin  = 20 * time.Second
	watchEvery   = time.Minute
	forgotten    = 7 * 24 * time.Hour // without updates for so long the API may begin to number at random
)

// kinds of updates that are asked for.
var kinds = []string{"message", "edited_message", "business_message", "edited_business_message", "deleted_business_messages"}

// maxPanics is how often an update is tried that makes a part of ours panic, before it is kept as it came, and left behind where even that fails.
const maxPanics = 3

var errPanicked = errors.New("it could not be taken")

// errNotOurs says that the bot is not the one that the entry point is for.
var errNotOurs = errors.New("the bot is not the entry point's")

// Pull works on the bot until the context ends or the lease is lost. Whatever fails, it begins again after a pause that grows, or the one that the API asks for.
func (b *Bot) Pull(ctx context.Context, lease interaction.Lease) error {
	pause := b.Pause
	for ctx.Err() == nil {
		worked, err := b.session(ctx, lease)
		if ctx.Err() != nil {
			return nil
		}
		if interaction.KindOf(err) == interaction.KindConflict {
			return err // another process has it now
		}
		if worked {
			pause = b.Pause
		}
		wait := max(pause, waitOf(err))
		b.Log.Warn("bot waits", "error", err, "wait", wait)
		lease.Tell(ctx, stateOf(err), err.Error())
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		pause = min(2*pause, b.Longest)
	}
	return nil
}

// session finds out who the bot is and takes its updates, until something fails. It reports whether it got anywhere.
func (b *Bot) session(ctx context.Context, lease interaction.Lease) (worked bool, err error) {
	target, err := b.target(ctx)
	if err != nil {
		return false, err
	}
	if b.Settings.Webhook != "" {
		return true, b.watch(ctx, lease)
	}
	var done bool
	if err := b.api.call(ctx, "deleteWebhook", map[string]any{"drop_pending_updates": false}, &done); err != nil {
		return false, err
	}
	var at position
	if err := lease.Position(ctx, &at); err != nil {
		return false, err
	}
	for detail := ""; ; {
		lease.Tell(ctx, interaction.LinkUp, detail)
		refused, err := b.round(ctx, lease, target, &at)
		if err != nil {
			return worked, err
		}
		if worked = true; refused != "" {
			detail = refused
		}
	}
}

// target asks the API whose token it is, and whether the entry point has the bot's name as its address: a token under the wrong name would answer customers in
// another's voice.
func (b *Bot) target(ctx context.Context) (interaction.Target, error) {
	var me user
	if err := b.api.call(ctx, "getMe", struct{}{}, &me); err != nil {
		return interaction.Target{}, err
	}
	address := "@" + me.Username
	name, err := b.Entries.EntryPoint(ctx, interaction.Social, address)
	if interaction.KindOf(err) == interaction.KindUnknown || err == nil && name != b.EntryPoint {
		return interaction.Target{}, fmt.Errorf("%w: the token is of %s; give the entry point that address", errNotOurs, address)
	}
	return interaction.Target{EntryPoint: name, Address: address}, err
}

// round fetches what there is and has it committed, oldest first; the position moves behind that. What the house refuses for good is left behind, and said.
func (b *Bot) round(ctx context.Context, lease interaction.Lease, target interaction.Target, at *position) (refused string, err error) {
	offset := at.Next
	if offset != 0 && b.Clock().Sub(at.At) > forgotten {
		offset = 0
	}
	var updates []json.RawMessage
	asked := b.Clock()
	err = b.api.call(ctx, "getUpdates", map[string]any{
		"offset": offset, "limit": maxUpdates, "timeout": int(PollTime.Seconds()), "allowed_updates": kinds,
	}, &updates)
	if err != nil {
		return "", err
	}
	if len(updates) == 0 && b.Clock().Sub(asked) < b.Pause { // a server that does not hold the request is not asked without end
		select {
		case <-ctx.Done():
		case <-time.After(b.Pause):
		}
	}
	before := at.Next
	for _, raw := range updates {
		u := read(raw)
		err = b.take(ctx, u, target)
		if errors.Is(err, errPanicked) {
			if b.panics[u.ID]++; b.panics[u.ID] >= maxPanics {
				err = b.takeRaw(ctx, u, target)
			}
		}
		if interaction.KindOf(err) == interaction.KindInvalid || errors.Is(err, errPanicked) && b.panics[u.ID] >= maxPanics {
			refused = fmt.Sprintf("update %d was refused: %v", u.ID, err)
			b.Log.Error("an update was refused and is left behind", "update", u.ID, "error", err)
			err = nil
		}
		if err != nil {
			break
		}
		delete(b.panics, u.ID)
		if u.ID != 0 {
			at.Next, at.At = u.ID+1, b.Clock()
		}
	}
	if at.Next != before {
		err = errors.Join(lease.Move(ctx, at), err)
	}
	return refused, err
}

// take has an update committed by the inbox; what is nothing for people is over at once.
func (b *Bot) take(ctx context.Context, u update, target interaction.Target) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			b.Log.Error("update panicked", "update", u.ID, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			err = fmt.Errorf("update %d: %w", u.ID, errPanicked)
		}
	}()
	for _, post := range b.posts(u) {
		post.To = target.Address
		fetching, cancel := context.WithTimeout(ctx, fetchWithin)
		post.Fetch(fetching, b.fetch)
		cancel()
		if err := b.accept(ctx, post, target); err != nil {
			return err
		}
	}
	return nil
}

// takeRaw has an update committed as it came, for a person to look at.
func (b *Bot) takeRaw(ctx context.Context, u update, target interaction.Target) error {
	u.bad = true
	return b.take(ctx, u, target)
}

func (b *Bot) accept(ctx context.Context, post social.Post, target interaction.Target) error {
	in, err := post.Inbound(target, b.api.base)
	if err != nil {
		return err
	}
	accepting, cancel := context.WithTimeout(ctx, acceptWithin)
	defer cancel()
	receipt, err := b.Inbox.Accept(accepting, in)
	if err == nil {
		b.Log.Info("post accepted", "inbound", receipt.ID, "repeat", receipt.Repeat, "kind", post.Kind)
	}
	return err
}
