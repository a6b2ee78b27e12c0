package main

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/bench/house"
)

// The short form of P5; the long one with its own checker is in test/.
const (
	killMails = 500
	kills     = 5
	mostStart = 1 // seconds to serving again, PostgreSQL and Temporal being up (P15)
)

// killRows kill parley while customers write. They know what they were told: each mail that was accepted has to be there, once, with
// its message and a task for people.
func killRows(ctx context.Context, s *session, t *table) error {
	s.days++
	run := s.runName()
	starts, err := s.killWhileMailing(ctx, run)
	if err != nil {
		return err
	}
	found, err := s.waitForAll(ctx, run)
	if err != nil {
		return err
	}
	t.add("P5", fmt.Sprintf("kill -9 %d times in %d mails: lost, ghosts, doubled", kills, killMails),
		fmt.Sprintf("%d, %d, %d", found.lost, found.ghosts, found.doubled), "0, 0, 0", verdict(found == after{}))
	slices.Sort(starts)
	t.atMost("P15", "start to serving, PostgreSQL and Temporal up, median", starts[len(starts)/2].Seconds(), "s", mostStart)
	return nil
}

// killWhileMailing has every mail accepted, however often it takes, and gives how long the restarts took.
func (s *session) killWhileMailing(ctx context.Context, run string) ([]time.Duration, error) {
	group, ctx := errgroup.WithContext(ctx)
	var accepted atomic.Int64
	var smtp atomic.Value
	smtp.Store(s.house.SMTP())
	customers, ctxCustomers := errgroup.WithContext(ctx)
	customers.SetLimit(*inFlight)
	group.Go(func() error {
		for n := range killMails {
			customers.Go(func() error {
				letter := house.Question(run, n, house.Support)
				for house.Send(smtp.Load().(string), letter) != nil { // the same mail again, as a customer's server would
					if err := pause(ctxCustomers, 100*time.Millisecond); err != nil {
						return err
					}
				}
				accepted.Add(1)
				return nil
			})
		}
		return customers.Wait()
	})
	h := fnv.New64a()
	h.Write([]byte(s.seed))
	random := rand.New(rand.NewPCG(h.Sum64(), 5))
	var starts []time.Duration
	group.Go(func() error {
		for n := range kills {
			at := int64(n*killMails/kills + random.IntN(killMails/kills))
			for accepted.Load() < at {
				if err := pause(ctx, 2*time.Millisecond); err != nil {
					return err
				}
			}
			if err := s.house.Kill(); err != nil {
				return err
			}
			took, err := s.house.Start(ctx)
			if err != nil {
				return err
			}
			smtp.Store(s.house.SMTP())
			starts = append(starts, took)
		}
		return nil
	})
	err := group.Wait()
	return starts, err
}

// after is what was found wrong.
type after struct{ lost, ghosts, doubled int }

// waitForAll looks, as a supervisor does, until every mail has its interaction and task, or for two minutes.
func (s *session) waitForAll(ctx context.Context, run string) (found after, err error) {
	supervisor, err := s.personOf(ctx, "vic")
	if err != nil {
		return found, err
	}
	for deadline := time.Now().Add(2 * time.Minute); ; {
		if found, err = s.check(ctx, supervisor, run); err != nil || found == (after{}) || time.Now().After(deadline) {
			return found, err
		}
		if err := pause(ctx, 2*time.Second); err != nil {
			return found, err
		}
	}
}

func (s *session) check(ctx context.Context, by house.Person, run string) (after, error) {
	var found after
	tasks, err := list(ctx, s.house, by, "/v1/tasks?state=queued&kind=handle")
	if err != nil {
		return found, err
	}
	open, err := list(ctx, s.house, by, "/v1/interactions?state=waiting,received,automatic")
	if err != nil {
		return found, err
	}
	waits, bySubject := map[string]int{}, map[string]int{}
	for _, task := range tasks {
		waits[task.Interaction]++
	}
	for _, i := range open {
		bySubject[i.Subject]++
		if i.Messages == 0 || i.Subject == "" || waits[i.ID] != 1 {
			found.ghosts++
		}
	}
	for n := range killMails {
		switch had := bySubject[house.Question(run, n, "").Subject]; {
		case had == 0:
			found.lost++
		case had > 1:
			found.doubled++
		}
	}
	return found, nil
}

// item is what the lists of tasks and interactions have in common and we look at.
type item struct {
	ID          string `json:"id"`
	Interaction string `json:"interaction_id"`
	Subject     string `json:"subject"`
	Messages    int    `json:"messages"`
}

// list reads all pages of a list.
func list(ctx context.Context, h *house.House, by house.Person, path string) ([]item, error) {
	var all []item
	for cursor := ""; ; {
		a, err := h.Call(ctx, by, http.MethodGet, path+"&limit=200&cursor="+cursor, nil)
		if err != nil {
			return nil, err
		}
		var page struct {
			Items []item `json:"items"`
			Next  string `json:"next_cursor"`
		}
		if err := json.Unmarshal(a.Body, &page); err != nil || !a.OK() {
			return nil, fmt.Errorf("GET %s: %d %s", path, a.Status, a.Body)
		}
		all = append(all, page.Items...)
		if cursor = page.Next; cursor == "" {
			return all, nil
		}
	}
}
