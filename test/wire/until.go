package wire

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Until looks again and again until the condition holds, which it says by nil; what it says otherwise is what the caller hears
// when the context ends first. Looks become rarer, up to ten a second.
func Until(ctx context.Context, holds func(ctx context.Context) error) error {
	pause := 10 * time.Millisecond
	for {
		err := holds(ctx)
		if err == nil {
			return nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			if cause := context.Cause(ctx); !errors.Is(err, cause) {
				err = fmt.Errorf("%w: %w", cause, err)
			}
			return err
		}
		pause = min(2*pause, 100*time.Millisecond)
	}
}

// Within is Until with a time limit of its own.
func Within(ctx context.Context, limit time.Duration, holds func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return Until(ctx, holds)
}
