package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/bench/house"
	"parley/interaction"
)

// claimRow has all agents claim one interaction at the same moment (P6): one gets it, the others are told who.
func claimRow(ctx context.Context, s *session, t *table) error {
	s.days++
	letter := house.Question(s.runName(), 0, house.Support)
	if err := house.Send(s.house.SMTP(), letter); err != nil {
		return err
	}
	task, err := s.waiting(ctx)
	if err != nil {
		return err
	}
	answers := make([]house.Answer, len(s.agents))
	var group errgroup.Group
	var together sync.WaitGroup
	together.Add(len(s.agents))
	for n, agent := range s.agents {
		group.Go(func() (err error) {
			together.Done()
			together.Wait()
			answers[n], err = s.house.Call(ctx, agent, http.MethodPost, "/v1/tasks/"+task+"/claim", nil)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	var winners []house.Person
	for n, a := range answers {
		if a.OK() {
			winners = append(winners, s.agents[n])
		}
	}
	if len(winners) == 0 {
		return fmt.Errorf("nobody got the task: %d %s", answers[0].Status, answers[0].Body)
	}
	told := 0
	for _, a := range answers {
		if a.Status == http.StatusConflict && bytes.Contains(a.Body, []byte(winners[0].ID)) {
			told++
		}
	}
	others := len(s.agents) - 1
	t.add("P6", fmt.Sprintf("%d claim one interaction: got it, were told who", len(s.agents)), fmt.Sprintf("%d, %d", len(winners), told),
		fmt.Sprintf("1, %d", others), verdict(len(winners) == 1 && told == others))
	if err := s.house.Do(ctx, winners[0], http.MethodPost, "/v1/tasks/"+task+"/reply", map[string]any{"text": "It is on its way."}); err != nil {
		return err
	}
	select {
	case <-s.house.Sink.First(letter.From):
		return nil
	case <-time.After(time.Minute):
		return errors.New("the winner's reply did not arrive")
	}
}

// waiting gives a task that waits, as an agent sees it.
func (s *session) waiting(ctx context.Context) (string, error) {
	for range 600 {
		a, err := s.house.Call(ctx, s.agents[0], http.MethodGet, "/v1/tasks?state=queued", nil)
		if err != nil {
			return "", err
		}
		var list struct {
			Items []struct {
				ID string `json:"id"`
			} `json:"items"`
		}
		if err := json.Unmarshal(a.Body, &list); err != nil {
			return "", fmt.Errorf("list of tasks: %d: %w", a.Status, err)
		}
		if len(list.Items) > 0 {
			return list.Items[0].ID, nil
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return "", err
		}
	}
	return "", errors.New("the mail did not become a task")
}

// mostAboveSession is how much more CPU time a call with an API token may take than one with a session's (P8).
const mostAboveSession = 1 // ms

// tokenRow measures a call with an API token and one with a session's, by turns.
func tokenRow(ctx context.Context, s *session, t *table) error {
	const calls = 2000
	logins := make([]string, 32) // each well below the rate that a token is bound to
	for n := range logins {
		logins[n] = house.Agent(n)
	}
	sessions, err := s.house.Hire(ctx, interaction.TokenSession, logins...)
	if err != nil {
		return err
	}
	tokens := s.agents[:len(logins)]
	spent := map[string]float64{}
	for _, leg := range []struct {
		name   string
		people []house.Person
	}{{"warm", tokens}, {"token", tokens}, {"session", sessions}, {"session", sessions}, {"token", tokens}} {
		ms, err := s.callCPU(ctx, leg.people, calls)
		if err != nil {
			return err
		}
		spent[leg.name] += ms / 2
	}
	t.atMost("P8", "CPU of a call with an API token above a session's", max(0, spent["token"]-spent["session"]), "ms", mostAboveSession)
	t.show("P8", "CPU of a call: API token; session", fmt.Sprintf("%.2f; %.2f ms", spent["token"], spent["session"]))
	return nil
}

// callCPU is the CPU time of parley and PostgreSQL for one call, in milliseconds.
func (s *session) callCPU(ctx context.Context, people []house.Person, calls int) (float64, error) {
	before, err := s.read(ctx)
	if err != nil {
		return 0, err
	}
	var group errgroup.Group
	group.SetLimit(*inFlight)
	for n := range calls {
		group.Go(func() error { return s.house.Do(ctx, people[n%len(people)], http.MethodGet, "/v1/agents/me", nil) })
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	after, err := s.read(ctx)
	d := after.since(before)
	return (d.cpu[partParley] + d.cpu[partPostgres]) / float64(calls), err
}
