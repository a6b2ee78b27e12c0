package api

import (
	"context"
	"fmt"
	"time"

	"parley/interaction"
)

// Surveys is what customers were asked when an interaction was over, and what they answered.
type Surveys interface {
	Surveyed(ctx context.Context, by interaction.Actor, f interaction.SurveyFilter, p interaction.Page) (interaction.Listed[interaction.SurveyResult], error)
	SurveyOf(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.SurveyResult, error)
	SetSurveys(ctx context.Context, by interaction.Actor, contact interaction.ID, asked bool) error
}

// SurveyResult is one survey that was asked.
type SurveyResult struct {
	InteractionID interaction.ID    `json:"interaction_id"`
	ContactID     interaction.ID    `json:"contact_id"`
	Survey        string            `json:"survey"`
	EntryPoint    string            `json:"entry_point"`
	Channel       string            `json:"channel"`
	Queue         string            `json:"queue"`
	Category      string            `json:"category,omitempty"`
	AgentID       interaction.ID    `json:"agent_id,omitempty" doc:"who spoke with the customer last"`
	Language      string            `json:"language"`
	Mailed        bool              `json:"mailed" doc:"asked by mail; otherwise in a chat's window"`
	AskedAt       time.Time         `json:"asked_at"`
	AnsweredAt    *time.Time        `json:"answered_at,omitempty"`
	Score         *float64          `json:"score,omitempty" doc:"mean of the scores, 0 to 100; absent where none was given"`
	Questions     []AskedQuestion   `json:"questions" nullable:"false" doc:"as they were asked"`
	Answers       map[string]string `json:"answers" doc:"by question's key; erased with the person"`
}

// AskedQuestion is a question as it was asked.
type AskedQuestion struct {
	Key      string   `json:"key"`
	Kind     string   `json:"kind" enum:"score,choice,text"`
	Text     string   `json:"text"`
	Least    int      `json:"least,omitempty"`
	Most     int      `json:"most,omitempty"`
	Choices  []string `json:"choices,omitempty"`
	Required bool     `json:"required"`
}

func surveyView(r interaction.SurveyResult) SurveyResult {
	v := SurveyResult{
		InteractionID: r.Interaction, ContactID: r.Contact, Survey: r.Survey, EntryPoint: r.EntryPoint, Channel: string(r.Channel), Queue: r.Queue, Category: r.Category,
		AgentID: r.Agent, Language: r.Language, Mailed: r.Mailed, AskedAt: r.AskedAt, AnsweredAt: moment(r.AnsweredAt), Answers: r.Answers,
	}
	if r.Score >= 0 && !r.AnsweredAt.IsZero() {
		v.Score = &r.Score
	}
	if v.Answers == nil {
		v.Answers = map[string]string{}
	}
	v.Questions = each(r.Questions, func(q interaction.SurveyAsked) AskedQuestion {
		return AskedQuestion{q.Key, string(q.Kind), q.Text, q.Least, q.Most, q.Choices, q.Required}
	})
	return v
}

// SurveysInput narrows the list of results.
type SurveysInput struct {
	Paged
	Survey   string    `query:"survey" maxLength:"100"`
	Queue    string    `query:"queue" maxLength:"100"`
	Channel  string    `query:"channel" maxLength:"20"`
	AgentID  string    `query:"agent_id" maxLength:"64" doc:"or me"`
	Answered string    `query:"answered" enum:"true,false" doc:"only those with answers, or without"`
	After    time.Time `query:"after" doc:"asked at this moment or later"`
	Before   time.Time `query:"before" doc:"asked before this moment"`
}

func (s *server) listSurveys(ctx context.Context, in *SurveysInput) (*List[SurveyResult], error) {
	by := actorOf(ctx)
	agent, err := agentOrMe("agent_id", in.AgentID, by)
	if err != nil {
		return nil, err
	}
	f := interaction.SurveyFilter{Survey: in.Survey, Queue: in.Queue, Channel: interaction.Channel(in.Channel), Agent: agent, After: in.After, Before: in.Before}
	if in.Answered != "" {
		yes := in.Answered == "true"
		f.Answered = &yes
	}
	name := fmt.Sprintf("surveys %q %q %q %q %q %v %v", in.Survey, in.Queue, in.Channel, agent, in.Answered, in.After, in.Before)
	page, err := in.page(name, "")
	if err != nil {
		return nil, err
	}
	found, err := s.Surveyed(ctx, by, f, page)
	if err != nil {
		return nil, err
	}
	return listed(name, found, surveyView), nil
}

// SurveyOutput is the survey of one interaction.
type SurveyOutput struct{ Body SurveyResult }

func (s *server) getSurvey(ctx context.Context, in *ByID) (*SurveyOutput, error) {
	id, err := pathID(in.ID, "survey")
	if err != nil {
		return nil, err
	}
	r, err := s.SurveyOf(ctx, actorOf(ctx), id)
	if err != nil {
		return nil, err
	}
	return &SurveyOutput{surveyView(r)}, nil
}

// ContactSurveysInput says whether a contact may be asked.
type ContactSurveysInput struct {
	ByID
	Body struct {
		Asked bool `json:"asked" doc:"false: he wants no surveys"`
	}
}

func (s *server) setContactSurveys(ctx context.Context, in *ContactSurveysInput) (*noContent, error) {
	id, err := pathID(in.ID, "contact")
	if err != nil {
		return nil, err
	}
	return nil, s.SetSurveys(ctx, actorOf(ctx), id, in.Body.Asked)
}
