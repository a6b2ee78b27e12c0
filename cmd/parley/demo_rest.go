package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"parley/api"
	"parley/interaction"
)

// demoRest is the demo's people at the API. Its methods give up the story they are called in when something is not as it has to be.
type demoRest struct {
	ctx     context.Context //nolint:containedctx // of the story that is being told
	address string
	tokens  map[string]string
	limit   time.Duration // of one step
}

// demoFailed unwinds a story.
type demoFailed struct{ error }

func (r *demoRest) must(err error) {
	if err != nil {
		panic(demoFailed{err})
	}
}

// call makes one call with the token of that name and decodes the answer, or keeps it as it came.
func (r *demoRest) call(who, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(encoded)
	}
	ctx, cancel := context.WithTimeout(r.ctx, r.limit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://"+r.address+path, body)
	if err != nil {
		return err
	}
	request.Header.Set("Origin", "http://"+r.address) // as pages of this server send it
	request.Header.Set("Authorization", "Bearer "+r.tokens[who])
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, content)
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = content
		return nil
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(content, out)
}

// demoAdmin looks on; it may see everything.
const demoAdmin = "PARLEY_ADMIN_TOKEN"

func listOf[T any](r *demoRest, who, path string) []T {
	var page struct {
		Items []T `json:"items"`
	}
	r.must(r.call(who, http.MethodGet, path, nil, &page))
	return page.Items
}

func (r *demoRest) do(who, path string, in any) { r.must(r.call(who, http.MethodPost, path, in, nil)) }

func (r *demoRest) me(who string) interaction.ID {
	var agent api.Agent
	r.must(r.call(who, http.MethodGet, "/v1/agents/me", nil, &agent))
	return agent.ID
}

func (r *demoRest) messages(id interaction.ID) []api.Message {
	return listOf[api.Message](r, demoAdmin, "/v1/interactions/"+string(id)+"/messages")
}

func (r *demoRest) events(id interaction.ID) []api.Event {
	return listOf[api.Event](r, demoAdmin, "/v1/interactions/"+string(id)+"/events")
}

func (r *demoRest) raw(id interaction.ID, number int64) (raw []byte) {
	r.must(r.call(demoAdmin, http.MethodGet, fmt.Sprintf("/v1/interactions/%s/messages/%d/raw", id, number), nil, &raw))
	return raw
}

// arrived waits for the interaction that a mail has made.
func (r *demoRest) arrived(messageID string) (found api.Interaction) {
	r.wait("the mail to arrive", func() bool {
		for _, i := range listOf[api.Interaction](r, demoAdmin, "/v1/interactions?limit=20") {
			if m := r.messages(i.ID); len(m) > 0 && m[0].MessageID == messageID {
				found = i
				return true
			}
		}
		return false
	})
	return found
}

// task waits until the interaction has a task of this kind that somebody can take.
func (r *demoRest) task(who string, id interaction.ID, kind string) (found api.Task) {
	r.wait("a "+kind+" task", func() bool {
		for _, t := range listOf[api.Task](r, who, "/v1/tasks?state=queued&kind="+kind+"&interaction_id="+string(id)) {
			found = t
			return true
		}
		return false
	})
	return found
}

// stopped waits until the interaction has stopped.
func (r *demoRest) stopped(id interaction.ID) (i api.Interaction) {
	r.wait("it to stop", func() bool {
		r.must(r.call(demoAdmin, http.MethodGet, "/v1/interactions/"+string(id), nil, &i))
		return i.State == string(interaction.Stopped)
	})
	return i
}

// wait looks until the condition holds.
func (r *demoRest) wait(what string, holds func() bool) {
	end := time.NewTimer(r.limit)
	defer end.Stop()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for !holds() {
		select {
		case <-look.C:
		case <-end.C:
			r.must(fmt.Errorf("waited %v for %s", r.limit, what))
		case <-r.ctx.Done():
			r.must(r.ctx.Err())
		}
	}
}
