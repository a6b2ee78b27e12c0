package api

import (
	"context"
	"time"

	"parley/interaction"
)

// CategoryInput says what a held task is about.
type CategoryInput struct {
	ByID
	IfMatch
	Body struct {
		Category string `json:"category" maxLength:"200" doc:"of the category tree; empty: it fits nowhere"`
	}
}

// categorizeTask corrects the category; models learn from it.
func (s *server) categorizeTask(ctx context.Context, in *CategoryInput) (*noContent, error) {
	id, version, err := target(in.ByID, in.IfMatch)
	if err != nil {
		return nil, err
	}
	return nil, s.Recategorize(ctx, actorOf(ctx), id, version, in.Body.Category)
}

// RejectInput names a suggested response.
type RejectInput struct {
	ByID
	IfMatch
	Body struct {
		ResponseID string `json:"response_id" maxLength:"64"`
	}
}

// rejectSuggestion takes a response out of the task's suggestions and doubts its category.
func (s *server) rejectSuggestion(ctx context.Context, in *RejectInput) (*noContent, error) {
	id, version, err := target(in.ByID, in.IfMatch)
	if err != nil {
		return nil, err
	}
	response, err := interaction.ParseID("response_id", in.Body.ResponseID)
	if err != nil {
		return nil, err
	}
	return nil, s.RejectSuggestion(ctx, actorOf(ctx), id, version, response)
}

// DriftInput is how far back to look.
type DriftInput struct {
	Language string `query:"language" maxLength:"20" doc:"all when left out"`
	Weeks    int    `query:"weeks" minimum:"1" maximum:"104" default:"12" doc:"this week among them"`
}

// Drift is one week of what models said and people did afterwards.
type Drift struct {
	Week           string           `json:"week" format:"date" doc:"its Monday, UTC"`
	Messages       int64            `json:"messages" doc:"that a model looked at"`
	Unsure         *float64         `json:"unsure,omitempty" doc:"share for which no category was sure enough"`
	Confidence     float64          `json:"confidence" doc:"mean of those with a category"`
	Corrected      *float64         `json:"corrected,omitempty" doc:"share that people gave another category"`
	Rejected       *float64         `json:"rejected,omitempty" doc:"share of which an agent has rejected a suggested response"`
	Answered       int64            `json:"answered" doc:"messages that were answered automatically"`
	AnsweredBack   *float64         `json:"answered_back,omitempty" doc:"share of those after which the customer wrote again"`
	Shift          *float64         `json:"shift,omitempty" doc:"how far the categories lie from those of the weeks before: 0 the same shares, 1 nothing in common"`
	Worse          []string         `json:"worse" nullable:"false" doc:"what of these was worse than in the weeks before that were asked for, by more than chance explains"`
	CategoryCounts map[string]int64 `json:"categories" doc:"messages by category; the empty name counts those without one"`
}

// modelDrift shows whether what is written has moved away from what models have learned.
func (s *server) modelDrift(ctx context.Context, in *DriftInput) (*List[Drift], error) {
	found, err := s.Drift(ctx, in.Language, monday(clock()).AddDate(0, 0, -7*(in.Weeks-1)))
	if err != nil {
		return nil, err
	}
	return whole(found, func(d interaction.Drift) Drift {
		v := Drift{
			Worse: append([]string{}, d.Worse...),
			Week:  d.Week.Format(time.DateOnly), Messages: d.Messages, Unsure: share(d.Unsure, d.Messages), Confidence: d.Confidence,
			Corrected: share(d.Corrected, d.Messages), Rejected: share(d.Rejected, d.Messages), Answered: d.Answered,
			AnsweredBack: share(d.AnsweredBack, d.Answered), CategoryCounts: d.Categories,
		}
		if d.Shift >= 0 {
			v.Shift = &d.Shift
		}
		return v
	}), nil
}

// monday gives the beginning of the week that a time lies in, in UTC.
func monday(at time.Time) time.Time {
	at = at.UTC()
	return time.Date(at.Year(), at.Month(), at.Day()-(int(at.Weekday())+6)%7, 0, 0, 0, 0, time.UTC)
}
