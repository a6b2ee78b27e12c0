package test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/test/wire"
)

// TestShortMessagesSurviveKills: Parley is killed again and again while a centre delivers. The centre delivers what was not acknowledged once more, as centres do; in the end
// every message is there once, though some were committed when the acknowledgement was lost.
func TestShortMessagesSurviveKills(t *testing.T) {
	const messages, kills = 60, 3
	p := newProduct(t, "PARLEY_LINK_CENTRE=secret")
	centre := newMessageCentre(t, "secret")
	p.start()
	root := p.person("PARLEY_ADMIN_TOKEN")
	p.shortMessages(root, centre, nil)
	for n := range messages {
		m := fromCustomer(fmt.Sprintf("message %d", n))
		if n%(messages/kills) == 10 { // it dies somewhere between the octets and the answer
			killed := make(chan error, 1)
			go func() {
				_ = centre.deliver(t.Context(), m)
				killed <- p.command.Process.Kill()
			}()
			require.NoError(t, <-killed)
			<-p.ended
			p.start()
		}
		p.await(startLimit, "the centre to be answered", func(ctx context.Context) error { return centre.deliver(ctx, m) })
	}
	p.await(stepLimit, "every message once", func(ctx context.Context) error {
		seen := map[string]int{}
		all, err := wire.List[wire.Interaction](ctx, root, "/v1/interactions", map[string][]string{"channel": {"sms"}})
		if err != nil {
			return err
		}
		for _, i := range all {
			seen[i.Subject]++
		}
		for n := range messages {
			if got := seen[fmt.Sprintf("message %d", n)]; got != 1 {
				return fmt.Errorf("message %d is there %d times", n, got)
			}
		}
		if len(all) != messages {
			return errors.New("there are others")
		}
		return nil
	})
	p.stop()
}
