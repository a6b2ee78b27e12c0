package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"time"

	"parley/test/wire"
)

// person is somebody who works at Parley: he takes the next task, ends it, and takes the next. Every command has its own key and is
// repeated until it has an answer, as a client does that cannot know whether the first one arrived.
type person struct {
	wire.Client
	book *ledger
	sink *wire.Sink
}

// work goes on until ctx ends.
func (p *person) work(ctx context.Context) {
	for ctx.Err() == nil {
		if !p.round(ctx) {
			pause(ctx, 100*time.Millisecond)
		}
	}
}

// round ends the tasks that he holds, known to him or not: the answer to a claim may have been lost. Without any he takes one.
func (p *person) round(ctx context.Context) (worked bool) {
	held, err := wire.List[wire.Task](ctx, p.Client, "/v1/tasks", url.Values{"agent": {"me"}, "state": {"held"}})
	if err != nil {
		return false
	}
	if len(held) == 0 {
		var task wire.Task
		if p.Call(ctx, http.MethodPost, "/v1/tasks/claim-next", "", map[string]any{}, &task) != nil {
			return false
		}
		held = append(held, task)
	}
	for _, task := range held {
		p.end(ctx, task)
	}
	return true
}

// end ends one task as its kind wants it.
func (p *person) end(ctx context.Context, task wire.Task) {
	switch {
	case task.Kind == "review" && task.Cycles == 0 && draw(task.ID, 8):
		p.command(ctx, task, "/v1/reviews/"+task.ID+"/decision", map[string]any{"decision": "return", "comment": "Be kinder."})
	case task.Kind == "review":
		p.command(ctx, task, "/v1/reviews/"+task.ID+"/decision", map[string]any{"decision": "approve"})
	case task.Kind == "settle":
		p.settle(ctx, task)
	case task.Transfers == 0 && draw(task.ID, 7):
		p.handOn(ctx, task)
	case draw(task.ID, 12):
		p.command(ctx, task, "/v1/tasks/"+task.ID+"/complete", map[string]any{"disposition": "needs_no_answer"})
	default:
		p.command(ctx, task, "/v1/tasks/"+task.ID+"/reply", map[string]any{"text": "We look after it. Task " + task.ID})
	}
}

// handOn transfers a task to the other queue.
func (p *person) handOn(ctx context.Context, task wire.Task) {
	queue := map[string]string{"service": "billing", "billing": "service"}[task.Queue]
	path := "/v1/tasks/" + task.ID + "/transfer"
	if err := p.Insist(ctx, http.MethodPost, path, "hand-on-"+task.ID, map[string]any{"queue": queue, "note": "Yours."}, nil); err != nil && wire.Final(err) {
		p.book.note(entry{What: odd, Task: task.ID, Text: fmt.Sprintf("POST %s of a held task: %v", path, err)})
	}
}

// settle asks the smart host what became of a mail whose answer was lost.
func (p *person) settle(ctx context.Context, task wire.Task) {
	messages, err := p.Messages(ctx, task.InteractionID)
	if err != nil {
		return
	}
	for _, m := range messages {
		if m.Number != task.Message {
			continue
		}
		outcome := "not_sent"
		if p.sink.Has(m.MessageID) {
			outcome = "sent"
		}
		p.book.note(entry{What: settled, Task: task.ID, MessageID: m.MessageID, Text: outcome})
		p.command(ctx, task, "/v1/tasks/"+task.ID+"/complete", map[string]any{"outcome": outcome})
		return
	}
	p.book.note(entry{What: odd, Task: task.ID, Text: fmt.Sprintf("it settles message %d, which is not there", task.Message)})
}

// command ends a task under a key that belongs to the task, so that the same is never done twice.
func (p *person) command(ctx context.Context, task wire.Task, path string, body map[string]any) {
	err := p.Insist(ctx, http.MethodPost, path, "end-"+task.ID, body, nil)
	switch {
	case err == nil:
		p.book.note(entry{What: done, Task: task.ID, Text: task.Kind})
	case wire.Final(err):
		p.book.note(entry{What: odd, Task: task.ID, Text: fmt.Sprintf("POST %s of a held task: %v", path, err)})
	}
}

// draw is true for one task in so many, always for the same ones.
func draw(id string, oneIn uint32) bool {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // a hash takes everything
	return h.Sum32()%oneIn == 0
}
