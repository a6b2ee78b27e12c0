package claims

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/bench/count"
)

// Idle is what a second costs: of a house where nobody listens, or where everybody waits for news.
type Idle struct {
	Commits float64 // in the house's database
	CPU     float64 // share of a core: of this process, which is API and agents, and of PostgreSQL
}

// Waiting measures what it costs that all agents wait for work: each holds a stream of events open, and nothing happens. The tree of PostgreSQL's processes is below
// its master's pid.
func (h *House) Waiting(ctx context.Context, cluster *count.Cluster, database string, master int) (alone, together Idle, err error) {
	if _, err := h.store.Pool().Exec(ctx, `vacuum analyze`); err != nil { // so that PostgreSQL does not do it by itself in one of the legs
		return alone, together, err
	}
	if alone, err = h.idle(ctx, cluster, database, master); err != nil {
		return alone, together, err
	}
	listening, stop := context.WithCancel(ctx)
	defer stop()
	h.client.Transport = &http.Transport{MaxIdleConnsPerHost: len(h.tokens)}
	var group errgroup.Group
	group.SetLimit(h.size.Clients)
	for _, token := range h.tokens {
		group.Go(func() error { return h.listen(listening, token) })
	}
	if err := group.Wait(); err != nil {
		return alone, together, err
	}
	together, err = h.idle(ctx, cluster, database, master)
	return alone, together, err
}

// listen opens a stream of events, and reads it until the context ends.
func (h *House) listen(ctx context.Context, token string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url+"/v1/events", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	begun := make(chan error, 1)
	go func() {
		response, err := h.client.Do(request)
		if err != nil {
			begun <- err
			return
		}
		defer func() { _ = response.Body.Close() }()
		lines := bufio.NewReader(response.Body)
		first, err := lines.ReadString('\n')
		if err == nil && !strings.HasPrefix(first, "id: ") {
			err = fmt.Errorf("a stream begins with %q", first)
		}
		begun <- err
		for err == nil {
			_, err = lines.ReadString('\n')
		}
	}()
	return <-begun
}

// idle measures a leg in which nobody does anything.
func (h *House) idle(ctx context.Context, cluster *count.Cluster, database string, master int) (Idle, error) {
	if err := sleep(ctx, count.SettleTime); err != nil {
		return Idle{}, err
	}
	before, cpuBefore, err := read(ctx, cluster, master)
	if err != nil {
		return Idle{}, err
	}
	if err := sleep(ctx, 2*h.size.Leg); err != nil {
		return Idle{}, err
	}
	after, cpuAfter, err := read(ctx, cluster, master)
	spent := after.Since(before)
	return Idle{spent.ByDatabase[database] / spent.Seconds, (cpuAfter - cpuBefore).Seconds() / spent.Seconds}, err
}

func read(ctx context.Context, cluster *count.Cluster, master int) (count.Work, time.Duration, error) {
	work, err := cluster.Work(ctx)
	if err != nil {
		return work, 0, err
	}
	own, err := count.CPU(os.Getpid())
	if err != nil {
		return work, 0, err
	}
	theirs, err := count.CPUOfTree(master, cluster.PID())
	return work, own + theirs, err
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
