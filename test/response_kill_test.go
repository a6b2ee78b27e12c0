package test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/test/wire"
)

// TestAChosenResponseIsCountedOnceThroughKills: a response is suggested, chosen and sent while Parley is killed in between: as mails are understood, as the agent's
// reply is taken, and as it leaves. Each use is counted once, with the version that was chosen, and each customer has one answer.
func TestAChosenResponseIsCountedOnceThroughKills(t *testing.T) {
	p := newProduct(t)
	p.start()
	root, ann, sue := p.person("PARLEY_ADMIN_TOKEN"), p.person("PARLEY_AGENT_TOKEN"), p.person("PARLEY_SENIOR_TOKEN")
	const mails, name = 4, "order-status-en"
	question := func(n int) wire.Mail {
		return wire.Mail{
			From: fmt.Sprintf("Nora <nora%d@customers.example.test>", n), Subject: fmt.Sprintf("Where is order %d", n), MessageID: fmt.Sprintf("order-%d@customers.example.test", n),
			Text: "Hello,\n\nI ordered a kettle last week and it has not arrived. Where is my order, and when will the parcel be delivered?\n\nNora",
		}
	}
	for n := range mails {
		p.mail(fmt.Sprintf("nora%d@customers.example.test", n), question(n))
	}
	p.kill(parley)
	p.ready()

	chosen := map[string]int64{} // version by interaction
	var response string
	for n := range mails {
		if n == mails-1 { // no kill before it is chosen: a start applies the demo's files again, with their text
			p.call(root, http.MethodPut, "/v1/configuration/responses/"+name, map[string]any{
				"usage": "suggestion", "category": "orders/status", "language": "en", "text": "Dear {{ contact.name }}, your order is on its way.",
			}, nil)
			p.call(root, http.MethodPost, "/v1/responses/"+response+"/approve", nil, nil)
			p.call(root, http.MethodPost, "/v1/responses/"+response+"/activate", nil, nil)
		}
		task := p.claimNext(ann, "handle")
		suggested := p.suggestion(ann, task.ID, name)
		response, chosen[task.InteractionID] = suggested.ID, suggested.Version
		replied := make(chan error, 1)
		go func() {
			replied <- ann.Insist(t.Context(), http.MethodPost, "/v1/tasks/"+task.ID+"/reply", fmt.Sprintf("reply-%d", n),
				map[string]any{"text": suggested.Filled.Text, "responses": []string{suggested.ID}}, nil)
		}()
		if n%2 == 0 {
			p.kill(parley)
			p.ready()
		}
		require.NoError(t, <-replied)
		review := p.review(sue, task.InteractionID)
		require.NoError(t, sue.Insist(t.Context(), http.MethodPost, "/v1/reviews/"+review.ID+"/decision", fmt.Sprintf("decision-%d", n), map[string]any{"decision": "approve"}, nil))
		if n%2 == 1 {
			p.kill(parley)
			p.ready()
		}
		p.stopped(ann, task.InteractionID, "answered")
	}

	versions := map[int64]int{}
	for id, version := range chosen {
		versions[version]++
		require.Equal(t, []use{{Version: version}}, p.uses(ann, id))
	}
	require.Equal(t, map[int64]int{1: mails - 1, 2: 1}, versions)
	counts, err := wire.List[struct {
		Name                         string
		Suggested, Chosen, Unchanged int64
		Automatic                    int64
	}](t.Context(), root, "/v1/responses/statistics", nil)
	require.NoError(t, err)
	for _, c := range counts {
		if c.Name == name {
			require.EqualValues(t, []int64{mails, mails, mails, 0}, []int64{c.Suggested, c.Chosen, c.Unchanged, c.Automatic}, "suggested, chosen, unchanged, automatic")
		} else {
			require.Zero(t, c.Chosen, c.Name)
		}
	}
	answers := map[string]int{}
	for _, d := range p.sink.All() {
		if !d.Automatic {
			answers[d.InReplyTo]++
		}
	}
	for n := range mails {
		require.Equal(t, 1, answers[question(n).MessageID], "answers to mail %d", n)
	}
	p.stop()
}

// suggestion is a response as it stands on a task.
type suggestion struct {
	ID, Name string
	Version  int64
	Filled   struct{ Text string }
}

// suggestion gives the suggested response of a name.
func (p *product) suggestion(by wire.Client, task, name string) suggestion {
	p.t.Helper()
	var opened struct{ Suggestions []suggestion }
	p.call(by, http.MethodGet, "/v1/tasks/"+task, nil, &opened)
	require.LessOrEqual(p.t, len(opened.Suggestions), 3)
	for _, s := range opened.Suggestions {
		if s.Name == name {
			return s
		}
	}
	require.Fail(p.t, "not suggested", "%s among %v", name, opened.Suggestions)
	return suggestion{}
}

// use is what the audit says of a response that a reply was made of.
type use struct {
	Version int64
	Changed int // words
}

// uses gives what an interaction's replies were made of.
func (p *product) uses(by wire.Client, interaction string) (found []use) {
	p.t.Helper()
	events, err := wire.List[struct {
		Code string
		Data use
	}](p.t.Context(), by, "/v1/interactions/"+url.PathEscape(interaction)+"/events", nil)
	require.NoError(p.t, err)
	for _, e := range events {
		if e.Code == "response.used" {
			found = append(found, e.Data)
		}
	}
	return found
}
