package test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/lib/mail"
	"parley/test/wire"
)

// TestAnEmailGoesAllTheWay tells the story of one customer: his mail, an agent's reply that a senior returns once, the revised reply, its way out, and what he
// writes next. Parley is stopped and started again in the middle and goes on where it was.
func TestAnEmailGoesAllTheWay(t *testing.T) {
	p := newProduct(t)
	p.start()
	ann, sue := p.person("PARLEY_AGENT_TOKEN"), p.person("PARLEY_SENIOR_TOKEN")

	question := wire.Mail{
		From: "Carla Customer <carla@customers.example.test>", Subject: "Where is my order 10023?", MessageID: "question-1@customers.example.test",
		Text: "Hello,\n\nmy order 10023 has not arrived yet. When will it be delivered?\n\nCarla",
	}
	p.mail("carla@customers.example.test", question)
	p.mail("carla@customers.example.test", question) // the yes was lost, she thinks

	task := p.claimNext(ann, "handle")
	i := p.interaction(ann, task.InteractionID)
	require.Equal(t, question.Subject, i.Subject)
	p.call(ann, http.MethodPost, "/v1/tasks/"+task.ID+"/reply", map[string]any{"text": "It will come some day."}, nil)

	review := p.review(sue, i.ID)
	p.refuse(ann, http.MethodPost, "/v1/reviews/"+review.ID+"/decision", map[string]any{"decision": "approve"}, "the author decides on his own reply")
	p.call(sue, http.MethodPost, "/v1/reviews/"+review.ID+"/decision", map[string]any{"decision": "return", "comment": "Say when."}, nil)

	p.stop()
	p.start()

	again := p.claimNext(ann, "handle")
	require.Equal(t, i.ID, again.InteractionID)
	require.Equal(t, "Say when.", again.Note)
	require.Equal(t, 1, again.Cycles)
	p.call(ann, http.MethodPost, "/v1/tasks/"+again.ID+"/reply", map[string]any{"text": "It will come on Friday."}, nil)
	p.call(sue, http.MethodPost, "/v1/reviews/"+p.review(sue, i.ID).ID+"/decision", map[string]any{"decision": "approve"}, nil)
	p.stopped(ann, i.ID, "answered")

	reply := p.reply(question.MessageID)
	require.Equal(t, []string{"carla@customers.example.test"}, reply.To)
	require.Equal(t, []string{question.MessageID}, reply.References)
	require.Equal(t, "Re: "+question.Subject, reply.Subject)
	text := mail.Parse(reply.Raw).Text
	require.Contains(t, text, "It will come on Friday.")
	require.NotContains(t, text, "some day")
	p.auditTells(ann, i.ID)

	raw, err := ann.Raw(t.Context(), i.ID, 1)
	require.NoError(t, err)
	question.To = support
	require.Equal(t, string(question.Bytes()), string(raw))

	p.mail("carla@customers.example.test", wire.Mail{
		From: "Carla Customer <carla@customers.example.test>", Subject: "Thank you, and one more thing", MessageID: "question-2@customers.example.test",
		InReplyTo: reply.MessageID, Text: "Friday is fine. Can I still change the address of the order?",
	})
	next := p.find(ann, "Thank you, and one more thing")
	require.Equal(t, i.ThreadID, next.ThreadID)
	require.Equal(t, i.ID, next.ParentID)
	require.Equal(t, i.ContactID, next.ContactID)

	all, err := wire.List[wire.Interaction](t.Context(), ann, "/v1/interactions", nil)
	require.NoError(t, err)
	require.Len(t, all, 2, "the mail that came twice made two interactions")
	p.stop()
}

// auditTells checks that the audit has every change of the story, in its order.
func (p *product) auditTells(by wire.Client, id string) {
	p.t.Helper()
	events, err := by.Events(p.t.Context(), id)
	require.NoError(p.t, err)
	want := []string{
		"interaction.received", "task.opened", "task.claimed", "task.done", // the first reply
		"task.opened", "task.done", // returned
		"task.opened", "task.claimed", "task.done", // the second
		"task.opened", "task.done", // approved
		"send.queued", "send.sent", "interaction.stopped",
	}
	at := 0
	var codes []string
	for _, e := range events {
		codes = append(codes, e.Code)
		if at < len(want) && e.Code == want[at] {
			at++
		}
	}
	require.Equal(p.t, len(want), at, "the audit lacks %s at its place: %v", want[min(at, len(want)-1)], codes)
}

// call makes a call that has to succeed.
func (p *product) call(by wire.Client, method, path string, in, out any) {
	p.t.Helper()
	require.NoError(p.t, by.Insist(p.t.Context(), method, path, "", in, out), "%s %s", method, path)
}

// refuse makes a call that has to be refused.
func (p *product) refuse(by wire.Client, method, path string, in any, why string) {
	p.t.Helper()
	refused := wire.Refused(by.Call(p.t.Context(), method, path, "", in, nil))
	require.NotNil(p.t, refused, why)
	require.Contains(p.t, []int{http.StatusForbidden, http.StatusNotFound, http.StatusConflict}, refused.Status, why)
}

// claimNext waits until there is a task for the person, which has to be of this kind.
func (p *product) claimNext(by wire.Client, kind string) (task wire.Task) {
	p.t.Helper()
	p.await(stepLimit, "a task", func(ctx context.Context) error {
		return by.Call(ctx, http.MethodPost, "/v1/tasks/claim-next", "", map[string]any{}, &task)
	})
	require.Equal(p.t, kind, task.Kind)
	return task
}

// review waits for the review of an interaction's reply.
func (p *product) review(by wire.Client, id string) (found wire.Task) {
	p.t.Helper()
	p.await(stepLimit, "a review", func(ctx context.Context) error {
		reviews, err := wire.List[wire.Task](ctx, by, "/v1/reviews", nil)
		for _, r := range reviews {
			if r.InteractionID == id {
				found = r
				return nil
			}
		}
		if err == nil {
			err = fmt.Errorf("not among %d", len(reviews))
		}
		return err
	})
	return found
}

func (p *product) interaction(by wire.Client, id string) (i wire.Interaction) {
	p.t.Helper()
	p.call(by, http.MethodGet, "/v1/interactions/"+url.PathEscape(id), nil, &i)
	return i
}

// stopped waits until the interaction has ended, which has to be for this reason.
func (p *product) stopped(by wire.Client, id, reason string) {
	p.t.Helper()
	var i wire.Interaction
	p.await(stepLimit, "the interaction to stop", func(ctx context.Context) error {
		err := by.Call(ctx, http.MethodGet, "/v1/interactions/"+id, "", nil, &i)
		if err == nil && i.State != "stopped" {
			err = fmt.Errorf("it is %s", i.State)
		}
		return err
	})
	require.Equal(p.t, reason, i.Reason)
}

// reply gives the one mail by a person that answers this one.
func (p *product) reply(to string) wire.Delivery {
	p.t.Helper()
	var replies []wire.Delivery
	for _, d := range p.sink.All() {
		if d.InReplyTo == to && !d.Automatic {
			replies = append(replies, d)
		}
	}
	require.Len(p.t, replies, 1)
	return replies[0]
}
