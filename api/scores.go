package api

import (
	"context"
	"strconv"
	"time"

	"parley/interaction"
	"parley/lib/diff"
)

// Edit is one change that a reviewer made to a reply before he approved it, both versions and the difference.
type Edit struct {
	ReviewerID interaction.ID `json:"reviewer_id"`
	At         time.Time      `json:"at"`
	ReviewID   interaction.ID `json:"review_id"`
	Before     Content        `json:"before"`
	After      Content        `json:"after"`
	Subject    []Piece        `json:"subject_diff" nullable:"false"`
	Text       []Piece        `json:"text_diff" nullable:"false" doc:"word by word: same and removed are the text before, same and added the text after"`
}

// Content is what of a message can be edited.
type Content struct {
	Subject string `json:"subject"`
	Text    string `json:"text"`
	HTML    string `json:"html"`
}

// Piece is a run of words with one fate.
type Piece struct {
	Op   string `json:"op" enum:"same,removed,added"`
	Text string `json:"text"`
}

func pieces(before, after string) []Piece {
	return each(diff.Words(before, after), func(p diff.Piece) Piece { return Piece{string(p.Op), p.Text} })
}

func editView(e interaction.Edit) Edit {
	return Edit{
		e.Reviewer, e.At, e.Task, Content(e.Before), Content(e.After), pieces(e.Before.Subject, e.After.Subject), pieces(e.Before.Text, e.After.Text),
	}
}

// ByMessage is the input of a route about one message.
type ByMessage struct {
	ByID
	Number string `path:"number" maxLength:"20"`
}

func (s *server) listEdits(ctx context.Context, in *ByMessage) (*List[Edit], error) {
	id, err := pathID(in.ID, "interaction")
	if err != nil {
		return nil, err
	}
	number, err := strconv.ParseInt(in.Number, 10, 64)
	if err != nil || number < 1 {
		return nil, interaction.Unknown("message")
	}
	found, err := s.Edits(ctx, actorOf(ctx), id, number)
	if err != nil {
		return nil, err
	}
	return whole(found, editView), nil
}

// RatesInput narrows the rates of review.
type RatesInput struct {
	Policy string `query:"policy" maxLength:"100"`
	Agent  string `query:"agent" maxLength:"64" doc:"an id, or me"`
}

// ReviewRate is how often an author is reviewed under a policy now, and why.
type ReviewRate struct {
	Policy  string         `json:"policy"`
	AgentID interaction.ID `json:"agent_id"`
	Login   string         `json:"login"`
	Rate    int            `json:"rate" doc:"percent"`
	Reason  string         `json:"reason" enum:"start,returned,clean_run,floor,ceiling"`
	Clean   int            `json:"clean" doc:"approvals without an edit since the last change"`
	Since   *time.Time     `json:"since,omitempty"`
}

func (s *server) listRates(ctx context.Context, in *RatesInput) (*List[ReviewRate], error) {
	by := actorOf(ctx)
	agent, err := agentOrMe("agent", in.Agent, by)
	if err != nil {
		return nil, err
	}
	found, err := s.ReviewRates(ctx, by, in.Policy, agent)
	if err != nil {
		return nil, err
	}
	return whole(found, func(r interaction.Rate) ReviewRate {
		return ReviewRate{r.Policy, r.Agent, r.Login, r.Rate, r.Reason, r.Clean, moment(r.Since)}
	}), nil
}

// ScorecardsInput narrows scorecards.
type ScorecardsInput struct {
	Of    string    `query:"of" enum:"authors,reviewers" default:"authors"`
	Agent string    `query:"agent" maxLength:"64" doc:"an id, or me"`
	Queue string    `query:"queue" maxLength:"100"`
	Form  string    `query:"form" maxLength:"100"`
	From  time.Time `query:"from" doc:"30 days ago when empty"`
	To    time.Time `query:"to" doc:"now when empty"`
}

// Scorecard sums up reviews of one person.
type Scorecard struct {
	AgentID  interaction.ID `json:"agent_id"`
	Login    string         `json:"login"`
	Reviews  int            `json:"reviews"`
	Approved int            `json:"approved"`
	Edited   int            `json:"edited" doc:"of the approved, those that the reviewer changed"`
	Returned int            `json:"returned"`
	Stopped  int            `json:"stopped"`
	Released int            `json:"released" doc:"left by the deadline, unseen"`
	Scored   int            `json:"scored" doc:"with a form filled in"`
	Score    *float64       `json:"score,omitempty" doc:"mean of those, 0 to 100"`
	Seconds  float64        `json:"seconds" doc:"mean from the reply to the decision"`
	Cycles   float64        `json:"cycles" doc:"mean of how often a reply had been returned"`
}

const (
	usualScores   = 30 * 24 * time.Hour
	longestScores = 366 * 24 * time.Hour
)

func (s *server) listScorecards(ctx context.Context, in *ScorecardsInput) (*List[Scorecard], error) {
	by := actorOf(ctx)
	f := interaction.ScoreFilter{Reviewers: in.Of == "reviewers", Queue: in.Queue, Form: in.Form, From: in.From, To: in.To}
	if f.To.IsZero() {
		f.To = clock()
	}
	if f.From.IsZero() {
		f.From = f.To.Add(-usualScores)
	}
	if !f.From.Before(f.To) || f.To.Sub(f.From) > longestScores {
		return nil, malformed("bad_time", "from", "is before to, by a year at most")
	}
	var err error
	if f.Agent, err = agentOrMe("agent", in.Agent, by); err != nil {
		return nil, err
	}
	found, err := s.Scorecards(ctx, by, f)
	if err != nil {
		return nil, err
	}
	return whole(found, func(c interaction.Scorecard) Scorecard {
		return Scorecard{
			c.Agent, c.Login, c.Reviews, c.Approved, c.Edited, c.Returned, c.Stopped, c.Released, c.Scored, c.Score, c.Seconds, c.Cycles,
		}
	}), nil
}
