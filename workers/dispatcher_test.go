package workers_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/workers"
)

// counter is a dispatcher's store in memory: tasks and agents, and what was asked of it.
type counter struct {
	mu     sync.Mutex
	tasks  map[interaction.ID]interaction.Queued
	agents map[interaction.ID]interaction.Agent
	offers []interaction.Offer
	refuse func(n int) error // what becomes of the n-th offer; nil: made
	full   int               // how often everything was read
	looks  int
	push   bool // the queue offers its tasks
}

var errChanged = errors.New("changed meanwhile")

func newCounter() *counter {
	c := &counter{tasks: map[interaction.ID]interaction.Queued{}, agents: map[interaction.ID]interaction.Agent{}, refuse: func(int) error { return nil }, push: true}
	for _, id := range []interaction.ID{"ann", "ben"} {
		c.agents[id] = interaction.Agent{ID: id, Role: interaction.RoleAgent, Enabled: true, Ready: true, Groups: []string{"service"}, Limits: map[interaction.Channel]int{"email": 2}}
	}
	for _, id := range []interaction.ID{"t1", "t2", "t3"} {
		c.tasks[id] = interaction.Queued{ID: id, Kind: interaction.TaskHandle, Class: "email", Group: "service", Push: true, Version: 1}
	}
	return c
}

func (c *counter) Lead(ctx context.Context, _ int, work func(context.Context) error) (bool, error) {
	return true, work(ctx)
}

func (c *counter) Look(_ context.Context, l interaction.Look) (interaction.Changes, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looks++
	out := interaction.Changes{At: time.Now(), Seen: "1", All: l.Seen == "", Lanes: map[string]interaction.Lane{"service": {Push: c.push, Mine: true}}}
	if out.All {
		c.full++
		for _, w := range c.tasks {
			out.Tasks = append(out.Tasks, w)
		}
		for _, a := range c.agents {
			out.Agents = append(out.Agents, a)
		}
	}
	return out, nil
}

func (c *counter) Again(_ context.Context, tasks, agents []interaction.ID) (interaction.Changes, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out interaction.Changes
	for _, id := range tasks {
		if w, queued := c.tasks[id]; queued {
			out.Tasks = append(out.Tasks, w)
		} else {
			out.Gone = append(out.Gone, id)
		}
	}
	for _, id := range agents {
		out.Agents = append(out.Agents, c.agents[id])
	}
	return out, nil
}

func (c *counter) OpenLinks(context.Context, []interaction.Opening) error { return nil }

func (c *counter) Offer(_ context.Context, o interaction.Offer) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offers = append(c.offers, o)
	if err := c.refuse(len(c.offers)); err != nil {
		if errors.Is(err, errChanged) {
			return false, nil
		}
		return false, err
	}
	a := c.agents[o.Agent]
	a.Load = map[interaction.Channel]int{"email": a.Load["email"] + 1}
	c.agents[o.Agent] = a
	delete(c.tasks, o.Task)
	return true, nil
}

// offered waits until every task is offered, and gives how many offers that took.
func (c *counter) offered(t *testing.T) []interaction.Offer {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	d := &workers.Dispatcher{Store: c, Log: slog.New(slog.DiscardHandler)}
	go func() { done <- d.Run(ctx) }()
	require.Eventually(t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.tasks) == 0
	}, 10*time.Second, time.Millisecond)
	cancel()
	require.NoError(t, <-done)
	return c.offers
}

func TestDispatcher(t *testing.T) {
	tests := []struct {
		name   string
		change func(*counter)
		offers int // how many were made or tried
		full   int // how often the tables were read whole
	}{
		{"each task to somebody", func(*counter) {}, 3, 1},
		{"what changed meanwhile is read again and decided anew", func(c *counter) {
			c.refuse = func(n int) error {
				if n <= 2 {
					return errChanged
				}
				return nil
			}
		}, 5, 1},
		{"the database away: everything is read anew", func(c *counter) {
			c.refuse = func(n int) error {
				if n == 1 {
					return errors.New("the connection broke")
				}
				return nil
			}
		}, 4, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCounter()
			tt.change(c)
			offers := c.offered(t)
			require.Len(t, offers, tt.offers)
			require.Equal(t, tt.full, c.full)
			per := map[interaction.ID]int{}
			for _, a := range c.agents {
				per[a.ID] = a.Load["email"]
				require.LessOrEqual(t, a.Load["email"], 2)
			}
			require.Equal(t, 3, per["ann"]+per["ben"])
		})
	}
}

// Without a commit that it is told of, a waiting dispatcher asks the database once a second and no more.
func TestAnIdleDispatcherIsCheap(t *testing.T) {
	c := newCounter()
	clear(c.tasks)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	d := &workers.Dispatcher{Store: c, Log: slog.New(slog.DiscardHandler)}
	began := time.Now()
	go func() { done <- d.Run(ctx) }()
	require.Eventually(t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.looks == 3
	}, 10*time.Second, time.Millisecond)
	require.GreaterOrEqual(t, time.Since(began), 1900*time.Millisecond)
	cancel()
	require.NoError(t, <-done)
	require.Empty(t, c.offers)
}

// Where no queue pushes, commits do not make a dispatcher look; its clocks do, once a second.
func TestADispatcherDoesNotLookForWhatIsPulled(t *testing.T) {
	for name, push := range map[string]bool{"pulled": false, "pushed": true} {
		t.Run(name, func(t *testing.T) {
			c := newCounter()
			clear(c.tasks)
			c.push = push
			looks := func() int {
				c.mu.Lock()
				defer c.mu.Unlock()
				return c.looks
			}
			ctx, cancel := context.WithCancel(t.Context())
			done, bell := make(chan error, 1), workers.NewBell()
			d := &workers.Dispatcher{Store: c, Bell: bell, Log: slog.New(slog.DiscardHandler)}
			go func() { done <- d.Run(ctx) }()
			require.Eventually(t, func() bool { return looks() == 1 }, 10*time.Second, time.Millisecond)
			began := time.Now()
			require.Eventually(t, func() bool {
				bell.Ring()
				return looks() >= 3
			}, 10*time.Second, time.Millisecond)
			if push {
				require.Less(t, time.Since(began), 1900*time.Millisecond, "it did not hear the bell")
			} else {
				require.GreaterOrEqual(t, time.Since(began), 1900*time.Millisecond)
			}
			cancel()
			require.NoError(t, <-done)
		})
	}
}
