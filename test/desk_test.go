package test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/lib/mail"
	"parley/test/wire"
)

// TestDeadlinesOutliveARestart puts a task away and leaves a reply to a reviewer who never looks; both times Parley is down when the time comes. The
// task is back with its agent afterwards, and the reply leaves by the policy, once.
func TestDeadlinesOutliveARestart(t *testing.T) {
	p := newProduct(t)
	p.start()
	ann, root := p.person("PARLEY_AGENT_TOKEN"), p.person("PARLEY_ADMIN_TOKEN")
	p.call(root, http.MethodPut, "/v1/configuration/review_policies/quick", map[string]any{
		"queue": "service", "floor": 100, "deadline_seconds": 2, "overdue": "release",
	}, nil)

	question := wire.Mail{
		From: "Carla Customer <carla@customers.example.test>", Subject: "May I bring my dog to your shop?", MessageID: "question-9@customers.example.test",
		Text: "Hello,\n\nI wonder whether I may bring my dog when I visit your shop next week.\n\nCarla",
	}
	p.mail("carla@customers.example.test", question)
	task := p.claimNext(ann, "handle")
	until := time.Now().Add(2 * time.Second)
	p.call(ann, http.MethodPost, "/v1/tasks/"+task.ID+"/snooze", map[string]any{"until": until.UTC().Format(time.RFC3339Nano)}, nil)
	p.stop()
	p.start()
	p.await(stepLimit, "the task to be back", func(ctx context.Context) error {
		var got wire.Task
		if err := ann.Call(ctx, http.MethodGet, "/v1/tasks/"+task.ID, "", nil, &got); err != nil {
			return err
		}
		if got.State != "queued" {
			return fmt.Errorf("it is %s", got.State)
		}
		return nil
	})
	require.False(t, time.Now().Before(until))
	again := p.claimNext(ann, "handle")
	require.Equal(t, task.ID, again.ID)

	p.call(ann, http.MethodPost, "/v1/tasks/"+task.ID+"/reply", map[string]any{"text": "Yes, dogs are welcome."}, nil)
	p.review(p.person("PARLEY_SENIOR_TOKEN"), task.InteractionID) // nobody decides
	p.stop()
	p.start()
	p.stopped(ann, task.InteractionID, "answered")
	require.Contains(t, mail.Parse(p.reply(question.MessageID).Raw).Text, "dogs are welcome")
	events, err := ann.Events(t.Context(), task.InteractionID)
	require.NoError(t, err)
	told := map[string]int{}
	for _, e := range events {
		told[e.Code]++
	}
	require.Equal(t, 1, told["task.woken"])
	require.Equal(t, 1, told["review.released"])
	p.stop()
}
