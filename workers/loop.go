// Package workers holds what runs in the background: the Temporal worker with
// its workflows and activities, the intake, the outbox relay, the dispatcher and the
// housekeeper. Each polls, so that a lost wake-up costs a second and a crash costs nothing.
package workers

import (
	"context"
	"log/slog"
	"time"
)

// Bell wakes a background part. Ringing it many times while the part is busy wakes it once.
type Bell chan struct{}

// NewBell makes a bell.
func NewBell() Bell { return make(Bell, 1) }

// Ring never blocks.
func (b Bell) Ring() {
	select {
	case b <- struct{}{}:
	default:
	}
}

// every is how often a part looks for work that nobody told it of.
const every = time.Second

// loop runs round until the context ends: at once again while it found work, otherwise at the next ring or after the pause. Errors
// are logged and waited out, longer each time; nothing is given up.
func loop(ctx context.Context, log *slog.Logger, name string, bell Bell, pause time.Duration, round func(context.Context) (found bool, err error)) error {
	wait := pause
	for ctx.Err() == nil {
		found, err := round(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			log.Warn("background part waits", "part", name, "error", err, "wait", wait)
			wait = min(2*wait, 10*time.Second)
		case found:
			wait = pause
			continue
		default:
			wait = pause
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-bell:
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}
