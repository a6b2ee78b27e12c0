package test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"parley/test/wire"
)

// inTime is how soon an ordered stop has to be over, under load as well (§K4).
const inTime = 10 * time.Second

// TestStoppedAndKilledUnderLoad stops the house in order while customers write, and later kills all of it: what was accepted is there, once, and people go on.
func TestStoppedAndKilledUnderLoad(t *testing.T) {
	p := newProduct(t)
	p.start()
	root := p.person("PARLEY_ADMIN_TOKEN")
	accepted := p.writtenUntil(40, func() {
		begun := time.Now()
		p.stop()
		require.Less(t, time.Since(begun), inTime, "an ordered stop (§K4)")
		p.start()
	})
	p.allOnce(root, accepted)

	later := p.writtenUntil(80, func() {
		killed := time.Now()
		p.kill(everything)
		p.ready()
		ready := time.Since(killed)
		p.claimNext(p.person("PARLEY_AGENT_TOKEN"), "handle")
		t.Logf("from kill -9 of everything to /readyz %v, to the first claim %v (§K6: 5s on a machine with nothing else to do)", ready.Round(time.Millisecond), time.Since(killed).Round(time.Millisecond))
	})
	p.allOnce(root, append(accepted, later...))
	p.stop()
}

// writtenUntil has eight customers write. Once so many mails in all are accepted, it lets what is given happen, and then the customers stop, each behind one more yes. It gives the subjects of
// all accepted mails. A mail whose session broke is sent again, as it is.
func (p *product) writtenUntil(enough int, happen func()) (subjects []string) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.t.Context())
	defer cancel()
	var mu sync.Mutex
	var customers sync.WaitGroup
	over := make(chan struct{})
	reached := make(chan struct{})
	for c := range 8 {
		customers.Go(func() {
			for n := 0; ; n++ {
				m := wire.Mail{
					From: fmt.Sprintf("C <c%d@customers.example.test>", c), To: support, Subject: fmt.Sprintf("Order %d-%d-%d?", enough, c, n), Text: "Where is it?",
					MessageID: fmt.Sprintf("%d-%d-%d@customers.example.test", enough, c, n),
				}
				if wire.Within(ctx, startLimit, func(ctx context.Context) error {
					return wire.Post(ctx, p.smtp, fmt.Sprintf("c%d@customers.example.test", c), support, m.Bytes())
				}) != nil {
					return // the test is over
				}
				mu.Lock()
				subjects = append(subjects, m.Subject)
				if len(subjects) == enough/2 {
					close(reached)
				}
				mu.Unlock()
				select {
				case <-over:
					return
				default:
				}
			}
		})
	}
	select {
	case <-reached:
	case <-time.After(startLimit):
		require.Fail(p.t, "customers got no yes")
	}
	happen()
	close(over)
	customers.Wait()
	return subjects
}

// allOnce waits until each subject is one interaction.
func (p *product) allOnce(by wire.Client, subjects []string) {
	p.t.Helper()
	p.await(startLimit, "all accepted mails", func(ctx context.Context) error {
		all, err := wire.List[wire.Interaction](ctx, by, "/v1/interactions", nil)
		if err != nil {
			return err
		}
		seen := map[string]int{}
		for _, i := range all {
			seen[i.Subject]++
		}
		for _, s := range subjects {
			if seen[s] != 1 {
				return fmt.Errorf("%q is %d interactions", s, seen[s])
			}
		}
		return nil
	})
}

// TestADiskThatIsFull has PostgreSQL refuse what needs room, as it does when its disk is full (§K5): customers' servers and clients are told so, nothing is lost, and when there is room again
// all goes on by itself.
func TestADiskThatIsFull(t *testing.T) {
	p := newProduct(t)
	p.start()
	ann := p.person("PARLEY_AGENT_TOKEN")
	letter := func(n int) wire.Mail {
		return wire.Mail{From: "Olga <olga@customers.example.test>", To: support, Subject: fmt.Sprintf("Order %d?", n), Text: "Where is it?", MessageID: fmt.Sprintf("full-%d@customers.example.test", n)}
	}
	p.mail("olga@customers.example.test", letter(1))
	task := p.claimNext(ann, "handle")

	conn, err := pgx.Connect(t.Context(), p.database("parley"))
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	_, err = conn.Exec(t.Context(), `
		create function full_disk() returns trigger language plpgsql as $$ begin raise exception 'could not extend file: No space left on device' using errcode = 'disk_full'; end $$;
		create trigger full_disk before insert on inbound for each statement execute function full_disk();
		create trigger full_disk before insert on events for each statement execute function full_disk();
		create trigger full_disk before insert on messages for each statement execute function full_disk()`)
	require.NoError(t, err)
	err = wire.Post(t.Context(), p.smtp, "olga@customers.example.test", support, letter(2).Bytes())
	require.Equal(t, 452, wire.Code(err), "the sender has to try again later: %v", err)
	refused := wire.Refused(ann.Call(t.Context(), http.MethodPost, "/v1/tasks/"+task.ID+"/reply", "full", map[string]any{"text": "Soon."}, nil))
	require.NotNil(t, refused)
	require.Equal(t, http.StatusInsufficientStorage, refused.Status)

	_, err = conn.Exec(t.Context(), `drop function full_disk() cascade`)
	require.NoError(t, err)
	p.mail("olga@customers.example.test", letter(2))
	require.Equal(t, p.find(ann, letter(2).Subject).ID, p.claimNext(ann, "handle").InteractionID)
	p.await(stepLimit, "the reply that was refused before", func(ctx context.Context) error {
		err := ann.Call(ctx, http.MethodPost, "/v1/tasks/"+task.ID+"/reply", "room-again", map[string]any{"text": "Soon."}, nil)
		if r := wire.Refused(err); r != nil && r.Status != http.StatusInsufficientStorage {
			return errors.Join(err, fmt.Errorf("status %d", r.Status))
		}
		return err
	})
	p.stop()
}
