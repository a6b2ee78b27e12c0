package workers

import (
	"context"
	"log/slog"
)

// ChatClockStore is what the chats' clock needs.
type ChatClockStore interface {
	// ChatTick does what is due in chats and gives how many it changed.
	ChatTick(ctx context.Context) (int, error)
}

// ChatClock alerts and ends quiet chats, and takes their tasks back from who held them too long. Several may run at once.
type ChatClock struct {
	Store ChatClockStore
	Log   *slog.Logger
}

// Run looks each second until the context ends.
func (c *ChatClock) Run(ctx context.Context) error {
	return loop(ctx, c.Log, "chat clock", nil, every, func(ctx context.Context) (bool, error) {
		n, err := c.Store.ChatTick(ctx)
		return n > 0, err
	})
}
