// The tests run under simulated time (testing/synctest): their sleeps last no time, and end when all else waits.

package workers

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// lease is what the table says of one link.
type lease struct {
	interaction.Lease
	name           string
	epoch, version int64
	until          time.Time
}

func (l lease) Link() interaction.Link {
	return interaction.Link{Name: l.name, EntryPoint: "at-" + l.name}
}
func (l lease) Epoch() int64                                        { return l.epoch }
func (l lease) Version() int64                                      { return l.version }
func (l lease) Until() time.Time                                    { return l.until }
func (l lease) Tell(context.Context, interaction.LinkState, string) {}

// table gives leases, until it is told to be away.
type table struct {
	mu    sync.Mutex
	ours  map[string]lease
	away  bool
	freed bool
}

func (t *table) set(change func(*table)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(t)
}

func (t *table) TakeLinks(context.Context, string, []string) ([]lease, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.away {
		return nil, errors.New("the database is away")
	}
	var list []lease
	for _, l := range t.ours {
		l.until = time.Now().Add(10 * time.Second)
		list = append(list, l)
	}
	return list, nil
}

func (t *table) FreeLinks(context.Context, string) error {
	t.set(func(t *table) { t.freed = true })
	return nil
}

// pullers count who works on what.
type pullers struct {
	interaction.Sender
	mu      sync.Mutex
	running map[string]int
	begun   int
}

func (p *pullers) Pull(ctx context.Context, l interaction.Lease) error {
	p.change(l.Link().Name, 1)
	<-ctx.Done()
	p.change(l.Link().Name, -1)
	return nil
}

func (p *pullers) change(name string, by int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running[name] += by
	p.begun += max(by, 0)
}

func (p *pullers) now(name string) (running, begun int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running[name], p.begun
}

func TestLinksAreWorkedOnWhileTheirLeasesHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		there := &table{ours: map[string]lease{"a": {name: "a", epoch: 1, version: 1}}}
		work := &pullers{running: map[string]int{}}
		l := &Links[lease]{
			Store: there, Holder: "p1", Kinds: []string{"any"}, Log: slog.New(slog.DiscardHandler),
			Open: func(interaction.Link) (interaction.Puller, error) { return work, nil },
		}
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() { defer close(over); _ = l.Run(ctx) }()
		expect := func(after time.Duration, running, begun int, why string) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			r, b := work.now("a")
			require.Equal(t, []int{running, begun}, []int{r, b}, why)
		}
		expect(time.Second, 1, 1, "taken")
		require.NotNil(t, l.Sender("at-a"))
		require.Nil(t, l.Sender("elsewhere"))
		expect(time.Minute, 1, 1, "renewed, again and again")
		there.set(func(t *table) { t.ours["a"] = lease{name: "a", epoch: 1, version: 2} })
		expect(3*time.Second, 1, 2, "other settings: begun anew")
		there.set(func(t *table) { t.away = true })
		expect(11*time.Second, 0, 2, "not renewed: let go of before the lease ends")
		there.set(func(t *table) { t.away = false })
		expect(30*time.Second, 1, 3, "back, under the same epoch")
		there.set(func(t *table) { delete(t.ours, "a") })
		expect(3*time.Second, 0, 3, "lost")
		require.Nil(t, l.Sender("at-a"))
		there.set(func(t *table) { t.ours["a"] = lease{name: "a", epoch: 5, version: 2} })
		expect(3*time.Second, 1, 4, "ours again")
		cancel()
		<-over
		r, _ := work.now("a")
		require.Zero(t, r)
		require.True(t, there.freed)
	})
}

// bad panics each time.
type bad struct{ pullers }

func (b *bad) Pull(_ context.Context, l interaction.Lease) error {
	b.change(l.Link().Name, 1)
	panic("planted")
}

// TestAPanicOverALinkIsItsOwn: the others go on, and the link is tried again after its pause.
func TestAPanicOverALinkIsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		there := &table{ours: map[string]lease{"a": {name: "a", epoch: 1}, "b": {name: "b", epoch: 1}}}
		good, poor := &pullers{running: map[string]int{}}, &bad{pullers{running: map[string]int{}}}
		l := &Links[lease]{
			Store: there, Holder: "p1", Kinds: []string{"any"}, Log: slog.New(slog.DiscardHandler),
			Open: func(l interaction.Link) (interaction.Puller, error) {
				if l.Name == "a" {
					return poor, nil
				}
				return good, nil
			},
		}
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() { defer close(over); _ = l.Run(ctx) }()
		time.Sleep(2*linkPause + time.Second)
		synctest.Wait()
		_, begun := poor.now("a")
		require.Equal(t, 3, begun)
		running, begun := good.now("b")
		require.Equal(t, []int{1, 1}, []int{running, begun})
		cancel()
		<-over
	})
}

// standingLine sends over a link that may be down.
type standingLine struct {
	interaction.Puller
	interaction.Sender
	ready bool
}

func (l standingLine) Ready() bool { return l.ready }

// TestOfSeveralLinesOneThatIsUpSends: a number with two lines sends by the one that stands.
func TestOfSeveralLinesOneThatIsUpSends(t *testing.T) {
	l := &Links[lease]{held: map[string]*heldLink{}}
	for name, ready := range map[string]bool{"a": false, "b": true, "c": false} {
		h := &heldLink{entryPoint: "texts"}
		var s interaction.Sender = standingLine{ready: ready}
		h.sender.Store(&s)
		l.held[name] = h
	}
	for range 20 {
		got, up := l.Sender("texts").(standingLine)
		require.True(t, up)
		require.True(t, got.Ready())
	}
	l.held["b"].sender.Store(nil)
	require.NotNil(t, l.Sender("texts"), "one that is down says so, and the message waits")
	require.Nil(t, l.Sender("other"))
}
