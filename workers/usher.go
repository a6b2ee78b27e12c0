package workers

import (
	"context"
	"log/slog"
	"time"

	"parley/interaction"
)

// UsherStore is what the usher needs.
type UsherStore interface {
	ChatPlaces(ctx context.Context) ([]interaction.ChatPosition, error)
}

// Usher tells customers who wait in a chat their place in the queue and how long it may take (mission C2). What it tells is kept nowhere and
// wakes no workflow; several ushers tell the same.
type Usher struct {
	Store UsherStore
	Tell  func(interaction.ChatNotice) // to every process that a customer may be connected to
	Log   *slog.Logger

	told map[interaction.ID]told
}

// told is what a customer was told last.
type told struct {
	interaction.ChatPosition
	at time.Time
}

const (
	glance = 3 * time.Second  // between two looks
	repeat = 15 * time.Second // what has not changed is told again, for who came or came back meanwhile
	grain  = 30               // seconds that an expected wait is rounded up to, so that it does not flicker
)

// Run works until the context ends.
func (u *Usher) Run(ctx context.Context) error {
	return loop(ctx, u.Log, "usher", nil, glance, func(ctx context.Context) (bool, error) { return false, u.round(ctx, time.Now()) })
}

func (u *Usher) round(ctx context.Context, now time.Time) error {
	places, err := u.Store.ChatPlaces(ctx)
	if err != nil {
		return err
	}
	waiting := make(map[interaction.ID]told, len(places))
	for _, p := range places {
		p.WaitSeconds = (p.WaitSeconds + grain - 1) / grain * grain
		last := u.told[p.Session]
		if last.ChatPosition != p || now.Sub(last.at) >= repeat {
			u.Tell(interaction.ChatNotice{Session: p.Session, From: interaction.Party{Role: interaction.ChatSystem}, Kind: interaction.NoticePosition, Place: p.Place, Wait: p.WaitSeconds})
			last = told{p, now}
		}
		waiting[p.Session] = last
	}
	u.told = waiting
	return nil
}
