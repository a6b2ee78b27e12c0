package interaction

import (
	"math"
	"time"
)

// This file is the words of review: who is seen how often and why, by when, and how a reviewer judges a reply.

// ReviewPolicy says how many of the replies that it applies to are reviewed, how long a reviewer has, and which form he fills in. It applies to
// the replies that match all of its queue, category, skill and agent; empty ones match every reply. Of several that
// apply, the one with the highest rate in force counts; of several with that rate, the narrowest.
type ReviewPolicy struct {
	Name     string `yaml:"name" json:"name,omitempty"`
	Queue    string `yaml:"queue,omitempty" json:"queue,omitempty"`
	Category string `yaml:"category,omitempty" json:"category,omitempty"` // and those below it
	Skill    string `yaml:"skill,omitempty" json:"skill,omitempty"`       // that the category or the task asks for
	Agent    string `yaml:"agent,omitempty" json:"agent,omitempty"`       // login of the author

	Floor   int    `yaml:"floor" json:"floor,omitempty"`                   // percent; the rate is never under it
	Ceiling *int   `yaml:"ceiling,omitempty" json:"ceiling,omitempty"`     // percent; never above it; default 100
	Start   *int   `yaml:"start,omitempty" json:"start,omitempty"`         // the rate of an author that nothing is known of; default the ceiling
	Rise    int    `yaml:"rise,omitempty" json:"rise,omitempty"`           // points up after a return; 0: the rate stays as it started
	Fall    int    `yaml:"fall,omitempty" json:"fall,omitempty"`           // points down after a clean run
	Clean   int    `yaml:"clean_run,omitempty" json:"clean_run,omitempty"` // approvals in a row without an edit that make a clean run; default 10
	Form    string `yaml:"form,omitempty" json:"form,omitempty"`           // that the reviewer fills in with his decision

	Deadline   int     `yaml:"deadline_seconds,omitempty" json:"deadline_seconds,omitempty"`   // for the reviewer; 0: none, or as Objective says
	Objective  int     `yaml:"objective_percent,omitempty" json:"objective_percent,omitempty"` // of the queue's service objective, counted from the interaction's arrival; at the latest by Deadline, where both are given
	Overdue    Overdue `yaml:"overdue,omitempty" json:"overdue,omitempty"`                     // what happens then; default escalate to the queue's own group
	EscalateTo string  `yaml:"escalate_to,omitempty" json:"escalate_to,omitempty"`             // group whose seniors are asked as well; default the queue's
}

// Overdue is what happens to a review whose deadline has passed.
type Overdue string

// What happens to a review that nobody decided in time.
const (
	OverdueRelease  Overdue = "release"  // the reply leaves unseen
	OverdueReassign Overdue = "reassign" // who has it loses it to others, who get as much time again; the second time it is escalated
	OverdueEscalate Overdue = "escalate" // another group's seniors may have it too, and it goes first
)

// Narrow is by how many things the policy chooses replies.
func (p *ReviewPolicy) Narrow() int {
	n := 0
	for _, by := range []string{p.Queue, p.Category, p.Skill, p.Agent} {
		if by != "" {
			n++
		}
	}
	return n
}

// Rate is how often an author is reviewed under a policy, and why.
type Rate struct {
	Policy string    `json:"policy"`
	Agent  ID        `json:"agent"`
	Login  string    `json:"login"`
	Rate   int       `json:"rate"`   // percent, in force
	Reason string    `json:"reason"` // why it is so: start, returned, clean_run, floor, ceiling
	Clean  int       `json:"clean"`  // approvals without an edit since the last change
	Since  time.Time `json:"since"`
}

// Bounded puts a rate between floor and ceiling and says which of them held it.
func (p *ReviewPolicy) Bounded(rate int) (int, string) {
	switch {
	case rate <= p.Floor:
		return p.Floor, "floor"
	case p.Ceiling != nil && rate >= *p.Ceiling:
		return *p.Ceiling, "ceiling"
	}
	return rate, ""
}

// First is the rate of an author that nothing is known of.
func (p *ReviewPolicy) First() int {
	rate := 100
	if p.Ceiling != nil {
		rate = *p.Ceiling
	}
	if p.Start != nil {
		rate = *p.Start
	}
	rate, _ = p.Bounded(rate)
	return rate
}

// Learn gives the rate and the count of clean approvals after one more review: up after a return, down after a clean run, never outside the bounds. An edited
// reply ends the run and raises nothing. The reason is empty when the rate stays.
func (p *ReviewPolicy) Learn(rate, clean int, verdict string, edited bool) (newRate, newClean int, reason string) {
	rate, _ = p.Bounded(rate)
	if p.Rise == 0 && p.Fall == 0 {
		return rate, 0, ""
	}
	newRate = rate
	switch {
	case verdict == VerdictReturn || verdict == VerdictStop:
		newRate, reason = rate+p.Rise, "returned"
	case edited:
	default:
		if newClean = clean + 1; newClean >= max(p.Clean, 1) {
			newRate, newClean, reason = rate-p.Fall, 0, "clean_run"
		}
	}
	if newRate, _ = p.Bounded(newRate); newRate == rate {
		reason = ""
	}
	return newRate, newClean, reason
}

// Verdicts of a reviewer.
const (
	VerdictApprove  = "approve"
	VerdictReturn   = "return"
	VerdictStop     = "stop"
	VerdictReassign = "reassign"
)

// Drawn is why a reply is reviewed, or not.
type Drawn struct {
	Policy string `json:"policy,omitempty"` // empty: the queue's own rate
	Rate   int    `json:"rate"`             // percent
	Reason string `json:"reason"`           // of the rate
	Number int    `json:"number"`           // that was drawn, 0 to 99: reviewed when below the rate
}

// OpenReview is what belongs to a review beside its task.
type OpenReview struct {
	Drawn
	Form   string
	DueAt  time.Time // zero: no deadline
	Passed int       // deadlines that have passed
}

// Form is what a reviewer fills in with his decision.
type Form struct {
	Name      string     `yaml:"name" json:"name,omitempty"`
	Title     string     `yaml:"title,omitempty" json:"title,omitempty"`
	Questions []Question `yaml:"questions" json:"questions,omitempty"`
}

// Question is one question of a form.
type Question struct {
	ID       string  `yaml:"id" json:"id,omitempty"`
	Text     string  `yaml:"text" json:"text,omitempty"`
	Most     int     `yaml:"most,omitempty" json:"most,omitempty"`         // answers go from 0 to this; 1 is no and yes; default 1
	Weight   float64 `yaml:"weight,omitempty" json:"weight,omitempty"`     // default 1
	Critical bool    `yaml:"critical,omitempty" json:"critical,omitempty"` // 0 here makes the whole score 0
	Optional bool    `yaml:"optional,omitempty" json:"optional,omitempty"` // may be left out, and counts for nothing then
}

// Score gives what answers are worth, 0 to 100 with one decimal place, or the first answer that does not fit its question.
func (f *Form) Score(answers map[string]int) (float64, error) {
	known := map[string]bool{}
	var sum, weights float64
	fatal := false
	for _, q := range f.Questions {
		known[q.ID] = true
		most, weight := max(q.Most, 1), q.Weight
		if weight == 0 {
			weight = 1
		}
		a, given := answers[q.ID]
		switch {
		case !given && q.Optional:
			continue
		case !given:
			return 0, Invalid("required", "evaluation."+q.ID, "form %s asks: %s", f.Name, q.Text)
		case a < 0 || a > most:
			return 0, Invalid("bad_answer", "evaluation."+q.ID, "is a number from 0 to %d", most)
		}
		fatal = fatal || q.Critical && a == 0
		sum += weight * float64(a) / float64(most)
		weights += weight
	}
	for id := range answers {
		if !known[id] {
			return 0, Invalid("unknown_question", "evaluation."+id, "form %s has no such question", f.Name)
		}
	}
	if fatal || weights == 0 {
		return 0, nil
	}
	return math.Round(1000*sum/weights) / 10, nil
}

// Edit is one change that a reviewer made to a reply before he approved it.
type Edit struct {
	Reviewer ID
	At       time.Time
	Task     ID
	Before   Content
	After    Content
}

// Content is what of a message can be edited.
type Content struct {
	Subject string `json:"subject"`
	Text    string `json:"text"`
	HTML    string `json:"html"`
}

// Scorecard sums up the reviews of one person within a time: as author of replies, or as reviewer of them.
type Scorecard struct {
	Agent    ID
	Login    string
	Reviews  int
	Approved int
	Edited   int // of the approved, those that the reviewer changed
	Returned int
	Stopped  int
	Released int      // left by the deadline, unseen
	Scored   int      // with a form filled in
	Score    *float64 // mean of those, 0 to 100; nil: none
	Seconds  float64  // mean from the release of the reply to the decision
	Cycles   float64  // mean of how often a reply was returned before
}

// ScoreFilter narrows scorecards.
type ScoreFilter struct {
	Reviewers bool // of the reviewers; otherwise of the authors
	Agent     ID   // of this one
	Queue     string
	Form      string
	From, To  time.Time
}
