package api

import (
	"context"
	"time"

	"parley/interaction"
)

func (s *server) listReviews(ctx context.Context, in *Paged) (*List[Task], error) {
	return s.tasksPage(ctx, actorOf(ctx), "reviews", interaction.TaskFilter{Kinds: []interaction.TaskKind{interaction.TaskReview}}, *in)
}

// Review is a review with the reply to decide on and the message that it answers.
type Review struct {
	Task
	Reply   Message    `json:"reply"`
	Answers *Message   `json:"answers,omitempty" doc:"absent when the customer has written none"`
	DueAt   *time.Time `json:"due_at,omitempty" doc:"by when it is to be decided"`
	Drawn   Drawn      `json:"drawn"`
	Form    *FormSetup `json:"form,omitempty" doc:"to be filled in with the decision, as evaluation"`
}

// Drawn is why a reply is reviewed.
type Drawn struct {
	Policy string `json:"policy,omitempty" doc:"absent: the queue's own rate"`
	Rate   int    `json:"rate" doc:"in force, percent"`
	Reason string `json:"reason" doc:"of the rate: queue, start, returned, clean_run, floor, ceiling, returned_before"`
	Number int    `json:"number" doc:"that was drawn, 0 to 99: reviewed when below the rate"`
}

// ReviewOutput is one review.
type ReviewOutput struct {
	ETag string `header:"ETag"`
	Body Review
}

func (s *server) getReview(ctx context.Context, in *ByID) (*ReviewOutput, error) {
	id, err := pathID(in.ID, "review")
	if err != nil {
		return nil, err
	}
	v, err := s.ReviewView(ctx, actorOf(ctx), id)
	if err != nil {
		return nil, err
	}
	out := &ReviewOutput{etag(v.Version), Review{
		Task: taskView(v.Task), Reply: messageView(interaction.MessageView{Message: v.Reply}),
		DueAt: moment(v.Open.DueAt), Drawn: Drawn(v.Open.Drawn), Form: (*FormSetup)(v.Form),
	}}
	if v.Answers != nil {
		answers := messageView(interaction.MessageView{Message: *v.Answers})
		out.Body.Answers = &answers
	}
	return out, nil
}

// DecisionInput decides on a reply.
type DecisionInput struct {
	ByID
	IfMatch
	Body struct {
		Decision string `json:"decision" enum:"approve,return,stop,reassign"`
		Text     string `json:"text,omitempty" maxLength:"1048576" doc:"approve: the edited text"`
		HTML     string `json:"html,omitempty" maxLength:"1048576"`
		Subject  string `json:"subject,omitempty" maxLength:"900"`
		Comment  string `json:"comment,omitempty" maxLength:"20000" doc:"return: what is to be changed"`
		Reason   string `json:"reason,omitempty" pattern:"^[a-z0-9_]{1,60}$" patternDescription:"a code of a-z, 0-9 and _" doc:"stop: why"`
		AgentID  string `json:"agent_id,omitempty" maxLength:"64" doc:"reassign: to this reviewer; to anybody else when empty"`

		Evaluation map[string]int `json:"evaluation,omitempty" maxProperties:"100" doc:"answers to the form, by question"`
	}
}

func (s *server) decide(ctx context.Context, in *DecisionInput) (*noContent, error) {
	id, err := pathID(in.ID, "review")
	if err != nil {
		return nil, err
	}
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	b := in.Body
	if err := checkLine("subject", b.Subject); err != nil {
		return nil, err
	}
	to, err := optionalID("agent_id", b.AgentID)
	if err != nil {
		return nil, err
	}
	return nil, s.Decide(ctx, actorOf(ctx), id, version, interaction.Decision{
		Verdict: b.Decision, Text: b.Text, HTML: b.HTML, Subject: b.Subject, Comment: b.Comment, Reason: b.Reason, Agent: to, Evaluation: b.Evaluation,
	})
}
