// Package claims measures claiming at scale (targets D1, D3): a thousand agents over HTTP claim the next task that suits them while a hundred thousand
// wait, beside what PostgreSQL does with simpler statements in the same minutes. The tasks are rows without workflows: neither relay nor worker runs.
package claims

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/api"
	"parley/interaction"
	"parley/lib/auth"
	"parley/store"
)

// Size is how large a run is.
type Size struct {
	Agents, Skills, Tasks int
	Stuck                 int           // of the tasks, in front of all others: nobody who claims has their skills
	Clients               int           // that claim at once
	Leg                   time.Duration // of each measurement
	Rate                  int           // claims a second of the measurement of latency
}

// Full is the size of the target. What stands in front is as many as each claim of the target's own reference walked over.
var Full = Size{Agents: 1000, Skills: 50, Tasks: 100_000, Stuck: 12_962, Clients: 64, Leg: 15 * time.Second, Rate: 200}

// served is how many skills those have who claim; the others are what is stuck.
func (s Size) served() int { return max(s.Skills*7/8, 3) }

// part is a leg's part, after which references begin with full tables again.
func (s Size) part() time.Duration { return max(s.Leg/4, time.Second) }

// House is a store with agents and waiting tasks, and the API over it.
type House struct {
	size   Size
	store  *store.Store
	tokens []string
	url    string
	client *http.Client
	stop   []func()
}

// Open fills an empty database that has the schema.
func Open(ctx context.Context, url string, size Size) (h *House, err error) {
	h = &House{size: size}
	if h.store, err = store.Open(ctx, url, store.Options{Log: slog.New(slog.DiscardHandler)}); err != nil {
		return nil, err
	}
	h.stop = append(h.stop, h.store.Close)
	if err := h.fill(ctx); err != nil {
		h.Close()
		return nil, err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		h.Close()
		return nil, err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: api.New(api.Deps{
		Store: h.store, Once: store.WithRequest, Log: slog.New(slog.DiscardHandler), RatePerSecond: 1e6, Burst: 1e6,
	})}
	go func() { _ = server.Serve(ln) }() // it ends with Close
	h.stop = append(h.stop, func() { _ = server.Close() })
	h.url = "http://" + ln.Addr().String()
	h.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: size.Clients, MaxConnsPerHost: size.Clients}}
	return h, nil
}

// Close stops the API and the store.
func (h *House) Close() {
	for _, stop := range slices.Backward(h.stop) {
		stop()
	}
}

// fill makes the agents, three skills each, and the tasks, one skill each.
func (h *House) fill(ctx context.Context) error {
	setup := interaction.Setup{Groups: []interaction.Group{{Name: "service"}}, Queues: []interaction.Queue{{Name: "service", Group: "service"}}}
	for n := range h.size.Agents {
		a := interaction.NewAgent{
			Login: login(n), Name: login(n), Role: interaction.RoleAgent, Groups: []string{"service"}, Skills: map[string]int{},
			Limits: map[string]int{"email": 1000, "total": 1000},
		}
		for s := range 3 {
			a.Skills[skill((n*7+s*(n%11+1))%h.size.served())] = 1 + (n+s)%10
		}
		setup.Agents = append(setup.Agents, a)
	}
	if err := h.store.Apply(ctx, interaction.System, setup); err != nil {
		return err
	}
	for n := range h.size.Agents {
		agent, err := h.store.AgentByLogin(ctx, login(n))
		if err != nil {
			return err
		}
		token, hash := auth.NewToken()
		if _, err := h.store.CreateToken(ctx, interaction.System, interaction.NewToken{Agent: agent, Kind: interaction.TokenAPI, Hash: hash[:]}); err != nil {
			return err
		}
		h.tokens = append(h.tokens, token)
	}
	return h.Refill(ctx)
}

func login(n int) string { return fmt.Sprintf("agent%d", n) }
func skill(n int) string { return fmt.Sprintf("skill%d", n) }

// Warm lets every connection plan its statements.
func (h *House) Warm(ctx context.Context) error {
	var group errgroup.Group
	for client := range h.size.Clients {
		group.Go(func() error {
			for n := range 5 {
				if _, _, err := h.post(ctx, h.tokens[(client*5+n)%len(h.tokens)], "/v1/tasks/claim-next"); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// Refill makes as many tasks wait as the size says, and takes what is held from everybody.
func (h *House) Refill(ctx context.Context) error {
	for _, statement := range []string{
		`truncate tasks, interactions cascade`,
		`update agents set load = '{}', load_total = 0`,
		fmt.Sprintf(`insert into interactions (id, thread_id, contact_id, channel, entry_point, queue, direction, state, workflow, kit)
			select gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'email', 'support', 'service', 'in', 'waiting', 'Email', 1 from generate_series(1, %d)`, h.size.Tasks),
		fmt.Sprintf(`insert into tasks (id, interaction_id, kind, step, channel, class, state, queue, skill, level, priority, opened_at, message_number)
			select gen_random_uuid(), id, 'handle', 'ask', 'email', 'email', 'queued', 'service',
				'skill' || case when n <= %d then %[2]d + (random() * %d)::int else (random() * %d)::int end, 1, case when n <= %[1]d then 2 else (random() * 2)::int end,
				now() - case when n <= %[1]d then interval '1 hour' else interval '0' end - random() * interval '1 hour', 1
			from (select id, row_number() over () n from interactions) i`, h.size.Stuck, h.size.served(), h.size.Skills-h.size.served()-1, h.size.served()-1),
	} {
		if _, err := h.store.Pool().Exec(ctx, statement); err != nil {
			return err
		}
	}
	_, err := h.store.Pool().Exec(ctx, `vacuum analyze tasks, interactions, agents, agent_skills, queues`)
	return err
}

// Claims is what a leg of claims came to.
type Claims struct {
	Rate     float64 // claims a second that got a task
	Latency  []time.Duration
	Refused  string // what the last one was told who got none
	Elapsed  time.Duration
	Statuses map[int]int
}

// P gives a percentile of the latencies.
func (c Claims) P(percent float64) time.Duration {
	if len(c.Latency) == 0 {
		return 0
	}
	return c.Latency[min(int(float64(len(c.Latency))*percent/100), len(c.Latency)-1)]
}

// Claim has all clients claim for a leg, as fast as they can or (perSecond above 0) at that rate in all.
func (h *House) Claim(ctx context.Context, perSecond int) (Claims, error) {
	var mu sync.Mutex
	c := Claims{Statuses: map[int]int{}}
	var next atomic.Int64
	begun := time.Now()
	var group errgroup.Group
	for range h.size.Clients {
		group.Go(func() error {
			for ctx.Err() == nil {
				n := next.Add(1) - 1
				due := time.Now()
				if perSecond > 0 { // a late answer counts from when it should have been asked for
					due = begun.Add(time.Duration(n) * time.Second / time.Duration(perSecond))
					time.Sleep(time.Until(due))
				}
				if due.Sub(begun) >= h.size.Leg {
					return nil
				}
				status, body, err := h.post(ctx, h.tokens[int(n)%len(h.tokens)], "/v1/tasks/claim-next")
				if err != nil {
					return err
				}
				took := time.Since(due)
				mu.Lock()
				c.Statuses[status]++
				if status == http.StatusOK {
					c.Latency = append(c.Latency, took)
				} else {
					c.Refused = body
				}
				mu.Unlock()
			}
			return ctx.Err()
		})
	}
	err := group.Wait()
	c.Elapsed = time.Since(begun)
	c.Rate = float64(len(c.Latency)) / c.Elapsed.Seconds()
	slices.Sort(c.Latency)
	return c, err
}

func (h *House) post(ctx context.Context, token, path string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url+path, http.NoBody)
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := h.client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}
