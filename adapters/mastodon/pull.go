package mastodon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/interaction"
)

// errNotOurs says that the account is not the one that the entry point is for.
var errNotOurs = errors.New("the account is not the entry point's")

// Pull works on the account until the context ends or the lease is lost. Whatever fails, it begins again after a pause that grows, or the one that the server asks for.
func (a *Account) Pull(ctx context.Context, lease interaction.Lease) error {
	pause := a.Pause
	for ctx.Err() == nil {
		worked, err := a.session(ctx, lease)
		if ctx.Err() != nil {
			return nil
		}
		if interaction.KindOf(err) == interaction.KindConflict {
			return err // another process has it now
		}
		if worked {
			pause = a.Pause
		}
		wait := max(pause, waitOf(err))
		a.Log.Warn("account waits", "error", err, "wait", wait)
		lease.Tell(ctx, stateOf(err), err.Error())
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		pause = min(2*pause, a.Longest)
	}
	return nil
}

// work is one session's: who we are and how far we are.
type work struct {
	a      *Account
	lease  interaction.Lease
	me     account
	target interaction.Target
	at     position
	left   string // what was refused for good, for people
}

// session takes what there is and then what the stream rings for, until something fails. It reports whether it got anywhere.
func (a *Account) session(ctx context.Context, lease interaction.Lease) (worked bool, err error) {
	w := &work{a: a, lease: lease}
	if err := w.identify(ctx); err != nil {
		return false, err
	}
	if err := lease.Position(ctx, &w.at); err != nil {
		return false, err
	}
	if err := w.begin(ctx); err != nil {
		return false, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	bells := a.listen(ctx) // before the list is read: what comes in between rings
	defer bells.wait()
	defer cancel()
	if err := w.refill(ctx); err != nil {
		return false, err
	}
	if err := w.again(ctx); err != nil {
		return true, err
	}
	tick := time.NewTicker(time.Duration(a.Settings.Poll) * time.Second)
	defer tick.Stop()
	for rounds := 1; ; rounds++ {
		lease.Tell(ctx, interaction.LinkUp, w.left)
		select {
		case <-ctx.Done():
			return true, ctx.Err()
		case <-bells.news:
			err = w.refill(ctx)
		case told := <-bells.told:
			err = w.hear(ctx, told)
		case <-bells.up: // the stream was away, and is back
			if err = w.refill(ctx); err == nil {
				err = w.again(ctx)
			}
		case <-tick.C:
			if err = w.refill(ctx); err == nil && rounds%againEvery == 0 {
				err = w.again(ctx)
			}
		}
		if err != nil {
			return true, err
		}
	}
}

// againEvery is how many polls there are between two looks for edits and deletions that the stream did not tell.
const againEvery = 10

// identify asks the server whose token it is, and whether the entry point has the account as its address.
func (w *work) identify(ctx context.Context) error {
	if err := w.a.api.get(ctx, "/api/v1/accounts/verify_credentials", nil, &w.me); err != nil {
		return err
	}
	if w.me.ID == "" {
		return errGarbled
	}
	address := "@" + w.me.Acct + "@" + w.a.host
	name, err := w.a.Entries.EntryPoint(ctx, interaction.Social, address)
	if interaction.KindOf(err) == interaction.KindUnknown || err == nil && name != w.a.EntryPoint {
		return fmt.Errorf("%w: the token is of %s; give the entry point that address", errNotOurs, address)
	}
	w.target = interaction.Target{EntryPoint: name, Address: address}
	return err
}

// keep moves the position where something was taken.
func (w *work) keep(ctx context.Context) error {
	if !w.at.moved {
		return nil
	}
	if err := w.lease.Move(ctx, w.at); err != nil {
		return err
	}
	w.at.moved = false
	return nil
}
